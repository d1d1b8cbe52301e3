"""Real servers on an inherited socket: a request waits in its backlog until a worker is there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.servers import EXAMPLES, Server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start `python -m MODULE …FD…` with a spool at `tmp_path/spool`; `FD` becomes the number of the socket."""
    started: list[tuple[Server, socket.socket]] = []

    def start(*command: str, folder: Path = EXAMPLES) -> Server:
        listening = socket.create_server(("127.0.0.1", 0))
        fd = listening.fileno()
        with (tmp_path / "stderr").open("ab") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", *(word.replace("FD", str(fd)) for word in command)],
                cwd=folder,
                pass_fds=[fd],
                env={**os.environ, "MLLOG_SPOOL": str(tmp_path / "spool")},
                stderr=stderr,
            )
        server = Server(process, listening.getsockname()[1])
        started.append((server, listening))
        return server

    yield start
    for server, listening in started:
        server.stop()
        listening.close()
