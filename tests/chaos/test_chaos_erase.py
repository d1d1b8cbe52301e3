"""An erasure, killed in the midst of rewriting a spool: of the others nothing is lost, and the next run finishes."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.waiting import PATIENCE

from mllog.spool import SpoolWriter, events
from mllog.spool._tombstones import Tombstones

pytestmark = pytest.mark.chaos

KILLS = 40
EVENTS = 4000
ERASE = ("erase", "--subject", "customer=ann", "--yes", "--json", "--spool")

# It says when it has begun to rewrite, so that the kill comes after that.
RUN = """
import sys
from mllog.spool import _rewrite

right = _rewrite.write_atomically

def announced(*given, **more):
    print("rewriting", flush=True)
    return right(*given, **more)

_rewrite.write_atomically = announced
from mllog.__main__ import main
sys.argv = ["mllog", *sys.argv[1:]]
main()
"""


def line(number: int) -> bytes:
    """Every third event is that of ann."""
    who = ("ann", "bob", "eve")[number % 3]
    event = {"event": {"id": f"event-{number:06}"}, "labels": {"customer": who}, "x": "y" * (number % 700)}
    return json.dumps(event).encode() + b"\n"


def test_forty_kills_in_the_midst_of_rewriting_lose_nothing_of_others(tmp_path: Path) -> None:
    """At any moment each segment is the old one or the new one; nothing of ann would be delivered meanwhile."""
    draw = random.Random(20261125)
    expected = Counter(text for number in range(EVENTS) if number % 3 and (text := line(number)[:-1]))
    midway = 0
    for kill in range(KILLS):
        spool = tmp_path / f"spool-{kill}"
        writer = SpoolWriter(spool, segment_bytes=1 << 16)
        for number in range(EVENTS):
            assert writer.append(line(number))
        writer.close()
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, *ERASE, str(spool)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        for _ in range(draw.randint(1, 20)):
            process.stdout.readline()
        try:
            process.wait(draw.random() * 0.004)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        after = list(events(spool))
        ann = [text for text in after if b'"ann"' in text]
        midway += 0 < len(ann) < EVENTS // 3 + 1
        assert Counter(text for text in after if b'"ann"' not in text) == expected
        assert Counter(Tombstones(spool).without(after)) == expected
        if kill % 10 == 0:
            done = subprocess.run(
                [sys.executable, "-m", "mllog", *ERASE, str(spool)], capture_output=True, timeout=PATIENCE, check=True
            )
            assert json.loads(done.stdout)["left"] == {}
            assert Counter(events(spool)) == expected
            assert list(spool.glob("*.rewriting")) == []
    assert midway >= KILLS / 2
