"""The segments of one writer: created ahead of time, sealed when full, within a limit of bytes."""

from __future__ import annotations

import contextlib
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
from mllog.spool._folder import QUARANTINE, same_file, secure, usage
from mllog.spool._live import AppendedSegment, LiveSegment, MappedSegment
from mllog.spool._segment import TRAILER_BYTES, event_bytes, reclaim, seal, stem, store

SEGMENT_BYTES: Final = 8 << 20
SMALL_BYTES: Final = 64 << 10
"""Size of a segment, if the event fits, when the room of the spool is reserved by others."""

MAX_BYTES: Final = 1 << 30
SPARES: Final = 2
PRESSURE_SECONDS: Final = 10.0
"""Interval at which a process looks whether its spares are needed as room for others."""

WhenFull = Literal["drop_newest", "drop_oldest", "block"]
WHEN_FULL: Final[tuple[WhenFull, ...]] = ("drop_newest", "drop_oldest", "block")

_RETRY_SECONDS: Final = 1.0


class Segments:
    """Creates the segments of a writer and seals them; other writers may use the same folder.

    The limit is one of events. What segments reserve for events to come counts only while there is room: a segment
    takes at most an eighth of the room that is left, spares are given back under pressure, and while the events
    themselves are below the limit there is always a small segment for a writer that needs one. So for a moment events
    may exceed the limit by what running writers had reserved, at most half of it.

    Segments are memory-mapped where no other user can write to the folder and its filesystem allows it. In a folder
    that a group shares, another process may truncate a file at any moment, so there each event is a write call.

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
        self.folder = folder
        self.filesystem = filesystem(folder)
        self.segment_bytes = max(mmap.PAGESIZE, _pages(segment_bytes))
        self.capacity = self.segment_bytes - TRAILER_BYTES
        self.max_bytes = max_bytes
        self.when_full = when_full
        self._group = group
        self._mode = 0o600 if group is None else 0o660
        self._mapped = False
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
        self.retry_at = self._no_spare_until = 0.0
        self._unavailable = ""  # the reason why there is no segment until then

    def record_failure(self, error: OSError) -> None:
        """Keep the reason of a failure, and wait before the next attempt."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        self.problem = self._unavailable = f"{self.folder}: {'no room left' if full else error.strerror}"
        self.retry_at = time.monotonic() + _RETRY_SECONDS

    # -- for logging threads --------------------------------------------------------------------

    def next(self, least: int = 0) -> LiveSegment | None:
        """The next segment for events: a spare, or a new one; None if none can be created.

        Args:
            least: bytes of the event that must fit.
        """
        try:
            segment = self._go_live(least)
        except OSError as error:
            self.record_failure(error)
            return None
        if segment is not None:
            self.problem = None
        elif self.problem is None:  # the thread's own failure may be cleared already, because a spare was left
            self.problem = self._unavailable
        return segment

    def _go_live(self, least: int) -> LiveSegment | None:
        while True:
            created = not self.spares
            if created:
                with self._maintenance:
                    spare = self.spares.popleft() if self.spares else self._create(least)
            else:
                spare = self.spares.popleft()
            if spare is None:
                return None
            if spare.capacity < least:  # a small one, made under pressure
                spare.discard()
                continue
            self._micros = max(time.time_ns() // 1000, self._micros + 1)
            try:
                spare.go_live(self.folder, stem(self._micros, self._writer))
            except FileNotFoundError:  # the spare was deleted with its folder: a new one is created
                spare.discard()
                if created:
                    raise
                continue
            return spare

    def _create(self, least: int, *, spare: bool = False) -> LiveSegment | None:
        """A new segment, unless the limit is reached or the last failure is too recent; under `_maintenance`."""
        if time.monotonic() < self.retry_at:
            return None
        self._prepare_folder()
        smallest = min(self.segment_bytes, max(SMALL_BYTES, _pages(least + TRAILER_BYTES)))
        size = self._affordable(smallest, spare=spare)
        if size is None:
            return None
        kind = MappedSegment if self._mapped else AppendedSegment
        try:
            return kind(self.folder, self._writer, self._mode, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or spare or size == smallest:
                raise
            return kind(self.folder, self._writer, self._mode, smallest)

    def _affordable(self, smallest: int, *, spare: bool) -> int | None:
        """The size of the next segment; None if there is no room for one."""
        used = usage(self.folder)
        room = self.max_bytes - used.allocated
        # What running writers have reserved can still be filled when the limit is reached, so it is bounded too. An
        # appended segment reserves nothing on disk; there the writers themselves count.
        free = min(room, self.max_bytes // 2 - sum(size for _, size in used.open))
        share = free // 8 if self._mapped else free // (8 * (1 + used.live))
        wanted = min(self.segment_bytes, max(smallest, _pages(share)))
        if spare and self.when_full != "drop_oldest":
            return wanted if room - wanted >= self.max_bytes // 8 else None
        if wanted <= room:
            return wanted
        # From here on only events count, not what is reserved for events to come.
        self._seal_full()
        reclaim(self.folder)
        used = usage(self.folder)
        events = event_bytes(used)
        if self.when_full == "drop_oldest" and (spare or self.max_bytes - events < smallest):
            if spare and used.allocated - events > self.max_bytes // 4:
                return None
            wanted = min(self.segment_bytes, max(smallest, _pages(self.max_bytes // 16)))
            events -= self._evict(wanted - (self.max_bytes - (used.allocated if spare else events)))
            used = usage(self.folder)
        unreserved = (self.max_bytes - used.allocated) // mmap.PAGESIZE * mmap.PAGESIZE
        if spare:
            return wanted if wanted <= unreserved else None
        if self.max_bytes - events >= smallest:
            return max(smallest, min(wanted, unreserved))
        self.retry_at = time.monotonic() + _RETRY_SECONDS
        self._unavailable = self._reason_full(used.aside)
        return None

    def _evict(self, needed: int) -> int:
        """Delete the oldest events; the bytes that came free."""
        evicted = evict(self.folder, needed)
        if evicted.events or evicted.reported:
            self.evicted += evicted.events
            self.problem = f"the spool reached its limit of {self.max_bytes} bytes; the oldest events were dropped"
            self._losses.add(evicted.events, self.problem, already_reported=evicted.reported)
        return evicted.bytes

    def _reason_full(self, aside: int) -> str:
        limit = f"the spool has reached its limit of {self.max_bytes} bytes"
        if aside > self.max_bytes // 2:
            return f"{limit}; {aside} of them are in {QUARANTINE} and files set aside: move those away"
        return f"{limit}; no consumer reads it fast enough"

    def _prepare_folder(self) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._group is not None:
                import shutil  # noqa: PLC0415 - once per spool

                try:
                    shutil.chown(self.folder, group=self._group)
                except LookupError:
                    raise OSError(errno.EINVAL, f"no such group: {self._group!r}") from None
                self.folder.chmod(0o2770)  # set-group-id: new files in it belong to the group
        shared = secure(self.folder)
        self._mapped = self.filesystem.mappable and self._group is None and not shared

    # -- for the thread ------------------------------------------------------------------------

    def maintain(self, current: LiveSegment | None) -> None:
        """Fault in the pages of the current segment, and seal the full ones."""
        with self._maintenance:
            if current is not None and not current.ready:  # the first one, which a caller had to create
                current.prefault()
            self._seal_full()

    def add_spare(self) -> bool:
        """Create a spare; False if there are enough, or none can be created now."""
        if len(self.spares) >= SPARES or time.monotonic() < self._no_spare_until:
            return False
        try:
            with self._maintenance:
                spare = self._create(0, spare=True)
                if spare is None:
                    return False
                spare.prefault()
                self.spares.append(spare)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                self.record_failure(error)
            # No room for a spare is no problem yet: there may be room for a small segment when it is needed.
            self._no_spare_until = time.monotonic() + _RETRY_SECONDS
            return False
        return True

    def relieve(self) -> bool:
        """Give spares back if others need the room.

        Returns:
            Whether the events have reached the limit, so that no segment should be filled any further.
        """
        try:
            used = usage(self.folder)
            if used.allocated <= self.max_bytes // 8 * 7:
                return False
            self.discard_spares()
            return self.when_full != "drop_oldest" and event_bytes(used) >= self.max_bytes
        except OSError:  # the folder was removed
            return False

    def discard_spares(self) -> None:
        """Delete the spares."""
        with contextlib.suppress(IndexError):  # a logging thread takes one at the same time
            while True:
                self.spares.popleft().discard()

    def _seal_full(self) -> None:
        """Seal the full segments; under `_maintenance`."""
        while self.full:
            self.seal(*self.full.popleft())

    def seal(self, segment: LiveSegment, length: int) -> None:
        """Turn a segment into a plain file for readers."""
        fd = os.dup(segment.fd)  # keeps the lock while the map is closed
        try:
            length = min(length, os.fstat(fd).st_size)  # another process may have truncated it
            removed = not same_file(segment.path, fd)
            contents = segment.contents(length) if removed else b""
            segment.close()
            if removed:  # the folder or the file was deleted: the events are written again under the same name
                self._prepare_folder()
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


def _pages(size: int) -> int:
    """A size in whole pages."""
    return (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE * mmap.PAGESIZE
