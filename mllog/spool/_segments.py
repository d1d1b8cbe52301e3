"""The segments of one writer: created ahead of time, sealed when full, within a limit of bytes."""

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
from mllog.spool._segment import TRAILER_BYTES, seal, stem, store

SEGMENT_BYTES: Final = 8 << 20
MAX_BYTES: Final = 1 << 30
SPARES: Final = 2

WhenFull = Literal["drop_newest", "drop_oldest", "block"]
WHEN_FULL: Final[tuple[WhenFull, ...]] = ("drop_newest", "drop_oldest", "block")

_RETRY_SECONDS: Final = 1.0


class Segments:
    """Creates the segments of a writer and seals them; other writers may use the same folder.

    The writer's thread calls `maintain` and `add_spare`, logging threads call `next`; both may run at the same time.

    Args:
        folder: the spool; created (mode 0700) with the first segment.
        segment_bytes: size of a segment.
        max_bytes: limit of the whole folder, undelivered events included.
        when_full: at the limit, `drop_oldest` makes room; the other policies get no segment.
        group: name or id of a group that may read and write the spool too.
        losses: where evicted events are counted.

    Attributes:
        filesystem: the folder's filesystem.
        capacity: bytes of the largest event.
        evicted: accepted events dropped in favour of newer ones.
        problem: the current problem in one line, or None.
        retry_at: time of the next attempt after a failure, on the monotonic clock.
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
        self.capacity = self.segment_bytes - TRAILER_BYTES
        self.max_bytes = max_bytes
        self.when_full = when_full
        self._group = group
        self._mode = 0o600 if group is None else 0o660
        self._losses = losses
        self._micros = 0
        self.problem: str | None = None
        self.reset()

    def reset(self) -> None:
        """Start over, as a forked child does: the segments belong to its parent."""
        self._writer = secrets.token_hex(8)
        self._maintenance = threading.Lock()  # held while segments are created, prefaulted or sealed
        self.evicted = 0
        self.spares: deque[LiveSegment] = deque()
        self.full: deque[tuple[LiveSegment, int]] = deque()
        self.retry()

    def retry(self) -> None:
        """Allow the next attempt at once, without waiting after a failure."""
        self.retry_at = 0.0
        self._unavailable = ""  # the reason why there is no segment until then

    def record_failure(self, error: OSError) -> None:
        """Keep the reason of a failure, and wait before the next attempt."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        self.problem = self._unavailable = f"{self.folder}: {'no room left' if full else error.strerror}"
        self.retry_at = time.monotonic() + _RETRY_SECONDS

    # -- for logging threads --------------------------------------------------------------------

    def next(self) -> LiveSegment | None:
        """The next segment for events: a spare, or a new one; None if none can be created."""
        try:
            segment = self._go_live()
        except OSError as error:
            self.record_failure(error)
            return None
        if segment is not None:
            self.problem = None
        elif self.problem is None:  # the thread's own failure may be cleared already, because a spare was left
            self.problem = self._unavailable
        return segment

    def _go_live(self) -> LiveSegment | None:
        while True:
            created = not self.spares
            if created:
                with self._maintenance:
                    spare = self.spares.popleft() if self.spares else self._create()
            else:
                spare = self.spares.popleft()
            if spare is None:
                return None
            self._micros = max(time.time_ns() // 1000, self._micros + 1)
            try:
                spare.go_live(self.folder, stem(self._micros, self._writer))
            except FileNotFoundError:  # the spare was deleted with its folder: the next one is created anew
                spare.discard()
                if created:
                    raise
                continue
            return spare

    def _create(self) -> LiveSegment | None:
        """A new segment, unless the limit is reached or the last failure is too recent; under `_maintenance`."""
        if time.monotonic() < self.retry_at:
            return None
        self._create_folder()
        excess = self._used() + self.segment_bytes - self.max_bytes
        if excess > 0 and self.full:  # segments that the thread has not sealed yet take less room once sealed
            self._seal_full()
            excess = self._used() + self.segment_bytes - self.max_bytes
        if excess > 0 and self.when_full == "drop_oldest":
            evicted = evict(self.folder, excess)
            excess -= evicted.bytes
            if evicted.events or evicted.reported:
                self.evicted += evicted.events
                self.problem = f"the spool reached its limit of {self.max_bytes} bytes; the oldest events were dropped"
                self._losses.add(evicted.events, self.problem, already_reported=evicted.reported)
        if excess > 0:
            self.retry_at = time.monotonic() + _RETRY_SECONDS
            self._unavailable = (
                f"the spool has reached its limit of {self.max_bytes} bytes; no consumer reads it fast enough"
            )
            return None
        kind = MappedSegment if self.filesystem.mappable else AppendedSegment
        return kind(self.folder, self._writer, self._mode, self.segment_bytes)

    def _create_folder(self) -> None:
        if self.folder.is_dir():
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._group is not None:
            import shutil  # noqa: PLC0415 - once per spool

            try:
                shutil.chown(self.folder, group=self._group)
            except LookupError:
                raise OSError(errno.EINVAL, f"no such group: {self._group!r}") from None
            self.folder.chmod(0o2770)  # set-group-id: new files in it belong to the group

    def _used(self) -> int:
        with os.scandir(self.folder) as entries:
            return sum(_size(entry) for entry in entries)

    # -- for the thread ------------------------------------------------------------------------

    def maintain(self, current: LiveSegment | None) -> None:
        """Fault in the pages of the current segment, and seal the full ones."""
        with self._maintenance:
            if current is not None and not current.ready:  # the first one, which a caller had to create
                current.prefault()
            self._seal_full()

    def add_spare(self) -> bool:
        """Create a spare; False if there are enough, or none can be created now."""
        if len(self.spares) >= SPARES:
            return False
        try:
            with self._maintenance:
                spare = self._create()
                if spare is None:
                    return False
                spare.prefault()
                self.spares.append(spare)
        except OSError as error:
            self.record_failure(error)
            return False
        return True

    def discard_spares(self) -> None:
        """Delete spares whose folder was removed."""
        for _ in range(len(self.spares)):
            self.spares.popleft().discard()

    def _seal_full(self) -> None:
        """Seal the full segments; under `_maintenance`."""
        while self.full:
            self.seal(*self.full.popleft())

    def seal(self, segment: LiveSegment, length: int) -> None:
        """Turn a segment into a plain file for readers."""
        fd = os.dup(segment.fd)  # keeps the lock while the map is closed
        try:
            removed = not segment.path.exists()
            contents = segment.contents(length) if removed else b""
            segment.close()
            if removed:  # the folder or the file was deleted: the events are written again under the same name
                self._create_folder()
                store(self.folder, segment.name, contents, self._mode)
            else:
                seal(fd, self.folder, segment.name, length)
        except OSError as error:
            self.record_failure(error)
        finally:
            os.close(fd)

    def release(self) -> tuple[list[tuple[LiveSegment, int]], list[LiveSegment]]:
        """Hand the full and the spare segments over to the caller."""
        full, spares = list(self.full), list(self.spares)
        self.full.clear()
        self.spares.clear()
        return full, spares


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # delivered and deleted meanwhile
        return 0
