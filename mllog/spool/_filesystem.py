"""The filesystem of a spool: whether files can be memory-mapped safely, and how durable its events are."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")

MAPPABLE: Final = frozenset({"ext4", "xfs", "tmpfs", "overlay"})
"""Filesystems on which allocated blocks stay writable; on others a full disk or a lost server raises SIGBUS."""

_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_LOCAL: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs"})


@dataclass(frozen=True, slots=True)
class Filesystem:
    """The filesystem of a folder.

    Attributes:
        type: the kernel's name for it, such as `ext4`; empty if unknown.
        kind: `persistent`, `memory` (gone when the host restarts), `container layer` (gone with the container), or
            `other`: a network or stacked filesystem of unknown durability.
    """

    type: str
    kind: str

    @property
    def mappable(self) -> bool:
        """Whether segments may be memory-mapped; otherwise each event is a write call."""
        return self.type in MAPPABLE

    @property
    def warning(self) -> str | None:
        """A warning for the operator, if any."""
        if self.kind == "memory":
            return "the spool is on a filesystem in memory: its events do not survive a restart of the host"
        if self.kind == "container layer":
            return "the spool is in the container's own layer: its events are lost with the container; mount a volume"
        if self.kind == "other":
            name = self.type or "unknown type"
            return f"the spool is on a filesystem ({name}) that is not memory-mapped: each event costs a write call"
        return None


def filesystem(folder: Path, mounts: Path = _MOUNTS) -> Filesystem:
    """The filesystem of a folder, which need not exist yet.

    Args:
        folder: the spool.
        mounts: the kernel's table of mounts (proc(5), `/proc/pid/mountinfo`).

    Example:
        >>> filesystem(Path("/proc/self")).mappable
        False
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        path = os.path.realpath(folder)
    except OSError:
        return Filesystem("", "other")
    mount_point, filesystem_type = "", ""
    for line in lines:
        mount, _, details = line.partition(" - ")
        fields, described = mount.split(" "), details.split(" ")
        if len(fields) < 5 or not described[0]:
            continue
        point = _unescape(fields[4])
        # Of two mounts on the same point the later one is visible.
        if len(point) >= len(mount_point) and (path == point or path.startswith(point.rstrip("/") + "/")):
            mount_point, filesystem_type = point, described[0]
    if filesystem_type in _MEMORY:
        return Filesystem(filesystem_type, "memory")
    if filesystem_type == "overlay":
        return Filesystem(filesystem_type, "container layer")
    return Filesystem(filesystem_type, "persistent" if filesystem_type in _LOCAL else "other")


def _unescape(text: str) -> str:
    """Undo the kernel's octal escapes of blanks and the like."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
