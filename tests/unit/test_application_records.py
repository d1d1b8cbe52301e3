"""Records of an application: the fields they get, what is removed, and what may not loop or raise."""

from __future__ import annotations

import json
import logging
import logging.config
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mllog
from mllog.spool import events as spooled
from mllog.testing import capture


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger whose records go to mllog's sink, and nowhere else."""
    logger, handler = logging.getLogger("app"), mllog.RecordHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)
    logger.propagate = True


class Bad:
    """Raises wherever it can, and logs while it does."""

    def __str__(self) -> str:
        logging.getLogger("app").error("from within")
        raise ValueError("no")

    __repr__ = __str__


def test_a_record_is_an_ecs_event(log: logging.Logger) -> None:
    """Message, level, logger, origin, thread, service and stream stand where ECS has them."""
    mllog.configure(service="shop", environment="test", version="2", sink="/dev/null")
    try:
        with capture() as events:
            log.warning("%d left", 3)
    finally:
        mllog.shutdown()
    (event,) = events
    assert event["message"] == "3 left"
    assert event["log"]["level"] == "warning"
    assert event["log"]["logger"] == "app"
    assert event["log"]["origin"]["file"]["name"] == Path(__file__).name
    assert event["log"]["origin"]["function"] == "test_a_record_is_an_ecs_event"
    assert event["process"]["thread"] == {"name": "MainThread"}
    assert event["service"] | {"node": None} == {"name": "shop", "environment": "test", "version": "2", "node": None}
    assert event["data_stream"] == {"type": "logs", "dataset": "mllog.log", "namespace": "test"}
    assert event["event"]["dataset"] == "mllog.log"
    assert "action" not in event["event"]


def test_everything_of_a_record_is_redacted(log: logging.Logger) -> None:
    """Message, exception, extra and labels lose what is sensitive, and the event says where."""
    with capture() as events, mllog.bound(who="ann@example.com"):
        try:
            int("bob@example.com")
        except ValueError:
            log.exception(
                "mail from %s",
                "cid@example.com",
                extra={"cc": ["dan@example.com"], "password": "hunter2", "deep": [{"api_key": "hunter3"}]},
            )
    text = json.dumps(events)
    assert not [secret for secret in ("@example", "hunter2", "hunter3") if secret in text.replace(__file__, "")]
    assert set(events[0]["mllog"]["redaction"]["fields"]) >= {"message", "error.message", "labels.who", "labels.cc"}
    assert events[0]["mllog"]["redaction"]["kinds"] == ["email", "key"]


def test_extra_goes_where_ecs_has_a_place(log: logging.Logger) -> None:
    """Names of ECS with a value of their type go there; all else is a label, and nothing else can be set."""
    extra = {
        "http": {"response": {"status_code": 200}, "version": "2"},
        "user.id": "u1",
        "url.path": 5,
        "event": {"action": "alert"},
        "data_stream": {"dataset": "mllog.monitor"},
    }
    with capture() as events:
        log.info("", extra=extra)
    (event,) = events
    assert event["http"] == {"response": {"status_code": 200}}
    assert event["user"] == {"id": "u1"}
    assert event["labels"] == {
        "http.version": "2",
        "url.path": "5",
        "event.action": "alert",
        "data_stream.dataset": "mllog.monitor",
    }
    assert event["data_stream"]["dataset"] == "mllog.log"
    assert "action" not in event["event"]


def test_a_record_that_cannot_be_formatted_is_kept(log: logging.Logger) -> None:
    """Arguments that do not fit or that raise leave the message's text; a record made meanwhile is not taken."""
    with capture() as events:
        handler = mllog.RecordHandler()  # by itself: pytest's own handlers raise
        handler.handle(logging.makeLogRecord({"msg": "%d", "args": ("three",)}))
        handler.handle(logging.makeLogRecord({"msg": "%s", "args": (Bad(),), "bad": Bad()}))
    assert [event["message"] for event in events] == ["%d [TypeError]", "%s [ValueError]"]


