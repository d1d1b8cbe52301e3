"""The writer of a spool: a copy into mapped memory, and a thread that keeps mapped memory ready.

What `append` costs the caller is a lock that nobody holds over I/O, one copy and one store of eight
bytes. The event is then in the page cache: it survives the death of the process.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mllog.spool._drops import Losses, Report
from mllog.spool._live import LiveSegment
from mllog.spool._segments import MAX_BYTES, SEGMENT_BYTES, Segments, WhenFull

SEAL_SECONDS: Final = 60.0
BLOCK_SECONDS: Final = 1.0

_POLL_SECONDS: Final = 0.005
_TICK_SECONDS: Final = 1.0


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
        self.losses = Losses(report)
        self.segments = Segments(
            folder,
            segment_bytes=segment_bytes,
            max_bytes=max_bytes,
            when_full=when_full,
            group=group,
            losses=self.losses,
        )
        self.accepted = 0
        self._block_seconds = block_seconds if when_full == "block" else 0.0
        self._started = started
        self._seal_seconds = seal_seconds
        self._new_lock()
        self._inside = self._was_inside = False
        self._late: deque[bytes] = deque()  # lines of signal handlers that came in the middle of an append
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
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False

    @property
    def dropped(self) -> int:
        """Events that were given up in this process: new ones and, for their sake, old ones."""
        return self.losses.total

    @property
    def problem(self) -> str | None:
        """What is wrong now, in one line."""
        return self.segments.problem

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
                if end <= self._limit:  # `_append`, without its call; there is a segment where the limit is not zero
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
        if self._block_seconds and self._wait(line):
            return True
        self._give_up()
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
            self.segments.failed(error)
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
                        self._give_up()
            finally:
                self._inside = False

    def _wait(self, line: bytes | bytearray) -> bool:
        """Try again until there is room, for the policy `block`."""
        if len(line) > self.segments.capacity:
            return False
        deadline = time.monotonic() + self._block_seconds
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            with self._lock:
                if self._inside:
                    return False
                self._inside = True
                try:
                    self.segments.retry()
                    if self._append(line):
                        return True
                finally:
                    self._inside = False
        return False

    def _give_up(self) -> None:
        self.losses.add(1, self.problem or "unknown")

    def _write_report(self, line: bytes) -> bool:
        """Store an event about what was given up; the caller holds the lock."""
        current = self._current
        if current is None or self._end + len(line) > current.capacity:
            return False
        try:
            current.write(self._end, line)
        except OSError:
            return False
        self._end += len(line)
        return True

    def _catch_up(self) -> None:
        """Say what is not yet said, in a segment that may be made for it; the caller holds the lock."""
        if self.losses.due and (self._current is not None or self._roll(0)):
            self.losses.tell(self._write_report)

    def _roll(self, size: int) -> bool:
        """Go on in the next segment."""
        if size > self.segments.capacity:
            self.segments.problem = (
                f"an event of {size} bytes does not fit into a segment of {self.segments.segment_bytes}"
            )
            return False
        self._put_aside()
        segment = self.segments.next()
        if segment is None:
            return False
        self._current, self._end, self._limit = segment, 0, segment.capacity if segment.quick else 0
        self._began = time.monotonic()
        self.losses.tell(self._write_report)
        if self._thread is None:
            self._start_thread()
        self._wake.set()
        return True

    def _put_aside(self) -> None:
        """The current segment takes no more events."""
        if self._current is not None:
            self.segments.full.append((self._current, self._end))
            self._current, self._end, self._limit = None, 0, 0
            self._wake.set()

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
            self.segments.tend(self._current)
            while self._current is not None and not self._stopping and self.segments.add_spare():
                pass
            if not self._stopping:
                self._wake.wait(None if self._current is None and not self.losses.due else _TICK_SECONDS)

    def _look(self) -> None:
        """Put aside a segment that has grown old, or whose file was taken away; what it holds is stored anew."""
        if self.losses.due and self._lock.acquire(blocking=False):
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
                    if gone:
                        self.segments.discard_spares()
            finally:
                self._lock.release()

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
                self.segments.retry()
                self._catch_up()
                self._stop_thread()  # it may just have been started for that
                self._put_aside()
                full, spares = self.segments.give_up()
                self.segments.retry()  # what was met here must not keep the next `append` waiting
                self._start_empty()
            finally:
                self._inside = False
            self._drain()  # what signal handlers logged meanwhile starts anew
        for segment, length in full:
            self.segments.seal(segment, length)
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
        full, spares = self.segments.give_up()
        for segment in (*spares, *(segment for segment, _ in full), *([self._current] if self._current else [])):
            segment.close()
        self._new_lock()
        self._inside = False
        self._late = deque()
        self.losses.reset()
        self.segments.reset()
        self.accepted = 0
        self._start_empty()


_WRITERS: Final[weakref.WeakSet[SpoolWriter]] = weakref.WeakSet()


def _each(method: str) -> Any:
    def call() -> None:
        for writer in list(_WRITERS):
            getattr(writer, method)()

    return call


os.register_at_fork(
    before=_each("before_fork"),
    after_in_parent=_each("after_fork_in_parent"),
    after_in_child=_each("after_fork_in_child"),
)
