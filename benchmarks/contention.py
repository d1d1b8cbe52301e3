"""What logging does to the others: requests in threads and in asyncio tasks, without logging and with it.

A request is about 1 ms: work in Python, a question over loopback to another process, more work; then one event.
Four workers ask at the same time. A logger that lets go of the interpreter's lock in its system call hands the rest
of the request's turn to another thread, which shows in the p99. All loggers come in every round, in a new order; a
ratio is to no logging in the same round, and the median over the rounds.

    python benchmarks/contention.py [--rounds N] [--requests N] [--json FILE] [--quick] [--check]
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import re
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import contenders
import measuring
import orjson
import sample

WORKERS = 4
WORK = json.dumps(sample.inputs(random.Random(1)))
TIMES = 20  # parses of WORK in one half of a request
BUDGET = 1.10
NONE = "no logging"

Log = contenders.Contender


def without(_: Path) -> contenders.Opened:
    """No logging: the event is there, and nobody takes it."""
    return (lambda _event: None), (lambda: None)


def with_write(folder: Path) -> contenders.Opened:
    """The least that a synchronous logger does: orjson, and one system call that appends."""
    fd = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return (lambda event: os.write(fd, orjson.dumps(event) + b"\n")), (lambda: os.close(fd))


LOGGERS = (
    Log(NONE, without),
    contenders.named("mllog"),
    contenders.STRUCTLOG,
    Log("orjson + os.write", with_write, "orjson"),
    contenders.named("python-json-logger + orjson + QueueHandler"),
)


def work() -> None:
    """A half of a request's computing, in Python."""
    for _ in range(TIMES):
        json.loads(WORK)


def in_threads(port: int, call: contenders.Call, given: list[Any]) -> list[float]:
    """Milliseconds of each request, from threads with a connection each."""
    taken: list[float] = []

    def worker(mine: list[Any]) -> None:
        clock = time.perf_counter
        with socket.create_connection(("127.0.0.1", port)) as database:
            database.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for event in mine:
                began = clock()
                work()
                database.sendall(b"how is the weather?\n")
                database.recv(100)
                work()
                call(event)
                taken.append((clock() - began) * 1000)

    threads = [threading.Thread(target=worker, args=(given[place::WORKERS],)) for place in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def in_tasks(port: int, call: contenders.Call, given: list[Any]) -> list[float]:
    """The same from asyncio tasks of one thread."""
    taken: list[float] = []

    async def worker(mine: list[Any]) -> None:
        clock = time.perf_counter
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for event in mine:
            began = clock()
            work()
            writer.write(b"how is the weather?\n")
            await reader.readline()
            work()
            call(event)
            taken.append((clock() - began) * 1000)
        writer.close()
        await writer.wait_closed()

    async def everyone() -> None:
        await asyncio.gather(*(worker(given[place::WORKERS]) for place in range(WORKERS)))

    asyncio.run(everyone())
    return taken


KINDS = {"threads": in_threads, "asyncio": in_tasks}


def one_round(logger: Log, kind: str, port: int, root: Path, samples: list[Any]) -> dict[str, float]:
    """Percentiles of the requests with one logger."""
    given = [logger.given(values) for values in samples]
    with tempfile.TemporaryDirectory(dir=root) as name:
        call, closing = logger.opening(Path(name))
        KINDS[kind](port, call, given[: len(given) // 8])
        time.sleep(contenders.PREFAULT_SECONDS)
        gc.collect()
        taken = KINDS[kind](port, call, given)
        closing()
    return {"p50": measuring.percentile(taken, 0.5), "p99": measuring.percentile(taken, 0.99)}


def compared(rows: dict[str, list[dict[str, float]]], name: str) -> dict[str, Any]:
    """Percentiles over the rounds, in ms, and as ratios to no logging in the same round."""
    return {
        what: measuring.spread([each[what] for each in rows[name]])
        | {
            "ratio": measuring.spread(
                [each[what] / none[what] for each, none in zip(rows[name], rows[NONE], strict=True)]
            )
        }
        for what in ("p50", "p99")
    }


def main() -> None:
    parser = measuring.parser(__doc__, rounds=9)
    parser.add_argument("--requests", type=int, default=2000, help="requests in a round")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.requests = 1, 40
    draw = random.Random(7)
    samples = [sample.inputs(draw) for _ in range(options.requests)]
    loggers = [
        each for each in LOGGERS if each.name == NONE or (each.available() and re.search(options.only, each.name))
    ]
    rows: dict[str, dict[str, list[dict[str, float]]]] = {kind: {each.name: [] for each in loggers} for kind in KINDS}
    plan = [
        (kind, each) for _ in range(options.rounds) for kind in KINDS for each in draw.sample(loggers, len(loggers))
    ]
    with measuring.beside("loopback.py", "echo") as (_, port), tempfile.TemporaryDirectory() as root:
        for kind, logger in measuring.steps(plan, "contention"):
            rows[kind][logger.name].append(one_round(logger, kind, int(port), Path(root), samples))
    found = {kind: {name: compared(each, name) for name in each} for kind, each in rows.items()}
    for kind, each in found.items():
        print(
            measuring.table(
                [f"requests in {kind}", "p50 ms", "p99 ms", "ratio of p50", "ratio of p99", "quartiles of it"],
                [
                    [
                        name,
                        f"{row['p50']['median']:.2f}",
                        f"{row['p99']['median']:.2f}",
                        f"{row['p50']['ratio']['median']:.2f}",
                        f"{row['p99']['ratio']['median']:.2f}",
                        f"{row['p99']['ratio']['low']:.2f} to {row['p99']['ratio']['high']:.2f}",
                    ]
                    for name, row in each.items()
                ],
            )
        )
    over = [
        f"mllog in {kind}: p99 {ratio:.2f} of no logging (budget {BUDGET:.2f})"
        for kind, each in found.items()
        if "mllog" in each and (ratio := each["mllog"]["p99"]["ratio"]["median"]) > BUDGET
    ]
    measuring.finish(options, found, over)


if __name__ == "__main__":
    main()
