"""From the fields of an event to the columns of the index, and back to the field of a query.

tantivy gives dots and quotes in a JSON key meanings of their own, so a field's whole dotted path becomes one
plain key. A feature `a.b` under `mllog.input.number` has the very path that Elasticsearch would give it.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mllog.store._dates import microseconds

JSON: Final = "e"
"""The JSON field of the index that holds every column."""

TIME: Final = "ts"
"""`@timestamp` in microseconds, in a field of its own: results are sorted by it."""

DATES: Final = frozenset(
    {
        "@timestamp",
        "event.created",
        "event.ingested",
        "mllog.timestamp.original",
        "mllog.monitor.window.start",
        "mllog.monitor.window.end",
        "mllog.spool.since",
        "mllog.spool.until",
    }
)
LONGEST_KEYWORD: Final = 8191
"""Characters up to which a string can be looked up as a whole; a longer one is found as text only."""

_LONG: Final = 256  # characters of a path that no other event is expected to have

_NUMBERS: Final = ("mllog.input.number.", "mllog.output.number.")
_KEYWORDS: Final = ("mllog.input.category.", "mllog.output.category.", "mllog.input_overflow.", "labels.")
_BOOLEANS: Final = ("mllog.input.boolean.", "mllog.output.boolean.")
_TEXTS: Final = ("mllog.input.text.", "mllog.output.text.")
_SPECIAL: Final = re.compile(r"[^A-Za-z0-9_]")
_INT64: Final = 2**63


def column(path: str) -> str:
    """The column of a field, as queries and aggregations of tantivy name it.

    Example:
        >>> column("mllog.input.number.dep_delay")
        'e.mllog/input/number/dep_delay'
        >>> column("@timestamp")
        'ts'
    """
    return TIME if path == "@timestamp" else f"{JSON}.{key(path)}"


def key(path: str) -> str:
    """The JSON key of a field: dots as slashes, anything else that is special by its code point."""
    return _known_key(path) if len(path) <= _LONG else _key(path)


def _key(path: str) -> str:
    return _SPECIAL.sub(lambda match: "/" if match[0] == "." else f"${ord(match[0]):x}$", path)


_known_key = functools.lru_cache(8192)(_key)


def leaves(source: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every (dotted path, scalar) of an event; the elements of an array share their path."""
    stack: list[tuple[str, Any]] = [("", source)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, Mapping):
            stack.extend((f"{path}.{name}" if path else str(name), item) for name, item in value.items())
        elif isinstance(value, (list, tuple)):
            stack.extend((path, item) for item in value)
        elif value is not None:
            yield path, value


def columns(source: Mapping[str, Any]) -> tuple[dict[str, list[Any]], list[str], list[str]]:
    """The columns of an event, its words, and the fields whose value did not fit their type.

    A value that does not fit is kept in the document and left out of the columns, as Elasticsearch does
    with `ignore_malformed`.
    """
    found: dict[str, list[Any]] = {}
    words: list[str] = []
    ignored: list[str] = []
    for path, value in leaves(source):
        if isinstance(value, str):
            words.append(value)
        if path.startswith(_TEXTS):
            continue
        fitting = _fitting(path, value)
        if fitting is None:
            ignored.append(path)
        else:
            found.setdefault(key(path), []).append(fitting)
    return found, words, ignored


def _fitting(path: str, value: Any) -> Any:
    """The value in its field's type, or None."""
    if path in DATES:
        return microseconds(value)
    if path.startswith(_NUMBERS):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        return number if math.isfinite(number) and not isinstance(value, bool) else None
    if path.startswith(_KEYWORDS):
        value = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    elif path.startswith(_BOOLEANS):
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))
    if isinstance(value, str):
        return value if len(value) <= LONGEST_KEYWORD else None
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT64 <= value < _INT64:
        try:
            return float(value)
        except OverflowError:
            return None
    return value if not isinstance(value, float) or math.isfinite(value) else None
