"""A file is replaced as a whole or not at all, and a lock file has one owner."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mllog._files import open_locked, replaced_by, replacing, write_atomically


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    """Whatever interrupts it."""
    path = tmp_path / "cursor"
    write_atomically(path, b"old")
    with pytest.raises(FileNotFoundError), replacing(path) as temporary:
        temporary.with_name("missing").read_bytes()
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("cursor", b"old")]


def test_the_new_contents_reach_the_disk_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the rename itself does before the call returns."""
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append("sync"), sync(fd)))
    monkeypatch.setattr(Path, "replace", lambda path, target: (steps.append("rename"), replace(path, target))[1])
    write_atomically(tmp_path / "cursor", b"new")
    assert steps == ["sync", "rename", "sync"]


@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o600), (0o660, 0o660), (None, 0o640)])
def test_the_mode_is_the_given_one_whatever_the_umask(tmp_path: Path, mode: int | None, expected: int) -> None:
    """Without one the umask decides."""
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"", mode=mode)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == expected


def test_a_temporary_file_names_the_file_it_replaces(tmp_path: Path) -> None:
    """So that what a killed process left can be removed under the lock of that file."""
    with replacing(tmp_path / "a.ndjson", suffix=".rewriting") as temporary:
        assert replaced_by(temporary, ".rewriting") == tmp_path / "a.ndjson"


def test_a_lock_file_has_one_owner_at_a_time(tmp_path: Path) -> None:
    """Closing the descriptor releases it."""
    first = open_locked(tmp_path / "lock")
    assert first is not None
    assert open_locked(tmp_path / "lock", patience=0.06) is None
    os.close(first)
    second = open_locked(tmp_path / "lock")
    assert second is not None
    os.close(second)
