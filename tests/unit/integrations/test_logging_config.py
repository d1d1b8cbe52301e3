"""Whatever logging.config does after `configure()`, events reach the sink; standard members of records have a place."""

from __future__ import annotations

import concurrent.futures
import json
import logging
import logging.config
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery
import pytest
import structlog
from prometheus_client import CollectorRegistry

import mllog
from mllog.integrations import prometheus
from mllog.testing import capture


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """The loggers as they were."""
    root, ours = logging.getLogger(), logging.getLogger("mllog")
    saved = root.handlers[:], root.level, ours.handlers[:], ours.disabled, ours.propagate
    disabled = {name for name, logger in logging.root.manager.loggerDict.items() if getattr(logger, "disabled", False)}
    yield
    mllog.shutdown()
    root.handlers[:], ours.handlers[:], ours.disabled, ours.propagate = saved[0], saved[2], saved[3], saved[4]
    root.setLevel(saved[1])
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger):
            logger.disabled = name in disabled


@pytest.mark.parametrize("disable", [True, False])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("kind", ["file", "spool"])
def test_dict_config_silences_nothing(
    logging_restored: None, tmp_path: Path, kind: str, disable: bool, named: bool
) -> None:
    """Events before, between and after it are all accepted by the sink of `configure()`, also by a second one."""
    before = mllog.stats()
    log = mllog.model("configured", "1")
    config: dict[str, Any] = {
        "version": 1,
        "disable_existing_loggers": disable,
        "handlers": {"console": {"class": "logging.NullHandler"}},
        "root": {"handlers": ["console"], "level": "INFO"},
    }
    if named:
        config["loggers"] = {"mllog": {"handlers": ["console"], "level": "ERROR", "propagate": False}}
    for number in range(2):
        sink: Any = {"sink": str(tmp_path / f"{number}.ndjson")} if kind == "file" else {"spool": tmp_path / "spool"}
        mllog.configure(**sink)
        log.prediction({"x": 1.0}, 1.0)
        for _ in range(2):
            logging.config.dictConfig(config)
            log.prediction({"x": 2.0}, 1.0)
            log.prediction({"x": object()}, 1.0, error="none")
        handler, logger = mllog.RecordHandler(), logging.getLogger(f"shop.{disable}.{named}.{kind}.{number}")
        logger.addHandler(handler)
        logger.warning("out of stock")
        logger.removeHandler(handler)
    after = mllog.stats()
    assert after["accepted"] - before["accepted"] == 12
    assert after["dropped"] == before["dropped"]
    mllog.shutdown()
    if kind == "file":
        assert [len((tmp_path / f"{n}.ndjson").read_text().splitlines()) for n in range(2)] == [6, 6]


def recorded(log_it: Any) -> dict[str, Any]:
    """The one event of a logger with mllog's handler."""
    handler, logger = mllog.RecordHandler(), logging.getLogger("shop.records")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        with capture() as events:
            log_it(logger)
    finally:
        logger.removeHandler(handler)
    (event,) = events
    return event


def test_the_stack_of_a_record_is_kept() -> None:
    """`stack_info=True` goes where a stack trace goes, also beside an exception."""
    event = recorded(lambda logger: logger.warning("where am I", stack_info=True))
    assert event["error"]["stack_trace"].startswith("Stack (most recent call last)")

    def failing(logger: logging.Logger) -> None:
        try:
            int("no number")
        except ValueError:
            logger.exception("failed", stack_info=True)

    event = recorded(failing)
    assert "ValueError: invalid literal" in event["error"]["stack_trace"]
    assert "Stack (most recent call last)" in event["error"]["stack_trace"]


def test_a_record_without_the_name_of_a_level() -> None:
    """Whoever makes records by hand may leave it out."""

    def made(logger: logging.Logger) -> None:
        record = logger.makeRecord("shop", 30, "f", 1, "late", (), None)
        record.levelname = None  # type: ignore[assignment]
        logger.handle(record)

    assert recorded(made)["log"]["level"] == "warning"


def test_structlog_through_the_logging_module() -> None:
    """Its usual configuration: the text is the message, and none of its own members is a label."""
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    try:
        event = recorded(lambda _: structlog.get_logger("shop.records").info("late again", flight="UA 1545"))
    finally:
        structlog.reset_defaults()
    assert (event["message"], event["labels"]) == ("late again", {"flight": "UA 1545"})


