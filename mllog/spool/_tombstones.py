"""Tombstones: which events were erased, so that they are never delivered again.

A live segment belongs to its writer, and a shipper may have a batch in memory while a person is erased. So the erased
ids are recorded first, as digests, and shippers and stores skip those events.
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

from mllog._files import read_regular, unlock, write_atomically
from mllog.errors import SpoolError
from mllog.spool._segment import segments

TOMBSTONES: Final = "tombstones"
"""Name of the file; each line holds the second at which an event was erased, and the digest of its id."""

_HEADER: Final = b"mllog tombstones 1\n"
_MOST_BYTES: Final = 1 << 30
_NONE: Final[frozenset[bytes]] = frozenset()


def digest(event_id: str) -> bytes:
    """The digest of an event's id: 128 bits of its SHA-256.

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
    event_id = inner.get("id") if isinstance(inner, dict) else event.get("event.id")
    return event_id if isinstance(event_id, str) else None


class Tombstones:
    """The erased events of a folder; the file is read again only when it has changed.

    Args:
        folder: a spool, or the data folder of `mllog serve`.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / TOMBSTONES
        self._version: tuple[int, int, int] | None = None
        self._digests = _NONE

    def digests(self) -> frozenset[bytes]:
        """The digests of all erased events.

        Raises:
            SpoolError: the file cannot be read; since any event might be an erased one, none may be delivered.
        """
        try:
            stat = self._path.lstat()
            version = stat.st_ino, stat.st_mtime_ns, stat.st_size
            if version != self._version:
                self._digests, self._version = frozenset(_read(self._path)), version
        except FileNotFoundError:
            self._digests, self._version = _NONE, None
        except OSError as error:
            raise SpoolError(f"{self._path}: cannot read the list of erased events: {error.strerror}") from error
        return self._digests

    def without(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """The lines whose events were not erased.

        Raises:
            SpoolError: as for `digests`.
        """
        erased = self.digests()
        if not erased:
            return lines
        return [line for line in lines if (name := identity(line)) is None or digest(name) not in erased]


def _read(path: Path) -> dict[bytes, int]:
    content = read_regular(path, _MOST_BYTES)
    if not content.startswith(_HEADER):
        raise SpoolError(f"{path}: not a list of erased events; restore the file, or delete it if no event was erased")
    tombstones = {}
    for line in content[len(_HEADER) :].splitlines():
        second, _, name = line.partition(b" ")
        if second.isdigit() and len(name) == 32:
            tombstones[name] = int(second)
    return tombstones


def add_tombstones(folder: Path, ids: Iterable[str], *, now: float | None = None) -> None:
    """Record that events were erased; durable when this returns.

    Raises:
        SpoolError: the file cannot be written.
    """
    second = int(time.time() if now is None else now)
    digests = {digest(name) for name in ids}
    _change(folder, lambda known: known | dict.fromkeys(digests, second) if digests - known.keys() else known)


def prune(folder: Path, before: float) -> None:
    """Remove the tombstones older than a point in time; the file is deleted with the last of them.

    Raises:
        SpoolError: the file cannot be written.
    """
    if (folder / TOMBSTONES).exists():
        _change(folder, lambda known: {name: second for name, second in known.items() if second + 1 > before})


def prune_delivered(folder: Path) -> None:
    """Remove the tombstones that no segment of a spool needs any more: those older than its oldest segment.

    An erased event was in a segment when its tombstone was written, so in one that is older than the tombstone.

    Raises:
        SpoolError: the spool cannot be read, or the file cannot be written.
    """
    if (folder / TOMBSTONES).exists():
        present = segments(folder)
        prune(folder, int(present[0].stem[:16]) / 1e6 if present else float("inf"))


def _change(folder: Path, change: Callable[[dict[bytes, int]], dict[bytes, int]]) -> None:
    path = folder / TOMBSTONES
    try:
        with _exclusive(folder):
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
        raise SpoolError(f"{path}: cannot write the list of erased events: {error.strerror}") from error


@contextlib.contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Serialise changes of the file across processes."""
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
