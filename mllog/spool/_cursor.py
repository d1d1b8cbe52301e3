"""The cursor of a consumer: up to where it has stored each segment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from mllog._files import read_regular, write_atomically

VERSION: Final = 1
_MOST_BYTES: Final = 16 << 20
_MOST_OFFSET: Final = 2**63


@dataclass(slots=True)
class Cursor:
    """Positions in the segments of a spool.

    Attributes:
        offsets: byte up to which a segment is stored, by its stem.
        flaws: what could not be read of a segment, by its stem; such a segment is set aside, not deleted.
    """

    offsets: dict[str, int] = field(default_factory=dict)
    flaws: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it; durable when this returns.

        Raises:
            OSError: it cannot be written.
        """
        content: dict[str, Any] = {"version": VERSION, "segments": self.offsets}
        if self.flaws:
            content["flaws"] = self.flaws
        write_atomically(path, orjson.dumps(content))


def read_cursor(path: Path) -> Cursor:
    """The cursor in a file.

    Raises:
        OSError: the file cannot be read; FileNotFoundError: there is none.
        ValueError: it does not hold a cursor; the message is the reason.
    """
    content = read_regular(path, _MOST_BYTES)
    try:
        data = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise ValueError("not a cursor") from None
    offsets = data.get("segments") if isinstance(data, dict) else None
    flaws = data.get("flaws", {}) if isinstance(data, dict) else None
    if not isinstance(offsets, dict) or not isinstance(flaws, dict):
        raise ValueError("not a cursor")  # noqa: TRY004 - of the content, not of an argument
    if data.get("version") != VERSION:
        raise ValueError(f"a cursor of version {data.get('version')!r}; this mllog reads version {VERSION}")
    for offset in offsets.values():
        if type(offset) is not int or not 0 <= offset < _MOST_OFFSET:
            raise ValueError(f"{offset!r} is not an offset in a segment")
    return Cursor(offsets, {str(name): str(reason) for name, reason in flaws.items()})
