"""What a row costs: `predictions()` of a batch beside `prediction()` for each row; medians over interleaved rounds.

20 features, 10,000 rows, mllog's defaults, into the spool. Taking the rows out of the frame is part of both.

    python benchmarks/batch.py [--rounds N] [--rows N] [--json FILE] [--quick]
"""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import contenders
import measuring
import pandas as pd
import sample

import mllog

FRAMES_SHARE = 20
"""A DataFrame for each row is slow enough to be measured on a share of the rows."""


def each_row(log: mllog.ModelLogger, rows: Any) -> None:
    """One call a row."""
    for row in rows:
        log.prediction(row, sample.OUTPUTS)


def batches(log: mllog.ModelLogger, samples: list[dict[str, Any]]) -> dict[str, tuple[Callable[[], object], int]]:
    """Every way to log the same rows, and how many of them it logs."""
    frame = pd.DataFrame(samples)
    columns = {name: frame[name].tolist() for name in frame.columns}
    answers = pd.DataFrame([sample.OUTPUTS] * len(samples))
    few = frame.iloc[: max(1, len(frame) // FRAMES_SHARE)]
    return {
        "DataFrame: predictions()": (lambda: log.predictions(frame, answers), len(frame)),
        "DataFrame: prediction() of to_dict('records')": (lambda: each_row(log, frame.to_dict("records")), len(frame)),
        "DataFrame: prediction() of one-row frames": (
            lambda: each_row(log, (few.iloc[[place]] for place in range(len(few)))),
            len(few),
        ),
        "dict of columns: predictions()": (lambda: log.predictions(columns, answers), len(frame)),
        "dict of columns: prediction() of zipped rows": (
            lambda: each_row(
                log, (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
            ),
            len(frame),
        ),
        "list of dicts: predictions()": (lambda: log.predictions(samples, answers), len(frame)),
        "list of dicts: prediction()": (lambda: each_row(log, samples), len(frame)),
    }


def main() -> None:
    parser = measuring.parser(__doc__, rounds=7)
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the batch")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.rows = 1, 100
    draw = random.Random(7)
    samples = [sample.inputs(draw) for _ in range(options.rows)]
    log = mllog.model("bench", "1.0")
    ways = batches(log, samples)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    warm_up = 0 if options.quick else len(ways)
    plan = [name for _ in range(options.rounds + bool(warm_up)) for name in draw.sample(list(ways), len(ways))]
    for number, name in enumerate(measuring.steps(plan, "batch")):
        with tempfile.TemporaryDirectory(prefix="mllog-bench-") as folder:
            mllog.configure(service="bench", environment="bench", version="1", spool=Path(folder) / "spool")
            log.prediction(samples[0], sample.OUTPUTS)
            time.sleep(contenders.PREFAULT_SECONDS)
            gc.collect()
            call, rows = ways[name]
            began = time.perf_counter()
            call()
            if number >= warm_up:
                taken[name].append((time.perf_counter() - began) / rows * 1e6)
            mllog.shutdown()
    found = {name: measuring.spread(each) for name, each in taken.items()}
    print(
        measuring.table(
            [f"{options.rows:,} rows", "µs a row", "quartiles"],
            [
                [name, f"{each['median']:.1f}", f"{each['low']:.1f} to {each['high']:.1f}"]
                for name, each in found.items()
            ],
        )
    )
    stats = mllog.stats()
    over = [f"{stats[what]} {what}: {stats['problem']}" for what in ("dropped", "errors") if stats[what]]
    measuring.finish(options, found, over)


if __name__ == "__main__":
    main()
