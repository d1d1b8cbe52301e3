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
from pathlib import Path
from typing import Any, Final

from mllog.spool._segment import LIVE, SPARE, WORD, lock, seal, stem

SEGMENT_BYTES: Final = 8 << 20
MAX_BYTES: Final = 1 << 30
SPARES: Final = 2

_POPULATE_WRITE: Final = 23  # MADV_POPULATE_WRITE, Linux 5.14: fault pages in without a write
_RETRY_SECONDS: Final = 1.0


class _Mapped:
    """A segment file of this process: its descriptor (which holds the lock), map and views."""

    __slots__ = ("data", "fd", "map", "name", "path", "ready", "word")

    def __init__(self, folder: Path, writer: str, size: int, mode: int) -> None:
        self.name = ""
        self.ready = False
        self.path = folder / f"{writer}-{secrets.token_hex(4)}{SPARE}"
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            lock(self.fd)
            # Blocks, not a sparse file: a write to a mapped hole on a full disk kills the process (SIGBUS).
            os.posix_fallocate(self.fd, 0, size)
            self.map = mmap.mmap(self.fd, size)
        except OSError:
            os.close(self.fd)
            self.path.unlink(missing_ok=True)
            raise
        self.data = memoryview(self.map)
        self.word = self.data[size - WORD :].cast("Q")

    def prefault(self) -> None:
        """Bring the pages in, so that no caller waits for them; what they hold stays.

        Through ctypes, which lets go of the interpreter's lock; `mmap.madvise` keeps it for all the milliseconds.
        """
        import ctypes  # noqa: PLC0415 - only this thread needs it

        with contextlib.suppress(OSError, AttributeError):  # an older kernel: the first write to a page costs a fault
            view = (ctypes.c_char * len(self.map)).from_buffer(self.map)
            try:
                madvise = ctypes.CDLL(None).madvise
                madvise(ctypes.c_void_p(ctypes.addressof(view)), ctypes.c_size_t(len(self.map)), _POPULATE_WRITE)
            finally:
                del view  # a map with views cannot be closed
        self.ready = True

    def go_live(self, folder: Path, name: str) -> None:
        self.name = name
        target = folder / (name + LIVE)
        self.path.rename(target)
        self.path = target

    def close(self) -> None:
        self.word.release()
        self.data.release()
        self.map.close()
        os.close(self.fd)


class _Here(threading.local):
    """Whether this thread is inside `append`."""

    inside = False


