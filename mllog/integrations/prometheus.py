"""Prometheus: the models of a process, the counts of their events, their calls and latencies.

Only names and versions from the code are labels; what differs from call to call belongs into events.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from mllog import _models
from mllog._configure import stats
from mllog._state import STATE
from mllog.errors import MissingExtraError

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as missing:
    raise MissingExtraError("mllog.integrations.prometheus", "prometheus") from missing

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram, seconds."""

MODELS: Final = 200
"""Models that get series of their own; what a program makes beyond them is counted as `other`."""


class Events(Collector):
    """`mllog_model_info{name, version}`, `mllog_events_total{result}` and `mllog_redacted_values_total`, on demand.

    It reads `mllog.stats()` when it is scraped; a prediction pays nothing. Under a multi-process server it
    speaks for the process that answers the scrape.

    Example:
        >>> from prometheus_client import CollectorRegistry, generate_latest
        >>> registry = CollectorRegistry()
        >>> registry.register(Events())
        >>> b'mllog_events_total{result="dropped"}' in generate_latest(registry)
        True
    """

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        info = GaugeMetricFamily("mllog_model_info", "Models that this process logs.", labels=["name", "version"])
        for name, version in list(_models.MODELS)[:MODELS]:
            info.add_metric([name, version], 1)
        yield info
        counts = stats()
        events = CounterMetricFamily("mllog_events", "What became of the events.", labels=["result"])
        for result, key in (("accepted", "accepted"), ("dropped", "dropped"), ("error", "errors")):
            events.add_metric([result], counts[key])
        yield events
        yield CounterMetricFamily("mllog_redacted_values", "Values that were redacted.", value=counts["redacted"])


class _Calls:
    """Counts calls and their latency, by model."""

    def __init__(self, registry: CollectorRegistry, buckets: Sequence[float]) -> None:
        self.metrics: tuple[Any, ...] = (
            calls := Counter("mllog_predictions", "Predictions.", ["name", "version", "outcome"], registry=registry),
            latency := Histogram(
                "mllog_prediction_seconds",
                "How long the model took.",
                ["name", "version"],
                buckets=buckets,
                registry=registry,
            ),
        )
        self._calls, self._latency = calls, latency
        self._series: dict[tuple[str, str], tuple[Counter, Counter, Histogram]] = {}

    def count(self, name: str, version: str, duration: Any, failed: bool) -> None:
        """Take one call."""
        key = name, version
        series = self._series.get(key)
        if series is None:
            named = key if len(self._series) < MODELS else ("other", "other")
            series = self._series[named] = (
                self._calls.labels(*named, "success"),
                self._calls.labels(*named, "failure"),
                self._latency.labels(*named),
            )
        series[failed].inc()  # type: ignore[union-attr]
        if duration is not None:
            seconds = duration.total_seconds() if isinstance(duration, dt.timedelta) else float(duration)
            if math.isfinite(seconds):
                series[2].observe(max(0.0, seconds))


def install(registry: CollectorRegistry = REGISTRY, buckets: Sequence[float] = BUCKETS) -> None:
    """Register `Events`, and count every prediction: `mllog_predictions_total` and `mllog_prediction_seconds`.

    Each call is counted, also where sampling leaves its event out, and where no sink is configured. The
    latency is that of `observe`, of the decorator, or the `duration` that was given.

    Args:
        registry: prometheus_client's registry.
        buckets: upper bounds of the histogram, seconds.

    Example:
        >>> import mllog
        >>> from prometheus_client import CollectorRegistry
        >>> registry = CollectorRegistry()
        >>> install(registry)
        >>> _ = mllog.model("late", "3.0").prediction({"delay": 12.5}, True, duration=0.004)
        >>> labels = {"name": "late", "version": "3.0", "outcome": "success"}
        >>> registry.get_sample_value("mllog_predictions_total", labels)
        1.0
        >>> uninstall(registry)
    """
    if registry in _installed:
        return
    calls, events = _Calls(registry, buckets), Events()
    registry.register(events)
    _installed[registry] = (calls, events)
    STATE.observers = (*STATE.observers, calls.count)


_installed: Final[dict[CollectorRegistry, tuple[_Calls, Events]]] = {}


def uninstall(registry: CollectorRegistry = REGISTRY) -> None:
    """Undo `install` for a registry; others go on."""
    installed = _installed.pop(registry, None)
    if installed is None:
        return
    calls, events = installed
    STATE.observers = tuple(observer for observer in STATE.observers if observer != calls.count)
    for collector in (events, *calls.metrics):
        registry.unregister(collector)
