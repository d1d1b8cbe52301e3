"""A server process on a socket that it inherits, and the examples that it serves."""

from __future__ import annotations

import http.client
import signal
import subprocess
from contextlib import closing
from pathlib import Path

from support.waiting import PATIENCE

EXAMPLES = Path(__file__).parents[2] / "examples/integrations"


class Server:
    """A server process and the address it listens on."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes, dict[str, str]]:
        """Ask on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}

    def stop(self) -> None:
        """Ask it to leave, and wait."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
