"""The folder of a spool: who may write to it, how much it holds, and its files that are not used.

Other users may write to a folder that a group shares, so nothing in it is trusted: no link is followed, only
regular files of the right owner are opened, and what cannot be used is reported and left alone.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mllog._files import open_regular

LIVE: Final = ".live"
SEALED: Final = ".ndjson"
SPARE: Final = ".spare"
ASIDE: Final = ".aside"
"""Suffix of a file that was set aside because a part of it cannot be used; it is never read again."""

QUARANTINE: Final = "quarantine.ndjson"
"""Events that the endpoint refused, with the reason."""

_SPARSE_BYTES: Final = 256 << 20  # a larger file may have holes: its blocks count, not its size
_OWN: Final = (LIVE, SEALED, SPARE, ASIDE, ".tmp", ".rewriting")


def secure(folder: Path) -> bool:
    """Check who may write to a folder; tighten one of this user that is too open.

    A folder of mode 2770 (set-group-id) is shared with its group on purpose and stays so.

    Returns:
        Whether users other than this one can write to it.

    Raises:
        OSError: every user can write to it, and it belongs to another user.
    """
    info = folder.stat()
    mode = stat.S_IMODE(info.st_mode)
    shared = mode & 0o2020 == 0o2020
    if info.st_uid == os.geteuid():
        tight = mode & (0o7770 if shared else 0o7700)
        if tight != mode:
            folder.chmod(tight)
        return shared
    if mode & 0o002:
        raise OSError(
            errno.EPERM,
            f"every user can write to this folder (mode {mode:o}, owned by uid {info.st_uid}); "
            "remove that with chmod o-w, or use a folder inside it",
        )
    return True


def open_file(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a file of a spool: a regular one, without other names, of a user who may write to this spool.

    Raises:
        OSError: it cannot be opened, or is not such a file.
    """
    fd = open_regular(path, flags)
    info, folder = os.fstat(fd), path.parent.stat()
    same_group = info.st_gid == folder.st_gid and folder.st_mode & stat.S_IWGRP
    if info.st_uid not in (os.geteuid(), folder.st_uid, 0) and not same_group:
        os.close(fd)
        raise OSError(errno.EPERM, f"owned by uid {info.st_uid}, who does not share this spool", str(path))
    if info.st_nlink > 1:  # a name for a file elsewhere, which must not be read, let alone truncated
        os.close(fd)
        raise OSError(errno.EMLINK, "the file has another name (hard link)", str(path))
    return fd


def same_file(path: Path, fd: int) -> bool:
    """Whether the file at a path is the open one."""
    try:
        named = path.lstat()
    except FileNotFoundError:
        return False
    opened = os.fstat(fd)
    return (named.st_ino, named.st_dev) == (opened.st_ino, opened.st_dev)


@dataclass(slots=True)
class Usage:
    """Bytes of a spool.

    Attributes:
        allocated: of all its files, with what is only reserved for events to come.
        aside: of quarantine and of files set aside, which no consumer takes away.
        live: number of segments that a writer has open.
        open: paths and sizes of the files that are partly or wholly reserved.
    """

    allocated: int
    aside: int
    live: int
    open: list[tuple[Path, int]]


def usage(folder: Path) -> Usage:
    """The bytes that a spool takes, by the sizes of its files; foreign files do not count.

    Raises:
        OSError: the folder cannot be read.
    """
    total = Usage(0, 0, 0, [])
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith(_OWN):
                continue
            try:
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # delivered and deleted meanwhile
                continue
            if not stat.S_ISREG(info.st_mode):
                continue
            size = info.st_size if info.st_size <= _SPARSE_BYTES else min(info.st_size, info.st_blocks * 512)
            total.allocated += size
            if entry.name.startswith("quarantine") or entry.name.endswith(ASIDE):
                total.aside += size
            elif entry.name.endswith((LIVE, SPARE)):
                total.live += entry.name.endswith(LIVE)
                total.open.append((folder / entry.name, size))
    return total
