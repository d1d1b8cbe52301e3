"""structlog behind mllog: its records and mllog's predictions belong together."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

import mllog
from mllog.integrations.structlog import configure, processors, reset
from mllog.testing import capture


@pytest.fixture
def configured() -> Iterator[None]:
    """The ready configuration, undone after the test."""
    configure()
    yield
    reset()
    structlog.contextvars.clear_contextvars()


def test_contextvars_go_both_ways(configured: None) -> None:
    """What is bound in structlog is on predictions, what is bound in mllog on structlog's records, as labels."""
    with capture() as events, structlog.contextvars.bound_contextvars(a=1), mllog.bound(b=2):
        structlog.get_logger("shop").info("asked")
        mllog.model("late", "1.0").prediction({})
    assert events[0]["labels"] == events[1]["labels"] == {"a": "1", "b": "2"}


def test_after_reset_predictions_have_no_foreign_labels() -> None:
    """`reset` takes structlog's contextvars off the predictions again."""
    configure()
    reset()
    with capture() as events, structlog.contextvars.bound_contextvars(a=1):
        mllog.model("late", "1.0").prediction({})
    assert "labels" not in events[0]


def test_an_exception_becomes_ecs_and_is_redacted(configured: None) -> None:
    """`log.exception` gives `error.*`, without the address in its text."""
    with capture() as events:
        try:
            int("ann@example.com")
        except ValueError:
            structlog.get_logger("shop").exception("failed", password="hunter2")
    (event,) = events
    assert event["log"] == {"level": "error", "logger": "shop"}
    assert event["error"]["type"] == "ValueError"
    assert "[REDACTED:email]" in event["error"]["message"]
    assert event["labels"] == {"password": "[REDACTED:key]"}
    assert "ann@" not in json.dumps(event)


def test_processors_fit_any_logger_of_bytes() -> None:
    """With structlog's own bytes logger a record is one line of JSON."""
    out = io.BytesIO()
    log = structlog.wrap_logger(structlog.BytesLogger(out), processors=processors())
    log.warning("low", stock=3)
    event = json.loads(out.getvalue())
    assert (event["message"], event["log"]["level"], event["labels"]) == ("low", "warning", {"stock": "3"})


def test_without_a_sink_a_record_is_dropped(configured: None) -> None:
    """Where mllog has no sink, structlog's records go nowhere, silently."""
    before = mllog.stats()
    structlog.get_logger("shop").info("asked")
    assert mllog.stats() == before
