"""A server that answers as Elasticsearch does, and fails as it is told to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.loopback import Handler, listening
from support.waiting import PATIENCE

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
    subprocess.run([*command, *more], check=True, capture_output=True, timeout=PATIENCE)
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "ca.crt").read_bytes())
    return both, folder / "ca.crt"


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[FakeCluster]:
    """A fake cluster on a free port of the loopback; with TLS where a file of certificate and key is given."""
    cluster = FakeCluster()

    class Cluster(Handler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            """Answer, or hang up where there is no answer."""
            body = self.body()
            cluster.asked.append((self.command, self.path, body, self.named()))
            found = cluster.info if self.path == "/" else cluster.answer(self.command, self.path, body)
            if found is None:
                self.hang_up()
                return
            headers = {"content_type": "text/html" if isinstance(found[1], bytes) else "application/json"}
            if cluster.product:
                headers["x_elastic_product"] = "Elasticsearch"
            self.answer(*found, **headers)

    with listening(Cluster, certificate) as cluster.url:
        yield cluster
