"""Removes events from files that other processes read, append to and delete at the same time.

A sealed segment keeps its length: an erased line is overwritten with newlines. So every cursor in it stays valid, a
reader in the middle of it finds the same lines at the same offsets, and readers skip blank lines. The new file replaces
the old one by a rename, so a crash leaves one or the other, complete.
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
from mllog.spool._segment import locked_file

REWRITING: Final = ".rewriting"
"""Suffix of a file that is not renamed yet."""

_PATIENCE: Final = 10.0
_POLL_SECONDS: Final = 0.05


def rewrite(path: Path, unwanted: Callable[[bytes], bool], *, same_length: bool) -> int:
    """Remove lines from a file, all of them or none; a file without such lines is not modified.

    Args:
        path: a sealed segment or a quarantine file; never a live segment, which belongs to its writer.
        unwanted: whether a line, given without its newline, is removed.
        same_length: overwrite the line with newlines, so that offsets stay the same.

    Returns:
        The number of removed lines.

    Raises:
        SpoolError: it cannot be written, or another process keeps it locked.
    """
    end = time.monotonic() + _PATIENCE
    try:
        while True:
            with locked_file(path) as fd:
                if fd is not None:
                    return _rewrite_locked(path, fd, unwanted, same_length=same_length)
            if not path.exists():  # delivered and deleted
                return 0
            if time.monotonic() > end:
                raise SpoolError(f"{path}: another process has locked the file; try again")
            time.sleep(_POLL_SECONDS)
    except OSError as error:
        raise SpoolError(f"{path}: cannot rewrite the file: {error.strerror}") from error


def _rewrite_locked(path: Path, fd: int, unwanted: Callable[[bytes], bool], *, same_length: bool) -> int:
    contents = _contents(fd)
    lines = contents.split(b"\n")
    kept = []
    removed = 0
    for line in lines:
        if line and unwanted(line):
            removed += 1
            if same_length:
                kept.append(b"\n" * len(line))
        else:
            kept.append(line)
    if not removed:
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
    return removed


def _contents(fd: int) -> bytes:
    """All of an open file, in as many reads as it takes."""
    parts, offset = [], 0
    while part := os.pread(fd, 1 << 30, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes that were killed while rewriting.

    Raises:
        SpoolError: one cannot be removed.
    """
    for path in folder.glob(f"*{REWRITING}"):
        final = replaced_by(path, REWRITING)
        try:
            with locked_file(final) as fd:
                if fd is not None or not final.exists():  # else another process may be writing it
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise SpoolError(f"{path}: cannot remove the file: {error.strerror}") from error


def append(path: Path, data: bytes) -> None:
    """Append complete lines to a file that may be rewritten concurrently; all of them, durably, or nothing.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with locked_file(path, create=True) as fd:
            if fd is not None:
                size = os.lseek(fd, 0, os.SEEK_END)
                if os.write(fd, data) != len(data):
                    os.ftruncate(fd, size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(fd)
                return
        time.sleep(_POLL_SECONDS)
    raise OSError(errno.EAGAIN, "another process has locked the file")
