"""Makes room in a spool by giving up its oldest events, for the policy `drop_oldest`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import orjson

from mllog.spool._segment import segments

_CHUNK: Final = 1 << 20


def evict(folder: Path, needed: int) -> tuple[int, int]:
    """Delete the oldest sealed segments until `needed` bytes are free.

    Returns:
        Bytes that were freed, and how many events were given up that some consumer had not yet committed.

    Raises:
        SpoolError: the folder may not be read.
        OSError: a segment may not be deleted.
    """
    delivered = _delivered(folder)
    freed = count = 0
    for segment in segments(folder):
        if freed >= needed:
            break
        if segment.live:
            continue
        try:
            size = segment.path.stat().st_size
            lost = _lines(segment.path, delivered.get(segment.stem, 0))
            segment.path.unlink()
        except FileNotFoundError:  # delivered, or given up by another process
            continue
        freed += size
        count += lost
    return freed, count


def _delivered(folder: Path) -> dict[str, int]:
    """How far every consumer has come in each segment."""
    least: dict[str, int] | None = None
    for path in folder.glob("*.cursor"):
        offsets: dict[str, int] = {}
        with contextlib.suppress(OSError, orjson.JSONDecodeError, KeyError, TypeError):
            offsets = orjson.loads(path.read_bytes())["segments"]
        least = offsets if least is None else {name: min(least[name], offsets[name]) for name in least.keys() & offsets}
    return least or {}


def _lines(path: Path, offset: int) -> int:
    count = 0
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            count += chunk.count(b"\n")
    return count
