"""Where the time of one call goes: the functions of a prediction by the time spent in each, from a profiler.

The profiler (cProfile) makes every function dearer, so its share of the time is what counts; the column in
microseconds is that share of what a call takes without the profiler. Functions of C stand under their own names.

    python benchmarks/where.py [--calls N] [--json FILE] [--quick]
"""

from __future__ import annotations

import cProfile
import pstats
import random
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import contenders
import measuring
import sample

LEAST_SHARE = 0.015
DETAILED = "mllog, with a profile"
CASES = ("mllog, redaction off", "mllog", DETAILED, "1 KB of free text")

STAGES = (  # the first that fits names the stage of a function
    ("_stamps.py", "id and time"),
    ("time.time_ns", "id and time"),
    ("math.trunc", "id and time"),
    ("orjson", "encode"),
    ("encode_into", "encode"),
    ("bytearray", "encode"),
    ("_template.py", "encode"),
    ("msgspec._core.convert", "validate"),
    ("<shape>", "sort by type"),
    ("_shape.py", "by value"),
    ("_features.py", "by value"),
    ("_general.py", "by value"),
    ("_mapping.py", "by value"),
    ("_validate.py", "by value"),
    ("_plain.py", "by value"),
    ("_texts.py", "redact"),
    ("redaction/", "redact"),
    ("re.Pattern", "redact"),
    ("_context.py", "context"),
    ("ContextVar", "context"),
    ("spool/", "append"),
    ("_thread.lock", "append"),
    ("sinks/", "append"),
    ("_delivery.py", "append"),
    ("_logger.py", "the call itself"),
    ("_streams.py", "the call itself"),
)


def stage(function: str) -> str:
    """What a function is for."""
    return next((name for part, name in STAGES if part in function), "other")


def label(file: str, line: int, function: str) -> str:
    """A function as `module:name`; one of C under its own name."""
    if file == "~":
        return (
            function.removeprefix("<")
            .removesuffix(">")
            .replace("built-in method ", "")
            .replace("method ", "")
            .replace(" objects", "")
        )
    path = Path(file)
    return f"{'/'.join(path.parts[-2:])}:{function}" if line else f"{file}:{function}"


def profiled(contender: contenders.Contender, root: Path, calls: int) -> dict[str, Any]:
    """Shares of the functions, and the time of a call without the profiler."""
    draw = random.Random(7)
    given = [contender.given(sample.inputs(draw)) for _ in range(calls)]
    with tempfile.TemporaryDirectory(dir=root) as name:
        call, closing = contender.opening(Path(name))
        for values in given[:100]:
            call(values)
        time.sleep(contenders.PREFAULT_SECONDS)
        taken = []
        for values in given:
            began = time.perf_counter_ns()
            call(values)
            taken.append(time.perf_counter_ns() - began)
        profiler = cProfile.Profile()
        profiler.enable()
        for values in given:
            call(values)
        profiler.disable()
        closing()
    own = {
        label(*where): (found[1] / calls, found[2])
        for where, found in pstats.Stats(profiler).stats.items()
        if "contenders.py" not in where[0] and "_lsprof" not in where[2]
    }
    total = sum(seconds for _, seconds in own.values())
    return {
        "p50_us": measuring.percentile(taken, 0.5) / 1000,
        "functions": {
            name: {"stage": stage(name), "calls": times, "share": seconds / total}
            for name, (times, seconds) in sorted(own.items(), key=lambda item: -item[1][1])
            if seconds / total >= LEAST_SHARE
        },
        "stages": {
            what: sum(seconds for name, (_, seconds) in own.items() if stage(name) == what) / total
            for what in dict.fromkeys([*(name for _, name in STAGES), "other"])
        },
    }


def main() -> None:
    parser = measuring.parser(__doc__, rounds=1)
    parser.add_argument("--calls", type=int, default=20_000, help="calls that are profiled")
    options = parser.parse_args()
    if options.quick:
        options.calls = 200
    cases = [case for case in CASES if re.search(options.only, case)]
    detailed = DETAILED if DETAILED in cases else cases[0]
    with tempfile.TemporaryDirectory(prefix="mllog-bench-") as name:
        root = Path(name)
        contenders.learn(root, [contenders.named(case) for case in cases])
        found = {
            case: profiled(contenders.named(case), root, options.calls // (10 if "text" in case else 1))
            for case in measuring.steps(cases, "where")
        }
    print(
        measuring.table(
            ["stage, µs of a call", *found],
            [
                *(
                    [what, *(f"{each['stages'][what] * each['p50_us']:.2f}" for each in found.values())]
                    for what in found[detailed]["stages"]
                ),
                ["all (p50)", *(f"{each['p50_us']:.2f}" for each in found.values())],
            ],
        )
    )
    print(
        measuring.table(
            [f"function, {detailed}", "stage", "calls", "share", "µs"],
            [
                [
                    f"`{name}`",
                    each["stage"],
                    f"{each['calls']:.1f}",
                    f"{each['share']:.0%}",
                    f"{each['share'] * found[detailed]['p50_us']:.2f}",
                ]
                for name, each in found[detailed]["functions"].items()
            ],
        )
    )
    measuring.finish(options, found, ())


if __name__ == "__main__":
    main()
