"""The writer of a spool: a copy into mapped memory, and a thread that keeps mapped memory ready.

`append` costs the caller a lock that is never held during I/O, one copy and one store of eight
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
from mllog.spool._segments import MAX_BYTES, PRESSURE_SECONDS, SEGMENT_BYTES, Segments, WhenFull

SEAL_SECONDS: Final = 60.0
BLOCK_SECONDS: Final = 1.0

_POLL_SECONDS: Final = 0.005
_TICK_SECONDS: Final = 1.0
_JOIN_SECONDS: Final = 2.0


class SpoolWriter:
    r"""Appends events to a spool folder; safe for threads, forks and signals.

    Nothing is created before the first event, so that a process which only forks others creates
    neither a file nor a thread. `append` never raises and, except under the policy `block`, never waits;
    dropped events are counted in `dropped`, and `problem` holds the reason.

    Args:
        folder: the spool; created (mode 0700) with the first event.
        segment_bytes: size of a segment; an event must fit into one.
        max_bytes: limit of the events in the folder, quarantine included.
        when_full: policy at the limit. `drop_newest`: the event is dropped. `drop_oldest`: the oldest sealed segment
            is dropped with all its events. `block`: the caller waits, and drops the event after `block_seconds`.
        block_seconds: the longest wait of a caller.
        group: name or id of a group that may read and write the spool too (folder 2770, files 0660), for a shipper
            that runs as another user.
        report: makes the event that reports drops; it is stored as soon as there is room.
        seal_seconds: age at which a segment with events is sealed, for tools that read sealed files only.
        started: called when this process starts to write, and again after a fork; it must return at once.

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
        self._appending = self._was_appending = False
        self._deferred: deque[bytes] = deque()  # lines that signal handlers logged in the middle of an append
        self._start_empty()
        _WRITERS.add(self)

    def _new_lock(self) -> None:
        self._lock = threading.RLock()  # reentrant for signal handlers, which see `_appending`
        self._acquire, self._release = self._lock.acquire, self._lock.release

    def _start_empty(self) -> None:
        self._current: LiveSegment | None = None
        self._started_at = 0.0
        self._end = 0
        self._limit = 0  # offset up to which `append` may write to the mapped memory directly
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False

    @property
    def dropped(self) -> int:
        """Events dropped in this process: new ones, and old ones evicted for them."""
        return self.losses.total

    @property
    def problem(self) -> str | None:
        """The current problem in one line, or None."""
        return self.segments.problem

    # -- the caller's side ---------------------------------------------------------------------

    def append(self, line: bytes | bytearray) -> bool:
        """Store one line of JSON that ends in a newline; True if it will survive this process."""
        try:
            self._acquire()  # half the cost of `with`
            if self._appending:  # a signal handler interrupted an append of this thread, which stores the line
                self._deferred.append(bytes(line))
                return True
            self._appending = True
            try:
                start = self._end
                end = start + len(line)
                if end <= self._limit:  # `_append` inlined; a limit above zero implies a segment
                    current = self._current
                    current.data[start:end] = line  # type: ignore[union-attr]
                    current.committed_word[0] = end  # type: ignore[union-attr]
                    self._end = end
                    self.accepted += 1
                    stored = True
                else:
                    stored = self._append(line)
            finally:
                self._appending = False
            if self._deferred:
                self._append_deferred()
        finally:
            try:  # noqa: SIM105 - `suppress` costs as much as the append
                self._release()
            except RuntimeError:  # a signal handler raised before the lock was taken
                pass
        if stored:
            return True
        if self._block_seconds and self._retry_until_timeout(line):
            return True
        self._count_dropped()
        return False

    def _append(self, line: bytes | bytearray) -> bool:
        size = len(line)
        current = self._current
        if self._thread is None and current is not None:  # after a fork
            self._limit = current.capacity if current.direct else 0
            self._start_thread()
        if (current is None or self._end + size > current.capacity) and not self._roll(size):
            return False
        current = self._current
        assert current is not None
        try:
            current.write(self._end, line)
        except OSError as error:
            self.segments.record_failure(error)
            return False
        self._end += size
        self.accepted += 1
        return True

    def _append_deferred(self) -> None:
        """Store the lines that signal handlers deferred, and keep doing so until none is left; under the lock."""
        while self._deferred:
            self._appending = True
            try:
                while self._deferred:
                    if not self._append(self._deferred.popleft()):
                        self._count_dropped()
            finally:
                self._appending = False

    def _retry_until_timeout(self, line: bytes | bytearray) -> bool:
        """Retry until there is room or time is up, for the policy `block`."""
        if len(line) > self.segments.capacity:
            return False
        deadline = time.monotonic() + self._block_seconds
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            with self._lock:
                if self._appending:
                    return False
                self._appending = True
                try:
                    self.segments.retry()
                    if self._append(line):
                        return True
                finally:
                    self._appending = False
        return False

    def _count_dropped(self) -> None:
        self.losses.add(1, self.problem or "unknown")

    def _write_report(self, line: bytes) -> bool:
        """Store a report of dropped events; the caller holds the lock."""
        current = self._current
        if current is None or self._end + len(line) > current.capacity:
            return False
        try:
            current.write(self._end, line)
        except OSError:
            return False
        self._end += len(line)
        return True

    def _report_losses(self) -> None:
        """Write the report that is due, in a new segment if need be; the caller holds the lock."""
        if self.losses.due and (self._current is not None or self._roll(0)):
            self.losses.report(self._write_report)

    def _roll(self, size: int) -> bool:
        """Switch to the next segment."""
        if size > self.segments.capacity:
            self.segments.problem = (
                f"an event of {size} bytes does not fit into a segment of {self.segments.segment_bytes}"
            )
            return False
        self._retire_current()
        segment = self.segments.next(size)
        if segment is None:
            return False
        self._current, self._end, self._limit = segment, 0, segment.capacity if segment.direct else 0
        self._started_at = time.monotonic()
        self.losses.report(self._write_report)
        if self._thread is None:
            self._start_thread()
        self._wake.set()
        return True

    def _retire_current(self) -> None:
        """Close the current segment for events, and queue it for sealing."""
        if self._current is not None:
            self.segments.full.append((self._current, self._end))
            self._current, self._end, self._limit = None, 0, 0
            self._wake.set()

    # -- the thread's side ---------------------------------------------------------------------

    def _start_thread(self) -> None:
        self._stopping = False
        # A daemon: `close` stops it at exit, but a process that skips `close` must not hang on it.
        self._thread = threading.Thread(target=self._run, name="mllog-spool", daemon=True)
        with contextlib.suppress(RuntimeError):  # the interpreter is shutting down: callers create segments themselves
            self._thread.start()
        if self._started is not None:
            self._started()

    def _run(self) -> None:
        relieve_at = time.monotonic() + PRESSURE_SECONDS
        while not self._stopping:
            self._wake.clear()
            self._retire_stale()
            self.segments.maintain(self._current)
            while self._current is not None and not self._stopping and self.segments.add_spare():
                pass
            if time.monotonic() >= relieve_at:
                if self.segments.relieve() and self._lock.acquire(blocking=False):
                    self._retire_current()
                    self._lock.release()
                relieve_at = time.monotonic() + PRESSURE_SECONDS
            if not self._stopping:
                self._wake.wait(self._tick())

    def _tick(self) -> float | None:
        """Seconds until the thread has something to do; None: until an event comes."""
        if self._current is not None or self.losses.due:
            return _TICK_SECONDS
        return PRESSURE_SECONDS if self.segments.spares else None

    def _retire_stale(self) -> None:
        """Retire a segment that is old, or whose file was deleted; its events are then written to a new file."""
        if self.losses.due and self._lock.acquire(blocking=False):
            self._report_losses()
            self._lock.release()
        current = self._current
        if current is None:
            return
        deleted = not current.path.exists()
        old = time.monotonic() - self._started_at > self._seal_seconds
        if (deleted or old) and self._lock.acquire(blocking=False):  # else at the next tick
            try:
                if current is self._current:
                    self._retire_current()
                    if deleted:
                        self.segments.discard_spares()
            finally:
                self._lock.release()

    def _stop_thread(self) -> bool:
        """Whether the thread has ended. It may wait for a lock of the caller's, so it is not waited for long.

        The logging module holds its lock while it closes handlers, and the interpreter needs that lock to collect
        a handler as garbage, in whichever thread it does so.
        """
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            self._stopping = True
            self._wake.set()
            thread.join(_JOIN_SECONDS)
            self._stopping = False
            if thread.is_alive():
                return False
        self._thread = None
        return True

    # -- lifecycle ----------------------------------------------------------------------------

    def close(self) -> None:
        """Seal everything; the next `append` starts over."""
        with self._lock:
            if self._appending:  # a signal handler ends the process in the middle of an append: recovery seals it
                return
        if not self._stop_thread():
            return  # it goes on, and what it leaves is sealed by the next reader
        with self._lock:
            self._appending = True
            try:
                self.segments.retry()
                self._report_losses()
                if not self._stop_thread():  # writing the report may have started it
                    return
                self._retire_current()
                full, spares = self.segments.release()
                self.segments.retry()  # a failure here must not delay the next `append`
                self._start_empty()
            finally:
                self._appending = False
            self._append_deferred()  # what signal handlers logged meanwhile starts a new segment
        for segment, length in full:
            self.segments.seal(segment, length)
        for spare in spares:
            spare.discard()

    def before_fork(self) -> None:
        """Stop the thread and finish the append in progress before the process is copied."""
        self._lock.acquire()
        self._was_appending = self._appending  # a signal handler forks in the middle of an append
        self._appending = True  # a handler that logs from now on defers its line
        self._stop_thread()

    def after_fork_in_parent(self) -> None:
        """Continue; the next event starts the thread again."""
        self._appending = self._was_appending
        self._limit = 0
        if not self._appending:
            self._append_deferred()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Close the parent's segments: an inherited descriptor would keep the parent's lock after its death."""
        full, spares = self.segments.release()
        for segment in (*spares, *(segment for segment, _ in full), *([self._current] if self._current else [])):
            segment.close()
        self._new_lock()
        self._appending = False
        self._deferred = deque()
        self.losses.reset()
        self.segments.reset()
        self.accepted = 0
        self._start_empty()


_WRITERS: Final[weakref.WeakSet[SpoolWriter]] = weakref.WeakSet()


def _on_every_writer(method: str) -> Any:
    def call() -> None:
        for writer in list(_WRITERS):
            getattr(writer, method)()

    return call


os.register_at_fork(
    before=_on_every_writer("before_fork"),
    after_in_parent=_on_every_writer("after_fork_in_parent"),
    after_in_child=_on_every_writer("after_fork_in_child"),
)
