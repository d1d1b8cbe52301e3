"""Ways to log a prediction, each behind the same call: mllog and its variants, and the peers.

A contender is opened on a folder; what it keeps for good lies there afterwards.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import logging
import logging.handlers
import queue
import re
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measuring
import orjson
import sample

BASE = "structlog + orjson"
PROFILES = "profiles"
"""Name of the folder of the profiles, beside the folders of the contenders."""

PREFAULT_SECONDS = 0.05
"""What a service has between its first event and its load; then spare segments are ready."""

Call = Callable[[Any], Any]
Opened = tuple[Call, Callable[[], None]]
Values = dict[str, Any]


@contextlib.contextmanager
def nothing(_: Path) -> Iterator[None]:
    """What most contenders need around them."""
    yield


@contextlib.contextmanager
def collector(folder: Path) -> Iterator[None]:
    """A process that keeps what comes over loopback in the folder."""
    with measuring.beside("loopback.py", "keep", str(folder / "log")) as (_, port):
        (folder / "port").write_text(port)
        yield


def lines(folder: Path) -> Iterator[bytes]:
    """What a file sink or a collector holds."""
    if (folder / "log").exists():
        yield from (folder / "log").read_bytes().splitlines(keepends=True)


def spooled(folder: Path) -> Iterator[bytes]:
    """What `mllog spool cat` would print."""
    from mllog.spool import events

    for line in events(folder / "spool"):
        yield line + b"\n"


def collected_or_cached(folder: Path) -> Iterator[bytes]:
    """What the collector has, and what lies in the sqlite cache to be sent by the next process."""
    yield from lines(folder)
    if (folder / "cache.db").exists():
        with contextlib.closing(sqlite3.connect(folder / "cache.db")) as cache, contextlib.suppress(sqlite3.Error):
            for (text,) in cache.execute("SELECT event_text FROM event"):
                yield (text.encode() if isinstance(text, str) else bytes(text)) + b"\n"


@dataclass(frozen=True)
class Contender:
    """One way to log.

    Attributes:
        name: in the tables.
        opening: gives the call, and what closes it.
        needs: the module of its package.
        given: from the features to what the call is given; not counted.
        around: what it needs around it, such as a collector.
        found: the lines that it keeps for good.
        slow: it takes long to close, and is measured on a quarter of the calls.
    """

    name: str
    opening: Callable[[Path], Opened]
    needs: str = "mllog"
    given: Callable[[Values], Any] = sample.event
    around: Callable[[Path], contextlib.AbstractContextManager[None]] = nothing
    found: Callable[[Path], Iterator[bytes]] = lines
    slow: bool = False

    def available(self) -> bool:
        """Whether its package is installed."""
        return importlib.util.find_spec(self.needs) is not None


# -- mllog -------------------------------------------------------------------------------------


def same(values: Values) -> Values:
    """The features as they are."""
    return values


def with_mllog(
    redaction: str = "default", *, profile: str | None = None, file: bool = False, **options: Any
) -> Callable[[Path], Opened]:
    """Mllog into its spool, or a file."""

    def opening(folder: Path) -> Opened:
        import mllog
        from mllog import ModelLogger

        sink: dict[str, Path] = {"sink": folder / "log"} if file else {"spool": folder / "spool"}
        mllog.configure(service="bench", environment="bench", version="1", redaction=redaction, **sink)
        known = mllog.Profile.load(folder.parent / PROFILES / f"{profile}.json") if profile else None
        log = ModelLogger("bench", "1.0", profile=known, **options)
        outputs = sample.OUTPUTS

        def call(values: Any) -> None:
            log.prediction(values, outputs, duration=1e-6)

        return call, mllog.shutdown

    return opening


def failing(folder: Path) -> Opened:
    """Calls that ended with an exception, which carries its traceback."""
    import mllog
    from mllog import ModelLogger

    mllog.configure(service="bench", environment="bench", version="1", spool=folder / "spool")
    log = ModelLogger("bench", "1.0")
    try:
        {}["gate"]
    except KeyError as caught:
        error = caught

    def call(values: Values) -> None:
        log.prediction(values, None, duration=1e-6, error=error)

    return call, mllog.shutdown


def recording(folder: Path) -> Opened:
    """A record of the application itself, by the logging module, with three attributes."""
    import mllog
    from mllog._state import STATE

    mllog.configure(service="bench", environment="bench", version="1", spool=folder / "spool")
    log = logging.getLogger("bench.records")
    log.setLevel(logging.INFO)
    log.propagate = False
    sink = STATE.sink
    assert sink is not None
    log.addHandler(sink)

    def call(values: Values) -> None:
        extra = {"carrier": values["category_0"], "legs": values["count_0"], "delay": values["number_00"]}
        log.info("flight %s: no gate", "N14228", extra=extra)

    def close() -> None:
        log.removeHandler(sink)
        mllog.shutdown()

    return call, close


def one_row_frame(values: Values) -> Any:
    """The features as a DataFrame of one row."""
    import pandas as pd

    return pd.DataFrame([values])


def of_numpy(values: Values) -> Any:
    """The features as numpy has them; a model answers in such types as well."""
    import numpy as np

    kinds: dict[type, Any] = {float: np.float64, int: np.int64, bool: np.bool_, str: str}
    return {name: kinds[type(value)](value) for name, value in values.items()}


_rows = itertools.count()


def numpy_row(_: Values) -> Any:
    """Twenty numbers as an array."""
    import random

    import numpy as np

    return np.array(sample.row(random.Random(next(_rows))))


def with_text(characters: int, *, quoted: bool = False) -> Callable[[Values], Any]:
    """The features and one more, of free text; it is words, unless some of them stand in quotes."""
    import random

    def longer(values: Values) -> Any:
        text = sample.text(random.Random(next(_rows)), characters)
        return {**values, "remark": text.replace("gate", "'gate':") if quoted else text}

    return longer


MLLOG = (
    Contender("mllog, redaction off", with_mllog("off"), given=same, found=spooled),
    Contender("mllog", with_mllog(), given=same, found=spooled),
    Contender("mllog, with a profile", with_mllog(profile="bench"), given=same, found=spooled),
    Contender("mllog, to a file", with_mllog(file=True), given=same),
)
VARIANTS = (
    Contender("a one-row DataFrame", with_mllog(), given=one_row_frame, found=spooled),
    Contender("a numpy row, with a profile", with_mllog(profile="rows"), given=numpy_row, found=spooled),
    Contender("20 features and the answer in numpy's types", with_mllog(), given=of_numpy, found=spooled),
    Contender("1 KB of free text", with_mllog(), given=with_text(1000), found=spooled),
    Contender("1 KB of free text with quotes", with_mllog(), given=with_text(1000, quoted=True), found=spooled),
    Contender("8 KB of free text", with_mllog(), given=with_text(8000), found=spooled),
    Contender("8 KB of free text, redaction off", with_mllog("off"), given=with_text(8000), found=spooled),
    Contender("a failure, with its exception", failing, given=same, found=spooled),
    Contender("a record of the logging module", recording, given=same, found=spooled),
    Contender("a sample of 0.1, by key", with_mllog(sample=0.1, sample_key="count_0"), given=same, found=spooled),
)


# -- the peers ---------------------------------------------------------------------------------


def with_structlog(folder: Path) -> Opened:
    """Structlog with orjson, straight to a file: the cheapest of the synchronous peers in pure Python."""
    import structlog

    out = (folder / "log").open("ab", buffering=0)
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


def _stdlib(handler: logging.Handler, closing: Callable[[], None]) -> Opened:
    log = logging.getLogger(f"bench.{time.monotonic_ns()}")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)

    def close() -> None:
        log.removeHandler(handler)
        closing()

    return lambda event: log.info("prediction", extra=event), close


def with_json_logger(*, fast: bool, queued: bool = False) -> Callable[[Path], Opened]:
    """python-json-logger over the standard library, with its own or orjson's encoder, and behind a queue."""

    def opening(folder: Path) -> Opened:
        if fast:
            from pythonjsonlogger.orjson import OrjsonFormatter as Formatter
        else:
            from pythonjsonlogger.json import JsonFormatter as Formatter
        handler = logging.FileHandler(folder / "log")
        handler.setFormatter(Formatter(timestamp=True))
        if not queued:
            return _stdlib(handler, handler.close)
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        listener = logging.handlers.QueueListener(waiting, handler)
        listener.start()

        def closing() -> None:
            listener.stop()
            handler.close()

        return _stdlib(logging.handlers.QueueHandler(waiting), closing)

    return opening


