"""Files that are replaced as a whole or not at all, locks on files, and opening files in folders of others."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TEMPORARY: Final = ".tmp"
"""Suffix of a file that is not complete yet."""

_POLL_SECONDS: Final = 0.05
_NO_FOLDER_SYNC: Final = (errno.EINVAL, errno.ENOTSUP)
"""Errors of filesystems that cannot flush a folder."""


def write_atomically(
    path: Path,
    data: bytes,
    *,
    mode: int | None = 0o600,
    owner: tuple[int, int] | None = None,
    times: tuple[int, int] | None = None,
    suffix: str = TEMPORARY,
) -> None:
    """Replace a file by new contents, durably; a crash leaves the old file or the new one, never a part.

    Args:
        path: the file; its folder must exist.
        data: the new contents.
        mode: permissions of the file, independent of the umask; None: what the umask allows.
        owner: user and group ids; applied only when this process runs as root.
        times: access and modification time in ns; default: now.
        suffix: of the temporary file, which stands in the same folder.

    Raises:
        OSError: the file cannot be written; the old one is unchanged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "cursor"
        ...     write_atomically(file, b"1")
        ...     write_atomically(file, b"2")
        ...     file.read_bytes(), len(list(Path(folder).iterdir()))
        (b'2', 1)
    """
    with _replacing(path, mode=mode, suffix=suffix) as (_, fd):
        # By the descriptor: another user of the folder may put a link in place of the temporary file.
        if owner is not None and os.geteuid() == 0:
            os.fchown(fd, *owner)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        if times is not None:
            os.utime(fd, ns=times)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int | None = 0o600, suffix: str = TEMPORARY) -> Iterator[Path]:
    """An empty temporary file beside `path` that takes its place, durably, when the block ends without an error.

    Args:
        path: the file to replace; its folder must exist.
        mode: permissions of the file, independent of the umask; None: what the umask allows.
        suffix: of the temporary file.

    Raises:
        OSError: the file cannot be written; the old one is unchanged.
    """
    with _replacing(path, mode=mode, suffix=suffix) as (temporary, _):
        yield temporary


@contextlib.contextmanager
def _replacing(path: Path, *, mode: int | None, suffix: str) -> Iterator[tuple[Path, int]]:
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}{suffix}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode)
    try:
        try:
            if mode is not None:
                os.fchmod(fd, mode)
            yield temporary, fd
            os.fsync(fd)  # of the file, whichever descriptor wrote it
        finally:
            os.close(fd)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def replaced_by(temporary: Path, suffix: str = TEMPORARY) -> Path:
    """The file that a temporary file was to replace.

    Example:
        >>> replaced_by(Path("ship.cursor.0a1b2c3d.tmp")).name
        'ship.cursor'
    """
    return temporary.with_name(temporary.name.removesuffix(suffix).rpartition(".")[0])


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(fd)


def open_regular(path: Path, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Open a file of a folder that others may write to: no link is followed, and nothing but a regular file is opened.

    Opening a FIFO, a device or a socket would wait, fail or have effects of its own.

    Args:
        path: the file.
        flags: as for `os.open`.
        mode: permissions, if it is created.

    Raises:
        OSError: it cannot be opened, or is not a regular file.

    Example:
        >>> open_regular(Path("/dev/null"))
        Traceback (most recent call last):
        ...
        OSError: [Errno 22] not a regular file: '/dev/null'
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, mode)
    if not stat.S_ISREG(os.fstat(fd).st_mode):  # replaced between the two calls
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return fd


def read_regular(path: Path, most: int) -> bytes:
    """The contents of a regular file of at most so many bytes.

    Raises:
        OSError: it cannot be read, is not a regular file, or is larger.
    """
    fd = open_regular(path)
    try:
        size = os.fstat(fd).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"a file of {size} bytes, more than {most}", str(path))
        return os.pread(fd, size, 0)
    finally:
        os.close(fd)


def try_lock(fd: int) -> bool:
    """Take the exclusive lock (flock) on an open file; False if another process holds it.

    Raises:
        OSError: the filesystem has no locks.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def unlock(fd: int) -> None:
    """Release a lock; closing the descriptor is not enough if a process forked meanwhile has a copy of it."""
    fcntl.flock(fd, fcntl.LOCK_UN)


def open_locked(path: Path, *, patience: float = 0.0) -> int | None:
    """A descriptor of a lock file, made if missing, with its exclusive lock; closing it releases the lock.

    Args:
        path: the lock file.
        patience: seconds to wait for another process that holds it.

    Returns:
        The descriptor, or None if another process still holds the lock.

    Raises:
        OSError: the file cannot be opened or locked.
    """
    fd = open_regular(path, os.O_RDWR | os.O_CREAT)
    deadline = time.monotonic() + patience
    try:
        while not try_lock(fd):
            if time.monotonic() >= deadline:
                os.close(fd)
                return None
            time.sleep(_POLL_SECONDS)
    except OSError:
        os.close(fd)
        raise
    return fd
