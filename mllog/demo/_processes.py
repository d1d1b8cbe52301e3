"""The two other processes of the demo: the flights service, and the client that sends the requests."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from mllog._resources import resource
from mllog.demo._sender import READY
from mllog.errors import MllogError
from mllog.server._run import HOST, bind

ENVIRONMENT: Final = "demo"

_STARTS: Final = 5
_POLL_SECONDS: Final = 0.1


class Service:
    """The flights service in its own process, restarted when it is killed.

    The listening socket belongs to this process, so requests that arrive during a restart wait instead of failing.

    Args:
        folder: with `model/` and `spool/`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = bind(0)
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="mllog-demo", daemon=True)
        self.starts = 0
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """Start the process, and restart it whenever it ends."""
        self._launch()
        self._supervisor.start()

    def _supervise(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            assert self._process is not None
            if self._process.poll() is not None and not self.abandoned:
                self._launch()

    @property
    def abandoned(self) -> bool:
        """Whether it ended too often to be started again."""
        return self.starts > _STARTS

    def _launch(self) -> None:
        self.starts += 1
        environment = {**os.environ, "MLLOG_SPOOL": str(self._folder / "spool"), "MLLOG_ENVIRONMENT": ENVIRONMENT}
        descriptor = self._socket.fileno()
        command = [sys.executable, str(resource("examples/flights/service.py")), str(self._folder / "model")]
        self._process = subprocess.Popen(  # noqa: S603 - our own example
            [*command, "--fd", str(descriptor)], pass_fds=(descriptor,), stdin=subprocess.PIPE, env=environment
        )

    def stats(self) -> dict[str, Any]:
        """`mllog.stats()` of the service.

        Raises:
            MllogError: it does not answer.
        """
        while not self.abandoned:
            try:
                stats: dict[str, Any] = httpx.get(f"{self.url}/stats", timeout=60, trust_env=False).json()
            except httpx.TransportError:  # the service was killed during this request
                time.sleep(_POLL_SECONDS)
            else:
                return stats
        raise MllogError(f"the flights service ended {self.starts} times; its output is above")

    def stop(self) -> None:
        """End the process as an operator would, and close the socket."""
        self._stop.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._socket.close()


class Sender:
    """The client: reads the later months while the model is trained, then sends them.

    Args:
        events: how many requests.
    """

    def __init__(self, events: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "mllog.demo._sender", str(events)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> int:
        """Wait until the requests are read; how many there are.

        Raises:
            MllogError: they could not be read.
        """
        assert self._process.stdout is not None
        word, _, number = self._process.stdout.readline().partition(" ")
        if word != READY:
            raise MllogError("the later months could not be read; the reason is above")
        return int(number)

    def send(self, url: str) -> Iterator[str]:
        """Send all requests to a service; yields the id of each prediction as the response arrives.

        Raises:
            MllogError: sending ended early.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(url + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            yield line.strip()
        if self._process.wait():
            raise MllogError("sending ended early; the reason is above")

    def stop(self) -> None:
        """End the process if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
