"""A segment: one file of a spool, and the rules that writer and reader share.

A live segment (`*.live`) is a file of fixed size that its writer maps into memory: lines of JSON
from the first byte, then zeros, and in the last eight bytes the committed length as one aligned
little-endian word. A sealed segment (`*.ndjson`) is truncated to that length: plain NDJSON.
Names begin with the creation time in microseconds, so they sort in the order of writing; a random
writer id follows, since process ids are not unique across containers. A writer is alive while it
holds the lock (flock) on the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mllog._files import try_lock, unlock, write_atomically
from mllog.errors import SpoolError

LIVE: Final = ".live"
SEALED: Final = ".ndjson"
SPARE: Final = ".spare"
READING: Final = ".reading"
"""A file that is locked while events of the segment are being delivered."""

TRAILER_BYTES: Final = 8
"""Bytes of the committed length at the end of a live segment."""

_NAME: Final = re.compile(r"(\d{16})-([0-9a-f]{16})(\.live|\.ndjson)")
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, order=True, slots=True)
class Segment:
    """A segment in its folder: `stem` is its permanent name, `live` its state."""

    stem: str
    live: bool
    folder: Path

    @property
    def path(self) -> Path:
        """The path in its present state; sealing renames it."""
        return self.folder / (self.stem + (LIVE if self.live else SEALED))


def stem(microseconds: int, writer: str) -> str:
    """The name of a segment without its suffix.

    Example:
        >>> stem(1_700_000_000_000_000, "00ff00ff00ff00ff")
        '1700000000000000-00ff00ff00ff00ff'
    """
    return f"{microseconds:016d}-{writer}"


def segments(folder: Path) -> list[Segment]:
    """The segments of a spool, oldest first; other files are ignored.

    Raises:
        SpoolError: the folder does not exist or cannot be read.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise SpoolError(f"{folder}: cannot read the spool: {error.strerror}") from error
    by_stem = {}
    for name in sorted(names):  # "….live" before "….ndjson": if both exist, the segment is sealed
        match = _NAME.fullmatch(name)
        if match:
            segment = Segment(name[: match.end(2)], match[3] == LIVE, folder)
            by_stem[segment.stem] = segment
    return sorted(by_stem.values())


def committed(fd: int) -> int:
    """The number of bytes of an open segment that hold complete events.

    An implausible length (a writer of another version, a disk that lost a page, a file that is being
    sealed right now) is ignored: the lines are scanned instead.
    """
    size = os.fstat(fd).st_size
    if size > TRAILER_BYTES:
        length = int.from_bytes(os.pread(fd, TRAILER_BYTES, size - TRAILER_BYTES), "little")
        if length == 0 and os.pread(fd, 1, 0) in (b"", b"\0"):
            return 0
        if 0 < length <= size - TRAILER_BYTES and os.pread(fd, 1, length - 1) == b"\n":
            return length
    return scan(fd, size)


def scan(fd: int, size: int) -> int:
    """The length of the complete lines before the first zero byte, which JSON never contains."""
    complete = offset = 0
    while offset < size:
        chunk = os.pread(fd, min(_CHUNK, size - offset), offset)
        if not chunk:
            break
        zero = chunk.find(b"\0")
        text = chunk if zero < 0 else chunk[:zero]
        newline = text.rfind(b"\n")
        if newline >= 0:
            complete = offset + newline + 1
        if zero >= 0:
            break
        offset += len(chunk)
    return complete


@contextlib.contextmanager
def delivery_lock(folder: Path, name: str, *, exclusive: bool) -> Iterator[bool]:
    """Lock a segment for delivery (shared) or for eviction (`exclusive`), so that both never happen at a time.

    A reader waits for an eviction; an eviction does not wait, and gets False while a reader delivers.
    """
    path = folder / (name + READING)
    flags = fcntl.LOCK_EX | fcntl.LOCK_NB if exclusive else fcntl.LOCK_SH
    fd = -1
    try:
        while fd < 0:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, flags)
            if not _is_same_file(
                path, fd
            ):  # its last owner removed it: the locked file is no longer the one at the path
                os.close(fd)
                fd = -1
    except OSError:  # in use, or owned by another user
        if fd >= 0:
            os.close(fd)
        yield False
        return
    try:
        yield True
    finally:
        if try_lock(fd):  # no other process holds it
            path.unlink(missing_ok=True)
        os.close(fd)


@contextlib.contextmanager
def locked_file(path: Path, *, create: bool = False) -> Iterator[int | None]:
    """Lock a file against rewriting, appending and deletion by others; None if it is missing or already locked.

    Every deletion or replacement of a sealed segment happens under this lock: a segment that was deleted as delivered
    must not reappear.
    """
    fd = _open_locked(path, create=create)
    try:
        yield fd
    finally:
        if fd is not None:
            unlock(fd)
            os.close(fd)


def _open_locked(path: Path, *, create: bool) -> int | None:
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        except FileNotFoundError:
            if create:
                raise
            return None
        locked = False
        try:
            locked = try_lock(fd)
            if not locked:
                return None
            locked = _is_same_file(path, fd)  # else another file has replaced it meanwhile
            if locked:
                return fd
        finally:
            if not locked:
                os.close(fd)


def _is_same_file(path: Path, fd: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(fd).st_ino
    except FileNotFoundError:
        return False


def seal(fd: int, folder: Path, name: str, length: int) -> None:
    """Make a live segment plain NDJSON: truncate it after the last event and rename it; delete it if empty.

    The caller holds the segment's lock, and no process maps it any more.
    """
    live = folder / (name + LIVE)
    if length:
        os.ftruncate(fd, length)
        live.rename(folder / (name + SEALED))
    else:
        live.unlink()


def store(folder: Path, name: str, contents: bytes, mode: int) -> None:
    """Write a sealed segment whose live file was removed; nothing if it was empty."""
    if contents:
        write_atomically(folder / (name + SEALED), contents, mode=mode)


def recover(segment: Segment) -> Segment | None:
    """Seal the live segment of a dead writer; None if it was empty.

    Returns the segment unchanged while its writer is alive.
    """
    try:
        fd = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # its writer sealed it meanwhile
        sealed = Segment(segment.stem, live=False, folder=segment.folder)
        return sealed if sealed.path.exists() else None
    except PermissionError:  # another user's spool: readable, but not ours to seal
        return segment
    try:
        if not try_lock(fd):
            return segment
        if not segment.path.exists():  # sealed between open and lock
            return recover(segment)
        length = committed(fd)
        seal(fd, segment.folder, segment.stem, length)
        return Segment(segment.stem, live=False, folder=segment.folder) if length else None
    finally:
        os.close(fd)
