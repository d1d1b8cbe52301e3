"""A server that answers as Elasticsearch does, and fails as it is told to."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = tuple[int, Any]
INFO: dict[str, Any] = {"version": {"number": "9.4.3"}, "tagline": "You Know, for Search"}


class FakeCluster:
    """What the server was asked, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.info: Answer = (200, INFO)
        self.product = True
        self.answer: Callable[[str, str, bytes], Answer | None] = lambda *_: (200, {})
        self.url = ""

    def bulks(self) -> list[list[tuple[str, dict[str, Any]]]]:
        """Ids and sources of each bulk request."""
        found = []
        for _, path, body, _ in self.asked:
            if "/_bulk" in path:
                lines = [json.loads(line) for line in body.splitlines()]
                found.append([(lines[n]["create"]["_id"], lines[n + 1]) for n in range(0, len(lines), 2)])
        return found


def items(body: bytes, outcome: Callable[[str], tuple[int, dict[str, Any] | None]]) -> Answer:
    """The answer to a bulk request, by what becomes of each id."""
    answers = []
    for line in body.splitlines()[::2]:
        name = json.loads(line)["create"]["_id"]
        status, error = outcome(name)
        answers.append({"create": {"_id": name, "status": status, **({"error": error} if error else {})}})
    return 200, {"errors": any(item["create"]["status"] > 299 for item in answers), "items": answers}


def certificate(folder: Path) -> tuple[Path, Path]:
    """A server's certificate with its key, and the authority that clients must know; both are the same one."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=es"]
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "ca.crt"]
    subprocess.run([*command, *more], check=True, capture_output=True, timeout=60)
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "ca.crt").read_bytes())
    return both, folder / "ca.crt"


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[FakeCluster]:
    """A fake cluster on a free port of the loopback; with TLS where a file of certificate and key is given."""
    cluster = FakeCluster()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            """Answer, or hang up where there is no answer."""
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            cluster.asked.append((self.command, self.path, body, {k.lower(): v for k, v in self.headers.items()}))
            found = cluster.info if self.path == "/" else cluster.answer(self.command, self.path, body)
            if found is None:
                self.close_connection = True
                self.connection.close()
                return
            content = found[1] if isinstance(found[1], bytes) else json.dumps(found[1]).encode()
            self.send_response(found[0])
            if cluster.product:
                self.send_header("x-elastic-product", "Elasticsearch")
            self.send_header("content-type", "text/html" if isinstance(found[1], bytes) else "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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
    cluster.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    try:
        yield cluster
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
