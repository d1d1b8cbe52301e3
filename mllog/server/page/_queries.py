"""The searches of the page: one for many panels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mllog.dashboards import TIME, Dashboard, Panel
from mllog.server.page._formats import parse
from mllog.server.page._panel_data import Result
from mllog.server.page._window import Window
from mllog.store import Store

INDEX: Final = "logs-mllog.*"
"""Every stream: a model may share one, and its events are found by its name."""

_MOST_MODELS: Final = 200
_MOST_VERSIONS: Final = 50
_SPARKS: Final = 30
_BETWEEN: Final = ":"
_PREDICTIONS: Final = ({"term": {"event.action": "prediction"}}, {"term": {"mllog.model.role": "live"}})


@dataclass(frozen=True)
class Extent:
    """What the store has of a model.

    Attributes:
        first: time of the oldest event, if there is one.
        last: time of the newest event.
        versions: the model's versions, the most frequent first.
        events: how many there are.
    """

    first: dt.datetime | None
    last: dt.datetime | None
    versions: tuple[str, ...]
    events: int


@dataclass(frozen=True)
class Results:
    """Answers of several panels over one set of events.

    Attributes:
        total: how many events there are.
        by_panel: each panel's aggregations, by the panel's id.
    """

    total: int
    by_panel: Mapping[str, Result]


def extent(store: Store, dashboard: Dashboard) -> Extent:
    """From when to when there are events of a model, and of which versions."""
    response = store.search(
        {
            "size": 0,
            "track_total_hits": True,
            "query": dashboard.query(),
            "aggs": {**_ends(), "versions": {"terms": {"field": "mllog.model.version", "size": _MOST_VERSIONS}}},
        },
        index=INDEX,
    )
    aggregations = response["aggregations"]
    versions = tuple(str(bucket["key"]) for bucket in aggregations["versions"]["buckets"])
    return Extent(_moment(aggregations["first"]), _moment(aggregations["last"]), versions, total(response))


def run_queries(store: Store, dashboard: Dashboard, panels: Iterable[Panel], window: Window, version: str) -> Results:
    """The answers of several panels; an empty `version` means all."""
    panels = list(panels)
    interval = window.bucket[0]
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": dashboard.query(*clauses(window, version)),
        "aggs": {
            f"{panel.id}{_BETWEEN}{name}": aggregation
            for panel in panels
            for name, aggregation in panel.aggregations(interval).items()
        },
    }
    response = store.search(body, index=INDEX)
    by_panel: dict[str, dict[str, Any]] = {panel.id: {} for panel in panels}
    for name, answer in response.get("aggregations", {}).items():
        panel_id, _, part = name.rpartition(_BETWEEN)
        by_panel[panel_id][part] = answer
    return Results(total(response), by_panel)


def clauses(window: Window, version: str) -> list[dict[str, Any]]:
    """Filter clauses of a time range and a version."""
    chosen = [{"term": {"mllog.model.version": version}}] if version else []
    return [window.clause(), *chosen]


def models(store: Store, window: Window) -> list[dict[str, Any]]:
    """One bucket for each model that has events in the time range."""
    spark = max(1, int(window.seconds / _SPARKS))
    body = {
        "size": 0,
        "query": {"bool": {"filter": [*_PREDICTIONS, window.clause()]}},
        "aggs": {
            "models": {
                "terms": {"field": "mllog.model.name", "size": _MOST_MODELS},
                "aggs": {
                    "versions": {"terms": {"field": "mllog.model.version", "size": _MOST_VERSIONS}},
                    "outcomes": {"terms": {"field": "event.outcome", "size": 10}},
                    "invalid": {"avg": {"field": "mllog.quality.invalid"}},
                    "latency": {"percentiles": {"field": "event.duration", "percents": [95]}},
                    "redacted": {"sum": {"field": "mllog.redaction.count"}},
                    "last": {"max": {"field": TIME}},
                    "time": {
                        "date_histogram": {"field": TIME, "fixed_interval": f"{spark}s", "min_doc_count": 0},
                        "aggs": {"invalid": {"avg": {"field": "mllog.quality.invalid"}}},
                    },
                },
            }
        },
    }
    return list(store.search(body, index=INDEX)["aggregations"]["models"]["buckets"])


def all_models(store: Store) -> tuple[dict[str, dt.datetime | None], dt.datetime | None, dt.datetime | None]:
    """Every model ever seen with the time of its newest event, and the times of the oldest and newest of all."""
    seen = {"terms": {"field": "mllog.model.name", "size": _MOST_MODELS}, "aggs": {"last": {"max": {"field": TIME}}}}
    body = {"size": 0, "query": {"bool": {"filter": [*_PREDICTIONS]}}, "aggs": {**_ends(), "models": seen}}
    response = store.search(body, index=INDEX)["aggregations"]
    names = {str(bucket["key"]): _moment(bucket["last"]) for bucket in response["models"]["buckets"]}
    return names, _moment(response["first"]), _moment(response["last"])


def total(response: Mapping[str, Any]) -> int:
    """How many documents a search found."""
    return int(response["hits"]["total"]["value"])


def _ends() -> dict[str, Any]:
    return {"first": {"min": {"field": TIME}}, "last": {"max": {"field": TIME}}}


def _moment(aggregation: Mapping[str, Any]) -> dt.datetime | None:
    return None if aggregation.get("value") is None else parse(aggregation["value"])
