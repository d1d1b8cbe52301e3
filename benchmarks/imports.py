"""Import time of mllog as a ratio to structlog's, in fresh interpreters, interleaved; medians over rounds.

python benchmarks/imports.py [--rounds N] [--json FILE] [--quick] [--check]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import measuring

BUDGET = 1.0
NAMES = ("mllog", "structlog")
EMPTY = "pass"


def seconds(name: str) -> float:
    """How long a fresh interpreter takes for one import."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", name if name == EMPTY else f"import {name}"], check=True)
    return time.perf_counter() - began


def main() -> None:
    options = measuring.parser(__doc__, rounds=21).parse_args()
    if options.quick:
        options.rounds = 1
    taken: dict[str, list[float]] = {name: [] for name in (EMPTY, *NAMES)}
    for name in NAMES:
        seconds(name)  # byte code is written, files are in the cache
    for name in measuring.steps([*taken] * options.rounds, "imports"):
        taken[name].append(seconds(name))
    base = statistics.median(taken[EMPTY])
    median = {name: (statistics.median(taken[name]) - base) * 1000 for name in NAMES}
    ratio = median["mllog"] / median["structlog"]
    print(
        measuring.table(
            ["import", "ms over an empty interpreter", "ratio"],
            [[name, f"{median[name]:.1f}", f"{median[name] / median['structlog']:.2f}"] for name in NAMES],
        )
    )
    over = [f"import mllog takes {ratio:.2f} of import structlog (budget {BUDGET:.2f})"] if ratio > BUDGET else []
    measuring.finish(options, {"milliseconds": median, "ratio": ratio}, over)


if __name__ == "__main__":
    main()
