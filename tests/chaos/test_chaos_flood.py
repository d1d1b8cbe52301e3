"""A flood of half-sent requests and of worthless lines: bounded meanwhile, and over within seconds."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.chaos

HALF_OPEN = 7455
LINES = 1_000_000
SECONDS = 10.0
"""After which a normal event is stored, whatever went before."""

NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Port and process id of `mllog serve`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mllog", "serve", "--port", str(port)]
    command += ["--spool", str(tmp_path / "spool"), "--data", str(tmp_path / "data")]
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: reached(port))
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def reached(port: int) -> bool:
    """Whether the server answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/status", timeout=5.0, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def facts(pid: int) -> tuple[int, int]:
    """MiB of memory and number of open files of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    kib = next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS"))
    return kib // 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def seconds_until_stored(port: int, number: int) -> float:
    """How long a normal event takes, sent again until it is accepted."""
    event = {
        "@timestamp": "2026-05-04T12:00:00Z",
        "event": {"action": "prediction", "id": f"event-{number}", "dataset": "mllog.late"},
        "data_stream": {"dataset": "mllog.late", "namespace": "default"},
    }
    began = time.monotonic()

    def accepted() -> bool:
        try:
            return (
                httpx.post(
                    f"http://127.0.0.1:{port}/",
                    content=json.dumps(event).encode(),
                    headers=NDJSON,
                    timeout=SECONDS,
                    trust_env=False,
                ).status_code
                == 200
            )
        except httpx.TransportError:
            return False

    wait_until(accepted)
    return time.monotonic() - began


@pytest.mark.parametrize(
    "half",
    [
        b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\n",
        b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-ndjson\r\ncontent-length: 99\r\n\r\n{",
        b"",
    ],
    ids=["headers", "body", "nothing"],
)
def test_half_sent_requests_keep_nobody_out(
    serving: tuple[int, int], half: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many as one process may open; a normal event is stored while they are open, and after."""
    port, pid = serving
    before = facts(pid)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = HALF_OPEN if hard == resource.RLIM_INFINITY else min(HALF_OPEN, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    opened: list[socket.socket] = []
    refused = 0
    try:
        for _ in range(count):
            try:
                one = socket.create_connection(("127.0.0.1", port), timeout=5.0)
                opened.append(one)
                one.sendall(half)
            except OSError:
                refused += 1
        during, (_, files) = seconds_until_stored(port, 1), facts(pid)
    finally:
        for one in opened:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    after = seconds_until_stored(port, 2)
    wait_until(lambda: facts(pid)[1] < before[1] + 50)
    with capsys.disabled():
        print(  # noqa: T201 - the count
            f"\n{count} half-sent requests ({refused} refused): an event stored in {during:.2f} s meanwhile and in "
            f"{after:.2f} s after; {files} files open, memory {before[0]} -> {facts(pid)[0]} MiB"
        )
    assert during < SECONDS
    assert after < SECONDS
    assert files < 600
    assert facts(pid)[0] < before[0] + 100


def test_a_million_worthless_lines_are_bounded(serving: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    """In one request they are refused; in requests of an allowed size they are stored, and others meanwhile."""
    port, pid = serving
    url = f"http://127.0.0.1:{port}/"
    before, _ = facts(pid)
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        answer = client.post(url, content=b"1\n" * LINES, headers=NDJSON)
        refused = seconds_until_stored(port, 1)
        allowed = client.post(url, content=b"1\n" * 50_000, headers=NDJSON)
    stored = seconds_until_stored(port, 2)
    with capsys.disabled():
        print(  # noqa: T201 - the count
            f"\n{LINES} lines in a request: {answer.status_code}, an event stored in {refused:.2f} s after; 50,000: "
            f"{allowed.status_code}, {stored:.2f} s; memory {before} -> {facts(pid)[0]} MiB"
        )
    assert (answer.status_code, allowed.status_code) == (413, 200)
    assert max(refused, stored) < SECONDS
    assert facts(pid)[0] < before + 500
