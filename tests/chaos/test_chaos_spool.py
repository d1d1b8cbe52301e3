"""Busy writers, killed and forked at random moments: what was accepted is there, whole and once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.waiting import PATIENCE

from mllog.spool import SpoolReader, events

pytestmark = pytest.mark.chaos

THREADS = 4
KILLS = 200
FORKS = 50

# Each thread says in memory that outlives it which event it is about to log, and which one was accepted.
WRITER = """
import mmap, sys, threading
import mllog

state = open(sys.argv[2], "r+b")
slots = memoryview(mmap.mmap(state.fileno(), 4096)).cast("Q")
mllog.configure(service="chaos", environment="test", spool=sys.argv[1])
log = mllog.model("late", "1")

def work(thread):
    number = 0
    while True:
        number += 1
        slots[2 * thread] = number
        log.prediction({"thread": thread, "number": number, "note": "x" * (number % 500)})
        if mllog.stats()["dropped"]:
            return
        slots[2 * thread + 1] = number

for thread in range(4):
    threading.Thread(target=work, args=(thread,), daemon=True).start()
print("going", flush=True)
threading.Event().wait()
"""

FORKER = """
import os, random, sys, threading
import mllog

mllog.configure(service="chaos", environment="test", spool=sys.argv[1])
log = mllog.model("late", "1")
draw = random.Random(int(sys.argv[2]))
stop = threading.Event()

def work(side, thread, count):
    for number in range(count):
        log.prediction({"side": side, "thread": thread, "number": number})
        if stop.is_set():
            break
    done[side, thread] = number + 1

done = {}
threads = [threading.Thread(target=work, args=(0, thread, 10**9)) for thread in range(3)]
for thread in threads:
    thread.start()
for side in range(1, int(sys.argv[3]) + 1):
    child = os.fork()
    if not child:
        done.clear()
        inside = [threading.Thread(target=work, args=(side, thread, 50)) for thread in range(2)]
        for thread in inside:
            thread.start()
        for thread in inside:
            thread.join()
        assert mllog.stats()["accepted"] == 100 and not mllog.stats()["dropped"], mllog.stats()
        if draw.random() < 0.5:
            mllog.shutdown()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads:
    thread.join()
assert not mllog.stats()["dropped"], mllog.stats()
print([done[0, thread] for thread in range(3)])
"""


def logged(spool: Path, *names: str) -> list[tuple[int, ...]]:
    """The numbers of every event that a reader gets; the spool is recovered and empty then."""
    before = list(events(spool))
    reader = SpoolReader(spool)
    found = []
    for batch in reader.read():
        found += batch.lines
        reader.commit(batch)
    reader.tidy()
    reader.close()
    assert sorted(found) == sorted(before)  # looking at a spool and reading it is the same
    assert list(events(spool)) == []
    numbers = [json.loads(line)["mllog"]["input"]["number"] for line in found]
    return [tuple(number[name] for name in names) for number in numbers]


def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    """Of four threads that log as fast as they can; at least half of the kills hit the middle of a call."""
    draw = random.Random(20261123)
    state = tmp_path / "state"
    inside = 0
    for kill in range(KILLS):
        spool = tmp_path / f"spool-{kill}"
        spool.mkdir(0o700)  # on a busy machine the kill may come before the first event, which would make it
        state.write_bytes(bytes(4096))
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(spool), str(state)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"going\n", process.communicate()
        try:
            process.wait(draw.random() * 0.05)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        slots = memoryview(state.read_bytes()).cast("Q")[: 2 * THREADS].tolist()
        begun, accepted = slots[::2], slots[1::2]
        inside += begun != accepted
        found = Counter(logged(spool, "thread", "number"))
        assert set(found.values()) <= {1}
        for thread in range(THREADS):
            mine = sorted(number for which, number in found if which == thread)
            assert mine == list(range(1, len(mine) + 1))
            assert accepted[thread] <= len(mine) <= begun[thread]
    assert inside >= KILLS / 2


@pytest.mark.parametrize("seed", range(5))
def test_forks_while_other_threads_log_lose_nothing(tmp_path: Path, seed: int) -> None:
    """Fifty in all: every event of the parent and of each child is there once, in the order of its thread."""
    forks = FORKS // 5
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKER, str(tmp_path), str(seed), str(forks)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = logged(tmp_path, "side", "thread", "number")
    expected = {(0, thread): count for thread, count in enumerate(json.loads(done.stdout))}
    expected |= {(side, thread): 50 for side in range(1, forks + 1) for thread in range(2)}
    for who, count in expected.items():
        assert [number for *whose, number in found if tuple(whose) == who] == list(range(count))
    assert len(found) == sum(expected.values())
    assert os.listdir(tmp_path)  # noqa: PTH208 - the cursor is all that is left
