"""What is left of a burst of events when the process ends, and whether what is logged can still be changed.

A child process logs 5,000 events as fast as it can, and then ends without closing anything; calls `os._exit`; or is
killed by SIGKILL as soon as it said that its last call returned. Found are the events in the file, in the spool, at
the collector, and in a cache that the next process would send. The fewest of the rounds count. In a fourth run the
inputs are changed right after each call: an event that shows the change was logged by reference.

    python benchmarks/survival.py [--rounds N] [--events N] [--json FILE] [--quick]
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import contenders
import measuring
import sample

ENDINGS = {"exit": "exit without close", "_exit": "`os._exit`", "kill": "kill -9"}
MUTATION = "mutation"
CHANGED = -1
SECONDS = 60


def burst(name: str, ending: str, folder: Path, events: int) -> None:
    """The child: log, and end in the given way."""
    contender = contenders.named(name)
    draw = random.Random(7)
    samples = [{**sample.inputs(draw), "count_0": number} for number in range(events)]
    given = [contender.given(values) for values in samples]
    call, closing = contender.opening(folder)
    for each in given:
        call(each)
        if ending == MUTATION:
            numbers = each["mllog"]["input"]["number"] if "mllog" in each else each
            numbers["count_0"] = CHANGED
    print("returned", flush=True)
    if ending == MUTATION:
        closing()
    elif ending == "_exit":
        os._exit(0)
    elif ending == "kill":
        sys.stdin.read()  # it comes from outside


def outcome(contender: contenders.Contender, ending: str, root: Path, events: int) -> int | None:
    """How many events are found, or how many show a change; None where the process did not end."""
    with tempfile.TemporaryDirectory(dir=root) as name:
        folder = Path(name)
        with contender.around(folder):
            command = [sys.executable, __file__, "--burst", contender.name, ending, name, "--events", str(events)]
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as child:
                assert child.stdout is not None
                said = child.stdout.readline()
                if ending == "kill":
                    child.kill()
                try:
                    child.wait(SECONDS)
                except subprocess.TimeoutExpired:
                    child.kill()
                    return None
                if said != b"returned\n":
                    sys.exit(f"{contender.name}: the child of {ending!r} failed")
        numbers = contenders.numbers(contender, folder)
    return numbers.count(CHANGED) if ending == MUTATION else len(set(numbers))


def main() -> None:
    parser = measuring.parser(__doc__, rounds=2)
    parser.add_argument("--events", type=int, default=5000, help="events in a burst")
    parser.add_argument("--burst", nargs=3, metavar=("NAME", "ENDING", "FOLDER"), help="(inner) be the child")
    options = parser.parse_args()
    if options.burst:
        name, ending, folder = options.burst
        burst(name, ending, Path(folder), options.events)
        return
    if options.quick:
        options.rounds, options.events = 1, 100
    everyone = contenders.everyone(options.only)
    plan = [(each, ending) for each in everyone for ending in (*ENDINGS, MUTATION)]
    found: dict[str, dict[str, list[int | None]]] = {each.name: {} for each in everyone}
    with tempfile.TemporaryDirectory(prefix="mllog-bench-") as name:
        root = Path(name)
        contenders.learn(root, everyone)
        for contender, ending in measuring.steps(plan * options.rounds, "survival"):
            found[contender.name].setdefault(ending, []).append(outcome(contender, ending, root, options.events))

    def cell(counts: list[int | None], worst: Any) -> str:
        return "hangs" if None in counts else f"{worst(counts):,}"

    print(
        measuring.table(
            [
                f"of {options.events:,} events",
                *(f"found after {title}" for title in ENDINGS.values()),
                "show a later change",
            ],
            [
                [name, *(cell(rows[ending], min) for ending in ENDINGS), cell(rows[MUTATION], max)]
                for name, rows in found.items()
            ],
        )
    )
    over = [
        f"{name}: {ending} left {min(count or 0 for count in counts):,} of {options.events:,}"
        for name, rows in found.items()
        if name.startswith("mllog")
        for ending, counts in rows.items()
        if ending != MUTATION and min(count or 0 for count in counts) < options.events
    ]
    measuring.finish(options, {"events": options.events, "contenders": found}, over)


if __name__ == "__main__":
    main()
