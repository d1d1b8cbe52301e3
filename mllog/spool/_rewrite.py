"""Takes events out of files that others read, append to and delete meanwhile.

A sealed segment keeps its length: an erased line becomes as many newlines. So every cursor in it stays right, a reader
in its midst finds the same lines at the same places, and a blank line is no event to anybody. The new file takes the
place of the old one by a rename, so a kill leaves one or the other, whole.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mllog._files import replaced_by, write_atomically
from mllog.errors import SpoolError
from mllog.spool._segment import held

REWRITING: Final = ".rewriting"
"""Ending of a file that is not yet in its place."""

_PATIENCE: Final = 10.0
_POLL_SECONDS: Final = 0.05


def rewrite(path: Path, unwanted: Callable[[bytes], bool], *, same_length: bool) -> int:
    """Take lines out of a file, as a whole or not at all; a file without such lines is not touched.

    Args:
        path: a sealed segment, or a quarantine file; never a live segment, which is its writer's.
        unwanted: tells of a line, without its newline, whether it goes.
        same_length: blank it, so that what follows stays in its place.

    Returns:
        How many lines went.

    Raises:
        SpoolError: it cannot be written, or somebody else does not let go of it.
    """
    end = time.monotonic() + _PATIENCE
    try:
        while True:
            with held(path) as fd:
                if fd is not None:
                    return _replaced(path, fd, unwanted, same_length=same_length)
            if not path.exists():  # delivered and deleted
                return 0
            if time.monotonic() > end:
                raise SpoolError(f"{path}: another process holds the file; try again")
            time.sleep(_POLL_SECONDS)
    except OSError as error:
        raise SpoolError(f"{path}: cannot be rewritten: {error.strerror}") from error


def _replaced(path: Path, fd: int, unwanted: Callable[[bytes], bool], *, same_length: bool) -> int:
    contents = path.read_bytes()
    lines = contents.split(b"\n")
    kept = []
    gone = 0
    for line in lines:
        if line and unwanted(line):
            gone += 1
            if same_length:
                kept.append(b"\n" * len(line))
        else:
            kept.append(line)
    if not gone:
        return 0
    old = os.fstat(fd)
    write_atomically(
        path,
        b"\n".join(kept),
        mode=old.st_mode & 0o777,
        owner=(old.st_uid, old.st_gid),
        times=(old.st_atime_ns, old.st_mtime_ns),  # the age of a delivered segment decides how long it is kept
        suffix=REWRITING,
    )
    return gone


def clear_left(folder: Path) -> None:
    """Remove what rewriting left that was killed.

    Raises:
        SpoolError: it cannot be removed.
    """
    for path in folder.glob(f"*{REWRITING}"):
        final = replaced_by(path, REWRITING)
        try:
            with held(final) as fd:
                if fd is not None or not final.exists():  # else somebody may just be writing it
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise SpoolError(f"{path}: cannot be removed: {error.strerror}") from error


def append(path: Path, data: bytes) -> None:
    """Add whole lines to a file that may be rewritten meanwhile; all of them, durably, or nothing.

    Raises:
        OSError: there is no room, or the file cannot be written.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with held(path, make=True) as fd:
            if fd is not None:
                size = os.lseek(fd, 0, os.SEEK_END)
                if os.write(fd, data) != len(data):
                    os.ftruncate(fd, size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(fd)
                return
        time.sleep(_POLL_SECONDS)
    raise OSError(errno.EAGAIN, "another process holds the file")
