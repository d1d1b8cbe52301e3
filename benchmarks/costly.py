"""What a call costs the caller whatever is passed: CPU time of one thread, and the memory that the call takes.

Everything a call reads is bounded by a budget (mllog/event/_budget.py): arguments that would take seconds are
summarised instead. The budget is 50 ms a call. The first call of a kind also learns the names of its features.

    python benchmarks/costly.py [--rounds N] [--only REGEX] [--json FILE] [--quick] [--check]
"""

from __future__ import annotations

import re
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import measuring
import numpy as np

import mllog
from mllog.testing import capture

BUDGET_MS = 50.0


def deep(levels: int) -> Any:
    """Twice as many values at every level."""
    made: Any = 1.0
    for _ in range(levels):
        made = {"a": made, "b": [made, made]}
    return made


def chain(length: int) -> BaseException:
    """An exception whose chain of causes has this length."""
    error: BaseException = ValueError("first")
    for number in range(length):
        following = ValueError(f"number {number}")
        following.__cause__ = error
        error = following
    return error


CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "a list of 3 million": lambda: {"inputs": {"x": list(range(3_000_000))}},
    "nested leaves": lambda: {"inputs": {"x": deep(40)}},
    "shared references": lambda: {"inputs": {"x": [[["text with 4111 in it"] * 256] * 256] * 256}},
    "20,000 strings": lambda: {"inputs": {f"f{n}": f"order {n}: 12 34 56 78, mail?" * 4 for n in range(20_000)}},
    "200 long strings": lambda: {"inputs": {f"f{n}": f"key: {n} " * 6_000 for n in range(200)}},
    "a string of 200 MB": lambda: {"inputs": {"x": "a: b " * 40_000_000}},
    "an array of 800 MB": lambda: {"inputs": {"x": np.zeros(100_000_000)}},
    "an array with a step": lambda: {"inputs": {"x": np.zeros(100_000_000)[::2]}},
    "bytes": lambda: {"inputs": {"x": bytearray(300_000_000)}},
    "5,000 labels": lambda: {"inputs": {"x": 1.0}, "labels": {f"l{n}": "a: b " * 10_000 for n in range(5_000)}},
    "a long label": lambda: {"inputs": {"x": 1.0}, "labels": {"l": [1.0] * 3_000_000}},
    "a chain of exceptions": lambda: {"inputs": {"x": 1.0}, "error": chain(100_000)},
    "a group of exceptions": lambda: {
        "inputs": {"x": 1.0},
        "error": ExceptionGroup("many", [ValueError("key: value " * 50) for _ in range(100_000)]),
    },
    "a huge message": lambda: {"inputs": {"x": 1.0}, "error": ValueError("key: value " * 5_000_000)},
    "a huge integer": lambda: {"inputs": {"x": 1 << 3_000_000}},
}


def call(kind: str, rounds: int) -> dict[str, float]:
    """Milliseconds of the first call and of the others (median), and the megabytes that one takes at its peak."""
    arguments = CASES[kind]()
    inputs = arguments.pop("inputs")
    log = mllog.model("costly", "1")
    taken = []
    with capture():
        for _ in range(rounds + 1):
            began = time.thread_time()
            log.prediction(inputs, 0.5, **arguments)
            taken.append((time.thread_time() - began) * 1000)
        tracemalloc.start()
        log.prediction(inputs, 0.5, **arguments)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return {"first_ms": taken[0], "ms": statistics.median(taken[1:]), "peak_mb": peak / 1e6}


def main() -> None:
    options = measuring.parser(__doc__, rounds=5).parse_args()
    if options.quick:
        options.rounds = 1
    warnings.simplefilter("ignore")
    kinds = [kind for kind in CASES if re.search(options.only, kind)]
    found = {kind: call(kind, options.rounds) for kind in measuring.steps(kinds, "costly")}
    print(
        measuring.table(
            ["what is passed", "first ms", "ms", "peak MB"],
            [
                [kind, f"{each['first_ms']:.1f}", f"{each['ms']:.1f}", f"{each['peak_mb']:.1f}"]
                for kind, each in found.items()
            ],
        )
    )
    over = [
        f"{kind} takes {each['ms']:.0f} ms (budget {BUDGET_MS:.0f})"
        for kind, each in found.items()
        if each["ms"] > BUDGET_MS
    ]
    measuring.finish(options, {"calls": found}, over)


if __name__ == "__main__":
    main()
