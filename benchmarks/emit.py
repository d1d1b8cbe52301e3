"""What a call costs the caller: mllog beside its peers, in one run, interleaved; medians over rounds.

An event of 20 features, about 1 KB, from the call to where the library says it is safe: a file, a queue or mllog's
spool. Ratios are to structlog + orjson. The peers are given the finished event; mllog sorts, checks, redacts and
stamps it in the call. Memory is what a fresh process gains at most while it logs. Markdown goes to standard output.

    python benchmarks/emit.py [--rounds N] [--calls N] [--json FILE] [--quick] [--check]
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import contenders
import measuring
import sample
from contenders import BASE, Contender

BUDGETS = {
    "mllog, redaction off": 0.45,
    "mllog": 0.60,
    "mllog, with a profile": 0.75,
}
NO_HANDLER_BUDGET_US = 0.3
BASE_CALLS = 1000
DIFFERENT = 64
"""Events that are used again and again: a service logs what it has just read, which is still in the cache."""

Figures = dict[str, dict[str, Any]]


def measure(call: contenders.Call, given: list[Any]) -> list[int]:
    """Nanoseconds of each call."""
    clock = time.perf_counter_ns
    taken = []
    for values in given:
        began = clock()
        call(values)
        taken.append(clock() - began)
    return taken


def percentiles(taken: list[int]) -> dict[str, float]:
    """Of calls in nanoseconds, as microseconds."""
    return {
        "p50": measuring.percentile(taken, 0.5) / 1000,
        "p99": measuring.percentile(taken, 0.99) / 1000,
        "mean": statistics.fmean(taken) / 1000,
    }


def repeated(contender: Contender, samples: list[Any]) -> list[Any]:
    """What a contender is given for each of these samples."""
    given = [contender.given(values) for values in samples[:DIFFERENT]]
    return [given[place % DIFFERENT] for place in range(len(samples))]


def base(root: Path, samples: list[Any]) -> dict[str, float]:
    """The percentiles of the contender that all are compared with, on a few calls."""
    given = repeated(contenders.STRUCTLOG, samples[:BASE_CALLS])
    with tempfile.TemporaryDirectory(dir=root) as name:
        call, closing = contenders.STRUCTLOG.opening(Path(name))
        measure(call, given[: len(given) // 4])
        taken = measure(call, given)
        closing()
    return percentiles(taken)


def one_round(contender: Contender, root: Path, samples: list[Any]) -> dict[str, float]:
    """Percentiles of one contender, after a warm-up, in microseconds.

    A machine that others share is at times half as fast for seconds. So the ratios are to structlog + orjson right
    before and right after.
    """
    given = repeated(contender, samples)
    with tempfile.TemporaryDirectory(dir=root) as name, contender.around(Path(name)):
        call, closing = contender.opening(Path(name))
        measure(call, given[: len(given) // 4])
        time.sleep(contenders.PREFAULT_SECONDS)
        gc.collect()
        before = base(root, samples)
        found = percentiles(measure(call, given))
        closing()
    after = base(root, samples)
    return found | {f"{what}_ratio": 2 * found[what] / (before[what] + after[what]) for what in ("p50", "p99")}


def run(root: Path, rounds: int, calls: int, only: str) -> Figures:
    """All contenders, one after the other in every round; the variants on a quarter of the calls."""
    draw = random.Random(7)
    samples = [sample.inputs(draw) for _ in range(DIFFERENT)] * -(-calls // DIFFERENT)
    everyone = contenders.everyone(only, variants=True)
    found: dict[str, list[dict[str, float]]] = {each.name: [] for each in everyone}
    order = [contender for _ in range(rounds) for contender in draw.sample(everyone, len(everyone))]
    for contender in measuring.steps(order, "emit"):
        few = contender.slow or contender in contenders.VARIANTS
        found[contender.name].append(one_round(contender, root, samples[: calls // 4] if few else samples))
    return {
        name: {what: statistics.median(each[what] for each in rows) for what in rows[0]}
        | {"rounds": [each["p50"] for each in rows]}
        for name, rows in found.items()
    }


def without_handler(calls: int) -> float:
    """Microseconds of a call that nobody listens to."""
    from mllog import ModelLogger

    log = ModelLogger("nobody", "1.0")
    values = sample.inputs(random.Random(3))
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter_ns()
        for _ in range(calls):
            log.prediction(values, sample.OUTPUTS)
        best = min(best, (time.perf_counter_ns() - began) / calls / 1000)
    return best


# -- memory: in a process of its own -----------------------------------------------------------


def _status(field: str) -> int:
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(field))


def log_alone(name: str, folder: Path, calls: int) -> None:
    """Log so many events, and print what memory the process gained: most of all, and how much of it is its own."""
    contender = contenders.named(name)
    draw = random.Random(7)
    given = [contender.given(sample.inputs(draw)) for _ in range(calls)]
    gc.collect()
    resident, own = _status("VmRSS:"), _status("RssAnon:")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    call, closing = contender.opening(folder)
    most = own
    for number, values in enumerate(given):
        call(values)
        if number % 100 == 0:
            most = max(most, _status("RssAnon:"))
    print(json.dumps({"peak_mb": (_status("VmHWM:") - resident) / 1024, "own_mb": (most - own) / 1024}))
    closing()


def memory(root: Path, calls: int, only: str) -> Figures:
    """What a process gains by its logger and that many events."""
    found = {}
    for contender in measuring.steps(contenders.everyone(only), "memory"):
        with tempfile.TemporaryDirectory(dir=root) as name, contender.around(Path(name)):
            command = [
                sys.executable,
                __file__,
                "--alone",
                contender.name,
                name,
                "--calls",
                str(calls // 4 if contender.slow else calls),
            ]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120)
            found[contender.name] = json.loads(answer.stdout)
    return found


# -- the tables --------------------------------------------------------------------------------


def tables(found: Figures, used: Figures, silent: float) -> str:
    """The result as Markdown, cheapest first."""

    def cells(name: str, title: str = "") -> list[str]:
        each = found[name]
        return [title or name, *(f"{figure:.1f}" for figure in (each["p50"], each["p99"], each["mean"]))]

    def ratio(name: str) -> str:
        return f"{found[name]['p50_ratio']:.2f}"

    rows = sorted(
        (each.name for each in contenders.everyone() if each.name in found), key=lambda name: found[name]["p50_ratio"]
    )
    missing = [each.name for each in contenders.PEERS if not each.available()]
    out = measuring.table(
        ["one event of 20 features", "p50 µs", "p99 µs", "mean µs", "ratio of p50", "memory MB", "its own MB"],
        [
            *(
                [*cells(name), ratio(name), *(f"{used[name][what]:.0f}" for what in ("peak_mb", "own_mb"))]
                for name in rows
            ),
            *([name, "not installed", *["—"] * 5] for name in missing),
        ],
    )
    variants = [each.name for each in contenders.VARIANTS if each.name in found]
    if variants:
        out += "\n" + measuring.table(
            ["mllog, with its defaults", "p50 µs", "p99 µs", "mean µs", "ratio of p50"],
            [
                [*cells("mllog", "20 features in a dictionary"), ratio("mllog")],
                *([*cells(name), ratio(name)] for name in variants),
            ],
        )
    if "8 KB of free text" in found and "1 KB of free text" in found:
        per_kb = (found["8 KB of free text"]["p50"] - found["1 KB of free text"]["p50"]) / 7
        out += f"\nA KB of free text more costs {per_kb:.1f} µs with redaction.\n"
    return out + f"\nA call without a handler costs {silent:.2f} µs.\n"


def over_budget(found: Figures, silent: float) -> list[str]:
    """The budgets that are not kept."""
    kept = {name: budget for name, budget in BUDGETS.items() if name in found}
    over = [
        f"{name} p50 {found[name]['p50_ratio']:.2f} of {BASE} (budget {budget:.2f})"
        for name, budget in kept.items()
        if found[name]["p50_ratio"] > budget
    ]
    over += [
        f"{name} p99 {found[name]['p99_ratio']:.2f} of {BASE} (budget 1.00)"
        for name in kept
        if found[name]["p99_ratio"] > 1
    ]
    if silent > NO_HANDLER_BUDGET_US:
        over.append(f"without a handler {silent:.2f} µs (budget {NO_HANDLER_BUDGET_US})")
    return over


def main() -> None:
    parser = measuring.parser(__doc__, rounds=9)
    parser.add_argument("--calls", type=int, default=4000, help="events in a round")
    parser.add_argument("--alone", nargs=2, metavar=("NAME", "FOLDER"), help="(inner) measure memory in this process")
    options = parser.parse_args()
    if options.alone:
        log_alone(options.alone[0], Path(options.alone[1]), options.calls)
        return
    if options.quick:
        options.rounds, options.calls = 1, 200
    silent = without_handler(2000 if options.quick else 200_000)
    with tempfile.TemporaryDirectory(prefix="mllog-bench-") as name:
        root = Path(name)
        contenders.learn(root, contenders.everyone(options.only, variants=True))
        found = run(root, options.rounds, options.calls, options.only)
        used = memory(root, options.calls if options.quick else 5 * options.calls, options.only)
    print(tables(found, used, silent))
    figures = {name: each | used.get(name, {}) for name, each in found.items()}
    measuring.finish(
        options,
        {"without_handler_us": silent, "contenders": figures},
        over_budget(found, silent),
    )


if __name__ == "__main__":
    main()
