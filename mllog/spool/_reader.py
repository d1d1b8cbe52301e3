"""The reader of a spool: events in the order of writing, and a durable cursor."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from mllog._files import TEMPORARY, open_locked, try_lock, write_atomically
from mllog._timestamps import iso_utc
from mllog.errors import SpoolError, SpoolInUseError
from mllog.spool._segment import (
    LIVE,
    READING,
    SPARE,
    Segment,
    committed,
    delivery_lock,
    locked_file,
    recover,
    segments,
)
from mllog.spool._tombstones import prune_delivered

CURSOR_VERSION: Final = 1
_CHUNK: Final = 4 << 20
_YOUNG_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one segment, and the offset after the last of them."""

    segment: str
    end: int
    lines: tuple[bytes, ...]
    """May be empty: erased events leave blank lines, which are skipped."""
    drained: bool
    """Whether the segment is sealed and ends here."""


def events(folder: Path) -> Iterator[bytes]:
    """Every accepted event of a spool as a line without its newline, oldest first; the spool is not modified.

    Raises:
        SpoolError: the folder does not exist or cannot be read.
    """
    for segment in segments(folder):
        offset = 0
        while batch := _read(segment, offset, _CHUNK):
            yield from batch.lines
            offset = batch.end


def _open(segment: Segment) -> int | None:
    for candidate in (segment, Segment(segment.stem, live=False, folder=segment.folder)):
        try:
            return os.open(candidate.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # sealed between listing and opening: try its new name
            continue
        except OSError as error:
            raise SpoolError(f"{candidate.path}: cannot read the segment: {error.strerror}") from error
    return None


def _read(segment: Segment, offset: int, size: int) -> Batch | None:
    """Complete lines from `offset`, about `size` bytes of them; None if there are none."""
    fd = _open(segment)
    if fd is None:
        return None
    try:
        sealed = not segment.live
        length = os.fstat(fd).st_size if sealed else committed(fd)
        chunk = os.pread(fd, min(size, length - offset), offset) if length > offset else b""
        end = chunk.rfind(b"\n") + 1
        if chunk and not end:  # a line longer than the chunk, or a sealed file that something else truncated
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
    """Reads a spool on behalf of one consumer and keeps its position.

    Only `commit` writes the cursor: a consumer that reads, stores and then commits gets every event at
    least once. A drained segment is deleted by the commit of its end, or `keep` seconds after it was sealed.

    Args:
        folder: the spool; created if missing, since readers often start first.
        consumer: names the cursor; one process at a time may hold it.
        keep: seconds for which drained segments are kept; None deletes them at once.

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
            raise SpoolInUseError(
                f"{folder}: another process is reading this spool as {consumer!r}; stop that process first"
            )
        self._lock = lock
        self._offsets = self._load()
        self._drained: set[str] = set()

    def _load(self) -> dict[str, int]:
        try:
            data = orjson.loads(self._cursor.read_bytes())
            if data["version"] != CURSOR_VERSION:
                raise SpoolError(
                    f"{self._cursor}: cursor version {data['version']} is not supported, only {CURSOR_VERSION}"
                )
            return {str(name): int(offset) for name, offset in data["segments"].items()}
        except FileNotFoundError:
            return {}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise SpoolError(f"{self._cursor}: not a cursor; delete it to read the spool from its beginning") from error

    def read(self, *, size: int = _CHUNK) -> Iterator[Batch]:
        """Batches of new lines, segment after segment, until none is left for now.

        Live segments of dead writers are sealed first.
        """
        present = []
        for segment in segments(self.folder):
            recovered = recover(segment) if segment.live else segment
            if recovered is not None:
                present.append(recovered)
        for segment in present:
            with delivery_lock(self.folder, segment.stem, exclusive=False):  # so that it is not evicted meanwhile
                offset = self._offsets.get(segment.stem, 0)
                while batch := _read(segment, offset, size):
                    yield batch
                    offset = batch.end

    def commit(self, batch: Batch) -> None:
        """Move the cursor to the end of `batch`; durable when this returns.

        Raises:
            SpoolError: the cursor could not be written; the next commit includes this one.
        """
        self._offsets[batch.segment] = batch.end
        if batch.drained:
            self._drained.add(batch.segment)
        try:
            self._save()
        except SpoolError:  # no room: deleting the drained segments makes some
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
            with locked_file(path) as fd:
                if fd is None and path.exists():  # it is being rewritten; it is deleted the next time
                    continue
                path.unlink(missing_ok=True)
            # The next save removes it from the cursor; until then an offset without a segment is harmless.
            self._offsets.pop(name, None)
            self._drained.discard(name)
        if len(self._drained) < before:
            prune_delivered(self.folder)

    def tidy(self) -> None:
        """Remove spares, locks and temporary files of dead processes, and delete segments that were read to the end."""
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
        """Bytes accepted and not yet committed."""
        total = 0
        for segment in segments(self.folder):
            fd = _open(segment)
            if fd is not None:
                length = committed(fd) if segment.live else os.fstat(fd).st_size
                total += max(0, length - self._offsets.get(segment.stem, 0))
                os.close(fd)
        return total

    def close(self) -> None:
        """Release the lock, so that another process can read."""
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
    """Counts and bytes of a spool."""

    segments: int
    live: int
    events: int
    bytes: int
    oldest: str | None
    """Creation time of the oldest segment, ISO 8601 in UTC."""
    consumers: dict[str, int]
    """Bytes not yet committed, by consumer."""


def status(folder: Path) -> Status:
    """The state of a spool, which is not modified.

    Raises:
        SpoolError: the folder does not exist or cannot be read.
    """
    present = segments(folder)
    lengths: dict[str, int] = {}
    count = 0
    for segment in present:
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
    if present:
        created = dt.datetime.fromtimestamp(int(present[0].stem[:16]) / 1e6, dt.UTC)
        oldest = iso_utc(created, "seconds")
    live = sum(segment.path.suffix == LIVE for segment in present)
    return Status(len(present), live, count, sum(lengths.values()), oldest, consumers)
