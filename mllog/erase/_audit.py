"""The audit event of an erasure: the field, the counts and the places, never the value."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from mllog.errors import StoreError
from mllog.event._envelope import envelope, placement
from mllog.event._stamps import timestamp, uuid7
from mllog.store import Document, Store

DATASET: Final = "mllog.alerts"
"""The dataset of alerts, which is kept for longer than predictions."""


def audit_event(field: str, places: Mapping[str, tuple[int, int]], environment: str) -> dict[str, Any]:
    """The event.

    Args:
        field: name of the field that identified the person.
        places: by place, how many events were found, and how many are left.
        environment: namespace of the stream.

    Example:
        >>> event = audit_event("customer", {"spool": (3, 0)}, "test")
        >>> event["message"], event["event"]["outcome"]
        ('3 events of a person were erased (by customer)', 'success')
    """
    ns = time.time_ns()
    now = timestamp(ns)
    found, left = (sum(counts[which] for counts in places.values()) for which in (0, 1))
    message = f"{max(0, found - left)} events of a person were erased (by {field})"
    members = envelope(
        DATASET,
        message + (f"; {left} are left" if left else ""),
        at=now,
        level="warning" if left else "info",
        logger="mllog.erase",
        action="erase",
        outcome="failure" if left else "success",
        event_id=uuid7(ns),
        created=now,
    )
    members["event"] |= {"category": ["database"], "type": ["change"]}
    return {
        **members,
        **placement(DATASET, {"environment": environment}),
        "mllog": {
            "erase": {
                "field": field,
                "found": found,
                "left": left,
                "places": [
                    {"place": place, "found": found, "left": left} for place, (found, left) in sorted(places.items())
                ],
            }
        },
    }


def write(store: Store, event: Mapping[str, Any]) -> str:
    """Store the event; its id.

    Raises:
        StoreError: it could not be stored.
    """
    stream = event["data_stream"]
    document = Document(f"logs-{DATASET}-{stream['namespace']}", event["event"]["id"], event)
    result = store.index([document])
    store.commit()
    if result.rejected:
        raise StoreError(f"{document.index}: the audit event was rejected: {result.rejected[0].reason}")
    return document.id
