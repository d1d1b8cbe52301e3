"""Events that a data stream holds twice: one id in two of its indices, delivered on both sides of a rollover."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from mllog.cluster._elasticsearch import Cluster
from mllog.errors import ClusterError

PAGE: Final = 5000
_KEEP_ALIVE: Final = "2m"


@dataclass
class Duplicates:
    """What was found in one data stream.

    Attributes:
        stream: its name.
        events: how many were looked at.
        copies: ids of events that an earlier index holds already, by the index that holds them again.
        removed: how many copies were removed.
    """

    stream: str
    events: int = 0
    copies: dict[str, list[str]] = field(default_factory=dict)
    removed: int = 0

    @property
    def count(self) -> int:
        """Copies that are too many."""
        return sum(map(len, self.copies.values()))


def find_duplicates(cluster: Cluster, streams: str) -> Iterator[Duplicates]:
    """Look for ids that stand in more than one index of a data stream; the first index is the one that counts.

    Only ids are read. A stream of one index has none: there the id is unique.

    Args:
        cluster: where; the credential needs `read` and `view_index_metadata`.
        streams: pattern of data streams.
    """
    for stream in cluster.request("GET", f"_data_stream/{streams}", missing={}).get("data_streams", ()):
        indices = [one["index_name"] for one in stream["indices"]]
        duplicates = Duplicates(stream["name"])
        for place, index in enumerate(indices):
            if place == 0:
                continue
            known: set[str] = set()
            for ids in _ids(cluster, index):
                duplicates.events += len(ids)
                for other in indices[:place]:
                    known |= _present(cluster, other, ids)
            if known:
                duplicates.copies[index] = sorted(known)
        yield duplicates


def remove_duplicates(cluster: Cluster, duplicates: Duplicates) -> None:
    """Remove the later copies; the earliest stays.

    Raises:
        ClusterError: an index takes no deletion (a write block, say), or the credential lacks `delete`.
    """
    for index, ids in duplicates.copies.items():
        for start in range(0, len(ids), PAGE):
            part = ids[start : start + PAGE]
            lines = b"".join(orjson.dumps({"delete": {"_id": identity}}) + b"\n" for identity in part)
            response = cluster.request("POST", f"{index}/_bulk", lines)
            results = [item["delete"] for item in response["items"]]
            duplicates.removed += sum(result["status"] == 200 for result in results)
            refused = next((result for result in results if result["status"] not in (200, 404)), None)
            if refused is not None:
                reason = refused.get("error", {}).get("reason", f"HTTP {refused['status']}")
                raise ClusterError(f"{index}: a copy cannot be removed: {reason}", refused["status"])
        # Else a count right behind would still see them.
        with contextlib.suppress(ClusterError):
            cluster.request("POST", f"{index}/_refresh")


def _ids(cluster: Cluster, index: str) -> Iterator[list[str]]:
    """All ids of an index, a page at a time, of one moment."""
    pit = cluster.request("POST", f"{index}/_pit", keep_alive=_KEEP_ALIVE)["id"]
    after: list[Any] | None = None
    try:
        while True:
            body: dict[str, Any] = {
                "size": PAGE,
                "_source": False,
                "track_total_hits": False,
                "sort": ["_shard_doc"],
                "pit": {"id": pit, "keep_alive": _KEEP_ALIVE},
            }
            if after is not None:
                body["search_after"] = after
            response = cluster.request("POST", "_search", body)
            pit, hits = response["pit_id"], response["hits"]["hits"]
            if not hits:
                return
            yield [hit["_id"] for hit in hits]
            after = hits[-1]["sort"]
    finally:
        with contextlib.suppress(ClusterError):  # it ends by itself
            cluster.request("DELETE", "_pit", {"id": pit})


def _present(cluster: Cluster, index: str, ids: list[str]) -> set[str]:
    """Which of these ids an index holds."""
    body = {"size": len(ids), "_source": False, "track_total_hits": False, "query": {"ids": {"values": ids}}}
    return {hit["_id"] for hit in cluster.request("POST", f"{index}/_search", body)["hits"]["hits"]}
