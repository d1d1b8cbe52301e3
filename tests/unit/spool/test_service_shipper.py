"""A service that is given an endpoint delivers its own spool, from a thread that never gets in its way."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.waiting import PATIENCE, wait_until

import mllog
from mllog._state import STATE
from mllog.spool import events

SERVICE = """
import os, sys, mllog
mllog.configure(service="checkout", environment="test", spool=sys.argv[1], endpoint=sys.argv[2])
log = mllog.model("late", "1")
for n in range(200):
    log.prediction({"n": n})
"""


def ended(code: str, folder: Path, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A service in a process of its own, at its end."""
    command = [sys.executable, *options, "-c", code, str(folder), url]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


class Endpoint(ThreadingHTTPServer):
    """Takes events on loopback, once it may."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.open = threading.Event()
        self.open.set()
        self.arrived = threading.Condition()
        self.events: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def numbers(self, count: int) -> list[int]:
        """The numbers of the events, once there are so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self._numbers()) >= count, timeout=PATIENCE)
            return self._numbers()

    def _numbers(self) -> list[int]:
        return [event["mllog"]["input"]["number"]["n"] for event in self.events if "model" in event["mllog"]]


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        ready = self.server.open.is_set()
        if ready:
            with self.server.arrived:
                self.server.events += [json.loads(line) for line in body.split(b"\n") if line]
                self.server.arrived.notify_all()
        self.send_response(200 if ready else 503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint on loopback."""
    server = Endpoint()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def service(tmp_path: Path, endpoint: Endpoint) -> Iterator[mllog.ModelLogger]:
    """This process as a service that ships; who it was before comes back."""
    before = STATE.service
    mllog.configure(service="checkout", environment="test", spool=tmp_path, endpoint=endpoint.url)
    yield mllog.model("shipped", "1")
    mllog.shutdown(5)
    STATE.service = before
    STATE.generation += 1


def test_events_arrive_while_the_service_runs(service: mllog.ModelLogger, endpoint: Endpoint) -> None:
    """Nothing is started before the first event; then the thread follows the live segment."""
    before = threading.active_count()
    shipper = mllog.stats()["shipper"]
    assert shipper == {"endpoint": endpoint.url, "running": False, "problem": None}
    for n in range(100):
        service.prediction({"n": n})
    assert endpoint.numbers(100) == list(range(100))
    assert threading.active_count() == before + 2 + len(
        [t for t in threading.enumerate() if "process_request" in t.name]
    )
    state = mllog.stats()["shipper"]
    assert (state["running"], state["problem"]) == (True, None)


def test_an_endpoint_that_is_away_costs_the_service_nothing(service: mllog.ModelLogger, endpoint: Endpoint) -> None:
    """Events wait in the spool, `stats()` says why, and they arrive in order when it is back."""
    before = mllog.stats()["dropped"]
    endpoint.open.clear()
    for n in range(50):
        service.prediction({"n": n})
    wait_until(lambda: mllog.stats()["shipper"].get("problem") is not None)
    assert mllog.stats()["shipper"]["problem"] == "HTTP 503"
    assert mllog.stats()["dropped"] == before
    endpoint.open.set()
    assert endpoint.numbers(50) == list(range(50))


def test_an_exit_delivers_what_is_left(tmp_path: Path, endpoint: Endpoint) -> None:
    """Without any call at the end; the spool is empty then."""
    done = ended(SERVICE, tmp_path, endpoint.url, "-W", "error")
    assert (done.returncode, done.stderr) == (0, "")
    assert endpoint.numbers(200) == list(range(200))
    assert list(events(tmp_path)) == []
    told = [event for event in endpoint.events if event["event"].get("action") == "shipped"]
    assert sum(event["mllog"]["shipper"]["delivered"] for event in told) == 200
    assert told[0]["service"]["name"] == "checkout"
    assert told[0]["data_stream"]["dataset"] == "mllog.shipper"


def test_an_exit_does_not_hang_on_an_endpoint_that_is_gone(tmp_path: Path) -> None:
    """What is left stays in the spool for the next start."""
    done = ended(SERVICE, tmp_path, "http://127.0.0.1:9", "-W", "error")
    assert done.returncode == 0, done.stderr
    assert len(list(events(tmp_path))) == 200


def test_a_fork_leaves_one_shipper(tmp_path: Path, endpoint: Endpoint) -> None:
    """Silent under `-W error`; parent and child go on with their next event, and each event arrives once."""
    code = (
        SERVICE
        + """
child = os.fork()
side = 1000 if child == 0 else 2000
for n in range(side, side + 100):
    log.prediction({"n": n})
if child:
    os.waitpid(child, 0)
"""
    )
    done = ended(code, tmp_path, endpoint.url, "-W", "error")
    assert (done.returncode, done.stderr) == (0, "")
    expected = [*range(200), *range(1000, 1100), *range(2000, 2100)]
    assert sorted(endpoint.numbers(400)) == expected
    assert list(events(tmp_path)) == []


def test_a_child_that_outlives_its_parent_takes_over(tmp_path: Path, endpoint: Endpoint) -> None:
    """The parent is killed; the child holds none of its locks, and delivers what the parent left."""
    code = (
        SERVICE
        + """
if os.fork():
    os.kill(os.getpid(), 9)
for n in range(1000, 1100):
    log.prediction({"n": n})
import time
end = time.monotonic() + 600
while time.monotonic() < end and mllog.stats()["shipper"].get("delivered", 0) == 0:
    time.sleep(0.01)
mllog.shutdown(10)
"""
    )
    done = ended(code, tmp_path, endpoint.url)
    assert done.returncode == -9, done.stderr
    numbers = endpoint.numbers(300)
    assert sorted(set(numbers)) == [*range(200), *range(1000, 1100)]


def test_without_httpx_one_line_says_what_is_missing(tmp_path: Path) -> None:
    """The base install brings no HTTP client."""
    code = "import sys; sys.modules['httpx'] = None; import mllog; mllog.configure(spool=sys.argv[1], endpoint='https://x')"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith("endpoint= needs an extra: pip install 'mllog[ship]'")
