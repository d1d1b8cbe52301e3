"""What a spool lies on: whether memory may be mapped there, and what its events survive."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")

MAPPABLE: Final = frozenset({"ext4", "xfs", "tmpfs", "overlay"})
"""Where blocks that were allocated stay writable: elsewhere a full disk or a lost server ends the process (SIGBUS)."""

_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_LOCAL: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs"})


@dataclass(frozen=True, slots=True)
class Filesystem:
    """What a folder lies on.

    Attributes:
        type: as the kernel names it, such as `ext4`; empty where it does not say.
        kind: `persistent`, `memory` (gone when the host restarts), `container layer` (gone with the container), or
            `other`: a network or stacked filesystem that nothing is known about.
    """

    type: str
    kind: str

    @property
    def mappable(self) -> bool:
        """Whether segments may be mapped into memory; elsewhere each event is a write."""
        return self.type in MAPPABLE

    @property
    def warning(self) -> str | None:
        """What an operator should know, if anything."""
        if self.kind == "memory":
            return "the spool lies in memory: its events do not survive a restart of the host"
        if self.kind == "container layer":
            return "the spool lies in the container's own layer: its events go with the container; mount a volume"
        if self.kind == "other":
            named = self.type or "unknown"
            return f"the spool lies on a filesystem ({named}) that is not mapped: each event costs a write"
        return None


def filesystem(folder: Path, mounts: Path = _MOUNTS) -> Filesystem:
    """What a folder lies on, or will lie on once it is made.

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
    best, found = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, described = before.split(" "), after.split(" ")
        if len(fields) < 5 or not described[0]:
            continue
        point = _unescape(fields[4])
        # Of two mounts on one point the later one is seen.
        if len(point) >= len(best) and (path == point or path.startswith(point.rstrip("/") + "/")):
            best, found = point, described[0]
    if found in _MEMORY:
        return Filesystem(found, "memory")
    if found == "overlay":
        return Filesystem(found, "container layer")
    return Filesystem(found, "persistent" if found in _LOCAL else "other")


def _unescape(text: str) -> str:
    """Blanks and the like stand as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
