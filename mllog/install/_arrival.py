"""Sends a canary and looks at what arrives: once, redacted, typed; then it is removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import httpx

from mllog.cluster._elasticsearch import Cluster
from mllog.errors import ClusterError
from mllog.install import _canary as birds
from mllog.install._canary import Canary
from mllog.install._plan import STREAMS
from mllog.install._steps import Step, failed, unproved
from mllog.shipping import Endpoint, Verdict

WAIT_SECONDS: Final = 30.0
"""How long a canary may take; Logstash answers when it is in the queue."""

_LOOK_EVERY: Final = 0.5


class Nest(Protocol):
    """Where a canary arrives."""

    def find(self, identity: str) -> list[Mapping[str, Any]]:
        """Hits with that id, in any stream of mllog: `_index` and `_source`."""

    def types(self) -> Mapping[str, list[str]] | None:
        """Types of the canary's fields; None where the store has none."""

    def remove(self, hits: list[Mapping[str, Any]]) -> None:
        """Delete the canaries that were found."""


class ClusterNest:
    """A canary in Elasticsearch."""

    def __init__(self, cluster: Cluster, index: str) -> None:
        self._cluster = cluster
        self._index = index

    def find(self, identity: str) -> list[Mapping[str, Any]]:
        """Hits with that id in any stream of mllog."""
        body = {"query": {"ids": {"values": [identity]}}, "size": 10, "fields": ["_ignored"]}
        answer = self._cluster.request("POST", f"{STREAMS}/_search", body, ignore_unavailable="true")
        return list(answer["hits"]["hits"])

    def types(self) -> Mapping[str, list[str]]:
        """Types of the canary's fields in its stream."""
        answer = self._cluster.request("GET", f"{self._index}/_field_caps", fields=",".join(birds.typed_fields()))
        return {name: sorted(kinds) for name, kinds in answer["fields"].items()}

    def remove(self, hits: list[Mapping[str, Any]]) -> None:
        """Delete from the backing indices that hold them."""
        for hit in hits:
            self._cluster.request("DELETE", f"{hit['_index']}/_doc/{hit['_id']}", missing={})


class EmbeddedNest:
    """A canary in `mllog serve`, which tells of canaries and of nothing else."""

    def __init__(self, endpoint: Endpoint, client: httpx.Client) -> None:
        self._url = endpoint.url.rstrip("/")
        self._client = client

    def find(self, identity: str) -> list[Mapping[str, Any]]:
        """Hits with that id in any stream of mllog."""
        return list(self._ask("GET", identity)["hits"])

    def types(self) -> None:
        """The embedded store has no types beyond those of JSON."""
        return

    def remove(self, hits: list[Mapping[str, Any]]) -> None:
        """Delete the canary."""
        for hit in hits:
            self._ask("DELETE", hit["_id"])

    def _ask(self, method: str, identity: str) -> Any:
        url = f"{self._url}/api/canary/{identity}"
        try:
            response = self._client.request(method, url)
            return response.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise ClusterError(f"{url}: {error}; is it `mllog serve` of this version?") from None


def check_canary(
    send: Callable[[Canary], str | None],
    nest: Nest,
    bird: Canary,
    *,
    seconds: float = WAIT_SECONDS,
    redacted: bool = True,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Step]:
    """Send a canary twice, and look at what arrives.

    Args:
        send: delivers it once; gives back why not.
        nest: where it arrives.
        bird: the canary.
        seconds: how long it may take.
        redacted: whether something on the way redacts.
        pause: waits between two looks.
    """
    for _ in range(2):
        refused = send(bird)
        if refused:
            yield failed("the canary is taken", refused, "see that the intake is up, and its credentials")
            return
    yield Step("the canary is taken, twice")
    try:
        hits = _awaited(nest, bird, seconds, pause)
    except ClusterError as error:
        yield failed("the canary arrives", str(error))
        return
    if not hits:
        cause = f"it is in no stream after {seconds:g} s"
        yield failed(
            "the canary arrives", cause, "look into Logstash's log, its queue and its dead letters; is its key good?"
        )
        return
    try:
        yield from _examined(hits, nest, bird, redacted=redacted)
    finally:
        yield _removed(nest, hits)


