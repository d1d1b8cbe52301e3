"""A store with events, and a place that takes webhooks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from alerttools import Taken, fill

from mllog.store import EmbeddedStore, open_store


@pytest.fixture
def hook() -> Iterator[Taken]:
    """A server on this machine that takes what is posted."""
    taken = Taken()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(taken.status)
            self.send_header("location", f"http://127.0.0.1:{taken.port}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        taken.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield taken
        server.shutdown()
        thread.join()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A store with ten events of the last hour."""
    store = open_store(tmp_path / "store")
    fill(store)
    yield store
    store.close()
