"""What a call costs the caller: mllog beside its peers, in one run, interleaved; medians over rounds.

An event of 20 features, about 1 KB, from the call to where the library says it is safe: a file or mllog's spool.
Ratios are to structlog + orjson. The peers are given the finished event; mllog sorts, checks, redacts and
stamps it in the call. The table goes to standard output as Markdown.

    python benchmarks/emit.py [--rounds N] [--calls N] [--json FILE]
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import importlib.util
import io
import json
import logging
import logging.handlers
import queue
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

BASE = "structlog + orjson"
BUDGETS = {
    "mllog, redaction off": 0.45,
    "mllog": 0.60,
    "mllog, with a profile": 0.75,
}
NO_HANDLER_BUDGET_US = 0.3

Call = Callable[[dict[str, Any]], Any]


def inputs(draw: random.Random) -> dict[str, Any]:
    """Twenty features: twelve numbers, six categories, two booleans; all inside what training shows."""
    numbers = {f"number_{n:02}": draw.random() * 1000 for n in range(8)} | {
        f"count_{n}": draw.randrange(10_000) for n in range(4)
    }
    categories = {f"category_{n}": draw.choice(("alpha", "beta", "gamma", "delta", "epsilon")) for n in range(6)}
    return {**numbers, **categories, "flag_0": draw.random() > 0.5, "flag_1": draw.random() > 0.5}


OUTPUTS = {"score": 0.73, "label": "late"}


def context(values: dict[str, Any]) -> dict[str, Any]:
    """The event as mllog writes it, ready for a peer to encode: sorting and ids are not counted against the peers."""
    split: dict[str, dict[str, Any]] = {"number": {}, "category": {}, "boolean": {}}
    for name, value in values.items():
        split["boolean" if isinstance(value, bool) else "category" if isinstance(value, str) else "number"][name] = (
            value
        )
    return {
        "event": {
            "kind": "event",
            "action": "prediction",
            "outcome": "success",
            "id": f"{random.getrandbits(128):032x}",
            "duration": 1000,
        },
        "service": {"name": "bench", "environment": "bench", "version": "1"},
        "mllog": {
            "model": {"name": "bench", "version": "1.0", "role": "live"},
            "input": split,
            "output": {"number": {"score": OUTPUTS["score"]}, "category": {"label": OUTPUTS["label"]}},
            "quality": {"invalid": 0},
        },
    }


class Contender:
    """One way to log; `open` gives the call."""

    def __init__(self, name: str, opening: Callable[[Path], tuple[Call, Callable[[], None]]], needs: str = "") -> None:
        self.name = name
        self.opening = opening
        self.needs = needs

    def available(self) -> bool:
        """Whether its package is installed."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


def with_mllog(redaction: str, *, profile: bool) -> Callable[[Path], tuple[Call, Callable[[], None]]]:
    """Mllog into its spool."""

    def opening(folder: Path) -> tuple[Call, Callable[[], None]]:
        import mllog

        mllog.configure(service="bench", environment="bench", version="1", spool=folder / "spool", redaction=redaction)
        known = None
        if profile:
            import pandas as pd

            draw = random.Random(1)
            known = mllog.Profile.learn(pd.DataFrame([inputs(draw) for _ in range(5000)]), name="bench", version="1.0")
        from mllog._model_logger import ModelLogger

        log = ModelLogger("bench", "1.0", profile=known)

        def call(values: dict[str, Any]) -> None:
            log.prediction(values, OUTPUTS, duration=1e-6)

        return call, mllog.shutdown

    return opening


