"""Events as rows of a table, and one event with everything that it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from mllog.dashboards import TIME, Dashboard
from mllog.errors import QueryError
from mllog.server.page import _formats as formats
from mllog.server.page._queries import INDEX, clauses, total
from mllog.server.page._window import Window
from mllog.store import Store

PAGE: Final = 50
LAST_PAGE: Final = 100
_LONGEST_QUERY: Final = 1000
_TYPES: Final = ("number", "category", "boolean", "text")
_QUALITY: Final = {
    "missing": "missing",
    "below_min": "below training",
    "above_max": "above training",
    "unseen_category": "unseen",
    "wrong_type": "wrong type",
    "unexpected": "unexpected",
    "non_finite": "not finite",
}


@dataclass(frozen=True)
class Row:
    """An event in a table.

    Attributes:
        id: the document's id.
        time: when the call began.
        version: of the model.
        outcome: `success`, `failure` or `unknown`.
        duration: how long it took.
        inputs: (name, value, what is wrong with it), in the event's order.
        outputs: (name, value).
        labels: (name, value).
        trace: id of the trace.
        error: type of the error, with its message.
        problems: what training did not show, in words.
    """

    id: str
    time: str
    version: str
    outcome: str
    duration: str
    inputs: tuple[tuple[str, str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    trace: str
    error: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A page of a search for events.

    Attributes:
        rows: the newest first.
        total: how many events match.
        problem: why the query cannot be answered; empty if it can.
    """

    rows: tuple[Row, ...]
    total: int
    problem: str = ""


def find(
    store: Store, dashboard: Dashboard, window: Window, version: str, text: str = "", *, page: int = 1, size: int = PAGE
) -> Found:
    """The newest events of a model that match a query.

    Args:
        store: where the events are.
        dashboard: of the model.
        window: the time range.
        version: of the model; empty for all.
        text: a query in Lucene's syntax, as the search bar of Kibana takes it; empty for all.
        page: 1 for the newest.
        size: how many events are a page.
    """
    more = clauses(window, version)
    if len(text) > _LONGEST_QUERY:
        return Found((), 0, f"the query is longer than {_LONGEST_QUERY} characters; make it shorter")
    if text.strip():
        more.append({"query_string": {"query": text, "default_operator": "AND"}})
    body = {
        "query": dashboard.query(*more),
        "sort": [{TIME: {"order": "desc"}}],
        "size": size,
        "from": (min(page, LAST_PAGE) - 1) * size,
        "track_total_hits": True,
    }
    try:
        response = store.search(body, index=INDEX)
    except QueryError as error:
        if not text.strip():
            raise
        return Found((), 0, str(error))
    return Found(tuple(row(hit) for hit in response["hits"]["hits"]), total(response))


def one(store: Store, dashboard: Dashboard, event_id: str) -> Mapping[str, Any] | None:
    """The event of that id, if the model has one."""
    body = {"query": dashboard.query({"ids": {"values": [event_id]}}), "size": 1}
    hits = store.search(body, index=INDEX)["hits"]["hits"]
    return hits[0] if hits else None


def row(hit: Mapping[str, Any]) -> Row:
    """A hit of a search as a row; whatever is not there or not of its type is left empty."""
    event = _part(hit, "_source")
    own = _part(event, "mllog")
    quality = _part(own, "quality")
    wrong = {str(name): says for key, says in _QUALITY.items() for name in _names(quality.get(key)) if key != "missing"}
    problems = tuple(f"{name} {says}" for key, says in _QUALITY.items() for name in _names(quality.get(key)))
    error = _part(event, "error")
    described = ": ".join(str(error[key]) for key in ("type", "message") if error.get(key))
    duration = _part(event, "event").get("duration")
    return Row(
        id=str(_part(event, "event").get("id") or hit.get("_id", "")),
        time=formats.moment(event.get("@timestamp")),
        version=str(_part(own, "model").get("version", formats.NOTHING)),
        outcome=str(_part(event, "event").get("outcome", "unknown")),
        duration=formats.duration(duration if isinstance(duration, (int, float)) else None),
        inputs=tuple((name, text, wrong.get(name, "")) for name, text in _values(_part(own, "input"))),
        outputs=tuple(_values(_part(own, "output"))),
        labels=tuple((str(name), formats.value(item)) for name, item in _part(event, "labels").items()),
        trace=str(_part(event, "trace").get("id", "")),
        error=described,
        problems=problems,
    )


def pretty(event: Mapping[str, Any]) -> str:
    """An event as indented JSON."""
    return orjson.dumps(event, option=orjson.OPT_INDENT_2, default=str).decode()


def _values(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(name), formats.value(item)) for kind in _TYPES for name, item in _part(part, kind).items()]


def _part(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A member that is an object; an event from a foreign sender may have anything there."""
    member = parent.get(key)
    return member if isinstance(member, Mapping) else {}


def _names(item: Any) -> list[Any]:
    return item if isinstance(item, list) else [] if item is None else [item]
