"""At its bound a spool does what it was told to, and what it gives up is counted and said, exactly."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from support.waiting import PATIENCE

import mllog
from mllog.spool import Drops, SpoolReader, SpoolWriter, events
from mllog.spool import _segments as module
from mllog.spool._evict import evict
from mllog.spool._rewrite import rewrite

SMALL = 4096
BOUND = 6 * SMALL


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.0)


def line(number: int) -> bytes:
    """A numbered event of 100 bytes."""
    return (b'{"n": %d, "pad": "' % number).ljust(97, b"x") + b'"}\n'


def report(drops: Drops) -> bytes:
    """What is stored about events that were dropped."""
    said = {"event": {"action": "dropped"}, "mllog": {"spool": {"dropped": drops.count, "reason": drops.reason}}}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def stored(folder: Path) -> tuple[list[int], list[dict[str, Any]]]:
    """The numbers of the events in a spool, and what it says of those that are not."""
    found = [json.loads(text) for text in events(folder)]
    return [event["n"] for event in found if "n" in event], [event for event in found if "n" not in event]


def drain(folder: Path) -> list[int]:
    """Read and commit everything, so that its segments go."""
    reader = SpoolReader(folder)
    numbers = []
    for batch in reader.read():
        numbers += [event["n"] for event in map(json.loads, batch.lines) if "n" in event]
        reader.commit(batch)
    reader.tidy()
    reader.close()
    return numbers


def test_the_newest_are_dropped_and_said_once_there_is_room(tmp_path: Path) -> None:
    """The event about it counts exactly what was not accepted."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL, max_bytes=BOUND, report=report)
    accepted = [n for n in range(400) if writer.append(line(n))]
    assert 0 < len(accepted) < 400
    assert writer.dropped == 400 - len(accepted)
    assert "limit" in str(writer.problem)
    numbers, said = stored(tmp_path)
    drain(tmp_path)
    assert writer.append(line(400))
    writer.close()
    assert numbers == accepted
    last, more = stored(tmp_path)
    assert last == [400]
    assert sum(event["mllog"]["spool"]["dropped"] for event in said + more) == writer.dropped
    assert (
        more[-1]["mllog"]["spool"]["reason"]
        == f"the spool has reached its limit of {BOUND} bytes; no consumer reads it fast enough"
    )


def test_the_oldest_are_dropped_and_said(tmp_path: Path) -> None:
    """What is stored is what was accepted last, without a gap, and the counts add up."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL, max_bytes=BOUND, when_full="drop_oldest", report=report)
    assert all(writer.append(line(n)) for n in range(1000))
    writer.close()
    numbers, said = stored(tmp_path)
    assert numbers == list(range(1000 - len(numbers), 1000))
    assert writer.accepted == 1000
    assert writer.segments.evicted == writer.dropped == 1000 - len(numbers)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= BOUND
    # Reports in segments that were evicted are reported again.
    assert sum(event["mllog"]["spool"]["dropped"] for event in said) == writer.dropped
    assert said[-1]["mllog"]["spool"]["reason"].endswith("the oldest events were dropped")


def test_a_folder_that_cannot_be_looked_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be dropped the newest event is; the call returns."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL, max_bytes=SMALL, when_full="drop_oldest")
    assert writer.append(line(0))

    def refuse(folder: Path) -> None:
        raise mllog.MllogError(f"{folder}: cannot read the spool")

    monkeypatch.setattr("mllog.spool._evict.SpoolError", mllog.MllogError)
    monkeypatch.setattr("mllog.spool._evict.segments", refuse)
    assert not all(writer.append(line(n)) for n in range(100))
    assert "cannot read the spool" in str(writer.problem)
    writer.close()


def test_what_was_delivered_is_not_counted_as_given_up(tmp_path: Path) -> None:
    """Segments that are kept for a replay make room without a loss."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL, max_bytes=BOUND, when_full="drop_oldest")
    reader = SpoolReader(tmp_path, keep=3600)
    delivered = []
    for n in range(400):
        assert writer.append(line(n))
        if n % 10 == 0:
            for batch in reader.read():
                delivered += [json.loads(text)["n"] for text in batch.lines]
                reader.commit(batch)
    assert writer.segments.evicted == writer.dropped == 0
    assert delivered == list(range(391))
    reader.close()
    writer.close()


