"""OpenTelemetry's ids on events, and Prometheus' counts of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry

import mllog
from mllog import _context
from mllog.integrations import opentelemetry, prometheus
from mllog.testing import capture


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    """A registry that counts predictions for the test."""
    registry = CollectorRegistry()
    prometheus.install(registry)
    yield registry
    prometheus.uninstall(registry)


def test_the_ids_of_a_span_lie_over_those_of_a_middleware() -> None:
    """In a span `trace.id` and `span.id` are the span's, the request's id stays; outside nothing changes."""
    token = _context.request.set({"trace": {"id": "a"}, "http": {"request": {"id": "r"}}})
    opentelemetry.install()
    try:
        with capture() as events:
            mllog.model("late", "1.0").prediction({})
            with TracerProvider().get_tracer("x").start_as_current_span("s") as span:
                mllog.model("late", "1.0").prediction({})
    finally:
        opentelemetry.uninstall()
        _context.request.reset(token)
    context = span.get_span_context()
    assert events[0]["trace"] == {"id": "a"}
    assert "span" not in events[0]
    assert events[1]["trace"] == {"id": f"{context.trace_id:032x}"}
    assert events[1]["span"] == {"id": f"{context.span_id:016x}"}
    assert events[1]["http"] == {"request": {"id": "r"}}


def test_failures_and_latency_are_counted_by_model(registry: CollectorRegistry) -> None:
    """All ways to log a call are counted, with their outcome and how long they took."""
    log = mllog.model("late", "9")
    log.prediction({}, 1, duration=0.004)
    with pytest.raises(ValueError, match="no"), log.observe({}):
        raise ValueError("no")
    log.logged(lambda x: x)(1)
    sample = registry.get_sample_value
    named = {"name": "late", "version": "9"}
    assert sample("mllog_predictions_total", {**named, "outcome": "success"}) == 2
    assert sample("mllog_predictions_total", {**named, "outcome": "failure"}) == 1
    assert sample("mllog_prediction_seconds_count", named) == 3
    assert sample("mllog_prediction_seconds_bucket", {**named, "le": "0.005"}) >= 1
    assert sample("mllog_model_info", named) == 1


def test_a_duration_that_is_none_disturbs_nobody(registry: CollectorRegistry) -> None:
    """What cannot be counted is an error in the stats, and the call returns its id."""
    before = mllog.stats()["errors"]
    assert mllog.model("late", "9").prediction({}, duration=object())  # type: ignore[arg-type]
    assert mllog.stats()["errors"] > before


def test_models_beyond_the_bound_share_series(registry: CollectorRegistry) -> None:
    """A program that makes up names does not make up series without end."""
    for number in range(prometheus.MODELS + 5):
        mllog.ModelLogger("made_up", str(number)).prediction({})
    sample = registry.get_sample_value(
        "mllog_predictions_total", {"name": "other", "version": "other", "outcome": "success"}
    )
    assert sample == 5


def test_uninstall_leaves_nothing_behind() -> None:
    """After `uninstall` predictions are logged by the method itself."""
    registry = CollectorRegistry()
    plain = mllog.ModelLogger.prediction
    prometheus.install(registry)
    prometheus.uninstall(registry)
    assert mllog.ModelLogger.prediction is plain
    assert list(registry.collect()) == []
