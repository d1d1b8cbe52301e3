"""An endpoint that is down while a real service logs, then up: what the counters say is what arrives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.waiting import PATIENCE

pytestmark = pytest.mark.chaos

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "backlog.py"
BOUND = 64 << 20


def backlog(*arguments: str) -> dict[str, Any]:
    """The figures of a run; an hour of it is `python benchmarks/backlog.py`."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["twice"] == 0
    assert found["arrived"] == found["accepted"] - found["evicted"]
    assert found["drops_said"] == found["dropped"]
    assert found["disk_most_bytes"] <= found["max_bytes"]
    assert found["disk_left_bytes"] < 4096
    return found


def test_a_backlog_is_delivered_once(tmp_path: Path) -> None:
    """Nothing is given up, and memory does not grow with the backlog."""
    found = backlog("--events", "400000")
    assert found["arrived"] == 400_000
    assert found["memory_most_bytes"] < found["memory_first_bytes"] + (64 << 20) < found["disk_most_bytes"]


@pytest.mark.parametrize("when_full", ["drop_newest", "drop_oldest"])
def test_a_bound_that_is_too_small_costs_what_the_counters_say(when_full: str) -> None:
    """To the event, on both ends: in `stats()`, and in the events about it that arrive."""
    found = backlog("--events", "400000", "--max-bytes", str(BOUND), "--when-full", when_full)
    assert found["dropped"] > 0
    assert found["arrived"] + found["dropped"] == 400_000
