"""Makes room in a spool by deleting its oldest events, for the policy `drop_oldest`."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from mllog.errors import SpoolError
from mllog.spool._segment import delivery_lock, locked_file, segments

_REPORT: Final = b'"action":"dropped"'


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
        found = segments(folder)
    except SpoolError as error:  # the writer handles operating system errors
        raise OSError(errno.EACCES, str(error)) from error
    for segment in found:
        if evicted.bytes >= needed:
            break
        if segment.live:
            continue
        with delivery_lock(folder, segment.stem, exclusive=True) as locked:
            if not locked:  # it is being delivered: how many events would be lost is unknown
                continue
            delivered = _delivered(folder, segment.stem)
            with locked_file(segment.path) as fd:
                if fd is None:  # delivered, deleted by another process, or being rewritten
                    continue
                contents = segment.path.read_bytes()
                segment.path.unlink()
        evicted.bytes += len(contents)
        lost = contents[delivered:]
        reports = [line for line in lost.split(b"\n") if _REPORT in line] if _REPORT in lost else []
        evicted.events += lost.count(b"\n") - len(reports) - _blank(lost)
        evicted.reported += sum(map(_reported, reports))
    return evicted


def _blank(lines: bytes) -> int:
    """The number of blank lines, which erased events leave."""
    return lines.split(b"\n").count(b"") - 1 if b"\n\n" in lines or lines.startswith(b"\n") else 0


def _delivered(folder: Path, name: str) -> int:
    """The offset in a segment up to which every consumer has committed."""
    offsets = []
    for path in folder.glob("*.cursor"):
        try:
            offsets.append(int(orjson.loads(path.read_bytes())["segments"].get(name, 0)))
        except (OSError, orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            return 0
    return min(offsets, default=0)


def _reported(line: bytes) -> int:
    try:
        return int(orjson.loads(line)["mllog"]["spool"]["dropped"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0