class SpoolWriter:
    r"""Appends events to a spool folder; safe for threads, forks and signals.

    Nothing is created before the first event, so that a process which only forks others starts
    neither a file nor a thread. `append` never raises and never waits for the disk; what it had to
    give up is counted in `dropped`, and `problem` says why.

    Args:
        folder: the spool; made (mode 0700) when the first event comes.
        segment_bytes: size of a segment; an event must fit into one.
        max_bytes: bound of the whole folder, with what was not yet delivered; beyond it the newest is dropped.

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
        self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, max_bytes: int = MAX_BYTES, file_mode: int = 0o600
    ) -> None:
        page = mmap.PAGESIZE
        self.folder = folder
        self.segment_bytes = max(page, (segment_bytes + page - 1) // page * page)
        self.max_bytes = max_bytes
        self.accepted = 0
        self.dropped = 0
        self.problem: str | None = None
        self._mode = file_mode
        self._writer = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._here = _Here()
        self._forked_inside = False
        self._late: deque[bytes] = deque()  # lines of signal handlers that came in the middle of an append
        self._start_empty()
        _WRITERS.add(self)

    def _start_empty(self) -> None:
        self._current: _Mapped | None = None
        self._end = 0
        self._limit = 0
        self._micros = 0
        self._retry_at = 0.0
        self._spares: deque[_Mapped] = deque()
        self._full: deque[tuple[_Mapped, int]] = deque()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False

    # -- the caller's side ---------------------------------------------------------------------

    def append(self, line: bytes) -> bool:
        """Store one line of JSON that ends in a newline; True when it will survive this process."""
        here = self._here
        if here.inside:  # a signal handler, and its own thread is in the middle of this class: that one stores it
            self._late.append(line)
            return True
        here.inside = True
        try:
            with self._lock:
                end = self._end + len(line)
                if end <= self._limit and (current := self._current) is not None:  # `_append`, without its call
                    current.data[self._end : end] = line
                    current.word[0] = end
                    self._end = end
                    self.accepted += 1
                    stored = True
                else:
                    stored = self._append(line)
        finally:
            here.inside = False
        if self._late:
            self._drain()
        return stored

    def _drain(self) -> None:
        """Store what signal handlers left, and what further ones leave meanwhile."""
        here = self._here
        while self._late and not here.inside:
            here.inside = True
            try:
                with self._lock:
                    while self._late:
                        self._append(self._late.popleft())
            finally:
                here.inside = False

    def _append(self, line: bytes) -> bool:
        end = self._end + len(line)
        if end > self._limit:
            if not self._roll(len(line)):
                self.dropped += 1
                return False
            end = self._end + len(line)
        current = self._current
        assert current is not None
        current.data[self._end : end] = line
        current.word[0] = end  # the commit: one aligned store, so a reader sees the old length or the new
        self._end = end
        self.accepted += 1
        return True

    def _roll(self, size: int) -> bool:
        """Go on in a spare segment; where the thread has none ready yet, make one here."""
        if size > self.segment_bytes - WORD:
            self.problem = f"an event of {size} bytes does not fit into a segment of {self.segment_bytes}"
            return False
        if self._current is not None:
            self._full.append((self._current, self._end))
            self._current, self._end, self._limit = None, 0, 0
        try:
            spare = self._spares.popleft() if self._spares else self._create()
            if spare is None:
                if self.problem is None:
                    self.problem = f"the spool holds its bound of {self.max_bytes} bytes; nothing reads it fast enough"
                return False
            self._micros = max(time.time_ns() // 1000, self._micros + 1)
            spare.go_live(self.folder, stem(self._micros, self._writer))
        except OSError as error:
            self._fail(error)
            return False
        self._current, self._end, self._limit = spare, 0, self.segment_bytes - WORD
        self.problem = None
        if self._thread is None:
            self._start_thread()
        self._wake.set()
        return True

    def _create(self) -> _Mapped | None:
        """A new segment, unless the bound is reached or a failure is too recent to try again."""
        if time.monotonic() < self._retry_at:
            return None
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._used() + self.segment_bytes > self.max_bytes:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            return None
        return _Mapped(self.folder, self._writer, self.segment_bytes, self._mode)

    def _used(self) -> int:
        with os.scandir(self.folder) as entries:
            return sum(_size(entry) for entry in entries)

    def _fail(self, error: OSError) -> None:
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        self.problem = f"{self.folder}: {'no room left' if full else error.strerror}"

    # -- the thread's side ---------------------------------------------------------------------

    def _start_thread(self) -> None:
        self._stopping = False
        # A daemon: at exit `close` stops it; a process that never comes so far must not hang on it.
        self._thread = threading.Thread(target=self._run, name="mllog-spool", daemon=True)
        with contextlib.suppress(RuntimeError):  # the interpreter is shutting down: callers make segments themselves
            self._thread.start()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self._tend()
            if not self._stopping:
                self._wake.wait()

    def _tend(self) -> None:
        """Seal what is full, then bring spares up to their number."""
        current = self._current
        if current is not None and not current.ready:  # the first one, which a caller had to make
            current.prefault()
        while self._full:
            self._seal(*self._full.popleft())
        try:
            while len(self._spares) < SPARES and not self._stopping:
                spare = self._create()
                if spare is None:
                    return
                spare.prefault()
                self._spares.append(spare)
        except OSError as error:
            self._fail(error)

    def _seal(self, segment: _Mapped, length: int) -> None:
        fd = os.dup(segment.fd)  # keeps the lock over the closing of the map
        try:
            segment.close()
            seal(fd, self.folder, segment.name, length)
        except OSError as error:  # the folder was taken away: what is lost was not ours to keep
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
        here = self._here
        if here.inside:  # a signal handler that ends the process in the middle of an append: recovery seals it
            return
        here.inside = True
        try:
            self._close()
        finally:
            here.inside = False
        self._drain()  # signal handlers that logged meanwhile have started anew

    def _close(self) -> None:
        self._stop_thread()
        with self._lock:
            current, end = self._current, self._end
            full, spares = list(self._full), list(self._spares)
            self._start_empty()
        for segment, length in [*full, *([(current, end)] if current else [])]:
            self._seal(segment, length)
        for spare in spares:
            spare.close()
            spare.path.unlink(missing_ok=True)

    def before_fork(self) -> None:
        """No thread may be alive and no append half done when the process is copied."""
        self._forked_inside = self._here.inside  # a signal handler forks in the middle of an append
        self._here.inside = True  # a handler that logs from here on leaves its line to `_drain`
        self._stop_thread()
        if not self._forked_inside:
            self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on; the thread comes back with the next segment."""
        if not self._forked_inside:
            self._lock.release()
            self._here.inside = False
            self._drain()

    def after_fork_in_child(self) -> None:
        """The segments are the parent's: give up descriptor, map and views, or its lock would outlive it."""
        inherited = [*self._spares, *(segment for segment, _ in self._full)]
        if self._current is not None:
            inherited.append(self._current)
        for segment in inherited:
            segment.close()
        self._lock = threading.Lock()
        self._here = _Here()
        self._late = deque()
        self._writer = secrets.token_hex(8)
        self.accepted = self.dropped = 0
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
