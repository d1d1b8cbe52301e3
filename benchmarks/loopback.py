"""The other side of a loopback connection, in a process of its own: keeps lines, or answers them.

    python benchmarks/loopback.py keep FILE     # what a log collector does
    python benchmarks/loopback.py echo          # what a database does

It says its port on standard output, and ends when its standard input does.
"""

from __future__ import annotations

import socketserver
import sys
import threading
from pathlib import Path
from typing import BinaryIO


class Keep(socketserver.StreamRequestHandler):
    """Appends every line to a file."""

    file: BinaryIO
    lock = threading.Lock()

    def handle(self) -> None:
        """Take lines until the other side has no more."""
        for line in self.rfile:
            with self.lock:
                self.file.write(line)


class Echo(socketserver.StreamRequestHandler):
    """Gives every line back."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer until the other side has no more questions."""
        for line in self.rfile:
            self.wfile.write(line)


class Server(socketserver.ThreadingTCPServer):
    """One thread a connection; closing waits for what is still coming in."""

    request_queue_size = 128


def main() -> None:
    handler: type[socketserver.StreamRequestHandler] = Echo
    if sys.argv[1] == "keep":
        handler = Keep
        Keep.file = Path(sys.argv[2]).open("ab")  # noqa: SIM115 - open as long as the process lives
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        server.shutdown()
    if sys.argv[1] == "keep":
        Keep.file.close()


if __name__ == "__main__":
    main()
