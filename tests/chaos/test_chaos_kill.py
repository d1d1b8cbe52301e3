"""Processes killed for real: whatever a call returned for is in the spool, and in the store once."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.waiting import PATIENCE, wait_until

from mllog.spool import events
from mllog.store import EmbeddedStore, open_store

pytestmark = pytest.mark.chaos

SERVICE = """
import sys, mllog
mllog.configure(service="chaos", environment="test", spool=sys.argv[1])
log = mllog.model("late", "1")
out = sys.stdout.buffer
for number in range(int(sys.argv[2])):
    out.write(log.prediction({"delay": number, "note": "ann@example.com " * 8}).encode() + b"\\n")
    out.flush()
"""
STREAM = "logs-mllog.late-test"


def killed_service(spool: Path, after: float) -> set[str]:
    """The ids that a service answered before kill -9 hit it."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(spool), "1000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    os.set_blocking(process.stdout.fileno(), False)
    answered = b""
    end = None
    while end is None or time.monotonic() < end:
        answered += process.stdout.read() or b""
        if answered and end is None:
            end = time.monotonic() + after
    process.kill()
    process.wait()
    os.set_blocking(process.stdout.fileno(), True)
    answered += process.stdout.read()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    return {line.decode() for line in answered.split(b"\n")[:-1]}


def spooled(spool: Path) -> list[str]:
    """The prediction ids in a spool."""
    return [json.loads(line)["mllog"]["prediction"]["id"] for line in events(spool)]


def serve(tmp_path: Path, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    """`mllog serve` on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mllog", "serve", "--port", str(port)]
    command += ["--spool", str(tmp_path / "spool"), "--data", str(tmp_path / "data")]
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    return process, f"http://127.0.0.1:{port}"


def status(url: str) -> dict[str, Any] | None:
    """What the server says of itself, if it answers."""
    try:
        found: dict[str, Any] = httpx.get(f"{url}/api/status", timeout=PATIENCE, trust_env=False).json()
    except httpx.TransportError:
        return None
    return found


def stored(store: EmbeddedStore, answered: set[str]) -> list[str]:
    """The ids of these predictions that the store holds, each as often as it does."""
    ids = sorted(answered)
    found: list[str] = []
    for start in range(0, len(ids), 1000):
        body = {"size": 2000, "query": {"terms": {"mllog.prediction.id": ids[start : start + 1000]}}}
        hits = store.search(body, index=STREAM)["hits"]["hits"]
        found += [hit["_source"]["mllog"]["prediction"]["id"] for hit in hits]
    return sorted(found)


@pytest.mark.parametrize("after", [0.0, 0.05, 0.3])
def test_events_survive_their_service(tmp_path: Path, after: float) -> None:
    """Every id that was answered is there, whole, once."""
    for round_ in range(3):
        spool = tmp_path / str(round_)
        answered = killed_service(spool, after)
        found = spooled(spool)
        assert answered <= set(found)
        assert len(found) == len(set(found))
        assert len(set(found) - answered) <= 1  # accepted, and killed before it could be told


def test_the_chain_survives_kills_of_both_ends(tmp_path: Path) -> None:
    """Service and server are killed again and again; after a last start each event is stored once."""
    draw = random.Random(7)
    answered: set[str] = set()
    for _ in range(4):
        process, url = serve(tmp_path, tmp_path / "serve.log")
        wait_until(lambda url=url: status(url))
        answered |= killed_service(tmp_path / "spool", draw.uniform(0.05, 0.2))
        time.sleep(draw.uniform(0.0, 1.5))  # the kill comes at any moment
        process.kill()
        process.wait()
    process, url = serve(tmp_path, tmp_path / "serve.log")
    wait_until(lambda: (found := status(url)) and found["pending_bytes"] == 0 and found["failure"] is None)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) in (0, -signal.SIGTERM)  # uvicorn passes the signal on when all is closed
    store = open_store(tmp_path / "data" / "store")
    assert stored(store, answered) == sorted(answered)
    assert store.count({"query_string": {"query": '"ann@example.com"'}}) == 0
    store.close()


def test_the_demo_goes_on_when_its_service_is_killed(tmp_path: Path) -> None:
    """SIGKILL in the middle, twice: nothing that was answered is lost, and nothing is stored twice."""
    command = [sys.executable, "-m", "mllog", "demo", "--once", "--events", "3000", "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, "--dir", str(tmp_path / "demo")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    def service() -> int | None:
        found = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "service.py"], capture_output=True, text=True, check=False
        ).stdout.split()
        return int(found[0]) if found else None

    spool = tmp_path / "demo" / "spool"
    for least in (500, 1500):
        wait_until(lambda least=least: progress(spool) >= least)
        os.kill(wait_until(service), signal.SIGKILL)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err.decode()
    result = json.loads(out)
    assert result["restarts"] == 2
    assert result["emitted"] == 3000
    assert result["lost"] == 0
    assert result["dropped"] == 0
    assert 3000 <= result["stored"] <= 3000 + 2 * 8  # a request that died half-way is asked again
    store = open_store(tmp_path / "demo" / "data" / "store")
    hits = store.search({"size": 5000}, index="logs-mllog.flights_delay-demo")["hits"]["hits"]
    ids = [hit["_source"]["mllog"]["prediction"]["id"] for hit in hits]
    assert len(ids) == len(set(ids)) == result["stored"]
    store.close()


def progress(spool: Path) -> int:
    """How many events a spool holds; 0 where it is not there yet."""
    done = subprocess.run(
        [sys.executable, "-m", "mllog", "spool", "status", str(spool), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return int(json.loads(done.stdout)["events"]) if done.returncode == 0 else 0


def test_the_shipper_survives_kills(tmp_path: Path) -> None:
    """Service, shipper and server are killed in turn: every event that was answered is stored once."""
    draw = random.Random(11)
    answered: set[str] = set()
    server, url = serve(tmp_path / "server", tmp_path / "serve.log")
    command = [sys.executable, "-m", "mllog", "spool", "ship", str(tmp_path / "spool"), "--to", url]
    for round_ in range(5):
        with (tmp_path / "ship.log").open("ab") as log:
            shipper = subprocess.Popen(command, stderr=log)
        wait_until(lambda url=url: status(url))
        answered |= killed_service(tmp_path / "spool", draw.uniform(0.02, 0.1))
        time.sleep(draw.uniform(0.0, 2.0))  # the kill comes at any moment
        victim = server if round_ % 2 else shipper
        victim.kill()
        victim.wait()
        if victim is server:
            shipper.kill()
            shipper.wait()
            server, url = serve(tmp_path / "server", tmp_path / "serve.log")
            command[-1] = url
    wait_until(lambda: status(url))
    done = subprocess.run(
        [*command, "--once", "--drain", "60"], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    server.send_signal(signal.SIGTERM)
    server.wait(PATIENCE)
    store = open_store(tmp_path / "server" / "data" / "store")
    assert stored(store, answered) == sorted(answered)
    store.close()
