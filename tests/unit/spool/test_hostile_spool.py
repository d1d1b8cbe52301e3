"""A spool folder that others write to: whatever lies in it, the rest is read, and nothing outside is touched."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from support.waiting import wait_until

from mllog._files import open_locked, write_atomically
from mllog.spool import SpoolReader, SpoolWriter, events, status
from mllog.spool import _reader as module
from mllog.spool._evict import evict
from mllog.spool._segment import delivery_lock, reclaim
from mllog.spool._tombstones import Tombstones

BOUND = 32 << 20
STEMS = [f"{1_700_000_000_000_000 + n}-{n:016x}" for n in range(20)]


def line(number: int) -> bytes:
    """A numbered event."""
    return b'{"n": %d}\n' % number


def poison(folder: Path, suffix: str) -> list[str]:
    """One of each kind of file that is no segment, older than every real one; their names."""
    outside = folder.parent / "outside"
    outside.write_bytes(line(-1))
    names = [stem + suffix for stem in STEMS[:7]]
    os.mkfifo(folder / names[0])
    (folder / names[1]).mkdir()
    (folder / names[2]).symlink_to(outside)
    os.mknod(folder / names[3], 0o600 | stat.S_IFSOCK)
    (folder / names[4]).symlink_to("/dev/zero")
    (folder / names[5]).symlink_to(folder / "nowhere")
    os.link(outside, folder / names[6])
    if os.geteuid() == 0:
        os.mknod(folder / (STEMS[7] + suffix), 0o600 | stat.S_IFCHR, os.makedev(1, 5))
        names.append(STEMS[7] + suffix)
    return names


@pytest.mark.parametrize("suffix", [".ndjson", ".live"])
def test_files_that_are_no_segments_stop_nothing(tmp_path: Path, suffix: str) -> None:
    """A FIFO, a folder, links, a socket, a device: each is reported with its reason, and every event is read."""
    folder = tmp_path / "spool"
    writer = SpoolWriter(folder)
    for n in range(10):
        assert writer.append(line(n))
    names = poison(folder, suffix)
    assert [json.loads(text)["n"] for text in events(folder)] == list(range(10))
    reader = SpoolReader(folder)
    read = []
    for batch in reader.read():
        read += batch.lines
        reader.commit(batch)
    assert [json.loads(text)["n"] for text in read] == list(range(10))
    writer.close()
    reader.tidy()
    assert reader.pending() == 0
    assert set(names) == set(reader.problems) == set(status(folder).set_aside)
    reclaim(folder)
    evict(folder, 1 << 40)
    reader.close()
    assert (tmp_path / "outside").read_bytes() == line(-1)
    assert {path.name for path in folder.iterdir()} >= set(names)


@pytest.mark.parametrize(
    "name", ["server.lock", "server.cursor", "tombstones", "x.spare", "x.tmp", "quarantine.ndjson"]
)
@pytest.mark.parametrize("kind", ["fifo", "folder", "link"])
def test_no_name_leads_outside_or_waits(tmp_path: Path, name: str, kind: str) -> None:
    """Nothing blocks, nothing is made or cut where a link points to; at worst there is one clear error."""
    folder = tmp_path / "spool"
    folder.mkdir(0o700)
    outside = tmp_path / "outside"
    outside.write_text("mine")
    if kind == "fifo":
        os.mkfifo(folder / name)
    elif kind == "folder":
        (folder / name).mkdir()
    else:
        (folder / name).symlink_to(outside)
    os.utime(folder / name, (0, 0), follow_symlinks=False)
    for attempt in (
        lambda: open_locked(folder / name),
        lambda: Tombstones(folder).digests(),
        lambda: status(folder),
        lambda: [reader := SpoolReader(folder), list(reader.read()), reader.tidy(), reader.close()],
    ):
        try:
            attempt()
        except Exception as error:  # noqa: BLE001 - which one depends on the file
            assert name in str(error)  # noqa: PT017
    assert outside.read_text() == "mine"


def test_a_temporary_file_that_is_replaced_by_a_link_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contents go through the descriptor that was opened, not through the name."""
    outside = tmp_path / "outside"
    outside.write_text("mine")
    real = os.fchmod

    def swapped(fd: int, mode: int) -> None:
        real(fd, mode)
        (temporary,) = tmp_path.glob("file.*.tmp")
        temporary.unlink()
        temporary.symlink_to(outside)

    monkeypatch.setattr(os, "fchmod", swapped)
    write_atomically(tmp_path / "file", b"new")
    assert outside.read_text() == "mine"


def test_a_huge_sparse_segment_and_a_torn_one_are_set_aside(tmp_path: Path) -> None:
    """They are kept under another name, and what is whole in them and beside them is read."""
    huge, torn, whole = (tmp_path / f"{stem}.ndjson" for stem in STEMS[:3])
    huge.write_bytes(line(0))
    os.truncate(huge, 6 << 30)
    torn.write_bytes(line(1) + b'{"n": 2')
    whole.write_bytes(line(3))
    for path in (huge, torn, whole):
        os.utime(path, (0, 0))
    reader = SpoolReader(tmp_path)
    read = []
    for batch in reader.read():
        read += batch.lines
        reader.commit(batch)
    reader.tidy()
    assert [json.loads(text)["n"] for text in read] == [0, 1, 3]
    assert reader.pending() == 0
    list(reader.read())
    assert "incomplete line" in reader.problems[f"{STEMS[0]}.aside"]
    assert "incomplete line" in reader.problems[f"{STEMS[1]}.aside"]
    assert set(status(tmp_path).set_aside) == {f"{STEMS[0]}.aside", f"{STEMS[1]}.aside"}
    reader.close()
    assert {path.name for path in tmp_path.glob("*.aside")} == {f"{STEMS[0]}.aside", f"{STEMS[1]}.aside"}
    again = SpoolReader(tmp_path)  # and it stays so
    assert list(again.read()) == []
    assert "incomplete line" in again.problems[f"{STEMS[1]}.aside"]
    again.close()
    writer = SpoolWriter(tmp_path)  # holes take no room
    assert writer.append(line(4))
    writer.close()


