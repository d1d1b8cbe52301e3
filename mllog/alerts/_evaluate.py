"""Evaluates a watch over a store, as Watcher does: search, condition, text."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from mllog._timestamps import iso_utc
from mllog.alerts._template import render, rendered, resolved
from mllog.errors import StoreError, WatchError
from mllog.store import Store
from mllog.store._selection import get_path
from mllog.watches._watch import Watch

_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "eq": operator.eq,
    "not_eq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


@dataclass(frozen=True)
class Evaluation:
    """The result of a watch at a point in time.

    Attributes:
        id: of the watch.
        severity: notify, triage or automate.
        fired: whether its condition held.
        text: of its logging action; empty if it did not fire.
        model: name of the watched model.
        link: to the dashboard.
        payload: the response of the search.
        problem: why it could not be evaluated; empty if it could.
        context: the variables of its templates.
    """

    id: str
    severity: str
    fired: bool
    text: str
    model: str
    link: str
    payload: Mapping[str, Any]
    problem: str = ""
    context: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def context_of(watch: Watch, now: dt.datetime) -> dict[str, Any]:
    """The variables of the templates of a watch, before its search has run."""
    moment = iso_utc(now)
    return {
        "watch_id": watch.id,
        "metadata": watch.metadata,
        "execution_time": moment,
        "trigger": {"scheduled_time": moment, "triggered_time": moment},
    }


def evaluate(watch: Watch, store: Store, *, now: dt.datetime) -> Evaluation:
    """Evaluate a watch once.

    Args:
        watch: what to evaluate.
        store: what to search.
        now: the scheduled time of this evaluation.

    Raises:
        StoreError: the search failed.
        WatchError: a condition compares values of incomparable types.
    """
    context = context_of(watch, now)
    body = rendered(watch.body, context)
    payload = store.search(body, index=",".join(watch.indices))
    failed = payload.get("_shards", {}).get("failed", 0)
    if failed or payload.get("timed_out"):  # a partial response would look like a healthy one
        raise StoreError(f"{watch.id}: {failed} shards failed or timed out; the condition was not evaluated")
    total = payload["hits"]["total"]
    if isinstance(total, Mapping):
        payload["hits"]["total"] = total["value"]  # rest_total_hits_as_int
    context["payload"] = payload
    fired = _holds(watch, context)
    return Evaluation(
        id=watch.id,
        severity=str(watch.metadata["severity"]),
        fired=fired,
        text=render(watch.text, context) if fired else "",
        model=model_of(watch),
        link=render(str(watch.metadata.get("link", "")), context),
        payload=payload,
        context=context,
    )


def unanswered(watch: Watch, problem: str) -> Evaluation:
    """The evaluation of a watch that could not be evaluated."""
    severity = str(watch.metadata["severity"])
    return Evaluation(
        watch.id, severity, fired=False, text="", model=model_of(watch), link="", payload={}, problem=problem
    )


def model_of(watch: Watch) -> str:
    """The name of the model that a watch is about, if any; see `watches._alarm.escape_date`."""
    return str(watch.metadata.get("model", "")).removeprefix("model ")


def _holds(watch: Watch, context: Mapping[str, Any]) -> bool:
    kind, settings = watch.condition
    if kind in ("always", "never"):
        return kind == "always"
    ((path, test),) = settings.items()
    value = get_path(context, path.removeprefix("ctx."))
    if kind == "compare":
        return _compare(value, test, context, watch.id)
    comparison = {name: limit for name, limit in test.items() if name != "path"}
    ((name, limit),) = comparison.items()
    quantifier = "some"
    if isinstance(limit, Mapping):
        quantifier, limit = str(limit.get("quantifier", "some")), limit.get("value")
    if value is not None and not isinstance(value, list):
        raise WatchError(f"{watch.id}: condition: {path} is not an array")
    results = [
        _compare(get_path(item, test["path"]) if test.get("path") else item, {name: limit}, context, watch.id)
        for item in value or ()
    ]
    return all(results) if quantifier == "all" else any(results)


def _compare(value: Any, test: Mapping[str, Any], context: Mapping[str, Any], name: str) -> bool:
    ((comparison, limit),) = test.items()
    limit = resolved(limit, context)
    if comparison in ("eq", "not_eq"):
        return bool(_COMPARE[comparison](value, limit))
    if value is None or limit is None:  # an average over no events
        return False
    try:
        return bool(_COMPARE[comparison](float(value), float(limit)))
    except (TypeError, ValueError):
        raise WatchError(f"{name}: condition: cannot compare {type(value).__name__} with {limit!r}") from None


def encoded(watch: Mapping[str, Any]) -> bytes:
    """A watch as a file."""
    return orjson.dumps(watch, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
