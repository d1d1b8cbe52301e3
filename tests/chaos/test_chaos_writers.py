"""Many writers on one host with the default bound: what segments reserve never keeps a writer from its events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.waiting import PATIENCE

from mllog.spool import MAX_BYTES, SpoolReader, SpoolWriter, events

pytestmark = pytest.mark.chaos

WRITERS = 500
EACH = 20

# Forked, since 500 interpreters take minutes to start: a child has a writer of its own, with its own segments.
DRIVER = """
import os, sys, time
import mllog

spool, count, each, together = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "together"
mllog.configure(service="chaos", environment="test", spool=spool)
log = mllog.model("late", "1")
done, wait = os.pipe(), os.pipe()
children = []
for number in range(count):
    child = os.fork()
    if not child:
        os.close(wait[1])
        for event in range(each):
            log.prediction({"writer": number, "event": event})
        state = mllog.stats()
        os.write(done[1], b"%d %d\\n" % (state["accepted"], state["dropped"]))
        if together:
            os.read(wait[0], 1)  # until the last one has written
        if number % 2:
            mllog.shutdown()
        os._exit(0)  # every second one without closing: it leaves what it reserved
    children.append(child)
    if not together and len(children) >= 8:
        os.waitpid(children.pop(0), 0)
text = b""
while text.count(b"\\n") < count:
    text += os.read(done[0], 65536)
os.close(wait[1])
for child in children:
    os.waitpid(child, 0)
rows = [tuple(map(int, row.split())) for row in text.split(b"\\n")[:-1]]
print(sum(row[0] for row in rows), sum(row[1] for row in rows))
"""


@pytest.mark.parametrize("way", ["one after the other", "together"])
def test_five_hundred_writers_lose_nothing(tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody reads meanwhile; half of them die and leave what they reserved."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DRIVER, str(tmp_path), str(WRITERS), str(EACH), way],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    accepted, dropped = map(int, done.stdout.split())
    taken = sum(path.stat().st_blocks * 512 for path in tmp_path.iterdir())
    stored = Counter(
        (event["writer"], event["event"])
        for event in (json.loads(line)["mllog"]["input"]["number"] for line in events(tmp_path))
    )
    with capsys.disabled():
        print(  # noqa: T201 - the count
            f"\n{WRITERS} writers {way}: {accepted} events accepted, {dropped} dropped, {len(stored)} stored, "
            f"{taken / 2**20:.0f} MiB on disk"
        )
    assert (accepted, dropped) == (WRITERS * EACH, 0)
    assert set(stored.values()) == {1}
    assert len(stored) == WRITERS * EACH
    assert taken < MAX_BYTES + WRITERS * (64 << 10)
    reader = SpoolReader(tmp_path)  # and all of it comes free
    for batch in reader.read():
        reader.commit(batch)
    reader.tidy()
    assert reader.pending() == 0
    reader.close()


TRUNCATED = """
import os, pathlib, sys, threading
from mllog.spool import SpoolWriter

writer = SpoolWriter(pathlib.Path(sys.argv[1]), group=os.getgid(), segment_bytes=1 << 16)
print("going", flush=True)
number = 0
while number < 200_000:
    assert writer.append(b'{"n": %d}\\n' % number)
    number += 1
writer.close()
print(number, flush=True)
"""


def test_a_writer_survives_files_truncated_under_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder that a group shares, another process truncates every live segment again and again."""
    folder = tmp_path / "spool"
    process = subprocess.Popen(
        [sys.executable, "-c", TRUNCATED, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"going\n"
    truncated = 0
    while process.poll() is None:
        for path in folder.glob("*.live"):
            try:
                os.truncate(path, 0)
                truncated += 1
            except FileNotFoundError:
                continue
    out, err = process.communicate()
    with capsys.disabled():
        print(f"\n{truncated} truncations of live segments: exit {process.returncode}, {out.decode().strip()} accepted")  # noqa: T201 - the count
    assert (process.returncode, err) == (0, b"")
    assert truncated > 50
    assert b"\0" not in b"".join(events(folder))


def test_a_full_spool_never_names_reservations(tmp_path: Path) -> None:
    """When the events themselves are at the limit the reason is that nothing reads them."""
    writer = SpoolWriter(tmp_path, max_bytes=1 << 20)
    while writer.append(b"x" * 1000 + b"\n"):
        pass
    assert sum(len(line) + 1 for line in events(tmp_path)) > 0.9 * (1 << 20)
    assert "no consumer reads it" in str(writer.problem)
    writer.close()