def test_a_line_without_end_is_left_out_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its segment is set aside when the rest of it was read."""
    monkeypatch.setattr(module, "LONGEST_LINE", 10_000)
    monkeypatch.setattr(module, "CHUNK", 1000)
    path = tmp_path / f"{STEMS[0]}.ndjson"
    path.write_bytes(line(0) + b"x" * 9000 + b"\n" + b"y" * 20_000 + b"\n" + line(1))
    reader = SpoolReader(tmp_path)
    read = []
    for batch in reader.read(size=1000):
        read += batch.lines
        reader.commit(batch)
    reader.close()
    assert read == [line(0)[:-1], b"x" * 9000, line(1)[:-1]]
    assert b"y" * 20_000 in (tmp_path / f"{STEMS[0]}.aside").read_bytes()


@pytest.mark.parametrize("offset", [3, 7, 1 << 40])
def test_an_offset_that_cannot_be_right_reads_again(tmp_path: Path, offset: int) -> None:
    """In the middle of a line or behind the end: twice at worst, never less."""
    path = tmp_path / f"{STEMS[0]}.ndjson"
    path.write_bytes(line(0) + line(1))
    (tmp_path / "server.cursor").write_text(json.dumps({"version": 1, "segments": {STEMS[0]: offset}}))
    reader = SpoolReader(tmp_path)
    assert [text for batch in reader.read() for text in batch.lines] == [line(0)[:-1], line(1)[:-1]]
    assert reader.pending() == path.stat().st_size
    reader.close()


def test_a_segment_of_another_version_is_reported(tmp_path: Path) -> None:
    """Its name is not one that this version gives."""
    (tmp_path / "v2-1700000000000000.ndjson").write_bytes(b"\x02")
    assert status(tmp_path).set_aside == {"v2-1700000000000000.ndjson": "not the name of a segment of this version"}


def test_a_lock_that_another_user_holds_delays_a_reader_and_does_not_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock of delivery is a courtesy between mllog's own processes."""
    monkeypatch.setattr("mllog.spool._segment._EVICTION_SECONDS", 0.05)
    (tmp_path / f"{STEMS[0]}.ndjson").write_bytes(line(0))
    with delivery_lock(tmp_path, STEMS[0], exclusive=True) as locked:
        assert locked
        reader = SpoolReader(tmp_path)
        assert [batch.lines for batch in reader.read()] == [(line(0)[:-1],)]
        reader.close()


@pytest.mark.parametrize(("mode", "expected"), [(0o777, 0o700), (0o755, 0o700), (0o2775, 0o2770), (0o1777, 0o1700)])
def test_a_folder_of_ours_that_is_too_open_is_tightened(tmp_path: Path, mode: int, expected: int) -> None:
    """By the writer and by the reader; one that a group shares on purpose stays shared, and is not mapped."""
    for use in (
        lambda folder: SpoolWriter(folder).append(line(0)),
        lambda folder: SpoolReader(folder).close(),
    ):
        folder = tmp_path / f"{mode:o}-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        folder.chmod(mode)
        use(folder)
        assert folder.stat().st_mode & 0o7777 == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_a_folder_of_another_user_that_all_may_write_to_is_refused(tmp_path: Path) -> None:
    """With the reason in the problem; the events are counted as dropped."""
    folder = tmp_path / "spool"
    folder.mkdir()
    folder.chmod(0o1777)
    os.chown(folder, 12345, 12345)
    writer = SpoolWriter(folder)
    assert not writer.append(line(0))
    assert "every user can write to this folder (mode 1777, owned by uid 12345)" in str(writer.problem)
    assert writer.dropped == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of another user")
def test_a_file_of_a_stranger_is_not_read(tmp_path: Path) -> None:
    """It may not speak for the services of this spool."""
    path = tmp_path / f"{STEMS[0]}.ndjson"
    path.write_bytes(line(0))
    os.chown(path, 12345, 12345)
    assert list(events(tmp_path)) == []
    assert "owned by uid 12345" in status(tmp_path).set_aside[path.name]


def test_a_shared_spool_survives_truncation(tmp_path: Path) -> None:
    """Nothing is mapped where a group may write, so there is no SIGBUS; what follows is whole."""
    folder = tmp_path / "spool"
    writer = SpoolWriter(folder, group=os.getgid())
    assert writer.append(line(0))
    (live,) = folder.glob("*.live")
    os.truncate(live, 0)
    for n in range(1, 1000):
        assert writer.append(line(n))
    assert [json.loads(text)["n"] for text in events(folder)] == list(range(1, 1000))
    writer.close()
    assert [json.loads(text)["n"] for text in events(folder)] == list(range(1, 1000))
    wait_until(lambda: not list(folder.glob("*.live")))


def test_writers_share_a_small_bound(tmp_path: Path) -> None:
    """What others reserved is no reason to drop an event; what they wrote is."""
    writers = [SpoolWriter(tmp_path, max_bytes=BOUND) for _ in range(40)]
    for number, writer in enumerate(writers):
        assert writer.append(line(number))
    for writer in writers:
        while writer.append(b"x" * 5000 + b"\n"):
            pass
        assert "no consumer reads it fast enough" in str(writer.problem)
    for writer in writers:
        writer.close()
    total = sum(len(text) + 1 for text in events(tmp_path))
    assert 0.95 * BOUND < total < 1.6 * BOUND
