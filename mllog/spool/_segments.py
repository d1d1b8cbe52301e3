"""The segments of one writer: made ahead of time, sealed when they are full, all within a bound of bytes."""

from __future__ import annotations

import errno
import mmap
import os
import secrets
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final, Literal

from mllog.spool._drops import Losses
from mllog.spool._evict import evict
from mllog.spool._filesystem import filesystem
from mllog.spool._live import AppendedSegment, LiveSegment, MappedSegment
from mllog.spool._segment import WORD, seal, stem, store

SEGMENT_BYTES: Final = 8 << 20
MAX_BYTES: Final = 1 << 30
SPARES: Final = 2

WhenFull = Literal["drop_newest", "drop_oldest", "block"]
WHEN_FULL: Final[tuple[WhenFull, ...]] = ("drop_newest", "drop_oldest", "block")

_RETRY_SECONDS: Final = 1.0


class Segments:
    """Makes the segments of a writer and seals them; the folder is theirs and of other writers.

    The writer's thread calls `tend` and `add_spare`, whoever logs calls `next`, and both may do so at a time.

    Args:
        folder: the spool; made (mode 0700) with the first segment.
        segment_bytes: size of a segment.
        max_bytes: bound of the whole folder, with what was not yet delivered.
        when_full: at the bound, `drop_oldest` makes room; with the others there is no segment.
        group: name or id of a group that may read and write the spool too.
        losses: where evicted events are counted.

    Attributes:
        filesystem: what the folder lies on.
        capacity: bytes of the largest event.
        evicted: accepted events that were given up for newer ones.
        problem: what is wrong now, in one line.
        retry_at: when a segment is tried again after a failure, on the monotonic clock.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int,
        max_bytes: int,
        when_full: WhenFull,
        group: str | int | None,
        losses: Losses,
    ) -> None:
        page = mmap.PAGESIZE
        self.folder = folder
        self.filesystem = filesystem(folder)
        self.segment_bytes = max(page, (segment_bytes + page - 1) // page * page)
        self.capacity = self.segment_bytes - WORD
        self.max_bytes = max_bytes
        self.when_full = when_full
        self._group = group
        self._mode = 0o600 if group is None else 0o660
        self._losses = losses
        self._micros = 0
        self.problem: str | None = None
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a forked child does: the segments are its parent's."""
        self._writer = secrets.token_hex(8)
        self._tending = threading.Lock()  # whoever makes, prefaults or seals segments
        self.evicted = 0
        self.spares: deque[LiveSegment] = deque()
        self.full: deque[tuple[LiveSegment, int]] = deque()
        self.retry()

    def retry(self) -> None:
        """Do not wait any longer after a failure."""
        self.retry_at = 0.0
        self._why = ""  # there is no segment until then

    def failed(self, error: OSError) -> None:
        """Note what went wrong, and leave the folder alone for a while."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        self.problem = self._why = f"{self.folder}: {'no room left' if full else error.strerror}"
        self.retry_at = time.monotonic() + _RETRY_SECONDS

    # -- for whoever logs ----------------------------------------------------------------------

    def next(self) -> LiveSegment | None:
        """A segment that takes events from now on: a spare, or one that is made here; None where there can be none."""
        try:
            found = self._go_live()
        except OSError as error:
            self.failed(error)
            return None
        if found is not None:
            self.problem = None
        elif self.problem is None:  # what the thread met with may be gone from there: a spare was left
            self.problem = self._why
        return found

    def _go_live(self) -> LiveSegment | None:
        while True:
            made = not self.spares
            if made:
                with self._tending:
                    spare = self.spares.popleft() if self.spares else self._create()
            else:
                spare = self.spares.popleft()
            if spare is None:
                return None
            self._micros = max(time.time_ns() // 1000, self._micros + 1)
            try:
                spare.go_live(self.folder, stem(self._micros, self._writer))
            except FileNotFoundError:  # a spare that went with its folder: the next one is made anew
                spare.discard()
                if made:
                    raise
                continue
            return spare

    def _create(self) -> LiveSegment | None:
        """A new segment, unless the bound is reached or a failure is too recent to try again; under `_tending`."""
        if time.monotonic() < self.retry_at:
            return None
        self._make_folder()
        over = self._used() + self.segment_bytes - self.max_bytes
        if over > 0 and self.full:  # what the thread has not come to yet takes less room once it is sealed
            self._seal_full()
            over = self._used() + self.segment_bytes - self.max_bytes
        if over > 0 and self.when_full == "drop_oldest":
            gone = evict(self.folder, over)
            over -= gone.bytes
            if gone.events or gone.reported:
                self.evicted += gone.events
                self.problem = f"the spool held its bound of {self.max_bytes} bytes; the oldest events were given up"
                self._losses.add(gone.events, self.problem, again=gone.reported)
        if over > 0:
            self.retry_at = time.monotonic() + _RETRY_SECONDS
            self._why = f"the spool holds its bound of {self.max_bytes} bytes; nothing reads it fast enough"
            return None
        kind = MappedSegment if self.filesystem.mappable else AppendedSegment
        return kind(self.folder, self._writer, self._mode, self.segment_bytes)

    def _make_folder(self) -> None:
        if self.folder.is_dir():
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._group is not None:
            import shutil  # noqa: PLC0415 - once per spool

            try:
                shutil.chown(self.folder, group=self._group)
            except LookupError:
                raise OSError(errno.EINVAL, f"there is no group {self._group!r}") from None
            self.folder.chmod(0o2770)  # set-group-id: what is made in it belongs to the group

    def _used(self) -> int:
        with os.scandir(self.folder) as entries:
            return sum(_size(entry) for entry in entries)

    # -- for the thread ------------------------------------------------------------------------

    def tend(self, current: LiveSegment | None) -> None:
        """Bring the pages of the current segment into memory, and seal what is full."""
        with self._tending:
            if current is not None and not current.ready:  # the first one, which a caller had to make
                current.prefault()
            self._seal_full()

    def add_spare(self) -> bool:
        """Make a spare; False where there are enough, or can be no more now."""
        if len(self.spares) >= SPARES:
            return False
        try:
            with self._tending:
                spare = self._create()
                if spare is None:
                    return False
                spare.prefault()
                self.spares.append(spare)
        except OSError as error:
            self.failed(error)
            return False
        return True

    def discard_spares(self) -> None:
        """Give up spares whose folder is gone."""
        for _ in range(len(self.spares)):
            self.spares.popleft().discard()

    def _seal_full(self) -> None:
        """Seal what takes no more events; under `_tending`."""
        while self.full:
            self.seal(*self.full.popleft())

    def seal(self, segment: LiveSegment, length: int) -> None:
        """Make a plain file of a segment's events, for whoever reads the spool."""
        fd = os.dup(segment.fd)  # keeps the lock over the closing of the map
        try:
            gone = not segment.path.exists()
            contents = segment.contents(length) if gone else b""
            segment.close()
            if gone:  # somebody deleted the folder, or the file: the events are stored under their name once more
                self._make_folder()
                store(self.folder, segment.name, contents, self._mode)
            else:
                seal(fd, self.folder, segment.name, length)
        except OSError as error:
            self.failed(error)
        finally:
            os.close(fd)

    def give_up(self) -> tuple[list[tuple[LiveSegment, int]], list[LiveSegment]]:
        """What is full and what is spare; from now on they are the caller's."""
        full, spares = list(self.full), list(self.spares)
        self.full.clear()
        self.spares.clear()
        return full, spares


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # delivered and deleted meanwhile
        return 0
