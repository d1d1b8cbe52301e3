"""The reader of a spool: events in the order of writing, and a durable cursor."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mllog._files import TEMPORARY, open_locked
from mllog.errors import SpoolError, SpoolInUseError
from mllog.spool._cursor import Cursor, read_cursor
from mllog.spool._folder import ASIDE, LIVE, SPARE, open_file, secure
from mllog.spool._segment import (
    READING,
    Segment,
    committed,
    delivery_lock,
    locked_file,
    recover,
    remove_dead,
    segments,
    unusable,
)
from mllog.spool._tombstones import prune_delivered

LOGGER: Final = logging.getLogger("mllog.spool")
LONGEST_LINE: Final = 32 << 20
"""Bytes of the longest line that is read; mllog's own events are far shorter."""

CHUNK: Final = 4 << 20
_SETTLED_SECONDS: Final = 2.0  # after which an incomplete line at the end of a sealed segment stays incomplete


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one segment, and the offset after the last of them."""

    segment: str
    end: int
    lines: tuple[bytes, ...]
    """May be empty: erased events leave blank lines, which are skipped."""
    drained: bool
    """Whether the segment is sealed and ends here."""
    flaw: str = ""
    """What was left out before `end` because it cannot be read."""


def events(folder: Path) -> Iterator[bytes]:
    """Every accepted event of a spool as a line without its newline, oldest first; the spool is not modified.

    Segments that cannot be read are left out, with a warning in the log.

    Raises:
        SpoolError: the folder does not exist or cannot be read.
    """
    for segment in segments(folder):
        offset = 0
        while True:
            try:
                batch = read_at(segment, offset, CHUNK)
            except SpoolError as error:
                LOGGER.warning("%s", error)
                break
            if batch is None:
                break
            yield from batch.lines
            offset = batch.end


def _open(segment: Segment) -> int | None:
    for candidate in (segment, Segment(segment.stem, live=False, folder=segment.folder)):
        try:
            return open_file(candidate.path)
        except FileNotFoundError:  # sealed between listing and opening: try its new name
            continue
        except OSError as error:
            raise SpoolError(f"{candidate.path}: cannot read the segment: {error.strerror}") from error
    return None


def read_at(segment: Segment, offset: int, size: int) -> Batch | None:
    """Complete lines from `offset`, about `size` bytes of them; None if there are none."""
    fd = _open(segment)
    if fd is None:
        return None
    try:
        sealed = not segment.live
        length = os.fstat(fd).st_size if sealed else committed(fd)
        chunk = os.pread(fd, min(size, length - offset), offset) if length > offset else b""
        end = chunk.rfind(b"\n") + 1
        if chunk and not end:
            return _read_long_line(segment, fd, offset, length)
        if not end:
            return None
        lines = tuple(filter(None, chunk[: end - 1].split(b"\n")))
        return Batch(segment.stem, offset + end, lines, drained=sealed and offset + end >= length)
    finally:
        os.close(fd)


def _read_long_line(segment: Segment, fd: int, offset: int, length: int) -> Batch | None:
    """The line from `offset`, which is longer than a chunk, or which something else cut short."""
    sealed = not segment.live
    end = _after_newline(fd, offset, length)
    if end is None:
        if not sealed or time.time() - os.fstat(fd).st_mtime < _SETTLED_SECONDS:
            return None
        return Batch(segment.stem, length, (), drained=True, flaw=f"incomplete line at byte {offset}")
    drained = sealed and end >= length
    if end - offset > LONGEST_LINE:
        flaw = f"line of {end - offset} bytes at byte {offset}: at most {LONGEST_LINE} are read"
        return Batch(segment.stem, end, (), drained=drained, flaw=flaw)
    return Batch(segment.stem, end, (os.pread(fd, end - offset - 1, offset),), drained=drained)


def _after_newline(fd: int, offset: int, length: int) -> int | None:
    """The offset behind the next newline; holes of a sparse file are skipped."""
    while offset < length:
        try:
            offset = max(offset, os.lseek(fd, offset, os.SEEK_DATA))
        except OSError as error:
            if error.errno == errno.ENXIO:  # a hole up to the end
                return None
        chunk = os.pread(fd, min(CHUNK, length - offset), offset)
        if not chunk:
            return None
        newline = chunk.find(b"\n")
        if newline >= 0:
            return offset + newline + 1
        offset += len(chunk)
    return None


def _plausible(segment: Segment, offset: int) -> int:
    """An offset of a cursor, or 0 if it cannot be right: then the segment is read again from its beginning."""
    if offset == 0:
        return 0
    fd = _open(segment)
    if fd is None:
        return 0
    try:
        length = committed(fd) if segment.live else os.fstat(fd).st_size
        return offset if offset == length or (offset < length and os.pread(fd, 1, offset - 1) == b"\n") else 0
    finally:
        os.close(fd)


class SpoolReader:
    """Reads a spool on behalf of one consumer and keeps its position.

    Only `commit` writes the cursor: a consumer that reads, stores and then commits gets every event at
    least once. A drained segment is deleted by the commit of its end, or `keep` seconds after it was sealed. What
    cannot be read never stops the rest: it is set aside (suffix `.aside`), with the reason in `problems`.

    Args:
        folder: the spool; created if missing, since readers often start first.
        consumer: names the cursor; one process at a time may hold it.
        keep: seconds for which drained segments are kept; None deletes them at once.

    Attributes:
        problems: files that were set aside or are not read, by name, with the reason.

    Raises:
        SpoolError: the folder cannot be used, or another process holds the cursor.
    """

    def __init__(self, folder: Path, *, consumer: str = "server", keep: float | None = None) -> None:
        self.folder = folder
        self.keep = keep
        self._cursor = folder / f"{consumer}.cursor"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            secure(folder)
            lock = open_locked(folder / f"{consumer}.lock")
        except OSError as error:
            raise SpoolError(f"{error.filename or folder}: cannot use the spool: {error.strerror}") from error
        if lock is None:
            raise SpoolInUseError(
                f"{folder}: another process is reading this spool as {consumer!r}; stop that process first"
            )
        self._lock = lock
        self._drained: set[str] = set()
        self._kept: dict[str, str] = {}  # problems that last as long as this reader
        self.problems: dict[str, str] = {}
        try:
            self._position = self._load()
        except SpoolError:
            os.close(lock)
            raise

    def _load(self) -> Cursor:
        try:
            return read_cursor(self._cursor)
        except FileNotFoundError:
            return Cursor()
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        aside = self._cursor.with_name(self._cursor.name + ASIDE)
        try:
            self._cursor.rename(aside)
        except OSError as error:
            raise SpoolError(f"{self._cursor}: {reason}; delete it to read the spool from its beginning") from error
        self._kept[aside.name] = f"{reason}; the spool is read again from its beginning"
        LOGGER.error("%s: %s", aside, self._kept[aside.name])
        return Cursor()

    def _find_problems(self) -> None:
        present = unusable(self.folder)
        flaws = {f"{stem}{ASIDE}": flaw for stem, flaw in self._position.flaws.items()}
        problems = present | {name: flaw for name, flaw in (flaws | self._kept).items() if name in present}
        for name in problems.keys() - self.problems.keys():
            LOGGER.warning("%s: %s", self.folder / name, problems[name])
        self.problems = problems

    def read(self, *, size: int = CHUNK) -> Iterator[Batch]:
        """Batches of new lines, segment after segment, until none is left for now.

        Live segments of dead writers are sealed first.
        """
        self._find_problems()
        present = []
        for segment in segments(self.folder):
            if segment.path.name in self.problems:
                continue
            recovered = recover(segment) if segment.live else segment
            if recovered is not None:
                present.append(recovered)
        for segment in present:
            with delivery_lock(self.folder, segment.stem, exclusive=False):  # so that it is not evicted meanwhile
                yield from self._read_segment(segment, size)

    def _read_segment(self, segment: Segment, size: int) -> Iterator[Batch]:
        try:
            offset = _plausible(segment, self._position.offsets.get(segment.stem, 0))
            while batch := read_at(segment, offset, size):
                yield batch
                offset = batch.end
        except SpoolError as error:  # one segment; the others are read
            self.problems[segment.path.name] = str(error)
            LOGGER.warning("%s", error)

    def commit(self, batch: Batch) -> None:
        """Move the cursor to the end of `batch`; durable when this returns.

        Raises:
            SpoolError: the cursor could not be written; the next commit includes this one.
        """
        self._position.offsets[batch.segment] = batch.end
        if batch.flaw:
            self._position.flaws[batch.segment] = batch.flaw
            LOGGER.error("%s: %s; its segment is set aside", self.folder / batch.segment, batch.flaw)
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
            self._position.save(self._cursor)
        except OSError as error:
            raise SpoolError(f"{self._cursor}: cannot write the cursor: {error.strerror}") from error

    def _delete_drained(self) -> None:
        before = len(self._drained)
        for name in sorted(self._drained):
            path = Segment(name, live=False, folder=self.folder).path
            if self.keep is not None and _modified(path) > time.time() - self.keep:
                continue
            if not self._remove(path, name):  # it is being rewritten; it is removed the next time
                continue
            # The next save removes it from the cursor; until then an offset without a segment is harmless.
            self._position.offsets.pop(name, None)
            self._drained.discard(name)
        if len(self._drained) < before:
            prune_delivered(self.folder)

    def _remove(self, path: Path, name: str) -> bool:
        """Delete a drained segment; one with a part that was not read is set aside."""
        try:
            with locked_file(path) as fd:
                if fd is None and path.exists():
                    return False
                if name in self._position.flaws and fd is not None:
                    path.rename(path.with_name(name + ASIDE))
                else:
                    path.unlink(missing_ok=True)
        except OSError as error:
            LOGGER.warning("%s: cannot remove the segment: %s", path, error.strerror)
            return False
        return True

    def tidy(self) -> None:
        """Remove spares, locks and temporary files of dead processes, and delete segments that were read to the end."""
        for path in (one for suffix in (SPARE, READING, TEMPORARY) for one in self.folder.glob(f"*{suffix}")):
            remove_dead(path)
        for segment in segments(self.folder):
            if not segment.live and self._position.offsets.get(segment.stem, -1) == _size(segment.path):
                self._drained.add(segment.stem)
        gone = [stem for stem in self._position.flaws if not _kept_aside(self.folder, stem)]
        for stem in gone:
            del self._position.flaws[stem]
        before = len(self._drained)
        self._delete_drained()
        if len(self._drained) < before:
            self._save()

    def pending(self) -> int:
        """Bytes accepted and not yet committed."""
        total = 0
        for segment in segments(self.folder):
            try:
                offset = _plausible(segment, self._position.offsets.get(segment.stem, 0))
                total += max(0, _length(segment) - offset)
            except SpoolError:  # it cannot be read: among the problems
                continue
        return total

    def close(self) -> None:
        """Release the lock, so that another process can read."""
        os.close(self._lock)


def _length(segment: Segment) -> int:
    """Bytes of the events in a segment; 0 if it is gone."""
    fd = _open(segment)
    if fd is None:
        return 0
    try:
        return committed(fd) if segment.live else os.fstat(fd).st_size
    finally:
        os.close(fd)


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return None


def _kept_aside(folder: Path, stem: str) -> bool:
    """Whether a segment is still there, set aside or not."""
    return any((folder / (stem + suffix)).exists() for suffix in (ASIDE, LIVE, ".ndjson"))
