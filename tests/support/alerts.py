"""What the tests of alerts share: one watch that fires, and the events that it counts."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

from mllog import watches
from mllog.store import Document, EmbeddedStore

NOW = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
Watch = dict[str, Any]


@dataclass
class Taken:
    """What came in, and what is answered."""

    port: int = 0
    status: int = 200
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


def fill(store: EmbeddedStore, count: int = 10, now: dt.datetime = NOW) -> None:
    """Events ten minutes before now."""
    moment = (now - dt.timedelta(minutes=10)).isoformat()
    events = [
        Document("logs-mllog.late-test", f"{now:%H%M}{n}", {"@timestamp": moment, "event": {"action": "prediction"}})
        for n in range(count)
    ]
    store.index(events)
    store.commit()


def a_watch(name: str = "late-errors", *, limit: int = 0, **actions: Any) -> Watch:
    """A watch that counts the events of an hour."""
    until = "{{ctx.trigger.scheduled_time}}||-1m"
    metadata = {"name": name, "severity": "triage", "model": "late", "version": "1", "link": "http://h/x"}
    return {
        "metadata": metadata | {"feature": "delay", "statistic": "events", "window": "1h"},
        "trigger": {"schedule": {"interval": "5m"}},
        "throttle_period": "1h",
        "input": {
            "search": {
                "request": {
                    "indices": ["logs-mllog.late-*"],
                    "rest_total_hits_as_int": True,
                    "body": {"size": 0, "query": {"range": {"@timestamp": {"gte": f"{until}-1h", "lt": until}}}},
                }
            }
        },
        "condition": {"compare": {"ctx.payload.hits.total": {"gt": limit}}},
        "actions": {"log": {"logging": {"text": "{{ctx.payload.hits.total}} events"}}, **actions},
    }


def broken() -> Watch:
    """A watch that the store does not answer."""
    watch = a_watch("late-broken")
    watch["input"]["search"]["request"]["body"]["aggs"] = {"x": {"geo_bounds": {"field": "x"}}}
    return watch


def parsed(*bodies: Watch) -> list[watches.Watch]:
    """Checked watches."""
    return [watches.parse(json.loads(json.dumps(watch))) for watch in bodies]
