"""Import time of mllog as a ratio to structlog's, in fresh interpreters, interleaved; medians.

Budget: 1.0. Run: make bench
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 21
BUDGET = 1.0
NAMES = ("mllog", "structlog")


def seconds(code: str) -> float:
    """How long a fresh interpreter takes for one statement."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
    return time.perf_counter() - began


def main() -> None:
    taken: dict[str, list[float]] = {"pass": [], **{name: [] for name in NAMES}}
    for name in NAMES:
        seconds(f"import {name}")  # byte code is written, files are in the cache
    for _ in range(ROUNDS):
        for name, times in taken.items():
            times.append(seconds(name if name == "pass" else f"import {name}"))
    base = statistics.median(taken["pass"])
    median = {name: statistics.median(taken[name]) - base for name in NAMES}
    ratio = median["mllog"] / median["structlog"]
    print("| import | median over an empty interpreter, ms | ratio |")
    print("| --- | --- | --- |")
    for name in NAMES:
        print(f"| {name} | {median[name] * 1000:.1f} | {median[name] / median['structlog']:.2f} |")
    if ratio > BUDGET:
        sys.exit(f"import mllog takes {ratio:.2f} times as long as import structlog; the budget is {BUDGET}")


if __name__ == "__main__":
    main()
