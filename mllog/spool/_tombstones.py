"""Tombstones: which events were erased, so that nothing delivers them again.

A live segment belongs to its writer, and a batch may be in a shipper's hand while a person is erased. So the erased ids
are written down first, as digests, and whoever delivers or stores leaves those events out.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import orjson

from mllog._files import unlock, write_atomically
from mllog.errors import SpoolError
from mllog.spool._segment import segments

TOMBSTONES: Final = "tombstones"
"""Name of the file; a line is the second at which an event was erased, and the digest of its id."""

_HEADER: Final = b"mllog tombstones 1\n"
_NOTHING: Final[frozenset[bytes]] = frozenset()


def digest(event_id: str) -> bytes:
    """What stands for an event's id: 128 bits of its SHA-256.

    Example:
        >>> digest("0198c0de-0000-7000-8000-000000000000")
        b'05eb696ad38e564c8a59cbe36926f0fe'
    """
    return hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()[:32].encode()


def identity(line: bytes) -> str | None:
    """The `event.id` of a line, if it has one."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict):
        return None
    inner = event.get("event")
    found = inner.get("id") if isinstance(inner, dict) else event.get("event.id")
    return found if isinstance(found, str) else None


class Tombstones:
    """The erased events of a folder; read again when the file has changed, and a look at a missing file where not.

    Args:
        folder: a spool, or the data folder of `mllog serve`.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / TOMBSTONES
        self._mark: tuple[int, int, int] | None = None
        self._digests = _NOTHING

    def digests(self) -> frozenset[bytes]:
        """Of every erased event.

        Raises:
            SpoolError: the file cannot be read; what it forbids must not be delivered, so nothing may be.
        """
        try:
            found = self._path.stat()
            mark = found.st_ino, found.st_mtime_ns, found.st_size
            if mark != self._mark:
                self._digests, self._mark = frozenset(_read(self._path)), mark
        except FileNotFoundError:
            self._digests, self._mark = _NOTHING, None
        except OSError as error:
            raise SpoolError(f"{self._path}: cannot read what was erased: {error.strerror}") from error
        return self._digests

    def without(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """The lines whose events were not erased.

        Raises:
            SpoolError: as for `digests`.
        """
        found = self.digests()
        if not found:
            return lines
        return [line for line in lines if (name := identity(line)) is None or digest(name) not in found]


def _read(path: Path) -> dict[bytes, int]:
    content = path.read_bytes()
    if not content.startswith(_HEADER):
        raise SpoolError(f"{path}: no list of erased events; put the right one back, or delete it if none was erased")
    found = {}
    for line in content[len(_HEADER) :].splitlines():
        second, _, name = line.partition(b" ")
        if second.isdigit() and len(name) == 32:
            found[name] = int(second)
    return found


def bury(folder: Path, ids: Iterable[str], *, now: float | None = None) -> None:
    """Write down that events were erased; durable when this returns.

    Raises:
        SpoolError: the file cannot be written.
    """
    second = int(time.time() if now is None else now)
    wanted = {digest(name) for name in ids}
    _change(folder, lambda known: known | dict.fromkeys(wanted, second) if wanted - known.keys() else known)


def forget(folder: Path, before: float) -> None:
    """Drop the tombstones that are older than a moment; the file goes with the last of them.

    Raises:
        SpoolError: the file cannot be written.
    """
    if (folder / TOMBSTONES).exists():
        _change(folder, lambda known: {name: second for name, second in known.items() if second + 1 > before})


def forget_delivered(folder: Path) -> None:
    """Drop the tombstones that no segment of a spool needs any more: those older than its oldest segment.

    An erased event stood in a segment when its tombstone was written, so in one that had been begun before.

    Raises:
        SpoolError: the spool cannot be read, or the file not be written.
    """
    if (folder / TOMBSTONES).exists():
        found = segments(folder)
        forget(folder, int(found[0].stem[:16]) / 1e6 if found else float("inf"))


def _change(folder: Path, change: Callable[[dict[bytes, int]], dict[bytes, int]]) -> None:
    path = folder / TOMBSTONES
    try:
        with _alone(folder):
            try:
                known = _read(path)
            except FileNotFoundError:
                known = {}
            after = change(known)
            if after == known:
                return
            if after:
                _write(path, after)
            else:
                path.unlink()
    except OSError as error:
        raise SpoolError(f"{path}: cannot write what was erased: {error.strerror}") from error


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time changes the file, else one would undo what another wrote."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        unlock(fd)
        os.close(fd)


def _write(path: Path, digests: dict[bytes, int]) -> None:
    body = b"".join(b"%d %s\n" % (second, name) for name, second in digests.items())
    folder = path.parent.stat()
    # A shipper must be able to read it: the owner of the spool, and the group that shares the spool.
    mode = 0o660 if folder.st_mode & 0o020 else 0o600
    write_atomically(path, _HEADER + body, mode=mode, owner=(folder.st_uid, folder.st_gid))
