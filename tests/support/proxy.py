"""A proxy before a real Elasticsearch, that spoils bulk requests as clusters and networks do."""

from __future__ import annotations

import http.client
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson
from support.loopback import Handler, listening
from support.waiting import PATIENCE

FAULTS = ("busy", "no_shard", "bad_gateway", "some", "refused", "unanswered", "half_answered")
_BUSY = {"type": "es_rejected_execution_exception", "reason": "the queue is full"}
_NO_SHARD = {"type": "unavailable_shards_exception", "reason": "primary shard is not active"}
_REFUSED = {"type": "document_parsing_exception", "reason": "failed to parse field [event.duration] of type [long]"}


class Proxy:
    """What it does to the next bulk request, and how often it did what.

    Attributes:
        fault: gives one of `FAULTS`, or an empty string.
        poison: a document that holds these bytes is refused for good, as one with the wrong type would be.
    """

    def __init__(self, target: str, draw: random.Random) -> None:
        self.target = urlsplit(target)
        self.draw = draw
        self.fault: Callable[[], str] = str
        self.poison = b"poison"
        self.done: dict[str, int] = dict.fromkeys((*FAULTS, ""), 0)
        self.url = ""

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        """The node's own answer: status, body and type."""
        connection = http.client.HTTPConnection(str(self.target.hostname), self.target.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("content-type") or "application/json"
        finally:
            connection.close()

    def bulk(self, path: str, body: bytes, headers: dict[str, str], fault: str) -> tuple[int, bytes, str]:
        """A bulk request of which only a part reaches the node, and the answer to all of it."""
        lines = body.splitlines()
        pairs = list(zip(lines[::2], lines[1::2], strict=True))
        outcomes: list[dict[str, Any] | None] = [self._outcome(source, fault) for _, source in pairs]
        passed = [pair for pair, outcome in zip(pairs, outcomes, strict=True) if outcome is None]
        taken: list[Any] = []
        if passed:
            content = b"".join(b"%b\n%b\n" % pair for pair in passed)
            status, answer, kind = self.forward("POST", path, content, headers)
            if status != 200:
                return status, answer, kind
            taken = orjson.loads(answer)["items"]
        items = []
        rest = iter(taken)
        for (action, _), outcome in zip(pairs, outcomes, strict=True):
            name = orjson.loads(action)["create"]["_id"]
            items.append(next(rest) if outcome is None else {"create": {"_id": name, **outcome}})
        found = {"took": 1, "errors": any(item["create"]["status"] > 299 for item in items), "items": items}
        return 200, orjson.dumps(found), "application/json"

    def _outcome(self, source: bytes, fault: str) -> dict[str, Any] | None:
        if self.poison in source:
            return {"status": 400, "error": _REFUSED}
        if fault == "some" and self.draw.random() < 0.5:
            return self.draw.choice([{"status": 429, "error": _BUSY}, {"status": 503, "error": _NO_SHARD}])
        return None


@contextmanager
def proxied(target: str, draw: random.Random) -> Iterator[Proxy]:
    """A proxy on a free port of the loopback."""
    proxy = Proxy(target, draw)

    class Between(Handler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            """Pass the request on, or spoil it."""
            fault = proxy.fault() if "_bulk" in self.path else ""
            proxy.done[fault] += 1
            body = self.body(0.5 if fault == "refused" else 1.0)
            if fault == "refused":
                self.hang_up()
                return
            status, content, kind = self._found(fault, body)
            if fault == "unanswered":
                self.hang_up()
                return
            half = fault == "half_answered"
            headers = {"x_elastic_product": "Elasticsearch", "content_type": kind}
            self.answer(status, content, sent=0.5 if half else 1.0, **headers)
            if half:
                self.hang_up()

        def _found(self, fault: str, body: bytes) -> tuple[int, bytes, str]:
            if fault in ("busy", "no_shard"):
                error = _BUSY if fault == "busy" else _NO_SHARD
                status = 429 if fault == "busy" else 503
                return status, orjson.dumps({"error": error, "status": status}), "application/json"
            if fault == "bad_gateway":
                return 502, b"<html>Bad Gateway</html>", "text/html"
            names = ("content-type", "accept")
            headers = {name: self.headers[name] for name in names if self.headers.get(name)}
            if "_bulk" in self.path:
                return proxy.bulk(self.path, body, headers, fault)
            return proxy.forward(self.command, self.path, body, headers)

    with listening(Between) as proxy.url:
        yield proxy
