"""A server of a test's own on a free port of the loopback."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def free_port() -> int:
    """A port on the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Handler(BaseHTTPRequestHandler):
    """Answers every method by `handle_any`, and says nothing of it."""

    def handle_any(self) -> None:
        """Answer one request."""
        raise NotImplementedError

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = lambda self: self.handle_any()  # noqa: N815 - http.server's names

    def body(self, part: float = 1.0) -> bytes:
        """What was sent, or the first part of it."""
        return self.rfile.read(int(int(self.headers.get("content-length") or 0) * part))

    def named(self) -> dict[str, str]:
        """The headers that were sent, by their names in lower case."""
        return {name.lower(): value for name, value in self.headers.items()}

    def answer(self, status: int, content: Any, *, sent: float = 1.0, **headers: str) -> None:
        """Answer with bytes, or with anything else as JSON; `sent` is the share of it that is really sent."""
        encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded[: int(len(encoded) * sent)])

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def listening(handler: type[Handler], certificate: Path | None = None) -> Iterator[str]:
    """The address of a server; with TLS where a file of certificate and key is given."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign,assignment]
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
