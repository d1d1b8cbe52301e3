"""Segments, the writer and the reader of a spool: nothing accepted is lost, nothing is read torn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mllog import MllogError
from mllog.spool import SpoolReader, SpoolWriter, events, status
from mllog.spool import _segment as segment_module

SMALL = 4096


def line(number: int, size: int = 40) -> bytes:
    """An event of about `size` bytes."""
    return json.dumps({"n": number, "pad": "x" * size}).encode() + b"\n"


def numbers(folder: Path) -> list[int]:
    """The numbers of the events in a spool, in order."""
    return [json.loads(text)["n"] for text in events(folder)]


def test_events_come_back_in_order(tmp_path: Path) -> None:
    """What was appended is read back, oldest first, across many segments."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL)
    assert all(writer.append(line(n)) for n in range(500))
    assert numbers(tmp_path) == list(range(500))
    writer.close()
    assert numbers(tmp_path) == list(range(500))
    assert {path.suffix for path in tmp_path.iterdir()} == {".ndjson"}


def test_sealed_segments_are_plain_ndjson(tmp_path: Path) -> None:
    """A sealed segment is a file of lines and nothing else, readable by its owner only."""
    writer = SpoolWriter(tmp_path / "spool", segment_bytes=SMALL)
    for n in range(200):
        writer.append(line(n))
    writer.close()
    for path in (tmp_path / "spool").iterdir():
        assert path.read_bytes().endswith(b"}\n")
        assert [json.loads(text) for text in path.read_text().splitlines()]
        assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_a_configured_process_without_events_writes_nothing(tmp_path: Path) -> None:
    """A writer makes neither file nor thread before the first event, so a preloading master may own one."""
    threads = threading.active_count()
    writer = SpoolWriter(tmp_path / "spool")
    assert not (tmp_path / "spool").exists()
    assert threading.active_count() == threads
    writer.close()