def _awaited(nest: Nest, bird: Canary, seconds: float, pause: Callable[[float], None]) -> list[Mapping[str, Any]]:
    looks = max(1, round(seconds / _LOOK_EVERY))
    for look in range(looks):
        hits = nest.find(bird.id)
        if hits:
            pause(_LOOK_EVERY)  # the second delivery may be on its way
            return nest.find(bird.id)
        if look < looks - 1:
            pause(_LOOK_EVERY)
    return []


def _examined(hits: list[Mapping[str, Any]], nest: Nest, bird: Canary, *, redacted: bool) -> Iterator[Step]:
    if len(hits) > 1:
        yield failed(
            "the canary is stored once", f"it is there {len(hits)} times", "is document_id event.id in the output?"
        )
    else:
        yield Step("the canary is stored once")
    hit = hits[0]
    stored = hit["_source"]
    arrived = stored.get("data_stream", {}).get("dataset")
    if bird.stream not in hit["_index"]:
        what = "; ".join(filter(None, [stored.get("error", {}).get("message"), ", ".join(stored.get("tags", ()))]))
        cause = f"it is in {hit['_index']} ({arrived}{': ' if what else ''}{what})"
        yield failed(
            "the canary is in its stream", cause, "logstash/pipeline of the intake is older: take that of this mllog"
        )
        return
    yield Step("the canary is in its stream")
    if redacted:
        kinds = birds.leaks(stored)
        if kinds:
            cause = f"it still holds {', '.join(kinds)}"
            yield failed("no secret of the canary is stored", cause, "is 20-redact.conf part of the pipeline?")
        elif birds.unrecorded(stored):
            cause = f"not recorded: {', '.join(birds.unrecorded(stored))}"
            yield failed("what was redacted is recorded", cause, "is 35-redacted.conf part of the pipeline?")
        else:
            yield Step("no secret of the canary is stored, and the kinds are recorded")
    else:
        yield unproved("no secret of the canary is stored", "it went past the intake, and so carried none")
    yield _typed(hit, nest)


def _typed(hit: Mapping[str, Any], nest: Nest) -> Step:
    name = "every value has its type"
    wrong = birds.changed_values(hit["_source"])
    try:
        types = nest.types()
    except ClusterError as error:
        return failed(name, str(error))
    if types is None:
        name = "every value is what was sent"
    if types is not None:
        wrong += birds.wrong_types(types)
    if hit.get("_ignored"):
        wrong.append(f"ignored: {', '.join(hit['_ignored'])}")
    return failed(name, "; ".join(wrong), "run `mllog setup`") if wrong else Step(name)


def _removed(nest: Nest, hits: list[Mapping[str, Any]]) -> Step:
    name = "the canary is removed"
    try:
        nest.remove(hits)
    except ClusterError as error:
        return failed(name, str(error), "it goes with its index, at the end of the retention")
    return Step(name)


def sender(endpoint: Endpoint, client: httpx.Client) -> Callable[[Canary], str | None]:
    """Sends through an intake: Logstash's http input, or `mllog serve`."""

    def send(bird: Canary) -> str | None:
        verdict, reason = endpoint.post(client, bird.line)
        return None if verdict is Verdict.DELIVERED else f"{endpoint.url}: {reason}"

    return send


def direct_sender(cluster: Cluster) -> Callable[[Canary], str | None]:
    """Creates the document in the cluster, as Logstash's output does."""

    def send(bird: Canary) -> str | None:
        try:
            cluster.request("PUT", f"{bird.stream}/_create/{bird.id}", dict(bird.source))
        except ClusterError as error:
            return None if error.status == 409 else str(error)  # 409: it is there already, and right so
        return None

    return send
