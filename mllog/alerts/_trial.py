"""Events for testing a watch: read from NDJSON, each with its data stream."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from mllog.errors import WatchError
from mllog.event._names import slug
from mllog.event._stamps import uuid7
from mllog.store import Document


def stream_of(event: Mapping[str, Any]) -> str:
    """The data stream of an event, as the pipeline would route it.

    Example:
        >>> stream_of({"data_stream": {"dataset": "mllog.late", "namespace": "live"}})
        'logs-mllog.late-live'
        >>> stream_of({"mllog": {"model": {"name": "late"}}})
        'logs-mllog.late-default'
    """
    stream = event.get("data_stream", {})
    dataset = stream.get("dataset") or event.get("event", {}).get("dataset")
    if not isinstance(dataset, str):
        dataset = f"mllog.{slug(str(event.get('mllog', {}).get('model', {}).get('name', 'unknown')))}"
    return f"logs-{dataset}-{stream.get('namespace') or 'default'}"


def document(event: Mapping[str, Any]) -> Document:
    """The document of an event."""
    identity = event.get("event", {}).get("id") or uuid7(0)
    return Document(stream_of(event), str(identity), event)


def documents(path: str | Path) -> Iterator[Document]:
    """The events of an NDJSON file.

    Raises:
        WatchError: the file cannot be read, or a line is not an event.
    """
    try:
        with Path(path).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield document(_event(line, f"{path}:{number}"))
    except OSError as error:
        raise WatchError(f"{path}: cannot read the events: {error.strerror}") from error


def _event(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise WatchError(f"{where}:{error.colno}: not an event: {error.msg}") from error
    parts = (
        (event.get(name, {}) for name in ("event", "mllog", "data_stream")) if isinstance(event, Mapping) else [None]
    )
    if not all(isinstance(part, Mapping) for part in parts):
        raise WatchError(f"{where}: not an event: expected an object")
    return dict(event)


def last(items: Iterable[Document]) -> dt.datetime | None:
    """The time of the last event."""
    moments = []
    for item in items:
        try:
            moment = dt.datetime.fromisoformat(str(item.parsed().get("@timestamp")))
        except ValueError:
            continue
        moments.append(moment.replace(tzinfo=moment.tzinfo or dt.UTC))
    return max(moments, default=None)
