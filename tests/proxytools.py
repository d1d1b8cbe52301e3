"""A proxy before a real Elasticsearch, that spoils bulk requests as clusters and networks do."""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import orjson

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
        connection = http.client.HTTPConnection(str(self.target.hostname), self.target.port, timeout=60)
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

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            """Pass the request on, or spoil it."""
            fault = proxy.fault() if "_bulk" in self.path else ""
            proxy.done[fault] += 1
            size = int(self.headers.get("content-length") or 0)
            if fault == "refused":
                self.rfile.read(size // 2)
                self._hang_up()
                return
            body = self.rfile.read(size)
            status, content, kind = self._answer(fault, body)
            if fault == "unanswered":
                self._hang_up()
                return
            self.send_response(status)
            self.send_header("x-elastic-product", "Elasticsearch")
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fault == "half_answered" else content)
            if fault == "half_answered":
                self._hang_up()

        def _answer(self, fault: str, body: bytes) -> tuple[int, bytes, str]:
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

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.close()

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign,assignment]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
