"""What another model would have answered, and what turned out: events that find their prediction again."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mllog


@pytest.fixture
def candidate() -> mllog.ModelLogger:
    """The logger of a model that is on trial."""
    return mllog.model("late", "2.0")


def test_a_shadow_is_laid_beside_the_live_call(
    mllog_events: list[dict[str, Any]], candidate: mllog.ModelLogger
) -> None:
    """Same prediction, same moment, same inputs; its own version, role and answer."""
    with mllog.model("late", "1.0").observe({"delay": 12.5, "carrier": "UA"}) as call:
        call.outputs = {"late": False, "p": 0.25}
    assert candidate.shadow(call, {"late": False, "p": 0.75}, duration=0.5) == call.prediction_id
    live, shadow = mllog_events
    for path in ("@timestamp", "data_stream"):
        assert live[path] == shadow[path]
    assert live["event"]["id"] != shadow["event"]["id"]
    assert live["mllog"]["prediction"] == shadow["mllog"]["prediction"] == {"id": call.prediction_id}
    assert live["mllog"]["input"] == shadow["mllog"]["input"]
    assert shadow["event"]["action"] == "prediction"
    assert shadow["event"]["duration"] == 500_000_000
    assert shadow["mllog"]["model"] == live["mllog"]["model"] | {"version": "2.0", "role": "shadow"}
    assert shadow["mllog"]["output"] == {"boolean": {"late": False}, "number": {"p": 0.75}}
    assert shadow["mllog"]["shadow"] == {"of": "late 1.0", "difference": 0.5}


def test_a_shadow_by_id_alone(mllog_events: list[dict[str, Any]], candidate: mllog.ModelLogger) -> None:
    """In another process there is only the id and the moment; there is nothing to compare then."""
    when = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
    candidate.shadow("p-1", 0.75, inputs={"delay": 1.0}, timestamp=when)
    (shadow,) = mllog_events
    assert shadow["@timestamp"] == "2026-05-04T12:00:00.000000Z"
    assert shadow["mllog"]["prediction"] == {"id": "p-1"}
    assert shadow["mllog"]["shadow"] == {}


def test_a_shadow_that_failed_says_so(mllog_events: list[dict[str, Any]], candidate: mllog.ModelLogger) -> None:
    """Like any failure, redacted."""
    candidate.shadow("p-1", None, error=ValueError("no delay for ann@example.com"))
    (shadow,) = mllog_events
    assert shadow["event"]["outcome"] == "failure"
    assert shadow["error"]["message"] == "no delay for [REDACTED:email]"


@pytest.mark.parametrize(
    ("predicted", "actual", "error"),
    [
        (30.0, 42.0, -12.0),
        (1, 1, 0.0),
        ("late", "late", 0.0),
        ("late", "early", 1.0),
        (True, False, 1.0),
        (1.0, "x", 1.0),
    ],
)
def test_feedback_knows_its_error(
    mllog_events: list[dict[str, Any]], predicted: object, actual: object, error: float
) -> None:
    """A difference of numbers, else whether they differ; the delay comes from the id."""
    log = mllog.model("late", "1.0")
    identity = log.prediction({"delay": 1.0}, 0.5)
    assert log.feedback(identity, actual, predicted=predicted) == identity
    feedback = mllog_events[1]
    assert feedback["event"]["action"] == "feedback"
    assert feedback["mllog"]["prediction"] == {"id": identity}
    said = feedback["mllog"]["feedback"]
    assert (said["actual"], said["predicted"], said["error"]) == (actual, predicted, error)
    assert 0 <= said["delay"] < 60_000_000_000


def test_feedback_may_come_without_anything_else(mllog_events: list[dict[str, Any]]) -> None:
    """What is not given is not there, and joined later; an id that mllog did not make tells no time."""
    log = mllog.model("late", "1.0")
    log.feedback("order-7", "ann@example.com", slices={"carrier": "UA"})
    log.feedback("order-8", 1.0, predicted_at=dt.datetime.now(dt.UTC) - dt.timedelta(days=30))
    first, second = (event["mllog"] for event in mllog_events)
    assert first["feedback"] == {"actual": "[REDACTED:email]"}
    assert first["redaction"] == {"fields": ["feedback.actual"], "kinds": ["email"], "count": 1}
    assert first["input"] == {"category": {"carrier": "UA"}}
    assert math.isclose(second["feedback"]["delay"], 30 * 86400e9, rel_tol=1e-3)


ANYTHING = st.one_of(
    st.none(),
    st.floats(),
    st.integers(),
    st.text(),
    st.booleans(),
    st.binary(),
    st.lists(st.integers()),
    st.just(object()),
)


@given(st.one_of(st.text(), st.integers(), st.none()), ANYTHING, ANYTHING)
def test_nothing_that_is_given_raises(identity: Any, actual: object, predicted: object) -> None:
    """A valid event or a counted refusal, whatever comes."""
    log = mllog.model("late", "1.0")
    before = mllog.stats()["errors"]
    with mllog.testing.capture() as events:
        log.feedback(identity, actual, predicted=predicted)
        log.shadow(identity, predicted)
    assert len(events) + mllog.stats()["errors"] - before == 2


def test_nobody_listens() -> None:
    """Without a sink both return the id and do nothing."""
    log = mllog.model("late", "1.0")
    assert (log.feedback("p", 1.0), log.shadow("p", 1.0)) == ("p", "p")
