"""The envelope of every event: the one place that spells the names of ECS and of mllog for whatever writes one.

Predictions, application records, requests and mllog's own events (shipper, alerts, audit, canary) have different
members. This module defines their names and their order.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any, Final

from mllog.event._names import slug
from mllog.event._stamps import dumps, timestamp, uuid7

ECS_VERSION: Final = "8.17.0"


def envelope(
    dataset: str,
    message: str,
    *,
    at: str,
    level: str,
    logger: str,
    kind: str = "event",
    action: str | None = None,
    outcome: str | None = None,
    event_id: str | None = None,
    created: str | None = None,
) -> dict[str, Any]:
    """The members that an event begins with, whatever it is about.

    They are followed by `placement`, then by what the event is about: `mllog`, and members such as `trace` or `error`.

    Args:
        dataset: `event.dataset`, such as `mllog.late`.
        message: the event in words.
        at: `@timestamp`, when what the event is about began.
        level: `log.level`.
        logger: `log.logger`.
        kind: `event.kind`.
        action: `event.action`.
        outcome: `event.outcome`.
        event_id: `event.id`; it is the document id.
        created: `event.created`, when the event was made.

    Example:
        >>> members = envelope("mllog.log", "late again", at="2026-05-04T12:00:00Z", level="info", logger="app")
        >>> list(members), members["event"]
        (['@timestamp', 'ecs', 'message', 'log', 'event'], {'kind': 'event', 'dataset': 'mllog.log'})
    """
    event = {"kind": kind, "dataset": dataset, "action": action, "outcome": outcome, "id": event_id, "created": created}
    return {
        "@timestamp": at,
        "ecs": {"version": ECS_VERSION},
        "message": message,
        "log": {"level": level, "logger": logger},
        "event": {name: value for name, value in event.items() if value is not None},
    }


def placement(dataset: str, service: Mapping[str, str]) -> dict[str, Any]:
    """Where an event was made, and the data stream that it goes to.

    Args:
        dataset: `data_stream.dataset`.
        service: name, version and environment of the service, as far as they are known.

    Example:
        >>> placement("mllog.late", {"environment": "Live Now"})["data_stream"]
        {'type': 'logs', 'dataset': 'mllog.late', 'namespace': 'live_now_0fe44c21'}
    """
    host = socket.gethostname()
    return {
        "service": {**service, "node": {"name": host}},
        "host": {"name": host},
        "process": {"pid": os.getpid()},
        "data_stream": data_stream_fields(dataset, service.get("environment", "default")),
    }


def data_stream_fields(dataset: str, environment: str) -> dict[str, str]:
    """`data_stream.*`: where an event goes; Elasticsearch routes by it."""
    return {"type": "logs", "dataset": dataset, "namespace": slug(environment)}


def model_fields(name: str, version: str, role: str, profile: str | None, redaction: str | None) -> dict[str, str]:
    """`mllog.model.*`: which model, in which role, validated and redacted by what.

    Args:
        name: name of the model.
        version: its version.
        role: `live` or `shadow`.
        profile: digest of the profile that validates.
        redaction: digest of the rules that redact; its first characters are written.
    """
    fields = {"name": name, "version": version, "role": role}
    if profile:
        fields["profile"] = profile
    if redaction:
        fields["redaction"] = redaction.removeprefix("sha256:")[:12]
    return fields


def own_event(action: str, message: str, payload: dict[str, Any], service: Mapping[str, str], *, level: str) -> bytes:
    """An event of mllog about itself, as a line: what the spool dropped, what the shipper delivered.

    Args:
        action: `dropped` or `shipped`.
        message: the same for people.
        payload: the members of `mllog`.
        service: name, version and environment of the service, as far as they are known.
        level: `log.level`.

    Example:
        >>> import orjson
        >>> line = own_event("dropped", "2 events", {"spool": {"dropped": 2}}, {"environment": "test"}, level="warning")
        >>> orjson.loads(line)["data_stream"]["dataset"]
        'mllog.shipper'
    """
    ns = time.time_ns()
    now = timestamp(ns)
    dataset = "mllog.shipper"
    members = envelope(
        dataset, message, at=now, level=level, logger=dataset, action=action, event_id=uuid7(ns), created=now
    )
    return dumps({**members, **placement(dataset, service), "mllog": payload}) + b"\n"
