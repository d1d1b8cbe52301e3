"""Makes room in a spool by giving up its oldest events, for the policy `drop_oldest`."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from mllog.errors import SpoolError
from mllog.spool._segment import held, in_hand, segments

_REPORT: Final = b'"action":"dropped"'


@dataclass(slots=True)
class Evicted:
    """What was given up to make room.

    Attributes:
        bytes: that are free now.
        events: that some consumer had not yet committed.
        reported: events that these events said were given up before them; now it must be said again.
    """

    bytes: int = 0
    events: int = 0
    reported: int = 0


def evict(folder: Path, needed: int) -> Evicted:
    """Delete the oldest sealed segments until `needed` bytes are free.

    Raises:
        OSError: the folder may not be read, or a segment not be deleted.
    """
    evicted = Evicted()
    try:
        found = segments(folder)
    except SpoolError as error:  # the writer knows what to do with an error of the system
        raise OSError(errno.EACCES, str(error)) from error
    for segment in found:
        if evicted.bytes >= needed:
            break
        if segment.live:
            continue
        with in_hand(folder, segment.stem, alone=True) as mine:
            if not mine:  # it is being delivered: what would be lost cannot be told
                continue
            delivered = _delivered(folder, segment.stem)
            with held(segment.path) as fd:
                if fd is None:  # delivered, given up by another process, or being rewritten
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
    """What erased events left."""
    return lines.split(b"\n").count(b"") - 1 if b"\n\n" in lines or lines.startswith(b"\n") else 0


def _delivered(folder: Path, name: str) -> int:
    """How far every consumer has come in a segment."""
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