def with_structlog(folder: Path) -> tuple[Call, Callable[[], None]]:
    """Structlog with orjson, straight to a file: the cheapest of the synchronous peers."""
    import structlog

    out = (folder / "log").open("wb", buffering=0)
    log = structlog.wrap_logger(
        structlog.BytesLogger(out),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.EventRenamer("message", "ecs_event"),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    return lambda event: log.info("prediction", **event), out.close


def _stdlib(handler: logging.Handler, name: str, closing: Callable[[], None]) -> tuple[Call, Callable[[], None]]:
    log = logging.getLogger(f"bench.{name}.{time.monotonic_ns()}")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
    return lambda event: log.info("prediction", extra=event), closing


def with_json_logger(*, fast: bool, queued: bool) -> Callable[[Path], tuple[Call, Callable[[], None]]]:
    """python-json-logger over the standard library, with its own or orjson's encoder, and behind a queue."""

    def opening(folder: Path) -> tuple[Call, Callable[[], None]]:
        if fast:
            from pythonjsonlogger.orjson import OrjsonFormatter as Formatter
        else:
            from pythonjsonlogger.json import JsonFormatter as Formatter
        handler = logging.FileHandler(folder / "log")
        handler.setFormatter(Formatter(timestamp=True))
        if not queued:
            return _stdlib(handler, "json", handler.close)
        lines: queue.SimpleQueue[Any] = queue.SimpleQueue()
        listener = logging.handlers.QueueListener(lines, handler)
        listener.start()

        def closing() -> None:
            listener.stop()
            handler.close()

        return _stdlib(logging.handlers.QueueHandler(lines), "queued", closing)

    return opening


def with_ecs_logging(folder: Path) -> tuple[Call, Callable[[], None]]:
    """Elastic's own formatter."""
    import ecs_logging

    handler = logging.FileHandler(folder / "log")
    handler.setFormatter(ecs_logging.StdlibFormatter())
    return _stdlib(handler, "ecs", handler.close)


def with_loguru(folder: Path) -> tuple[Call, Callable[[], None]]:
    """Loguru's serialising sink."""
    from loguru import logger

    logger.remove()
    sink = logger.add(folder / "log", serialize=True)
    return lambda event: logger.bind(**event).info("prediction"), lambda: logger.remove(sink)


CONTENDERS = (
    Contender("mllog, redaction off", with_mllog("off", profile=False)),
    Contender("mllog", with_mllog("default", profile=False)),
    Contender("mllog, with a profile", with_mllog("default", profile=True)),
    Contender(BASE, with_structlog, "structlog"),
    Contender("python-json-logger + orjson", with_json_logger(fast=True, queued=False), "pythonjsonlogger"),
    Contender("python-json-logger", with_json_logger(fast=False, queued=False), "pythonjsonlogger"),
    Contender("python-json-logger + QueueHandler", with_json_logger(fast=True, queued=True), "pythonjsonlogger"),
    Contender("ecs-logging", with_ecs_logging, "ecs_logging"),
    Contender("loguru", with_loguru, "loguru"),
)


def measure(call: Call, samples: list[dict[str, Any]]) -> list[int]:
    """Nanoseconds of each call."""
    clock = time.perf_counter_ns
    taken = []
    for values in samples:
        began = clock()
        call(values)
        taken.append(clock() - began)
    return taken


def percentile(values: list[int], share: float) -> float:
    """The value below which a share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run(rounds: int, calls: int) -> dict[str, dict[str, float]]:
    """All contenders, one after the other in every round."""
    draw = random.Random(7)
    samples = [inputs(draw) for _ in range(calls)]
    events = [context(values) for values in samples]
    for event in events:
        event["ecs_event"] = event.pop("event")  # structlog and others call the message that
    found: dict[str, dict[str, list[float]]] = {}
    contenders = [contender for contender in CONTENDERS if contender.available()]
    for _ in range(rounds):
        draw.shuffle(contenders)
        for contender in contenders:
            folder = Path(tempfile.mkdtemp(prefix="mllog-bench-"))
            call, closing = contender.opening(folder)
            given = samples if contender.name.startswith("mllog") else events
            measure(call, given[: calls // 4])
            time.sleep(0.05)  # spare segments are ready
            gc.collect()
            taken = measure(call, given)
            closing()
            shutil.rmtree(folder)
            each = found.setdefault(contender.name, {"p50": [], "p99": [], "mean": []})
            each["p50"].append(percentile(taken, 0.5) / 1000)
            each["p99"].append(percentile(taken, 0.99) / 1000)
            each["mean"].append(statistics.fmean(taken) / 1000)
    return {name: {what: statistics.median(values) for what, values in each.items()} for name, each in found.items()}


def without_handler(calls: int = 200_000) -> float:
    """Microseconds of a call that nobody listens to."""
    from mllog._model_logger import ModelLogger

    log = ModelLogger("nobody", "1.0")
    values = inputs(random.Random(3))
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter_ns()
        for _ in range(calls):
            log.prediction(values, OUTPUTS)
        best = min(best, (time.perf_counter_ns() - began) / calls / 1000)
    return best


def table(found: dict[str, dict[str, float]]) -> str:
    """The result as Markdown, cheapest first."""
    base = found[BASE]
    out = io.StringIO()
    out.write("| | p50 µs | ratio | p99 µs | mean µs |\n| --- | ---: | ---: | ---: | ---: |\n")
    for name, each in sorted(found.items(), key=lambda item: item[1]["p50"]):
        ratio = each["p50"] / base["p50"]
        out.write(f"| {name} | {each['p50']:.1f} | {ratio:.2f} | {each['p99']:.1f} | {each['mean']:.1f} |\n")
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a budget is not kept")
    options = parser.parse_args()
    silent = without_handler()
    found = run(options.rounds, options.calls)
    print(table(found))
    print(f"a call without a handler: {silent:.2f} µs")
    if options.json:
        figures = {"when": dt.datetime.now(dt.UTC).isoformat(), "without_handler_us": silent, "contenders": found}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    base = found[BASE]
    over = [
        f"{name}: {found[name]['p50'] / base['p50']:.2f} of {BASE}, the budget is {budget}"
        for name, budget in BUDGETS.items()
        if found[name]["p50"] > budget * base["p50"]
    ]
    over += [f"{name}: p99 above that of {BASE}" for name in BUDGETS if found[name]["p99"] > base["p99"]]
    if silent > NO_HANDLER_BUDGET_US:
        over.append(f"without a handler: {silent:.2f} µs, the budget is {NO_HANDLER_BUDGET_US}")
    if over:
        print("\nnot yet within the budget:\n" + "\n".join(over))
        if options.check:
            sys.exit(1)


if __name__ == "__main__":
    main()
