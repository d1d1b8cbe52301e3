"""Where a spool lies: what is mapped, what is appended to, and what becomes of a folder that is taken away."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import PATIENCE, wait_until

from mllog.spool import SpoolReader, SpoolWriter, events, status
from mllog.spool._filesystem import Filesystem, filesystem
from mllog.spool._segments import SPARES

SMALL = 4096
MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - {root} /dev/vda1 rw
23 22 0:5 / /proc rw - proc proc rw
24 22 0:21 / /run rw,nosuid - tmpfs tmpfs rw,size=80%
25 22 254:2 / /var/spool\\040of/mllog rw - ext4 /dev/vdb rw
26 22 0:50 / /mnt/share rw - nfs4 server:/share rw
27 26 8:1 / /mnt/share/disk rw - xfs /dev/sda1 rw
28 22 0:51 / /mnt/fuse rw - fuse.sshfs user@host: rw
29 22 0:52 / /data rw - btrfs /dev/sdb rw
a line that is none
"""


def line(number: int) -> bytes:
    """A numbered event of 100 bytes."""
    return (b'{"n": %d, "pad": "' % number).ljust(97, b"x") + b'"}\n'


def numbers(folder: Path) -> list[int]:
    """The numbers of the events in a spool, in order."""
    return [json.loads(text)["n"] for text in events(folder)]


@pytest.mark.parametrize(
    ("folder", "root", "expected"),
    [
        ("/var/lib/mllog", "ext4", ("ext4", "persistent", True)),
        ("/var/lib/mllog", "overlay", ("overlay", "container layer", True)),
        ("/run/mllog", "ext4", ("tmpfs", "memory", True)),
        ("/running", "ext4", ("ext4", "persistent", True)),
        ("/var/spool of/mllog", "overlay", ("ext4", "persistent", True)),
        ("/mnt/share/spool", "ext4", ("nfs4", "other", False)),
        ("/mnt/share/disk/spool", "ext4", ("xfs", "persistent", True)),
        ("/mnt/fuse", "ext4", ("fuse.sshfs", "other", False)),
        ("/data", "ext4", ("btrfs", "persistent", False)),
    ],
)
def test_what_a_folder_lies_on(tmp_path: Path, folder: str, root: str, expected: tuple[str, str, bool]) -> None:
    """The innermost mount counts, and names with blanks are read as they are."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(root=root))
    found = filesystem(Path(folder), mounts)
    assert (found.type, found.kind, found.mappable) == expected
    assert (found.warning is None) == (found.kind == "persistent")


def test_where_nothing_says_what_it_is_nothing_is_mapped(tmp_path: Path) -> None:
    """A system without such a table gets the way that is safe anywhere."""
    assert not filesystem(tmp_path, tmp_path / "missing").mappable


@pytest.fixture
def appending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filesystem on which nothing is mapped."""
    monkeypatch.setattr("mllog.spool._segments.filesystem", lambda _: Filesystem("nfs4", "other"))


