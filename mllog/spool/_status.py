"""What stands in a spool: counts and bytes, consumers, and files that are not read."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from mllog._timestamps import iso_utc
from mllog.errors import SpoolError
from mllog.spool._cursor import read_cursor
from mllog.spool._folder import ASIDE, LIVE
from mllog.spool._reader import CHUNK, read_at
from mllog.spool._segment import segments, unusable


@dataclass(frozen=True, slots=True)
class Status:
    """Counts and bytes of a spool."""

    segments: int
    live: int
    events: int
    bytes: int
    oldest: str | None
    """Creation time of the oldest segment, ISO 8601 in UTC."""
    consumers: dict[str, int]
    """Bytes not yet committed, by consumer."""
    set_aside: dict[str, str]
    """Files that are not read, by name, with the reason."""


def status(folder: Path) -> Status:
    """The state of a spool, which is not modified.

    Raises:
        SpoolError: the folder does not exist or cannot be read.
    """
    present = segments(folder)
    problems = unusable(folder)
    lengths: dict[str, int] = {}
    count = 0
    for segment in present:
        offset = 0
        try:
            while batch := read_at(segment, offset, CHUNK):
                count += len(batch.lines)
                offset = batch.end
                if batch.flaw:
                    problems[segment.path.name] = batch.flaw
        except SpoolError as error:
            problems[segment.path.name] = str(error)
        lengths[segment.stem] = offset
    consumers = {}
    for path in sorted(folder.glob("*.cursor")):
        try:
            cursor = read_cursor(path)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            problems[path.name] = f"{reason}; the spool is read again from its beginning"
            continue
        consumers[path.stem] = sum(max(0, length - cursor.offsets.get(name, 0)) for name, length in lengths.items())
        problems |= {f"{stem}{ASIDE}": flaw for stem, flaw in cursor.flaws.items() if f"{stem}{ASIDE}" in problems}
    oldest = None
    if present:
        with contextlib.suppress(ValueError, OverflowError):  # a name that is no time of a calendar
            created = dt.datetime.fromtimestamp(int(present[0].stem[:16]) / 1e6, dt.UTC)
            oldest = iso_utc(created, "seconds")
    live = sum(segment.path.suffix == LIVE for segment in present)
    return Status(len(present), live, count, sum(lengths.values()), oldest, consumers, problems)