def with_picologging(*, queued: bool = False) -> Callable[[Path], Opened]:
    """Picologging; its records know no `extra`: the call encodes the event, and the formatter adds the rest."""

    def opening(folder: Path) -> Opened:
        import picologging
        from picologging.handlers import QueueHandler, QueueListener

        handler = picologging.FileHandler(str(folder / "log"))
        handler.setFormatter(picologging.Formatter('{"time":"%(asctime)s","level":"%(levelname)s",%(message)s'))
        log = picologging.Logger("bench", picologging.INFO)
        closing = handler.close
        if queued:
            waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
            listener = QueueListener(waiting, handler)
            listener.start()
            log.addHandler(QueueHandler(waiting))

            def closing() -> None:
                listener.stop()
                handler.close()

        else:
            log.addHandler(handler)
        return lambda event: log.info(orjson.dumps(event)[1:].decode()), closing

    return opening


def with_ecs_logging(folder: Path) -> Opened:
    """Elastic's own formatter."""
    import ecs_logging

    handler = logging.FileHandler(folder / "log")
    handler.setFormatter(ecs_logging.StdlibFormatter())
    return _stdlib(handler, handler.close)


def with_loguru(*, enqueue: bool) -> Callable[[Path], Opened]:
    """Loguru's serialising sink, and the same behind its queue."""

    def opening(folder: Path) -> Opened:
        from loguru import logger

        logger.remove()
        sink = logger.add(folder / "log", serialize=True, enqueue=enqueue)
        return lambda event: logger.bind(**event).info("prediction"), lambda: logger.remove(sink)

    return opening


