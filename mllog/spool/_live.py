"""A segment while its writer is alive: memory-mapped, or appended to where mapping is not safe.

A store to a mapped page behind the end of the file kills the process (SIGBUS), and no check of the size beforehand
can prevent that. So only files that no other user can open for writing are mapped; see `Segments`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import secrets
from pathlib import Path
from typing import Final

from mllog._files import try_lock
from mllog.spool._folder import LIVE, SPARE
from mllog.spool._segment import TRAILER_BYTES

_POPULATE_WRITE: Final = 23  # MADV_POPULATE_WRITE, Linux 5.14: fault in pages without writing


class LiveSegment:
    """A file of this process: created as a spare, later filled with events.

    Args:
        folder: the spool.
        writer: id of the writer.
        mode: permissions of the file.

    Attributes:
        fd: its descriptor, which holds the lock that marks the writer as alive.
        capacity: bytes of events that fit.
        direct: whether `SpoolWriter.append` may write to `data` and `committed_word` directly.
        ready: whether its pages are faulted in.
    """

    __slots__ = ("capacity", "committed_word", "data", "direct", "fd", "name", "path", "ready")
    capacity: int
    data: memoryview
    committed_word: memoryview

    def __init__(self, folder: Path, writer: str, mode: int) -> None:
        self.name = ""
        self.path = folder / f"{writer}-{secrets.token_hex(4)}{SPARE}"
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        self.ready = True
        self.direct = False
        try:
            os.fchmod(self.fd, mode)  # independent of the umask
            try_lock(self.fd)
        except OSError:
            os.close(self.fd)
            self.path.unlink(missing_ok=True)
            raise

    def go_live(self, folder: Path, name: str) -> None:
        """Rename it, so that it takes events from now on."""
        target = folder / (name + LIVE)
        self.path.rename(target)
        self.name, self.path = name, target

    def discard(self) -> None:
        """Delete it unused."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the descriptor, which releases the lock."""
        os.close(self.fd)

    def write(self, offset: int, line: bytes | bytearray) -> None:
        """Append a line, so that a reader sees all of it or nothing.

        Raises:
            OSError: there is no room, and nothing was written.
        """
        raise NotImplementedError

    def prefault(self) -> None:
        """Fault in its pages, so that no caller waits for them."""

    def contents(self, length: int) -> bytes:
        """The first `length` bytes, even if the file was removed from its folder."""
        return os.pread(self.fd, length, 0)


class MappedSegment(LiveSegment):
    """A memory-mapped file of fixed size; its last eight bytes hold the committed length."""

    __slots__ = ("map",)

    def __init__(self, folder: Path, writer: str, mode: int, size: int) -> None:
        super().__init__(folder, writer, mode)
        try:
            # Blocks, not a sparse file: a write to a mapped hole on a full disk kills the process (SIGBUS).
            os.posix_fallocate(self.fd, 0, size)
            self.map = mmap.mmap(self.fd, size)
        except OSError:
            os.close(self.fd)
            self.path.unlink(missing_ok=True)
            raise
        self.capacity = size - TRAILER_BYTES
        self.data = memoryview(self.map)
        self.committed_word = self.data[size - TRAILER_BYTES :].cast("Q")
        self.ready = False
        self.direct = True

    def write(self, offset: int, line: bytes | bytearray) -> None:
        """Copy a line, then commit it."""
        end = offset + len(line)
        self.data[offset:end] = line
        self.committed_word[0] = end  # the commit: one aligned store, so a reader sees the old length or the new

    def prefault(self) -> None:
        """Fault in its pages; their contents stay.

        With ctypes, which releases the interpreter's lock; `mmap.madvise` holds it for several milliseconds.
        """
        import ctypes  # noqa: PLC0415 - only the spool's thread needs it

        with contextlib.suppress(OSError, AttributeError):  # an older kernel: the first write to a page costs a fault
            view = (ctypes.c_char * len(self.map)).from_buffer(self.map)
            try:
                madvise = ctypes.CDLL(None).madvise
                madvise(ctypes.c_void_p(ctypes.addressof(view)), ctypes.c_size_t(len(self.map)), _POPULATE_WRITE)
            finally:
                del view  # a map with views cannot be closed
        self.ready = True

    def contents(self, length: int) -> bytes:
        """The first `length` bytes."""
        return bytes(self.data[:length])

    def close(self) -> None:
        """Close the descriptor, the map and its views."""
        self.committed_word.release()
        self.data.release()
        self.map.close()
        super().close()


class AppendedSegment(LiveSegment):
    """A file that grows with each event: one system call each, safe on any filesystem and beside other writers."""

    __slots__ = ()

    def __init__(self, folder: Path, writer: str, mode: int, size: int) -> None:
        super().__init__(folder, writer, mode)
        self.capacity = size - TRAILER_BYTES
        # Appending, so that lines have no hole before them after another process of the group has truncated the file.
        fcntl.fcntl(self.fd, fcntl.F_SETFL, fcntl.fcntl(self.fd, fcntl.F_GETFL) | os.O_APPEND)

    def write(self, offset: int, line: bytes | bytearray) -> None:
        """Write a line; one that does not fit is removed again."""
        written = os.pwrite(self.fd, line, offset)
        if written != len(line):
            os.ftruncate(self.fd, max(0, os.fstat(self.fd).st_size - written))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
