"""Sends a canary and checks what arrives: once, redacted, typed; then removes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import httpx

from mllog.cluster._elasticsearch import Cluster
from mllog.errors import ClusterError
from mllog.install._canary import Canary, changed_values, leaks, typed_fields, unrecorded, wrong_types
from mllog.install._plan import STREAMS
from mllog.install._steps import Step, failed, unproved
from mllog.shipping import Endpoint, Verdict

WAIT_SECONDS: Final = 30.0
"""How long a canary may take; Logstash answers when it is in the queue."""

_POLL_SECONDS: Final = 0.5


class Destination(Protocol):
    """The store in which a canary arrives."""

    def find(self, identity: str) -> list[Mapping[str, Any]]:
        """Hits with that id, in any stream of mllog: `_index` and `_source`."""

    def types(self) -> Mapping[str, list[str]] | None:
        """Types of the canary's fields; None where the store has none."""

    def remove(self, hits: list[Mapping[str, Any]]) -> None:
        """Delete the canaries that were found."""


class ClusterDestination:
    """A canary in Elasticsearch."""

    def __init__(self, cluster: Cluster, index: str) -> None:
        self._cluster = cluster
        self._index = index

    def find(self, identity: str) -> list[Mapping[str, Any]]:
        """Hits with that id in any stream of mllog."""
        body = {"query": {"ids": {"values": [identity]}}, "size": 10, "fields": ["_ignored"]}
        response = self._cluster.request("POST", f"{STREAMS}/_search", body, ignore_unavailable="true")
        return list(response["hits"]["hits"])

    def types(self) -> Mapping[str, list[str]]:
        """Types of the canary's fields in its stream."""
        response = self._cluster.request("GET", f"{self._index}/_field_caps", fields=",".join(typed_fields()))
        return {name: sorted(kinds) for name, kinds in response["fields"].items()}

    def remove(self, hits: list[Mapping[str, Any]]) -> None:
        """Delete from the backing indices that hold them."""
        for hit in hits:
            self._cluster.request("DELETE", f"{hit['_index']}/_doc/{hit['_id']}", missing={})


class EmbeddedDestination:
    """A canary in `mllog serve`, whose API returns and deletes canaries only."""

    def __init__(self, endpoint: Endpoint, client: httpx.Client) -> None:
        self._url = endpoint.url.rstrip("/")
        self._client = client

    def find(self, identity: str) -> list[Mapping[str, Any]]:
        """Hits with that id in any stream of mllog."""
        return list(self._request("GET", identity)["hits"])

    def types(self) -> None:
        """The embedded store has no types beyond those of JSON."""
        return

    def remove(self, hits: list[Mapping[str, Any]]) -> None:
        """Delete the canary."""
        for hit in hits:
            self._request("DELETE", hit["_id"])

    def _request(self, method: str, identity: str) -> Any:
        url = f"{self._url}/api/canary/{identity}"
        try:
            response = self._client.request(method, url)
            return response.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise ClusterError(f"{url}: {error}; check that it is `mllog serve` of this version") from None


def check_canary(
    send: Callable[[Canary], str | None],
    destination: Destination,
    canary: Canary,
    *,
    seconds: float = WAIT_SECONDS,
    redacted: bool = True,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Step]:
    """Send a canary twice, and look at what arrives.

    Args:
        send: delivers it once; returns the problem, if any.
        destination: the store in which it arrives.
        canary: the event to send.
        seconds: how long it may take.
        redacted: whether something between sender and store redacts.
        pause: waits between two attempts to find it.
    """
    for _ in range(2):
        problem = send(canary)
        if problem:
            yield failed("the canary is taken", problem, "check that the intake is running, and its credentials")
            return
    yield Step("the canary is taken, twice")
    try:
        hits = _wait_for(destination, canary, seconds, pause)
    except ClusterError as error:
        yield failed("the canary arrives", str(error))
        return
    if not hits:
        cause = f"it is in no stream after {seconds:g} s"
        yield failed(
            "the canary arrives", cause, "see Logstash's log, its queue and its dead letters; is its API key valid?"
        )
        return
    try:
        yield from _inspect(hits, destination, canary, redacted=redacted)
    finally:
        yield _remove(destination, hits)