def with_opentelemetry(folder: Path) -> Opened:
    """OpenTelemetry's batch processor with its own exporter of JSON, one line an event, into a file."""
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, ConsoleLogRecordExporter

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it tells of every drop
    logging.getLogger("opentelemetry").propagate = False
    out = (folder / "log").open("a")
    provider = LoggerProvider()
    exporter = ConsoleLogRecordExporter(out, formatter=lambda record: record.to_json(indent=None) + "\n")
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its handler is to move to a package of its own
        handler = LoggingHandler(logger_provider=provider)

    def closing() -> None:
        provider.shutdown()
        out.close()

    return _stdlib(handler, closing)


def with_logstash_async(folder: Path) -> Opened:
    """python-logstash-async over TCP, with its cache in sqlite."""
    from logstash_async.formatter import LogstashFormatter
    from logstash_async.handler import AsynchronousLogstashHandler

    port = int((folder / "port").read_text())
    handler = AsynchronousLogstashHandler("127.0.0.1", port, str(folder / "cache.db"))
    handler.setFormatter(LogstashFormatter(extra_prefix="extra"))
    return _stdlib(handler, handler.close)


STRUCTLOG = Contender(BASE, with_structlog, "structlog")
PEERS = (
    STRUCTLOG,
    Contender("picologging + orjson", with_picologging(), "picologging"),
    Contender("picologging + orjson + QueueHandler", with_picologging(queued=True), "picologging"),
    Contender("python-json-logger + orjson", with_json_logger(fast=True), "pythonjsonlogger"),
    Contender("python-json-logger", with_json_logger(fast=False), "pythonjsonlogger"),
    Contender(
        "python-json-logger + orjson + QueueHandler", with_json_logger(fast=True, queued=True), "pythonjsonlogger"
    ),
    Contender("ecs-logging", with_ecs_logging, "ecs_logging"),
    Contender("loguru", with_loguru(enqueue=False), "loguru"),
    Contender("loguru, enqueue", with_loguru(enqueue=True), "loguru"),
    Contender("OpenTelemetry, batch", with_opentelemetry, "opentelemetry.sdk"),
    Contender(
        "python-logstash-async",
        with_logstash_async,
        "logstash_async",
        around=collector,
        found=collected_or_cached,
        slow=True,
    ),
)


def everyone(only: str = "", *, variants: bool = False) -> list[Contender]:
    """The contenders that are installed and whose name matches."""
    chosen = (*MLLOG, *(VARIANTS if variants else ()), *PEERS)
    return [each for each in chosen if each.available() and re.search(only, each.name)]


def learn(root: Path, chosen: Sequence[Contender]) -> None:
    """Make the profiles that these contenders load; learning takes pandas, and a while."""
    (root / PROFILES).mkdir()
    if any("profile" in each.name for each in chosen):
        sample.learn(root / PROFILES)


def named(name: str) -> Contender:
    """The contender of this name."""
    return next(contender for contender in (*MLLOG, *VARIANTS, *PEERS) if contender.name == name)


_NUMBER = re.compile(rb'\\?"count_0\\?":\s?(-?\d+)')


def numbers(contender: Contender, folder: Path) -> list[int]:
    """What `count_0` is in the whole events that can be found; it numbers them in a test of survival."""
    return [
        int(match[1]) for line in contender.found(folder) if line.endswith(b"\n") and (match := _NUMBER.search(line))
    ]
