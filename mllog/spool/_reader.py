"""The reader of a spool: events in the order of writing, and a cursor that survives everything."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from mllog._files import TEMPORARY, open_locked, try_lock, write_atomically
from mllog.errors import SpoolError, SpoolInUseError
from mllog.spool._segment import (
    LIVE,
    READING,
    SPARE,
    Segment,
    committed,
    held,
    in_hand,
    recover,
    segments,
)
from mllog.spool._tombstones import forget_delivered

CURSOR_VERSION: Final = 1
_CHUNK: Final = 4 << 20
_YOUNG_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one segment, and the position behind the last of them."""

    segment: str
    end: int
    lines: tuple[bytes, ...]
    """Maybe none: erased events leave blank lines, which are left out."""
    drained: bool
    """Whether the segment is sealed and ends here: nothing will follow in it."""


def events(folder: Path) -> Iterator[bytes]:
    """Every accepted event of a spool as a line without its newline, oldest first; nothing is changed.

    Raises:
        SpoolError: the folder is not there or may not be read.
    """
    for segment in segments(folder):
        offset = 0
        while batch := _read(segment, offset, _CHUNK):
            yield from batch.lines
            offset = batch.end


def _open(segment: Segment) -> int | None:
    for state in (segment, Segment(segment.stem, live=False, folder=segment.folder)):
        try:
            return os.open(state.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # sealed between listing and opening: once more under its new name
            continue
        except OSError as error:
            raise SpoolError(f"{state.path}: cannot read the segment: {error.strerror}") from error
    return None


def _read(segment: Segment, offset: int, size: int) -> Batch | None:
    """Whole lines from `offset` on, about `size` bytes of them; None where there are none."""
    fd = _open(segment)
    if fd is None:
        return None
    try:
        sealed = not segment.live
        length = os.fstat(fd).st_size if sealed else committed(fd)
        chunk = os.pread(fd, min(size, length - offset), offset) if length > offset else b""
        end = chunk.rfind(b"\n") + 1
        if chunk and not end:  # a line longer than the chunk, or a sealed file that somebody else cut
            if size < length - offset:
                return _read(segment, offset, length - offset)
            chunk, end = b"", 0
        if not end:
            return None
        lines = tuple(filter(None, chunk[: end - 1].split(b"\n")))
        return Batch(segment.stem, offset + end, lines, drained=sealed and offset + end >= length)
    finally:
        os.close(fd)


class SpoolReader:
    """Reads a spool on behalf of one consumer and remembers how far it came.

    The cursor is written only by `commit`: who reads, stores and then commits gets every event at
    least once. A drained segment is deleted with the commit behind its end, or `keep` seconds after it was sealed.

    Args:
        folder: the spool; made where it is missing, since readers often start first.
        consumer: names the cursor; one process at a time may hold it.
        keep: seconds for which drained segments stay; None deletes them at once.

    Raises:
        SpoolError: the folder cannot be used, another process holds the cursor, or the cursor is damaged.
    """

    def __init__(self, folder: Path, *, consumer: str = "server", keep: float | None = None) -> None:
        self.folder = folder
        self.keep = keep
        self._cursor = folder / f"{consumer}.cursor"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = open_locked(folder / f"{consumer}.lock")
        except OSError as error:
            raise SpoolError(f"{folder}: cannot use the spool: {error.strerror}") from error
        if lock is None:
            raise SpoolInUseError(f"{folder}: another process is reading this spool as {consumer!r}; stop it first")
        self._lock = lock
        self._offsets = self._load()
        self._drained: set[str] = set()

    def _load(self) -> dict[str, int]:
        try:
            data = orjson.loads(self._cursor.read_bytes())
            if data["version"] != CURSOR_VERSION:
                raise SpoolError(f"{self._cursor}: version {data['version']} of the cursor is not known here")
            return {str(name): int(offset) for name, offset in data["segments"].items()}
        except FileNotFoundError:
            return {}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise SpoolError(f"{self._cursor}: not a cursor; delete it to read the spool from its beginning") from error

    def read(self, *, size: int = _CHUNK) -> Iterator[Batch]:
        """Batches of what is new, a segment after the other, until nothing is left for now.

        Segments of writers that died are sealed on the way.
        """
        present = []
        for segment in segments(self.folder):
            settled = recover(segment) if segment.live else segment
            if settled is not None:
                present.append(settled)
        for segment in present:
            with in_hand(self.folder, segment.stem, alone=False):  # else the oldest could be given up in its midst
                offset = self._offsets.get(segment.stem, 0)
                while batch := _read(segment, offset, size):
                    yield batch
                    offset = batch.end

    def commit(self, batch: Batch) -> None:
        """Everything up to the end of `batch` is stored elsewhere; durable when this returns.

        Raises:
            SpoolError: the cursor could not be written; the next call writes this one too.
        """
        self._offsets[batch.segment] = batch.end
        if batch.drained:
            self._drained.add(batch.segment)
        try:
            self._save()
        except SpoolError:  # no room: what is drained needs no cursor, and makes some
            self._delete_drained()
            self._save()
        else:
            self._delete_drained()

    def _save(self) -> None:
        try:
            write_atomically(self._cursor, orjson.dumps({"version": CURSOR_VERSION, "segments": self._offsets}))
        except OSError as error:
            raise SpoolError(f"{self._cursor}: cannot write the cursor: {error.strerror}") from error

    def _delete_drained(self) -> None:
        before = len(self._drained)
        for name in sorted(self._drained):
            path = Segment(name, live=False, folder=self.folder).path
            if self.keep is not None and _modified(path) > time.time() - self.keep:
                continue
            with held(path) as fd:
                if fd is None and path.exists():  # it is being rewritten; the next time, then
                    continue
                path.unlink(missing_ok=True)
            # The cursor forgets it with the next save; until then an offset without a segment does no harm.
            self._offsets.pop(name, None)
            self._drained.discard(name)
        if len(self._drained) < before:
            forget_delivered(self.folder)

    def tidy(self) -> None:
        """Remove what the dead left, spare segments and marks, and finish segments that were read to the end."""
        for path in (found for suffix in (SPARE, READING, TEMPORARY) for found in self.folder.glob(f"*{suffix}")):
            _remove_dead(path)
        for segment in segments(self.folder):
            if not segment.live and self._offsets.get(segment.stem, -1) == segment.path.stat().st_size:
                self._drained.add(segment.stem)
        before = len(self._drained)
        self._delete_drained()
        if len(self._drained) < before:
            self._save()

    def pending(self) -> int:
        """Bytes that are accepted and not yet committed."""
        total = 0
        for segment in segments(self.folder):
            fd = _open(segment)
            if fd is not None:
                length = committed(fd) if segment.live else os.fstat(fd).st_size
                total += max(0, length - self._offsets.get(segment.stem, 0))
                os.close(fd)
        return total

    def close(self) -> None:
        """Let another process read."""
        os.close(self._lock)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _remove_dead(path: Path) -> None:
    try:
        if time.time() - path.stat().st_mtime < _YOUNG_SECONDS:  # its writer may not have locked it yet
            return
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if try_lock(fd):
            path.unlink(missing_ok=True)
    finally:
        os.close(fd)


@dataclass(frozen=True, slots=True)
class Status:
    """What a spool holds: counts and bytes, by state of the segment."""

    segments: int
    live: int
    events: int
    bytes: int
    oldest: str | None
    """When the oldest segment was begun, ISO 8601 in UTC."""
    consumers: dict[str, int]
    """Bytes that each consumer has not committed yet."""


def status(folder: Path) -> Status:
    """Look at a spool without changing it.

    Raises:
        SpoolError: the folder is not there or may not be read.
    """
    found = segments(folder)
    lengths: dict[str, int] = {}
    count = 0
    for segment in found:
        offset = 0
        while batch := _read(segment, offset, _CHUNK):
            count += len(batch.lines)
            offset = batch.end
        lengths[segment.stem] = offset
    consumers = {}
    for path in sorted(folder.glob("*.cursor")):
        try:
            offsets = orjson.loads(path.read_bytes())["segments"]
            consumers[path.stem] = sum(max(0, length - int(offsets.get(name, 0))) for name, length in lengths.items())
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise SpoolError(f"{path}: not a cursor; delete it to read the spool from its beginning") from error
    oldest = None
    if found:
        seconds = int(found[0].stem[:16]) // 1_000_000
        oldest = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    live = sum(segment.path.suffix == LIVE for segment in found)
    return Status(len(found), live, count, sum(lengths.values()), oldest, consumers)
