"""A segment: one file of a spool, and the few rules that writer and reader share.

A live segment (`*.live`) is a file of fixed size that its writer maps into memory: lines of JSON
from the first byte on, zeros behind them, and in the last eight bytes the committed length as one
aligned little-endian word. A sealed segment (`*.ndjson`) is cut to that length: plain NDJSON.
Names begin with the time of creation in microseconds, so they sort in the order of writing; then
comes a random writer id, since process ids mean nothing across containers. Whether a writer lives
is told by its lock (flock) on the file.
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

WORD: Final = 8
"""Bytes of the committed length at the end of a live segment."""

_NAME: Final = re.compile(r"(\d{16})-([0-9a-f]{16})(\.live|\.ndjson)")
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, order=True, slots=True)
class Segment:
    """A segment as it stands in the folder: `stem` names it for good, `live` says in which state."""

    stem: str
    live: bool
    folder: Path

    @property
    def path(self) -> Path:
        """Where the segment is now; sealing renames it."""
        return self.folder / (self.stem + (LIVE if self.live else SEALED))


def stem(microseconds: int, writer: str) -> str:
    """Name of a segment without its ending.

    Example:
        >>> stem(1_700_000_000_000_000, "00ff00ff00ff00ff")
        '1700000000000000-00ff00ff00ff00ff'
    """
    return f"{microseconds:016d}-{writer}"


def segments(folder: Path) -> list[Segment]:
    """The segments of a spool, oldest first; other files are none of its business.

    Raises:
        SpoolError: the folder is not there or may not be read.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise SpoolError(f"{folder}: cannot read the spool: {error.strerror}") from error
    found = {}
    for name in sorted(names):  # "….live" before "….ndjson": seen in both states, a segment is sealed
        match = _NAME.fullmatch(name)
        if match:
            segment = Segment(name[: match.end(2)], match[3] == LIVE, folder)
            found[segment.stem] = segment
    return sorted(found.values())


def committed(fd: int) -> int:
    """How many bytes of an open segment hold whole events.

    A word that cannot be (a writer of another version, a disk that lost a page, a file that is being
    sealed in this moment) is not believed: the lines themselves are looked through instead.
    """
    size = os.fstat(fd).st_size
    if size > WORD:
        length = int.from_bytes(os.pread(fd, WORD, size - WORD), "little")
        if length == 0 and os.pread(fd, 1, 0) in (b"", b"\0"):
            return 0
        if 0 < length <= size - WORD and os.pread(fd, 1, length - 1) == b"\n":
            return length
    return scan(fd, size)


def scan(fd: int, size: int) -> int:
    """Length of the whole lines before the first zero byte, which JSON never holds."""
    whole = offset = 0
    while offset < size:
        chunk = os.pread(fd, min(_CHUNK, size - offset), offset)
        if not chunk:
            break
        zero = chunk.find(b"\0")
        text = chunk if zero < 0 else chunk[:zero]
        newline = text.rfind(b"\n")
        if newline >= 0:
            whole = offset + newline + 1
        if zero >= 0:
            break
        offset += len(chunk)
    return whole


@contextlib.contextmanager
def in_hand(folder: Path, name: str, *, alone: bool) -> Iterator[bool]:
    """Say that events of a segment are being delivered, or, `alone`, that it is being given up: never both.

    It gives False where the other one is going on; a reader waits for that, who gives up does not.
    """
    path = folder / (name + READING)
    flags = fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH
    fd = -1
    try:
        while fd < 0:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, flags)
            if not _is_still(path, fd):  # whoever had it removed it: what is locked here is no longer the file
                os.close(fd)
                fd = -1
    except OSError:  # in use, or of another user
        if fd >= 0:
            os.close(fd)
        yield False
        return
    try:
        yield True
    finally:
        if try_lock(fd):  # nobody else has it
            path.unlink(missing_ok=True)
        os.close(fd)


@contextlib.contextmanager
def held(path: Path, *, make: bool = False) -> Iterator[int | None]:
    """A file that nobody else rewrites, appends to or deletes meanwhile; None where it is gone or somebody is at it.

    Whoever deletes a sealed segment, or puts another in its place, does it under this lock: a segment that was deleted
    as delivered must not come back.
    """
    fd = _held(path, make=make)
    try:
        yield fd
    finally:
        if fd is not None:
            unlock(fd)
            os.close(fd)


def _held(path: Path, *, make: bool) -> int | None:
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)
        except FileNotFoundError:
            if make:
                raise
            return None
        taken = False
        try:
            taken = try_lock(fd)
            if not taken:
                return None
            taken = _is_still(path, fd)  # else another file took its place meanwhile
            if taken:
                return fd
        finally:
            if not taken:
                os.close(fd)


def _is_still(path: Path, fd: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(fd).st_ino
    except FileNotFoundError:
        return False


def seal(fd: int, folder: Path, name: str, length: int) -> None:
    """Make a live segment plain NDJSON: cut behind the last event, then rename; empty ones vanish.

    The caller holds the segment's lock and nobody maps it any more.
    """
    live = folder / (name + LIVE)
    if length:
        os.ftruncate(fd, length)
        live.rename(folder / (name + SEALED))
    else:
        live.unlink()


def store(folder: Path, name: str, contents: bytes, mode: int) -> None:
    """Write a sealed segment whose file was taken away; nothing where it was empty."""
    if contents:
        write_atomically(folder / (name + SEALED), contents, mode=mode)


def recover(segment: Segment) -> Segment | None:
    """Seal the live segment of a writer that died; None where it held nothing.

    Returns the segment unchanged while its writer lives.
    """
    try:
        fd = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # its writer sealed it meanwhile
        sealed = Segment(segment.stem, live=False, folder=segment.folder)
        return sealed if sealed.path.exists() else None
    except PermissionError:  # another user's spool: it can be read, not tidied
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