def test_a_caller_waits_for_room(tmp_path: Path) -> None:
    """Under `block` nothing is given up as long as somebody reads in time."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL, max_bytes=BOUND, when_full="block", block_seconds=PATIENCE)
    read: list[int] = []
    done = threading.Event()

    def consume() -> None:
        while not done.is_set():
            read.extend(drain(tmp_path))

    consumer = threading.Thread(target=consume)
    consumer.start()
    assert all(writer.append(line(n)) for n in range(2000))
    done.set()
    consumer.join()
    writer.close()
    assert read + drain(tmp_path) == list(range(2000))
    assert writer.dropped == 0


def test_a_caller_waits_so_long_and_no_longer(tmp_path: Path) -> None:
    """Where nobody reads, the event is dropped and counted after the time that was allowed."""
    writer = SpoolWriter(tmp_path, segment_bytes=SMALL, max_bytes=BOUND, when_full="block", block_seconds=0.02)
    accepted = 0
    while writer.append(line(accepted)):
        accepted += 1
    assert (writer.accepted, writer.dropped) == (accepted, 1)
    assert not writer.append(b"x" * SMALL * 2)  # an event that never fits is not waited for
    assert "does not fit" in str(writer.problem)
    writer.close()
    assert stored(tmp_path)[0] == list(range(accepted))


def test_the_library_says_what_it_gave_up(tmp_path: Path) -> None:
    """The event about it is one of mllog's own stream, with count, reason and when."""
    handler = mllog.SpoolHandler(
        tmp_path, segment_bytes=SMALL, max_bytes=BOUND, service={"name": "checkout", "environment": "test"}
    )
    while handler.write(line(0)):
        pass
    drain(tmp_path)
    assert handler.write(line(1))
    handler.close()
    (said,) = stored(tmp_path)[1]
    assert said["event"]["action"] == "dropped"
    assert said["data_stream"] == {"type": "logs", "dataset": "mllog.shipper", "namespace": "test"}
    assert said["mllog"]["spool"]["dropped"] == handler.writer.dropped == 1
    assert said["mllog"]["spool"]["since"] <= said["mllog"]["spool"]["until"] <= said["@timestamp"]
    assert said["service"]["name"] == "checkout"


def test_another_user_of_the_group_may_ship(tmp_path: Path) -> None:
    """Folder and files are the group's to read and write, whatever the umask of the service is."""
    before = os.umask(0o077)
    try:
        writer = SpoolWriter(tmp_path / "spool", segment_bytes=SMALL, group=os.getgid())
        for n in range(100):
            writer.append(line(n))
        writer.close()
    finally:
        os.umask(before)
    folder = tmp_path / "spool"
    assert folder.stat().st_mode & 0o7777 == 0o2770
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o660}


def test_a_group_that_is_none_is_said(tmp_path: Path) -> None:
    """The service goes on; the events are counted as dropped."""
    writer = SpoolWriter(tmp_path / "spool", group="no such group")
    assert not writer.append(line(0))
    assert "no such group: 'no such group'" in str(writer.problem)


def test_what_was_erased_is_not_counted_as_given_up(tmp_path: Path) -> None:
    """An erased event leaves blank lines."""
    path = tmp_path / "1700000000000000-00ff00ff00ff00ff.ndjson"
    path.write_bytes(b"".join(map(line, range(10))))
    assert rewrite(path, lambda text: json.loads(text)["n"] in {0, 4, 5, 9}, same_length=True) == 4
    assert evict(tmp_path, 1).events == 6
