"""The writer of a spool: a copy into mapped memory, and a thread that keeps mapped memory ready.

What `append` costs the caller is a lock that nobody holds over I/O, one copy and one store of eight
bytes. The event is then in the page cache: it survives the death of the process.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

from mllog.spool._evict import evict
from mllog.spool._filesystem import filesystem
from mllog.spool._live import AppendedSegment, LiveSegment, MappedSegment
from mllog.spool._segment import WORD, seal, stem, store

SEGMENT_BYTES: Final = 8 << 20
MAX_BYTES: Final = 1 << 30
SPARES: Final = 2
SEAL_SECONDS: Final = 60.0

WhenFull = Literal["drop_newest", "drop_oldest", "block"]
WHEN_FULL: Final[tuple[WhenFull, ...]] = ("drop_newest", "drop_oldest", "block")
BLOCK_SECONDS: Final = 1.0

_RETRY_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.005
_TICK_SECONDS: Final = 1.0

Report = Callable[["Drops"], bytes]


class Drops:
    """Events that were given up since the last report.

    Attributes:
        count: how many.
        reason: why, the last of them.
        since: when the first was, ns since the epoch.
        until: when the last was.
    """

    __slots__ = ("count", "reason", "since", "until")

    def __init__(self, count: int, reason: str, since: int, until: int) -> None:
        self.count, self.reason, self.since, self.until = count, reason, since, until


class SpoolWriter:
    r"""Appends events to a spool folder; safe for threads, forks and signals.

    Nothing is created before the first event, so that a process which only forks others starts
    neither a file nor a thread. `append` never raises and, unless told to, never waits; what it had to
    give up is counted in `dropped`, and `problem` says why.

    Args:
        folder: the spool; made (mode 0700) when the first event comes.
        segment_bytes: size of a segment; an event must fit into one.
        max_bytes: bound of the whole folder, with what was not yet delivered.
        when_full: what happens at the bound. `drop_newest`: the event is given up. `drop_oldest`: the oldest sealed
            segment is, with all its events. `block`: the caller waits, and gives the event up after `block_seconds`.
        block_seconds: how long a caller waits at most.
        group: name or id of a group that may read and write the spool too (folder 2770, files 0660), for a shipper
            that runs as another user.
        report: makes an event of what was given up; it is stored as soon as there is room.
        seal_seconds: age at which a segment with events is sealed, so that what reads sealed files only sees them.
        started: called when this process begins to write, and again after a fork; it must return at once.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     writer = SpoolWriter(Path(folder))
        ...     writer.append(b'{"event": {"id": "1"}}\\n')
        ...     writer.close()
        ...     [path.suffix for path in Path(folder).iterdir()]
        True
        ['.ndjson']
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        max_bytes: int = MAX_BYTES,
        when_full: WhenFull = "drop_newest",
        block_seconds: float = BLOCK_SECONDS,
        group: str | int | None = None,
        report: Report | None = None,
        seal_seconds: float = SEAL_SECONDS,
        started: Callable[[], None] | None = None,
    ) -> None:
        page = mmap.PAGESIZE
        self.folder = folder
        self.filesystem = filesystem(folder)
        self.segment_bytes = max(page, (segment_bytes + page - 1) // page * page)
        self.max_bytes = max_bytes
        self.when_full = when_full
        self.accepted = 0
        self.dropped = 0
        self.evicted = 0
        self.problem: str | None = None
        self._block_seconds = block_seconds
        self._group = group
        self._mode = 0o600 if group is None else 0o660
        self._report = report
        self._started = started
        self._seal_seconds = seal_seconds
        self._writer = secrets.token_hex(8)
        self._new_lock()
        self._inside = self._was_inside = False
        self._late: deque[bytes] = deque()  # lines of signal handlers that came in the middle of an append
        self._counting = threading.RLock()
        self._tending = threading.Lock()  # whoever makes, prefaults or seals segments
        self._drops: Drops | None = None
        self._start_empty()
        _WRITERS.add(self)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()  # a signal handler of the thread that holds it gets in, and sees `_inside`
        self._acquire, self._release = self._lock.acquire, self._lock.release

    def _start_empty(self) -> None:
        self._current: LiveSegment | None = None
        self._began = 0.0
        self._end = 0
        self._limit = 0  # how far `append` may write to the mapped memory by itself
        self._micros = 0
        self._retry_at = 0.0
        self._why = ""  # there is no segment until then
        self._spares: deque[LiveSegment] = deque()
        self._full: deque[tuple[LiveSegment, int]] = deque()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False

    # -- the caller's side ---------------------------------------------------------------------

    def append(self, line: bytes | bytearray) -> bool:
        """Store one line of JSON that ends in a newline; True when it will survive this process."""
        try:
            self._acquire()  # what `with` would do, at half its price
            if self._inside:  # a signal handler, and its own thread is in the middle of this class: that one stores it
                self._late.append(bytes(line))
                return True
            self._inside = True
            try:
                start = self._end
                end = start + len(line)
                if end <= self._limit:  # `_append`, without its call
                    current = self._current
                    current.data[start:end] = line  # type: ignore[union-attr]
                    current.word[0] = end  # type: ignore[union-attr]
                    self._end = end
                    self.accepted += 1
                    stored = True
                else:
                    stored = self._append(line)
            finally:
                self._inside = False
            if self._late:
                self._drain()
        finally:
            try:  # noqa: SIM105 - `suppress` costs as much as the append
                self._release()
            except RuntimeError:  # an exception of a signal handler came before the lock did
                pass
        if stored:
            return True
        if self.when_full == "block" and self._wait(line):
            return True
        self._give_up(1)
        return False

    def _append(self, line: bytes | bytearray) -> bool:
        size = len(line)
        current = self._current
        if self._thread is None and current is not None:  # after a fork
            self._limit = current.capacity if current.quick else 0
            self._start_thread()
        if (current is None or self._end + size > current.capacity) and not self._roll(size):
            return False
        current = self._current
        assert current is not None
        try:
            current.write(self._end, line)
        except OSError as error:
            self._fail(error)
            return False
        self._end += size
        self.accepted += 1
        return True

    def _drain(self) -> None:
        """Store what signal handlers left, and what further ones leave meanwhile; the caller holds the lock."""
        while self._late:
            self._inside = True
            try:
                while self._late:
                    if not self._append(self._late.popleft()):
                        self._give_up(1)
            finally:
                self._inside = False

    def _wait(self, line: bytes | bytearray) -> bool:
        """Try again until there is room, for the policy `block`."""
        if len(line) > self.segment_bytes - WORD:
            return False
        deadline = time.monotonic() + self._block_seconds
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            with self._lock:
                if self._inside:
                    return False
                self._inside = True
                try:
                    self._retry_at = 0.0
                    if self._append(line):
                        return True
                finally:
                    self._inside = False
        return False

    def _give_up(self, count: int, *, again: int = 0) -> None:
        """Count events that are lost, and `again` such as were said to be, in an event that is now lost too."""
        with self._counting:  # the thread never waits for the other lock, so that whoever holds that may wait for it
            self.dropped += count
            now = time.time_ns()
            since = now if self._drops is None else self._drops.since
            before = 0 if self._drops is None else self._drops.count
            self._drops = Drops(before + count + again, self.problem or "unknown", since, now)

    def _say(self) -> None:
        """Store an event about what was given up; the caller holds the lock, and there is a segment."""
        if self._drops is None or self._report is None or self._current is None:
            return
        with self._counting:
            line = self._report(self._drops)
            if self._end + len(line) <= self._current.capacity:
                with contextlib.suppress(OSError):
                    self._current.write(self._end, line)
                    self._end += len(line)
                    self._drops = None

    def _catch_up(self) -> None:
        """Say what is not yet said, in a segment that may be made for it; the caller holds the lock."""
        if self._drops is not None and self._report is not None and (self._current is not None or self._roll(0)):
            self._say()

    def _roll(self, size: int) -> bool:
        """Go on in a spare segment; where the thread has none ready yet, make one here."""
        if size > self.segment_bytes - WORD:
            self.problem = f"an event of {size} bytes does not fit into a segment of {self.segment_bytes}"
            return False
        self._put_aside()
        try:
            spare = self._go_live()
        except OSError as error:
            self._fail(error)
            return False
        if spare is None:
            if self.problem is None:  # what the thread met with may be gone from there: a spare was left
                self.problem = self._why
            return False
        self._current, self._end, self._limit = spare, 0, spare.capacity if spare.quick else 0
        self._began = time.monotonic()
        self.problem = None
        self._say()
        if self._thread is None:
            self._start_thread()
        self._wake.set()
        return True

    def _go_live(self) -> LiveSegment | None:
        while True:
            made = not self._spares
            if made:
                with self._tending:
                    spare = self._spares.popleft() if self._spares else self._create()
            else:
                spare = self._spares.popleft()
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

    def _put_aside(self) -> None:
        """The current segment takes no more events."""
        if self._current is not None:
            self._full.append((self._current, self._end))
            self._current, self._end, self._limit = None, 0, 0
            self._wake.set()

    def _create(self) -> LiveSegment | None:
        """A new segment, unless the bound is reached or a failure is too recent to try again; under `_tending`."""
        if time.monotonic() < self._retry_at:
            return None
        self._make_folder()
        over = self._used() + self.segment_bytes - self.max_bytes
        if over > 0 and self._full:  # what the thread has not come to yet takes less room once it is sealed
            self._seal_full()
            over = self._used() + self.segment_bytes - self.max_bytes
        if over > 0 and self.when_full == "drop_oldest":
            gone = evict(self.folder, over)
            over -= gone.bytes
            if gone.events or gone.reported:
                self.evicted += gone.events
                self.problem = f"the spool held its bound of {self.max_bytes} bytes; the oldest events were given up"
                self._give_up(gone.events, again=gone.reported)
        if over > 0:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
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

    def _fail(self, error: OSError) -> None:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        self.problem = self._why = f"{self.folder}: {'no room left' if full else error.strerror}"
        self._retry_at = time.monotonic() + _RETRY_SECONDS

    # -- the thread's side ---------------------------------------------------------------------

    def _start_thread(self) -> None:
        self._stopping = False
        # A daemon: at exit `close` stops it; a process that never comes so far must not hang on it.
        self._thread = threading.Thread(target=self._run, name="mllog-spool", daemon=True)
        with contextlib.suppress(RuntimeError):  # the interpreter is shutting down: callers make segments themselves
            self._thread.start()
        if self._started is not None:
            self._started()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self._look()
            self._tend()
            if not self._stopping:
                self._wake.wait(None if self._current is None and self._drops is None else _TICK_SECONDS)

    def _look(self) -> None:
        """Put aside a segment that has grown old, or whose file was taken away; what it holds is stored anew."""
        if self._drops is not None and self._lock.acquire(blocking=False):
            self._catch_up()
            self._lock.release()
        current = self._current
        if current is None:
            return
        gone = not current.path.exists()
        old = time.monotonic() - self._began > self._seal_seconds
        if (gone or old) and self._lock.acquire(blocking=False):  # else there is the next time
            try:
                if current is self._current:
                    self._put_aside()
                    for _ in range(len(self._spares) if gone else 0):
                        self._spares.popleft().discard()
            finally:
                self._lock.release()

    def _tend(self) -> None:
        """Seal what is full, then bring spares up to their number."""
        with self._tending:
            current = self._current
            if current is not None and not current.ready:  # the first one, which a caller had to make
                current.prefault()
            self._seal_full()
        while self._current is not None and len(self._spares) < SPARES and not self._stopping:
            try:
                with self._tending:
                    spare = self._create()
                    if spare is None:
                        return
                    spare.prefault()
                    self._spares.append(spare)
            except OSError as error:
                self._fail(error)
                return

    def _seal_full(self) -> None:
        """Seal what takes no more events; under `_tending`."""
        while self._full:
            self._seal(*self._full.popleft())

    def _seal(self, segment: LiveSegment, length: int) -> None:
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
            self._fail(error)
        finally:
            os.close(fd)

    def _stop_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            self._stopping = True
            self._wake.set()
            thread.join()
        self._stopping = False

    # -- life and death ------------------------------------------------------------------------

    def close(self) -> None:
        """Seal everything; the next `append` starts anew."""
        with self._lock:
            if self._inside:  # a signal handler that ends the process in the middle of an append: recovery seals it
                return
        self._stop_thread()
        with self._lock:
            self._inside = True
            try:
                self._retry_at = 0.0
                self._catch_up()
                self._stop_thread()  # it may just have been started for that
                current, end = self._current, self._end
                full, spares = list(self._full), list(self._spares)
                self._start_empty()
            finally:
                self._inside = False
            self._drain()  # what signal handlers logged meanwhile starts anew
        for segment, length in [*full, *([(current, end)] if current else [])]:
            self._seal(segment, length)
        for spare in spares:
            spare.discard()

    def before_fork(self) -> None:
        """No thread may be alive and no append half done when the process is copied."""
        self._lock.acquire()
        self._was_inside = self._inside  # a signal handler forks in the middle of an append
        self._inside = True  # a handler that logs from here on leaves its line to `_drain`
        self._stop_thread()

    def after_fork_in_parent(self) -> None:
        """Go on; the thread comes back with the next event."""
        self._inside = self._was_inside
        self._limit = 0
        if not self._inside:
            self._drain()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """The segments are the parent's: give up descriptor, map and views, or its lock would outlive it."""
        inherited = [*self._spares, *(segment for segment, _ in self._full)]
        if self._current is not None:
            inherited.append(self._current)
        for segment in inherited:
            segment.close()
        self._new_lock()
        self._counting = threading.RLock()
        self._tending = threading.Lock()
        self._inside = False
        self._late = deque()
        self._drops = None
        self._writer = secrets.token_hex(8)
        self.accepted = self.dropped = self.evicted = 0
        self._start_empty()


_WRITERS: Final[weakref.WeakSet[SpoolWriter]] = weakref.WeakSet()


def _each(method: str) -> Any:
    def call() -> None:
        for writer in list(_WRITERS):
            getattr(writer, method)()

    return call


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # delivered and deleted meanwhile
        return 0


os.register_at_fork(
    before=_each("before_fork"),
    after_in_parent=_each("after_fork_in_parent"),
    after_in_child=_each("after_fork_in_child"),
)