def test_structlog_with_a_stack() -> None:
    """`stack_info` is a stack trace, not a label."""
    from mllog.integrations.structlog import configure, reset

    configure()
    try:
        with capture() as events:
            structlog.get_logger("shop").info("where am I", stack_info=True)
    finally:
        reset()
    assert events[0]["error"]["stack_trace"].startswith("Stack (most recent call last)")


def test_names_of_loggers_and_threads_are_searched() -> None:
    """Somebody may have put an address into one."""

    def made(logger: logging.Logger) -> None:
        record = logger.makeRecord("shop for ann@example.com", 30, "f", 1, "late", (), None)
        record.threadName = "job of ann@example.com"
        logger.handle(record)

    assert "ann@" not in json.dumps(recorded(made))


def test_metrics_on_two_registries() -> None:
    """Installing twice counts once, and uninstalling one leaves the other."""
    one, two = CollectorRegistry(), CollectorRegistry()
    labels = {"name": "counted", "version": "1", "outcome": "success"}
    log = mllog.model("counted", "1").prediction
    prometheus.install(one)
    prometheus.install(one)
    prometheus.install(two)
    try:
        log({"x": 1.0}, duration=0.1)
        prometheus.uninstall(one)
        prometheus.uninstall(one)
        log({"x": 1.0}, duration=0.1)
        assert two.get_sample_value("mllog_predictions_total", labels) == 2.0
        assert one.get_sample_value("mllog_predictions_total", labels) is None
    finally:
        prometheus.uninstall(two)
    log({"x": 1.0})


def test_labels_end_with_the_job_that_bound_them() -> None:
    """A thread of a pool works for many; what one job bound is not on the events of the next."""
    log = mllog.model("pool", "1")

    def job(number: int) -> None:
        if number:
            mllog.bind(job=number)
        log.prediction({"x": 1.0})
        with mllog.bound(step="two"):
            log.prediction({"x": 1.0})

    with concurrent.futures.ThreadPoolExecutor(1) as pool, capture() as events:
        for number in (1, 0, 2, 0):
            pool.submit(job, number).result()
    assert [event.get("labels") for event in events] == [
        {"job": "1"},
        {"job": "1", "step": "two"},
        None,
        {"step": "two"},
        {"job": "2"},
        {"job": "2", "step": "two"},
        None,
        {"step": "two"},
    ]


def test_labels_end_with_a_celery_task() -> None:
    """A worker works for many."""
    log, app = mllog.model("celery", "1"), celery.Celery("shop")

    @app.task
    def job(number: int) -> None:
        if number:
            mllog.bind(job=number)
        log.prediction({"x": 1.0})

    with capture() as events:
        for number in (1, 0):
            job.apply(args=(number,))
        log.prediction({"x": 1.0})
    assert [event.get("labels") for event in events] == [{"job": "1"}, None, None]


def test_labels_end_with_a_task_beside_structlog() -> None:
    """What structlog knows is laid over the labels in force, not over those of a task that is over."""
    from mllog.integrations import structlog as integration

    log, app = mllog.model("celery", "1"), celery.Celery("shop")

    @app.task
    def job() -> None:
        mllog.bind(job=1)

    integration.configure()
    try:
        with capture() as events, structlog.contextvars.bound_contextvars(a=1):
            job.apply()
            log.prediction({"x": 1.0})
            with mllog.bound(b=2):
                log.prediction({"x": 1.0})
        assert [event["labels"] for event in events] == [{"a": "1"}, {"a": "1", "b": "2"}]
    finally:
        integration.reset()


def test_labels_end_with_a_wsgi_request() -> None:
    """Servers use their threads again."""
    from mllog.integrations.wsgi import Middleware

    log = mllog.model("wsgi", "1")

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/bind":
            mllog.bind(tenant=7)
        log.prediction({"x": 1.0})
        start_response("200 OK", [])
        return [b"ok"]

    served = Middleware(app, access=False)
    with capture() as events:
        for path in ("/bind", "/"):
            body = served({"PATH_INFO": path, "REQUEST_METHOD": "GET"}, lambda *_: None)
            list(body)
            body.close()  # type: ignore[attr-defined]
    assert [event.get("labels") for event in events] == [{"tenant": "7"}, None]
