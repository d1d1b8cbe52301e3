"""What deletes the events of a cluster's data streams, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch, NotFoundError

from mllog.cluster._elasticsearch import to_store_error


@dataclass(frozen=True, slots=True)
class Stream:
    """A data stream, the indices behind it, and what manages the newest of them."""

    name: str
    indices: tuple[str, ...]
    managed: str | None
    keep: str | None


def streams(client: Elasticsearch, index: str, where: str = "the cluster") -> list[Stream]:
    """The data streams that match, each with what deletes its events.

    Args:
        client: of the cluster.
        index: names, with wildcards.
        where: its address.

    Raises:
        StoreError: the cluster does not say: that needs the privilege `view_index_metadata`, and `read_ilm`.
    """
    policies: dict[str, str | None] = {}
    found = []
    try:
        answer = client.indices.get_data_stream(name=index.split(","))
        for stream in answer["data_streams"]:
            names = tuple(str(item["index_name"]) for item in stream["indices"])
            policy = stream.get("ilm_policy") or _policy_of(client, names[-1])
            own: dict[str, Any] = stream.get("lifecycle") or {}
            if policy is None or (own.get("enabled") and not stream.get("prefer_ilm", True)):
                keep = own.get("effective_retention") or own.get("data_retention")
                found.append(Stream(stream["name"], names, "data stream lifecycle" if own else None, keep))
                continue
            if policy not in policies:
                policies[policy] = _deleted_at(client, policy)
            found.append(Stream(stream["name"], names, f"ILM policy {policy}", policies[policy]))
    except (ApiError, TransportError) as error:
        raise to_store_error(error, where) from None
    return sorted(found, key=lambda stream: stream.name)


def _policy_of(client: Elasticsearch, index: str) -> str | None:
    answer = client.indices.get_settings(index=index, name="index.lifecycle.name", flat_settings=True)
    for found in answer.body.values():
        return str(found["settings"]["index.lifecycle.name"])
    return None


def _deleted_at(client: Elasticsearch, policy: str) -> str | None:
    try:
        answer = client.ilm.get_lifecycle(name=policy)
    except NotFoundError:
        return "the policy is not there: nothing is deleted"
    phase = answer[policy]["policy"]["phases"].get("delete")
    return None if phase is None else str(phase["min_age"])
