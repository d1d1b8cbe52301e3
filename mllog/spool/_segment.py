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
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mllog._files import try_lock, unlock, write_atomically
from mllog.errors import SpoolError
from mllog.spool._folder import ASIDE, LIVE, SEALED, SPARE, Usage, open_file, same_file, usage

READING: Final = ".reading"
"""A file that is locked while events of the segment are being delivered."""

TRAILER_BYTES: Final = 8
"""Bytes of the committed length at the end of a live segment."""

_NAME: Final = re.compile(r"(\d{16})-([0-9a-f]{16})(\.live|\.ndjson)")
_CHUNK: Final = 1 << 20
_YOUNG_SECONDS: Final = 60.0
_EVICTION_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02


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
    """The segments of a spool, oldest first: regular files; all others are ignored, see `unusable`.

    Raises:
        SpoolError: the folder does not exist or cannot be read.
    """
    by_stem = {}
    for name in sorted(_names(folder)[0]):  # "….live" before "….ndjson": if both exist, the segment is sealed
        match = _NAME.fullmatch(name)
        if match:
            segment = Segment(name[: match.end(2)], match[3] == LIVE, folder)
            by_stem[segment.stem] = segment
    return sorted(by_stem.values())


def unusable(folder: Path) -> dict[str, str]:
    """The files of a spool that are not read, by name, with the reason: whatever looks like a segment and is none.

    Raises:
        SpoolError: the folder does not exist or cannot be read.
    """
    regular, others = _names(folder)
    reasons = dict.fromkeys((name for name in others if name.endswith((LIVE, SEALED))), "not a regular file")
    for name in regular:
        if name.endswith(ASIDE):
            reasons[name] = "set aside; it is not read again"
        elif name.endswith((LIVE, SEALED)) and not name.startswith("quarantine"):
            if _NAME.fullmatch(name) is None:
                reasons[name] = "not the name of a segment of this version"
                continue
            try:
                os.close(open_file(folder / name))
            except FileNotFoundError:
                continue
            except OSError as error:
                reasons[name] = str(error.strerror)
    return reasons


def _names(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the regular files of a folder, and those of everything else."""
    regular: list[str] = []
    others: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                (regular if entry.is_file(follow_symlinks=False) else others).append(entry.name)
    except OSError as error:
        raise SpoolError(f"{folder}: cannot read the spool: {error.strerror}") from error
    return regular, others


def event_bytes(used: Usage) -> int:
    """The bytes of a spool that hold events: of live segments what is committed, of spares nothing."""
    total = used.allocated
    for path, size in used.open:
        if path.name.endswith(SPARE):
            total -= size
            continue
        try:
            fd = open_file(path)
        except OSError:  # sealed meanwhile, or of a user who shares nothing: counted as it was
            continue
        try:
            total -= max(0, size - committed(fd))
        finally:
            os.close(fd)
    return total


def reclaim(folder: Path) -> None:
    """Give back what dead writers reserved: their spares, and the unused part of their live segments."""
    for path, _ in usage(folder).open:
        if path.name.endswith(SPARE):
            remove_dead(path)
        elif match := _NAME.fullmatch(path.name):
            recover(Segment(path.name[: match.end(2)], live=True, folder=folder))


def remove_dead(path: Path) -> None:
    """Delete a file that no process has locked, unless it was made just now."""
    try:
        if time.time() - path.lstat().st_mtime < _YOUNG_SECONDS:  # its writer may not have locked it yet
            return
        fd = open_file(path, os.O_RDWR)
    except OSError:
        return
    try:
        if try_lock(fd):
            path.unlink(missing_ok=True)
    except OSError:
        return
    finally:
        os.close(fd)


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
    fd = _lock_for_delivery(path, exclusive=exclusive)
    if fd is None:
        yield False
        return
    try:
        yield True
    finally:
        if try_lock(fd):  # no other process holds it
            path.unlink(missing_ok=True)
        os.close(fd)


def _lock_for_delivery(path: Path, *, exclusive: bool) -> int | None:
    flags = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
    # Not for ever: another user of the folder may hold the lock.
    deadline = time.monotonic() + (0.0 if exclusive else _EVICTION_SECONDS)
    while True:
        try:
            fd = open_file(path, os.O_RDWR | os.O_CREAT)
        except OSError:  # of another user
            return None
        locked = False
        try:
            fcntl.flock(fd, flags)
            locked = same_file(path, fd)  # else its last owner removed it, and another one may be at the path
        except OSError:
            if time.monotonic() >= deadline:
                return None
            time.sleep(_POLL_SECONDS)
        finally:
            if not locked:
                os.close(fd)
        if locked:
            return fd


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
            fd = open_file(path, os.O_RDWR | (os.O_CREAT if create else 0))
        except FileNotFoundError:
            if create:
                raise
            return None
        locked = False
        try:
            locked = try_lock(fd)
            if not locked:
                return None
            locked = same_file(path, fd)  # else another file has replaced it meanwhile
            if locked:
                return fd
        finally:
            if not locked:
                os.close(fd)


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
        fd = open_file(segment.path, os.O_RDWR)
    except FileNotFoundError:  # its writer sealed it meanwhile
        sealed = Segment(segment.stem, live=False, folder=segment.folder)
        return sealed if sealed.path.exists() else None
    except OSError:  # another user's spool: readable, but not ours to seal; or no file to use at all
        return segment
    try:
        if not try_lock(fd):
            return segment
        if not same_file(segment.path, fd):  # sealed between open and lock
            return recover(segment)
        length = committed(fd)
        seal(fd, segment.folder, segment.stem, length)
        return Segment(segment.stem, live=False, folder=segment.folder) if length else None
    finally:
        os.close(fd)
