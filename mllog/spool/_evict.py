"""Makes room in a spool by deleting its oldest events, for the policy `drop_oldest`."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from mllog.errors import SpoolError
from mllog.spool._cursor import read_cursor
from mllog.spool._segment import delivery_lock, locked_file, segments

_REPORT: Final = b'"action":"dropped"'
_MOST_BYTES: Final = 256 << 20  # a larger file is not a segment


@dataclass(slots=True)
class Evicted:
    """What was deleted to make room.

    Attributes:
        bytes: bytes freed.
        events: deleted events that some consumer had not yet committed.
        reported: events that deleted reports counted as dropped; they must be reported again.
    """

    bytes: int = 0
    events: int = 0
    reported: int = 0


def evict(folder: Path, needed: int) -> Evicted:
    """Delete the oldest sealed segments until `needed` bytes are free.

    Raises:
        OSError: the folder cannot be read, or a segment cannot be deleted.
    """
    evicted = Evicted()
    try:
        present = segments(folder)
    except SpoolError as error:  # the writer handles operating system errors
        raise OSError(errno.EACCES, str(error)) from error
    for segment in present:
        if evicted.bytes >= needed:
            break
        if segment.live:
            continue
        with delivery_lock(folder, segment.stem, exclusive=True) as locked:
            if not locked:  # it is being delivered: how many events would be lost is unknown
                continue
            delivered = _delivered(folder, segment.stem)
            contents = _deleted(segment.path)
        if contents is None:
            continue
        evicted.bytes += len(contents)
        lost = contents[delivered:]
        reports = [line for line in lost.split(b"\n") if _REPORT in line] if _REPORT in lost else []
        evicted.events += lost.count(b"\n") - len(reports) - _blank(lost)
        evicted.reported += sum(map(_reported, reports))
    return evicted


def _deleted(path: Path) -> bytes | None:
    """Delete a segment; its contents, or None if it stays."""
    try:
        with locked_file(path) as fd:
            # None: delivered, deleted by another process, or being rewritten.
            if fd is None or os.fstat(fd).st_size > _MOST_BYTES:
                return None
            contents = os.pread(fd, os.fstat(fd).st_size, 0)
            path.unlink()
            return contents
    except OSError:  # not a file of this spool: it makes no room
        return None


def _blank(lines: bytes) -> int:
    """The number of blank lines, which erased events leave."""
    return lines.split(b"\n").count(b"") - 1 if b"\n\n" in lines or lines.startswith(b"\n") else 0


def _delivered(folder: Path, name: str) -> int:
    """The offset in a segment up to which every consumer has committed."""
    offsets = []
    for path in folder.glob("*.cursor"):
        try:
            offsets.append(read_cursor(path).offsets.get(name, 0))
        except (OSError, ValueError):
            return 0
    return min(offsets, default=0)


def _reported(line: bytes) -> int:
    try:
        return int(orjson.loads(line)["mllog"]["spool"]["dropped"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0
