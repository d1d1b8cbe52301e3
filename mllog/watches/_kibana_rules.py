"""The same conditions as rules of Kibana: ES|QL, for those who alert there."""

from __future__ import annotations

from typing import Any, Final

from mllog.watches import _esql
from mllog.watches._alarm import Alarm, Scope, identity

_UNITS: Final = ("s", "m", "h", "d")
_DAYS_A_WEEK: Final = 7


def rule_of(scope: Scope, alarm: Alarm) -> dict[str, Any] | None:
    """A rule as the body of `POST /api/alerting/rule`; None where ES|QL cannot say the condition.

    Kibana adds the time range; a row in the answer is an alert.
    """
    if not alarm.esql:
        return None
    size, unit = _window(scope.limits.get(alarm.kind, "window", alarm.window))
    tags = ["mllog", f"severity:{scope.limits.get(alarm.kind, 'severity', alarm.severity)}"]
    tags += [f"model:{scope.profile.name}"] if scope.profile is not None else []
    return {
        "name": identity(scope, alarm),
        "rule_type_id": ".es-query",
        "consumer": "stackAlerts",
        "enabled": True,
        "tags": tags,
        "schedule": {"interval": scope.limits.get(alarm.kind, "interval", alarm.interval)},
        "notify_when": "onActionGroupChange",
        "params": {
            "searchType": "esqlQuery",
            "esqlQuery": {"esql": query_of(scope, alarm)},
            "timeField": "@timestamp",
            "timeWindowSize": size,
            "timeWindowUnit": unit,
            "threshold": [0],
            "thresholdComparator": ">",
            "size": 0,
            "aggType": "count",
            "groupBy": "all",
            "excludeHitsFromPreviousRun": False,
        },
        "actions": [],
    }


def query_of(scope: Scope, alarm: Alarm) -> str:
    """The condition in ES|QL, with its source and filters."""
    sources = ", ".join(alarm.index or [scope.stream()])
    filters = " AND ".join(f"({_esql.where(query)})" for query in alarm.query)
    return f"FROM {sources} | WHERE {filters} {alarm.esql}"


def _window(text: str) -> tuple[int, str]:
    size, unit = int(text[:-1]), text[-1]
    return (size, unit) if unit in _UNITS else (size * _DAYS_A_WEEK, "d")