def test_an_event_larger_than_a_segment_is_refused(tmp_path: Path) -> None:
    """What cannot fit is dropped, counted and explained; what follows is stored."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL)
    assert not writer.append(b"x" * SMALL + b"\n")
    assert (writer.accepted, writer.dropped) == (0, 1)
    assert "does not fit" in str(writer.problem)
    assert writer.append(line(1))
    writer.close()
    assert numbers(tmp_path) == [1]


def test_the_bound_drops_the_newest_and_counts(tmp_path: Path) -> None:
    """A full spool keeps what it has: the count of drops is exact, and room makes it go on."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL, max_bytes=4 * SMALL)
    stored = [n for n in range(1000) if writer.append(line(n))]
    assert writer.accepted == len(stored)
    assert writer.dropped == 1000 - len(stored)
    assert "limit" in str(writer.problem)
    writer.close()
    assert numbers(tmp_path) == stored
    assert stored[: len(stored) // 2] == list(range(len(stored) // 2))


@pytest.mark.skipif(
    os.geteuid() == 0 and not Path("/dev/full").exists(), reason="needs a folder that cannot be written"
)
def test_a_folder_that_cannot_be_made_drops_and_says_so(tmp_path: Path) -> None:
    """No permission or no folder is a count and one line, never an exception."""
    (tmp_path / "file").touch()
    writer = SpoolWriter(tmp_path / "file" / "spool")
    assert not writer.append(line(1))
    assert writer.dropped == 1
    assert str(tmp_path / "file" / "spool") in str(writer.problem)


def test_a_clock_that_jumps_back_keeps_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of segments only grow, so events come back in the order of writing."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL)
    moments = iter([10**18 - n * 10**15 for n in range(100)])
    monkeypatch.setattr("mllog.spool._writer.time.time_ns", lambda: next(moments))
    assert all(writer.append(line(n)) for n in range(500))
    writer.close()
    assert next(moments) < 10**18 - 10**15
    assert numbers(tmp_path) == list(range(500))


def test_threads_share_a_spool(tmp_path: Path) -> None:
    """Appends of many threads are all there, each whole."""
    writer = SpoolWriter(tmp_path, segment_bytes=8 * SMALL)

    def work(start: int) -> None:
        for n in range(start, start + 500):
            writer.append(line(n, n % 100))

    threads = [threading.Thread(target=work, args=(1000 * place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert sorted(numbers(tmp_path)) == sorted(1000 * place + n for place in range(6) for n in range(500))


def test_a_signal_handler_may_log_at_any_moment(tmp_path: Path) -> None:
    """In the middle of an append, of a close or of a fork it neither waits for its own thread nor tears a line."""
    writer = SpoolWriter(tmp_path, segment_bytes=64 * SMALL)
    taken = []
    before = signal.signal(signal.SIGALRM, lambda *_: taken.append(writer.append(line(-1))))
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    try:
        for n in range(20_000):
            writer.append(line(n))
            if n % 1000 == 0:
                writer.close()
            if n % 5000 == 0:
                child = os.fork()
                if child == 0:
                    os._exit(0)
                os.waitpid(child, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writer.close()
    found = numbers(tmp_path)
    assert [n for n in found if n >= 0] == list(range(20_000))
    assert found.count(-1) == len(taken) > 0


def test_a_forked_child_writes_segments_of_its_own(tmp_path: Path) -> None:
    """After a fork both sides go on; the child gives up the parent's segment and its lock."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL)
    for n in range(100):
        writer.append(line(n))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for n in range(1000, 1100):
                writer.append(line(n))
            writer.close()
            code = 0
        finally:
            os._exit(code)
    for n in range(100, 200):
        writer.append(line(n))
    assert os.waitpid(child, 0)[1] == 0
    writer.close()
    found = numbers(tmp_path)
    assert [n for n in found if n < 1000] == list(range(200))
    assert [n for n in found if n >= 1000] == list(range(1000, 1100))


KILLED = """
import sys, pathlib
from mllog.spool import SpoolWriter
writer = SpoolWriter(pathlib.Path(sys.argv[1]), segment_bytes=65536)
n = 0
while True:
    writer.append(b'{"n": %d, "pad": "%s"}\\n' % (n, b"x" * (n % 300)))
    n += 1
    if n % 100 == 0:
        sys.stdout.write(f"{n}\\n")
        sys.stdout.flush()
"""


def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    """Every append that returned before kill -9 is read back, whole and once, and the segment gets sealed."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    said = 0
    while said < 5000:
        said = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    found = numbers(tmp_path)
    assert found == list(range(len(found)))
    assert len(found) >= said
    reader = SpoolReader(tmp_path)
    read = [json.loads(text)["n"] for batch in reader.read() for text in batch.lines]
    assert read == found
    assert not list(tmp_path.glob("*.live"))
    reader.close()


def test_a_torn_tail_is_left_out(tmp_path: Path) -> None:
    """A line that was copied but not committed is not there."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL)
    writer.append(line(1))
    (live,) = tmp_path.glob("*.live")
    with live.open("r+b") as file:
        file.seek(len(line(1)))
        file.write(b'{"n": 2, "to')
    assert numbers(tmp_path) == [1]
    writer.close()
    assert numbers(tmp_path) == [1]


@pytest.mark.parametrize("word", [b"\xff" * 8, (12).to_bytes(8, "little"), (SMALL * 9).to_bytes(8, "little")])
def test_an_implausible_length_is_not_believed(tmp_path: Path, word: bytes) -> None:
    """Where the committed length cannot be, the lines themselves are looked through."""
    path = tmp_path / f"{segment_module.stem(1_700_000_000_000_000, '0' * 16)}.live"
    content = b"".join(line(n) for n in range(10)) + b'{"torn'
    path.write_bytes(content + b"\0" * (SMALL - len(content) - 8) + word)
    assert numbers(tmp_path) == list(range(10))


def test_the_cursor_survives_and_drained_segments_go(tmp_path: Path) -> None:
    """A new reader goes on behind the last commit; what was read and not committed comes again."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL)
    for n in range(300):
        writer.append(line(n))
    reader = SpoolReader(tmp_path)
    batches = list(reader.read())
    assert [json.loads(text)["n"] for batch in batches for text in batch.lines] == list(range(300))
    half = len(batches) // 2
    for batch in batches[:half]:
        reader.commit(batch)
    reader.close()
    reader = SpoolReader(tmp_path)
    again = [batch.lines for batch in reader.read()]
    assert again == [batch.lines for batch in batches[half:]]
    for batch in reader.read():
        reader.commit(batch)
    writer.close()
    reader.tidy()
    assert not list(tmp_path.glob("*.ndjson"))
    assert reader.pending() == 0
    reader.close()


def test_a_reader_follows_a_live_segment(tmp_path: Path) -> None:
    """What is appended after a look is there at the next look, and only that."""
    writer = SpoolWriter(tmp_path)
    reader = SpoolReader(tmp_path)
    for start in (0, 3, 6):
        for n in range(start, start + 3):
            writer.append(line(n))
        (batch,) = reader.read()
        assert [json.loads(text)["n"] for text in batch.lines] == list(range(start, start + 3))
        reader.commit(batch)
    assert not list(reader.read())
    reader.close()
    writer.close()


def test_one_reader_at_a_time(tmp_path: Path) -> None:
    """A second reader of the same name is refused in one line; after close it may read."""
    reader = SpoolReader(tmp_path)
    with pytest.raises(MllogError, match="another process"):
        SpoolReader(tmp_path)
    reader.close()
    SpoolReader(tmp_path).close()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"version": 1}',
        b'{"version": 9, "segments": {}}',
        b'{"version": 1, "segments": {"a": "b"}}',
        b'{"version": 1, "segments": {"a": -5}}',
        b'{"version": 1, "segments": {"a": 1e3}}',
        b'{"version": 1, "segments": {"a": 9223372036854775808}}',
        b"-5",
        b"\xff\x00",
        b"[" * 100_000,
        b" " * (17 << 20),
    ],
)
def test_a_damaged_cursor_is_set_aside(tmp_path: Path, content: bytes) -> None:
    """The reason is in the status, and the spool is read from its beginning: twice at worst, never less."""
    writer = SpoolWriter(tmp_path)
    assert writer.append(line(1))
    writer.close()
    (tmp_path / "server.cursor").write_bytes(content)
    assert "server.cursor" in status(tmp_path).set_aside
    reader = SpoolReader(tmp_path)
    assert [text for batch in reader.read() for text in batch.lines] == [line(1)[:-1]]
    assert "read again from its beginning" in reader.problems["server.cursor.aside"]
    assert list(status(tmp_path).set_aside) == ["server.cursor.aside"]
    reader.close()


def test_status_looks_without_touching(tmp_path: Path) -> None:
    """Status counts segments, events and what a consumer has not committed."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL)
    for n in range(100):
        writer.append(line(n))
    found = status(tmp_path)
    assert found.events == 100
    assert found.live >= 1
    assert found.bytes == sum(len(line(n)) for n in range(100))
    assert found.consumers == {}
    reader = SpoolReader(tmp_path, keep=3600)
    first = next(iter(reader.read()))
    reader.commit(first)
    assert status(tmp_path).consumers == {"server": found.bytes - first.end}
    reader.close()
    writer.close()


def test_spares_of_the_dead_are_removed(tmp_path: Path) -> None:
    """A spare segment without an owner goes once it is old; one in use or just made stays."""
    old, young = tmp_path / "a.spare", tmp_path / "b.spare"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))
    writer = SpoolWriter(tmp_path)
    writer.append(line(1))
    reader = SpoolReader(tmp_path)
    reader.tidy()
    assert not old.exists()
    assert young.exists()
    reader.close()
    writer.close()


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    """Reading a spool that is not there names the folder."""
    with pytest.raises(MllogError, match="nowhere"):
        list(events(tmp_path / "nowhere"))
