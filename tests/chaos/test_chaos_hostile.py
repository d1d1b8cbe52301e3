"""An endpoint that refuses everything, and a spool full of what is no event: nothing that was accepted is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.waiting import PATIENCE, wait_until

import mllog
from mllog.spool import events, status
from mllog.store import open_store

pytestmark = pytest.mark.chaos

EVENTS = 1500
GOOD = 400
POISONS = (
    b'{"event": {"id": "p1"}, "a": "\\ud800"}',
    b'{"event": {"id": "p2"}, "a": 1e400}',
    b'{"event": {"id": "p3"}, "a": ' + b"9" * 400 + b"}",
    b"\xff\xfe\xfd",
    b"\x00" * 50,
    b'{"a": "' + b"x" * 5_000_000 + b'"}',
    b'{"a": ' * 20_000,
    b"[" * 100_000 + b"]" * 100_000,
)


class Endpoint(ThreadingHTTPServer):
    """An endpoint whose answer a test decides; it keeps the ids of what it accepted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 400
        self.ids: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.status == 200:
            found = [json.loads(line) for line in body.split(b"\n") if line]
            self.server.ids += [event["event"]["id"] for event in found if "prediction" in event["mllog"]]
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """The endpoint."""
    made = Endpoint()
    yield made
    made.shutdown()
    made.server_close()


def spooled(folder: Path, count: int) -> set[str]:
    """Predictions in a spool; their ids."""
    mllog.configure(service="chaos", environment="test", spool=folder)
    log = mllog.model("late", "1")
    for number in range(count):
        log.prediction({"delay": number})
    mllog.shutdown()
    return {json.loads(line)["event"]["id"] for line in events(folder)}


@pytest.mark.parametrize("refusal", [400, 413, 422])
def test_an_endpoint_that_refuses_everything_loses_nothing(
    tmp_path: Path, endpoint: Endpoint, refusal: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command fails and names the cause; once the endpoint is right, all is delivered."""
    folder = tmp_path / "spool"
    ids = spooled(folder, EVENTS)
    endpoint.status = refusal
    command = [sys.executable, "-m", "mllog", "spool", "ship", str(folder), "--once", "--timeout", "2"]
    command += ["--to", f"http://127.0.0.1:{endpoint.server_port}"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    left = len(list(events(folder)))
    endpoint.status = 200
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    with capsys.disabled():
        print(  # noqa: T201 - the count
            f"\n{refusal} to everything: {len(ids)} accepted, {left} left in the spool, exit {refused.returncode}; "
            f"then {len(endpoint.ids)} delivered, exit {done.returncode}"
        )
    assert refused.returncode != 0
    assert "a probe was refused too: the endpoint is misconfigured" in " ".join(refused.stderr.split())
    assert left == EVENTS
    assert not (folder / "quarantine.ndjson").exists()
    assert done.returncode == 0, done.stderr
    assert sorted(endpoint.ids) == sorted(ids)


def test_poisoned_segments_stop_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`mllog serve` follows a spool of good events, of lines that are none, and of files that are no segments."""
    folder = tmp_path / "spool"
    ids = spooled(folder, GOOD)
    for number, poison in enumerate(POISONS):
        (folder / f"{1_600_000_000_000_000 + number}-{number:016x}.ndjson").write_bytes(poison + b"\n")
    strange = [f"15{number:014}-{number:016x}.ndjson" for number in range(4)]
    os.mkfifo(folder / strange[0])
    (folder / strange[1]).mkdir()
    (folder / strange[2]).symlink_to("/dev/zero")
    with (folder / strange[3]).open("wb") as file:
        file.truncate(6 << 30)
    os.utime(folder / strange[3], (0, 0))
    (folder / "serve.cursor").write_bytes(b"-5")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mllog", "serve", "--port", str(port), "--spool", str(folder)]
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen([*command, "--data", str(tmp_path / "data")], stdout=log, stderr=log)

    def report() -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = httpx.get(
                f"http://127.0.0.1:{port}/api/status", timeout=PATIENCE, trust_env=False
            ).json()
        except httpx.TransportError:
            return None
        read = found["received"] >= GOOD + len(POISONS) and found["pending_bytes"] == 0
        return found if read and len(found["set_aside"]) == 5 else None

    found = wait_until(report)
    assert found is not None
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    store = open_store(tmp_path / "data")
    stored = store.count({"terms": {"event.id": sorted(ids)}}, index="logs-mllog.late-test")
    store.close()
    with capsys.disabled():
        print(  # noqa: T201 - the count
            f"\n{GOOD} good events, {len(POISONS)} poisoned lines, 5 files that are none: {stored} stored, "
            f"{found['rejected']} lines and {len(found['set_aside'])} files set aside, failure: {found['failure']}"
        )
    assert stored == GOOD
    assert found["failure"] is None
    assert found["stored"] + found["duplicates"] + found["rejected"] == GOOD + len(POISONS)
    assert len(status(folder).set_aside) == 5
