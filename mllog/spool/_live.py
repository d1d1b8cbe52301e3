"""A segment while its writer lives: mapped into memory, or appended to where mapping is not safe."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import secrets
from pathlib import Path
from typing import Final

from mllog._files import try_lock
from mllog.spool._segment import LIVE, SPARE, WORD

_POPULATE_WRITE: Final = 23  # MADV_POPULATE_WRITE, Linux 5.14: fault pages in without a write


class LiveSegment:
    """A file of this process that is a spare first, and then takes events.

    Args:
        folder: the spool.
        writer: id of the writer.
        mode: of the file.

    Attributes:
        fd: its descriptor, which holds the lock that says: this writer lives.
        capacity: bytes of events that fit.
        quick: whether `SpoolWriter.append` may write to `data` and `word` itself.
        ready: whether its pages are in memory.
    """

    __slots__ = ("capacity", "data", "fd", "name", "path", "quick", "ready", "word")
    capacity: int
    data: memoryview
    word: memoryview

    def __init__(self, folder: Path, writer: str, mode: int) -> None:
        self.name = ""
        self.path = folder / f"{writer}-{secrets.token_hex(4)}{SPARE}"
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        self.ready = True
        self.quick = False
        try:
            os.fchmod(self.fd, mode)  # whatever the umask is
            try_lock(self.fd)
        except OSError:
            os.close(self.fd)
            self.path.unlink(missing_ok=True)
            raise

    def go_live(self, folder: Path, name: str) -> None:
        """Take events from now on."""
        target = folder / (name + LIVE)
        self.path.rename(target)
        self.name, self.path = name, target

    def discard(self) -> None:
        """Give it up unused."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give up the descriptor, and with it the lock."""
        os.close(self.fd)

    def write(self, offset: int, line: bytes | bytearray) -> None:
        """Put a line at the end, so that a reader sees the whole of it or nothing.

        Raises:
            OSError: there is no room, and nothing was written.
        """
        raise NotImplementedError

    def prefault(self) -> None:
        """Bring its pages into memory, so that no caller waits for them."""

    def contents(self, length: int) -> bytes:
        """What was written to it, also when the file is not in its folder any more."""
        return os.pread(self.fd, length, 0)


class MappedSegment(LiveSegment):
    """A file of fixed size in memory; the committed length stands in its last eight bytes."""

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
        self.capacity = size - WORD
        self.data = memoryview(self.map)
        self.word = self.data[size - WORD :].cast("Q")
        self.ready = False
        self.quick = True

    def write(self, offset: int, line: bytes | bytearray) -> None:
        """Copy a line, then commit it."""
        end = offset + len(line)
        self.data[offset:end] = line
        self.word[0] = end  # the commit: one aligned store, so a reader sees the old length or the new

    def prefault(self) -> None:
        """Bring its pages into memory; what they hold stays.

        Through ctypes, which lets go of the interpreter's lock; `mmap.madvise` keeps it for all the milliseconds.
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
        """What was written to it."""
        return bytes(self.data[:length])

    def close(self) -> None:
        """Give up descriptor, map and views."""
        self.word.release()
        self.data.release()
        self.map.close()
        super().close()


class AppendedSegment(LiveSegment):
    """A file that grows with each event: one system call each, and safe on any filesystem."""

    __slots__ = ()

    def __init__(self, folder: Path, writer: str, mode: int, size: int) -> None:
        super().__init__(folder, writer, mode)
        self.capacity = size

    def write(self, offset: int, line: bytes | bytearray) -> None:
        """Write a line; of one that does not fit nothing stays."""
        if os.pwrite(self.fd, line, offset) != len(line):
            os.ftruncate(self.fd, offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