@given(st.dictionaries(st.text(max_size=5), st.recursive(st.none() | st.floats() | st.text() | st.binary(), st.lists)))
def test_any_extra_makes_valid_json(extra: dict[str, Any]) -> None:
    """Whatever stands in `extra=`, the formatter's text is one line of JSON."""
    record = logging.makeLogRecord({"name": "app", "msg": "x"} | {f"x{name}": value for name, value in extra.items()})
    text = mllog.JsonFormatter().format(record)
    assert json.loads(text)["message"] == "x"
    assert "\n" not in text


def test_a_record_is_written_once(log: logging.Logger) -> None:
    """A handler that stands on the root logger and on `mllog` takes a record of mllog's loggers once."""
    root, handler = logging.getLogger(), mllog.RecordHandler()
    root.addHandler(handler)
    try:
        with capture() as events:
            logging.getLogger("mllog.shipper").warning("the endpoint is away")
    finally:
        root.removeHandler(handler)
    assert [event["message"] for event in events] == ["the endpoint is away"]


def test_a_record_leaves_as_it_came(log: logging.Logger) -> None:
    """Taking a record puts nothing on it, so other handlers may pickle it or print its extra."""
    record = logging.makeLogRecord({"msg": "x", "gate": 7})
    before = dict(record.__dict__)
    with capture() as events:
        mllog.RecordHandler().handle(record)
    assert len(events) == 1
    assert record.__dict__ == before


def test_what_mllogs_own_threads_say_is_not_spooled(log: logging.Logger) -> None:
    """Records from a thread of mllog stay out: an HTTP client's line for each batch would make another batch."""
    with capture() as events:
        thread = threading.Thread(target=log.info, args=("POST 200",), name="mllog-ship")
        thread.start()
        thread.join()
    assert events == []


def test_a_long_record_keeps_its_context(log: logging.Logger) -> None:
    """What does not fit on a line of standard output loses its text, not its ids."""
    handler = mllog.StdoutHandler()
    record = logging.makeLogRecord({"msg": "x " * 9000, "name": "app", **{f"l{n}": "y" * 900 for n in range(30)}})
    lines: list[bytes] = []
    handler.write = lambda line: not lines.append(line)  # type: ignore[method-assign]
    with mllog.bound(tenant="blue"):
        handler.emit(record)
    event = json.loads(lines[0])
    assert len(lines[0]) <= handler.max_bytes
    assert len(event["message"]) == 1024
    assert "was cut" in event["labels"]["cut"]


@pytest.mark.parametrize("formatter", [None, "ecs", "plain"])
def test_dictconfig_with_and_without_a_formatter(tmp_path: Path, formatter: str | None) -> None:
    """A sink of mllog in `dictConfig` writes events, whatever its formatter and whatever a message looks like."""
    logger = logging.getLogger("mllog_dictconfig")
    spool = {"class": "mllog.SpoolHandler", "path": str(tmp_path)}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "incremental": False,
            "formatters": {"ecs": {"()": "mllog.JsonFormatter"}, "plain": {"format": "%(message)s"}},
            "handlers": {"spool": spool | ({"formatter": formatter} if formatter else {})},
            "loggers": {logger.name: {"handlers": ["spool"], "level": "INFO"}},
        }
    )
    message = '{"event": {"action": "alert"}}'
    logger.info(message, extra={"gate": 7})
    handler = logger.handlers[0]
    logger.removeHandler(handler)
    handler.close()
    (line,) = spooled(tmp_path)
    event = json.loads(line)
    assert (event["message"], event["labels"]) == (message, {"gate": "7"})


def test_without_a_sink_nothing_is_made(log: logging.Logger) -> None:
    """A record for which there is no sink is left alone."""
    before = mllog.stats()
    mllog.RecordHandler().handle(logging.makeLogRecord({"msg": "%s", "args": (Bad(),)}))
    assert mllog.stats() == before
