"""How long a store keeps its events, as far as it says."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from mllog._timestamps import iso_utc
from mllog.store._interface import EVERY, Store

_STREAMS = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """What a data stream holds, and for how long.

    Attributes:
        stream: its name.
        events: how many.
        oldest: `@timestamp` of the oldest event.
        indices: behind the stream; 1 in the embedded store.
        managed: what deletes: an ILM policy, a data stream lifecycle, or nothing that the store knows of.
        keep: age at which events go, as the cluster puts it; it counts from the rollover of their index.
    """

    stream: str
    events: int
    oldest: str | None
    indices: int = 1
    managed: str | None = None
    keep: str | None = None


def kept(store: Store, *, index: str = EVERY) -> list[Kept]:
    """What each data stream holds, and what deletes it.

    Args:
        store: the store.
        index: the data streams.

    Raises:
        StoreError: the store cannot be read.

    Example:
        >>> import tempfile
        >>> from mllog.store import Document, open_store
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = open_store(folder)
        ...     _ = store.index([Document("logs-mllog.late-test", "1", {"@timestamp": "2026-05-04T12:00:00Z"})])
        ...     store.commit()
        ...     found = kept(store)
        ...     store.close()
        >>> found[0].stream, found[0].events, found[0].oldest
        ('logs-mllog.late-test', 1, '2026-05-04T12:00:00.000Z')
    """
    body: dict[str, Any] = {
        "size": 0,
        "aggs": {
            "by": {
                "terms": {"field": "_index", "size": _STREAMS},
                "aggs": {"oldest": {"min": {"field": "@timestamp"}}},
            }
        },
    }
    buckets = store.search(body, index=index)["aggregations"]["by"]["buckets"]
    found = {bucket["key"]: (int(bucket["doc_count"]), bucket["oldest"]["value"]) for bucket in buckets}
    client = getattr(store, "client", None)
    if client is None:
        return [Kept(name, count, _moment(oldest)) for name, (count, oldest) in sorted(found.items())]
    from mllog.store._lifecycle import streams  # noqa: PLC0415 - an extra

    answer = []
    for stream in streams(client, index):
        parts = [found[name] for name in stream.indices if name in found]
        times = [oldest for _, oldest in parts if oldest is not None]
        count = sum(count for count, _ in parts)
        oldest = _moment(min(times)) if times else None
        answer.append(Kept(stream.name, count, oldest, len(stream.indices), stream.managed, stream.keep))
    return answer


def _moment(milliseconds: float | None) -> str | None:
    if milliseconds is None:
        return None
    return iso_utc(dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC))