def _wait_for(
    destination: Destination, canary: Canary, seconds: float, pause: Callable[[float], None]
) -> list[Mapping[str, Any]]:
    attempts = max(1, round(seconds / _POLL_SECONDS))
    for attempt in range(attempts):
        hits = destination.find(canary.id)
        if hits:
            pause(_POLL_SECONDS)  # the second delivery may be on its way
            return destination.find(canary.id)
        if attempt < attempts - 1:
            pause(_POLL_SECONDS)
    return []


def _inspect(
    hits: list[Mapping[str, Any]], destination: Destination, canary: Canary, *, redacted: bool
) -> Iterator[Step]:
    if len(hits) > 1:
        yield failed(
            "the canary is stored once", f"it is stored {len(hits)} times", "is document_id event.id in the output?"
        )
    else:
        yield Step("the canary is stored once")
    hit = hits[0]
    stored = hit["_source"]
    arrived = stored.get("data_stream", {}).get("dataset")
    if canary.stream not in hit["_index"]:
        what = "; ".join(filter(None, [stored.get("error", {}).get("message"), ", ".join(stored.get("tags", ()))]))
        cause = f"it is in {hit['_index']} ({arrived}{': ' if what else ''}{what})"
        yield failed(
            "the canary is in its stream", cause, "logstash/pipeline of the intake is older: use that of this mllog"
        )
        return
    yield Step("the canary is in its stream")
    if redacted:
        leaked = leaks(stored)
        if leaked:
            cause = f"it still contains {', '.join(leaked)}"
            yield failed("no secret of the canary is stored", cause, "is 20-redact.conf part of the pipeline?")
        elif unrecorded(stored):
            cause = f"not recorded: {', '.join(unrecorded(stored))}"
            yield failed("what was redacted is recorded", cause, "is 35-redacted.conf part of the pipeline?")
        else:
            yield Step("no secret of the canary is stored, and the kinds are recorded")
    else:
        yield unproved("no secret of the canary is stored", "it bypassed the intake, so it contained none")
    yield _check_types(hit, destination)


def _check_types(hit: Mapping[str, Any], destination: Destination) -> Step:
    name = "every value has its type"
    wrong = changed_values(hit["_source"])
    try:
        types = destination.types()
    except ClusterError as error:
        return failed(name, str(error))
    if types is None:
        name = "every value is what was sent"
    if types is not None:
        wrong += wrong_types(types)
    if hit.get("_ignored"):
        wrong.append(f"ignored: {', '.join(hit['_ignored'])}")
    return failed(name, "; ".join(wrong), "run `mllog setup`") if wrong else Step(name)


def _remove(destination: Destination, hits: list[Mapping[str, Any]]) -> Step:
    name = "the canary is removed"
    try:
        destination.remove(hits)
    except ClusterError as error:
        return failed(name, str(error), "it is deleted with its index at the end of the retention")
    return Step(name)


def sender(endpoint: Endpoint, client: httpx.Client) -> Callable[[Canary], str | None]:
    """Sends through an intake: Logstash's http input, or `mllog serve`."""

    def send(canary: Canary) -> str | None:
        verdict, reason = endpoint.post(client, canary.line)
        return None if verdict is Verdict.DELIVERED else f"{endpoint.url}: {reason}"

    return send


def direct_sender(cluster: Cluster) -> Callable[[Canary], str | None]:
    """Creates the document in the cluster, as Logstash's output does."""

    def send(canary: Canary) -> str | None:
        try:
            cluster.request("PUT", f"{canary.stream}/_create/{canary.id}", dict(canary.source))
        except ClusterError as error:
            return None if error.status == 409 else str(error)  # 409: it exists already, as expected
        return None

    return send
