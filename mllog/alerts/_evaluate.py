"""Evaluates a watch over a store, as Watcher would: search, condition, text."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import chevron
import orjson

from mllog._errors import WatchError
from mllog._event import ECS_VERSION
from mllog.alerts._watch import SEVERITIES, Watch
from mllog.store import Store

_COMPARE: Final = {
    "eq": operator.eq,
    "not_eq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


@dataclass(frozen=True)
class Evaluation:
    """What a watch said at one moment.

    Attributes:
        id: of the watch.
        severity: notify, triage or automate.
        fired: whether its condition held.
        text: of its logging action; empty where it did not fire.
        model: whose events it watches.
        link: where to look.
        payload: what the search answered.
    """

    id: str
    severity: str
    fired: bool
    text: str
    model: str
    link: str
    payload: Mapping[str, Any]


def evaluate(watch: Watch, store: Store, *, now: dt.datetime) -> Evaluation:
    """Evaluate a watch once.

    Args:
        watch: what to evaluate.
        store: what to search.
        now: the scheduled time of this evaluation.

    Raises:
        StoreError: the store could not answer.
        WatchError: a condition compares what cannot be compared.
    """
    moment = now.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    context: dict[str, Any] = {
        "watch_id": watch.id,
        "metadata": watch.metadata,
        "execution_time": moment,
        "trigger": {"scheduled_time": moment, "triggered_time": moment},
    }
    body = rendered(watch.body, context)
    payload = store.search(body, index=",".join(watch.indices))
    payload["hits"]["total"] = payload["hits"]["total"]["value"]  # rest_total_hits_as_int
    context["payload"] = payload
    fired = _holds(watch, context)
    return Evaluation(
        id=watch.id,
        severity=str(watch.metadata["severity"]),
        fired=fired,
        text=render(watch.text, context) if fired else "",
        model=str(watch.metadata.get("model", "")),
        link=render(str(watch.metadata.get("link", "")), context),
        payload=payload,
    )


def rendered(value: Any, context: Mapping[str, Any]) -> Any:
    """A body with the templates in its strings filled in.

    Each string is filled in by itself, so whatever a value holds, it stays inside its string.
    """
    if isinstance(value, str):
        return render(value, context) if "{{" in value else value
    if isinstance(value, Mapping):
        return {name: rendered(item, context) for name, item in value.items()}
    if isinstance(value, list):
        return [rendered(item, context) for item in value]
    return value


def render(template: str, context: Mapping[str, Any]) -> str:
    """A mustache text over `ctx`; like Watcher's, it does not escape for HTML.

    Example:
        >>> render("{{ctx.metadata.model}} is <off>", {"metadata": {"model": "R&D"}})
        'R&D is <off>'
    """
    # chevron escapes {{x}} for HTML and leaves {{{x}}} as it is; sections and comments are untouched.
    plain = _unescaped(template)
    text: str = chevron.render(plain, {"ctx": context})
    return text


def _unescaped(template: str) -> str:
    parts = template.split("{{")
    out = [parts[0]]
    for part in parts[1:]:
        tag, closed, rest = part.partition("}}")
        if closed and tag[:1] not in ("#", "/", "^", "!", ">", "{", "&", "="):
            out.append("{{{" + tag + "}}}" + rest)
        else:
            out.append("{{" + part)
    return "".join(out)


def _holds(watch: Watch, context: Mapping[str, Any]) -> bool:
    kind, settings = watch.condition
    if kind in ("always", "never"):
        return kind == "always"
    ((path, test),) = settings.items()
    value = _at(context, path.removeprefix("ctx."))
    if kind == "compare":
        return _compare(value, test, context, watch.id)
    if not isinstance(value, list):
        return False
    comparison = {name: limit for name, limit in test.items() if name != "path"}
    ((name, limit),) = comparison.items()
    quantifier = "some"
    if isinstance(limit, Mapping):
        quantifier, limit = str(limit.get("quantifier", "some")), limit.get("value")
    found = [
        _compare(_at(item, test["path"]) if test.get("path") else item, {name: limit}, context, watch.id)
        for item in value
    ]
    return all(found) if quantifier == "all" else any(found)


def _compare(value: Any, test: Mapping[str, Any], context: Mapping[str, Any], name: str) -> bool:
    ((comparison, limit),) = test.items()
    if isinstance(limit, str) and "{{" in limit:
        limit = render(limit, context)
    if comparison in ("eq", "not_eq"):
        return bool(_COMPARE[comparison](value, limit))
    if value is None or limit is None:  # an average over no events: nothing to say
        return False
    try:
        return bool(_COMPARE[comparison](float(value), float(limit)))
    except (TypeError, ValueError):
        raise WatchError(f"{name}: condition: cannot compare {type(value).__name__} with {limit!r}") from None


def _at(value: Any, path: str) -> Any:
    """What a dotted path leads to; numbers are places in an array."""
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def to_event(evaluation: Evaluation, *, now: dt.datetime) -> dict[str, Any]:
    """A firing as an event, so that alerts can be searched and counted; it holds counts and names, no values."""
    moment = now.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "@timestamp": moment,
        "ecs": {"version": ECS_VERSION},
        "message": evaluation.text,
        "event": {
            "kind": "alert",
            "dataset": "mllog.alerts",
            "action": "alert",
            "severity": SEVERITIES.index(evaluation.severity) + 1,
        },
        "rule": {"id": evaluation.id, "name": evaluation.id, "reference": evaluation.link},
        "log": {"level": "warn", "logger": "mllog"},
        "mllog": {"model": {"name": evaluation.model}, "alert": {"severity": evaluation.severity}},
    }


def encoded(watch: Mapping[str, Any]) -> bytes:
    """A watch as a file."""
    return orjson.dumps(watch, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