@pytest.mark.usefixtures("appending")
def test_elsewhere_events_are_appended(tmp_path: Path) -> None:
    """The same segments, read live and sealed; nothing is allocated before it is needed."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL)
    for n in range(100):
        assert writer.append(line(n))
        assert numbers(tmp_path) == list(range(n + 1))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 100 * 100
    writer.close()
    assert numbers(tmp_path) == list(range(100))
    assert {path.suffix for path in tmp_path.iterdir()} == {".ndjson"}


@pytest.mark.usefixtures("appending")
def test_a_write_that_did_not_fit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle of a line: the event is counted as dropped, and the next one stands alone."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL)
    monkeypatch.setattr("mllog.spool._segments._RETRY_SECONDS", 0.0)
    assert writer.append(line(0))
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:10], at))
    assert not writer.append(line(1))
    assert "no room left" in str(writer.problem)
    monkeypatch.setattr(os, "pwrite", real)
    assert writer.append(line(2))
    writer.close()
    assert numbers(tmp_path) == [0, 2]
    assert (writer.accepted, writer.dropped) == (2, 1)


def test_an_appending_writer_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """Its segment is sealed by who reads next, up to the last whole line."""
    code = (
        "import sys, os, signal, mllog.spool._writer as w\n"
        "from mllog.spool._filesystem import Filesystem\n"
        "from pathlib import Path\n"
        "w.filesystem = lambda _: Filesystem('nfs4', 'other')\n"
        "writer = w.SpoolWriter(Path(sys.argv[1]))\n"
        "for n in range(1000): assert writer.append(b'{\"n\": %d}\\n' % n)\n"
        "os.pwrite(writer._current.fd, b'{\"n\": 10', writer._end)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    reader = SpoolReader(tmp_path)
    assert [json.loads(text)["n"] for batch in reader.read() for text in batch.lines] == list(range(1000))
    reader.close()
    assert list(tmp_path.glob("*.live")) == []


def delete(folder: Path, writer: SpoolWriter) -> None:
    """Delete a spool once its thread makes nothing more in it."""
    wait_until(lambda: len(writer.segments.spares) >= SPARES)
    shutil.rmtree(folder)


@pytest.mark.parametrize("shared", [False, True])
def test_a_folder_that_is_deleted_underneath_comes_back_with_its_events(tmp_path: Path, shared: bool) -> None:
    """Also those that were written before and after: the mapped memory still has them."""
    folder = tmp_path / "spool"
    writer = SpoolWriter(folder, segment_bytes=1 << 16, group=os.getgid() if shared else None)
    for n in range(50):
        assert writer.append(line(n))
    delete(folder, writer)
    for n in range(50, 100):
        assert writer.append(line(n))
    writer.close()
    assert sorted(numbers(folder)) == list(range(100))
    assert (folder.stat().st_mode & 0o777, writer.dropped) == (0o770 if shared else 0o700, 0)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o660 if shared else 0o600}


def test_a_deleted_folder_is_noticed_while_the_service_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread looks from time to time, so that a kill after it costs nothing either."""
    monkeypatch.setattr("mllog.spool._writer._TICK_SECONDS", 0.01)
    folder = tmp_path / "spool"
    writer = SpoolWriter(folder, segment_bytes=1 << 16)
    assert writer.append(line(0))
    delete(folder, writer)
    wait_until(lambda: list(folder.glob("*.ndjson")))
    assert numbers(folder) == [0]
    assert writer.append(line(1))
    assert sorted(numbers(folder)) == [0, 1]
    writer.close()


def test_an_old_segment_is_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads sealed files only sees the events of a quiet service too; the next event starts another segment."""
    monkeypatch.setattr("mllog.spool._writer._TICK_SECONDS", 0.01)
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL, seal_seconds=0.0)
    assert writer.append(line(0))
    wait_until(lambda: list(tmp_path.glob("*.ndjson")))
    assert status(tmp_path).live == 0
    assert writer.append(line(1))
    assert numbers(tmp_path) == [0, 1]
    writer.close()


def test_a_live_segment_of_another_version_is_read_by_its_lines(tmp_path: Path) -> None:
    """Without a committed length at its end, or with another trailer: whole lines count, up to the first zero byte."""
    for number, trailer in enumerate((b"", b"\0" * 100, b"\0" * 64 + b"v2 trailer of thirty-two bytes..")):
        folder = tmp_path / str(number)
        folder.mkdir()
        live = folder / "1700000000000000-00ff00ff00ff00ff.live"
        live.write_bytes(b"".join(map(line, range(20))) + b'{"n": 20, "torn' + trailer)
        reader = SpoolReader(folder)
        assert [json.loads(text)["n"] for batch in reader.read() for text in batch.lines] == list(range(20))
        reader.close()
        assert [path.name for path in folder.glob("*-*")] == [live.with_suffix(".ndjson").name]
