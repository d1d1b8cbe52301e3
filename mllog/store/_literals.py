"""The literals of a query: what matches everything or nothing, a value in quotes, the one member of an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mllog.errors import QueryError

ALL: Final = "*"
NONE: Final = "(* -*)"


def quoted(value: Any) -> str:
    r"""A value as a literal.

    Example:
        >>> quoted('say "hi"'), quoted(True), quoted(1.5)
        ('"say \\"hi\\""', 'true', '"1.5"')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def single(body: Any, where: str) -> tuple[str, Any]:
    """The one member of an object.

    Raises:
        QueryError: it is no object or has not exactly one member.
    """
    if not isinstance(body, Mapping) or len(body) != 1:
        raise QueryError(f"{where}: expected an object with one member")
    ((name, value),) = body.items()
    return str(name), value
