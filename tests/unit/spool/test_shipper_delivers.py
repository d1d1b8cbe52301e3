"""The shipper delivers everything that was accepted, whatever the endpoint does, and says when it cannot."""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.waiting import PATIENCE, wait_until

from mllog import MllogError
from mllog.server import create_app, open_chain
from mllog.server._run import Background, bind
from mllog.shipping import Endpoint, Shipper, endpoint_from, replay
from mllog.shipping import _shipper as module
from mllog.spool import SpoolReader, SpoolWriter, events
from mllog.spool._rewrite import rewrite
from mllog.spool._tombstones import add_tombstones

Answer = Callable[[bytes], int | None]


class Endpoints(ThreadingHTTPServer):
    """A server on loopback whose answers a test decides; None closes the connection without one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Answer = lambda _: 200
        self.bodies: list[tuple[int, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def taken(self) -> list[int]:
        """The numbers of the events that were answered with 200, in order."""
        return [event["n"] for event in self._events() if "n" in event]

    def told(self) -> list[dict[str, Any]]:
        """The shipper's events about itself."""
        return [event["mllog"]["shipper"] for event in self._events() if "n" not in event]

    def _events(self) -> list[dict[str, Any]]:
        lines = [line for status, body in self.bodies if status == 200 for line in body.split(b"\n") if line]
        return [json.loads(line) for line in lines]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Closed connections are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: Endpoints
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.answer(body)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if status is None:
            self.close_connection = True
            return
        self.server.bodies.append((status, body))
        self.send_response(status)
        if status == 302:
            self.send_header("location", f"{self.server.url}/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[Endpoints]:
    """An endpoint."""
    endpoint = Endpoints()
    yield endpoint
    endpoint.shutdown()
    endpoint.server_close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FIRST_WAIT_SECONDS", "_MAX_WAIT_SECONDS", "_MISCONFIGURED_WAIT_SECONDS", "_IDLE_SECONDS"):
        monkeypatch.setattr(module, name, 0.01)


def spool(folder: Path, count: int, first: int = 0) -> None:
    """A sealed spool of numbered events."""
    writer = SpoolWriter(folder, segment_bytes=1 << 14)
    for n in range(first, first + count):
        assert writer.append(
            b'{"n": %d, "@timestamp": "2026-05-04T12:%02d:00Z", "mllog": {"model": {"name": "m%d"}}}\n'
            % (n, n % 60, n % 2)
        )
    writer.close()


def ship(folder: Path, server: Endpoints, **settings: Any) -> Shipper:
    """Deliver everything there is."""
    shipper = Shipper(folder, Endpoint(server.url), batch_bytes=4000, **settings)
    assert shipper.run(once=True, patience=20)
    return shipper


def quarantined(folder: Path) -> list[dict[str, Any]]:
    """What was set aside."""
    path = folder / "quarantine.ndjson"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_everything_is_delivered_in_order_and_removed(tmp_path: Path, server: Endpoints) -> None:
    """Each event once, the segments are gone, and the status says so."""
    spool(tmp_path, 1000)
    shipper = ship(tmp_path, server)
    assert server.taken() == list(range(1000))
    assert len(server.bodies) > 10
    assert list(tmp_path.glob("*.ndjson")) == []
    assert (shipper.status.delivered, shipper.status.quarantined, shipper.status.problem) == (1000, 0, None)
    status = json.loads((tmp_path / "ship.status").read_text())
    assert (status["delivered"], status["pending_bytes"]) == (1000, 0)


@pytest.mark.parametrize("trouble", [429, 503, 502, 408, None])
def test_what_cannot_be_taken_now_is_sent_again(tmp_path: Path, server: Endpoints, trouble: int | None) -> None:
    """Every second request fails: nothing is lost and nothing is set aside."""
    spool(tmp_path, 300)
    calls = iter(range(10**9))
    server.answer = lambda _: trouble if next(calls) % 2 == 0 else 200
    shipper = ship(tmp_path, server)
    assert server.taken() == list(range(300))
    assert shipper.status.retries > 0
    assert quarantined(tmp_path) == []


@pytest.mark.parametrize("refusal", [400, 422, 500])
def test_one_event_that_is_refused_does_not_hold_up_the_others(tmp_path: Path, server: Endpoints, refusal: int) -> None:
    """The batch is halved until the event is found; it is kept with the reason, for its owner only."""
    spool(tmp_path, 300)
    bad = (b'"n": 77,', b'"n": 200,')
    server.answer = lambda body: refusal if any(mark in body for mark in bad) else 200
    shipper = ship(tmp_path, server)
    assert server.taken() == [n for n in range(300) if n not in (77, 200)]
    found = quarantined(tmp_path)
    assert [json.loads(record["event"])["n"] for record in found] == [77, 200]
    assert {record["reason"] for record in found} == {f"HTTP {refusal}"}
    assert (tmp_path / "quarantine.ndjson").stat().st_mode & 0o777 == 0o600
    assert shipper.status.quarantined == 2


def test_a_batch_that_is_too_large_is_halved(tmp_path: Path, server: Endpoints) -> None:
    """413 is about the size, not about the events."""
    spool(tmp_path, 300)
    server.answer = lambda body: 413 if len(body) > 700 else 200
    ship(tmp_path, server)
    assert server.taken() == list(range(300))
    assert quarantined(tmp_path) == []


def test_an_endpoint_that_always_fails_is_no_reason_to_set_events_aside(tmp_path: Path, server: Endpoints) -> None:
    """Where even the probe gets a 500 the batch is not to blame; later it is delivered whole."""
    spool(tmp_path, 20)
    calls = iter(range(10**9))
    server.answer = lambda _: 500 if next(calls) < 30 else 200
    ship(tmp_path, server)
    assert server.taken() == list(range(20))
    assert quarantined(tmp_path) == []


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("empty", [400, 200], ids=["also a probe", "all but an empty line"])
def test_an_endpoint_that_refuses_everything_is_misconfigured(
    tmp_path: Path, server: Endpoints, status: int, empty: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong port, say: no event is set aside, the cursor stays, and once it is mended all is delivered in order."""
    spool(tmp_path, 1500)
    server.answer = lambda body: status if body.strip() else empty
    shipper = Shipper(tmp_path, Endpoint(server.url))
    assert shipper.run(once=True, patience=0.3) is False
    assert f"HTTP {status}, and a probe was refused too" in str(shipper.status.problem)
    assert any("misconfigured" in record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert json.loads((tmp_path / "ship.status").read_text())["problem"] == shipper.status.problem
    assert quarantined(tmp_path) == []
    assert len(list(events(tmp_path))) == 1500
    server.answer = lambda _: 200
    ship(tmp_path, server)
    assert server.taken() == list(range(1500))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_endpoint_answers_nothing_is_lost(tmp_path: Path, server: Endpoints, seed: int) -> None:
    """Random answers, and some events that are always refused: each is delivered, quarantined or still there."""
    draw = random.Random(seed)
    spool(tmp_path, 200)
    bad = {draw.randrange(200) for _ in range(seed * 3)}

    def answer(body: bytes) -> int | None:
        if draw.random() < 0.3:
            return draw.choice([400, 413, 422, 429, 500, 502, 401, 302, None])
        return 400 if any(b'"n": %d,' % n in body for n in bad) else 200

    server.answer = answer
    Shipper(tmp_path, Endpoint(server.url), batch_bytes=3000).run(once=True, patience=1.0)
    left = [json.loads(line)["n"] for line in events(tmp_path)]
    aside = [json.loads(record["event"])["n"] for record in quarantined(tmp_path)]
    assert set(server.taken()) | set(left) | set(aside) == set(range(200))
    server.answer = lambda _: 200
    ship(tmp_path, server)
    assert set(server.taken()) | set(aside) == set(range(200))


def test_a_full_quarantine_keeps_the_event_in_the_spool(
    tmp_path: Path, server: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that was set aside is ever removed for something else; the problem names the file."""
    monkeypatch.setattr(module, "QUARANTINE_BYTES", 2000)
    spool(tmp_path, 300)
    server.answer = lambda body: 400 if b'"name": "m1"' in body else 200  # every second one
    shipper = Shipper(tmp_path, Endpoint(server.url))
    assert shipper.run(once=True, patience=0.3) is False
    assert "quarantine.ndjson is full" in str(shipper.status.problem)
    aside = {json.loads(record["event"])["n"] for record in quarantined(tmp_path)}
    assert 0 < len(aside) < 150
    left = {json.loads(line)["n"] for line in events(tmp_path)}
    assert aside | left | set(server.taken()) == set(range(300))
    (tmp_path / "quarantine.ndjson").rename(tmp_path / "elsewhere")
    server.answer = lambda _: 200
    ship(tmp_path, server)
    assert aside | set(server.taken()) == set(range(300))


def test_the_status_is_for_its_owner_only(tmp_path: Path, server: Endpoints) -> None:
    """Whatever the umask is, and though a link of that name was there before."""
    spool(tmp_path, 1)
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    (tmp_path / "ship.status").symlink_to(target)
    before = os.umask(0)
    try:
        ship(tmp_path, server)
    finally:
        os.umask(before)
    assert (tmp_path / "ship.status").lstat().st_mode & 0o7777 == 0o600
    assert target.read_text() == "mine"


def test_a_replay_says_what_it_waits_for(tmp_path: Path, server: Endpoints, caplog: pytest.LogCaptureFixture) -> None:
    """And ends in the time that the user allows."""
    spool(tmp_path, 10)
    server.answer = lambda _: 503
    with pytest.raises(MllogError, match="only 0 events were sent: HTTP 503"):
        replay(Shipper(tmp_path, Endpoint(server.url)), events(tmp_path), patience=0.1)
    assert "HTTP 503; waiting until it accepts events" in caplog.text


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_a_fault_of_configuration_keeps_the_cursor_and_is_said(
    tmp_path: Path, server: Endpoints, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing moves, nothing is set aside, no redirect is followed; once it is mended all is delivered."""
    spool(tmp_path, 50)
    server.answer = lambda _: status
    shipper = Shipper(tmp_path, Endpoint(server.url))
    assert shipper.run(once=True, patience=0.2) is False
    assert shipper.status.problem == f"HTTP {status}"
    assert any(record.levelname == "ERROR" for record in caplog.records)
    assert server.taken() == []
    assert len(list(events(tmp_path))) == 50
    server.answer = lambda _: 200
    ship(tmp_path, server)
    assert server.taken() == list(range(50))


def test_an_endpoint_that_is_not_there_yet(tmp_path: Path) -> None:
    """Refused connections, then a server."""
    spool(tmp_path, 100)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shipper = Shipper(tmp_path, Endpoint(f"http://127.0.0.1:{port}"))
    assert shipper.run(once=True, patience=0.2) is False
    assert "ConnectError" in str(shipper.status.problem)
    assert len(list(events(tmp_path))) == 100


def test_a_crash_between_answer_and_cursor_delivers_twice_and_never_less(
    tmp_path: Path, server: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: the store tells the second by its id."""
    spool(tmp_path, 100)

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SpoolReader, "commit", crash)
        with pytest.raises(KeyboardInterrupt):
            ship(tmp_path, server)
    ship(tmp_path, server)
    taken = server.taken()
    assert sorted(set(taken)) == list(range(100))
    assert len(taken) > 100


def test_a_live_spool_is_followed(tmp_path: Path, server: Endpoints) -> None:
    """Events are delivered while their segment is still written, and the rest when the shipper stops."""
    writer = SpoolWriter(tmp_path)
    shipper = Shipper(tmp_path, Endpoint(server.url))
    thread = threading.Thread(target=shipper.run)
    thread.start()
    for n in range(500):
        writer.append(b'{"n": %d}\n' % n)
        if n == 250:
            wait_until(server.taken)  # while the segment is still written
    shipper.stop(drain=PATIENCE)
    thread.join()
    assert server.taken() == list(range(500))
    writer.close()


def test_draining_ends_at_its_deadline(tmp_path: Path, server: Endpoints) -> None:
    """A dead endpoint does not keep a shipper from ending; what is left stays."""
    spool(tmp_path, 10)
    server.answer = lambda _: 503
    shipper = Shipper(tmp_path, Endpoint(server.url))
    thread = threading.Thread(target=shipper.run)
    thread.start()
    wait_until(lambda: server.bodies)
    shipper.stop(drain=0.3)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert len(list(events(tmp_path))) == 10


def test_one_process_delivers_and_the_next_takes_over(tmp_path: Path, server: Endpoints) -> None:
    """The lock goes with its holder, however that died."""
    spool(tmp_path, 10)
    server.answer = lambda _: 503
    command = [sys.executable, "-m", "mllog", "spool", "ship", str(tmp_path), "--to", server.url]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    wait_until(lambda: server.bodies)
    with pytest.raises(MllogError, match="another process"):
        Shipper(tmp_path, Endpoint(server.url)).run(once=True)
    first.send_signal(signal.SIGKILL)
    first.wait()
    server.answer = lambda _: 200
    ship(tmp_path, server)
    assert server.taken() == list(range(10))


def test_kept_segments_can_be_replayed(tmp_path: Path, server: Endpoints) -> None:
    """Delivered once, kept, delivered again by time and model, and removed when their time is over."""
    spool(tmp_path, 100)
    ship(tmp_path, server, keep=3600)
    assert server.taken() == list(range(100))
    ship(tmp_path, server, keep=3600)  # what was delivered is not delivered again
    assert len(server.taken()) == 100
    server.bodies.clear()
    import datetime as dt

    moment = dt.datetime(2026, 5, 4, 12, 50, tzinfo=dt.UTC)
    sent = replay(Shipper(tmp_path, Endpoint(server.url)), events(tmp_path), since=moment, model="m1")
    assert server.taken() == [n for n in range(100) if n % 60 >= 50 and n % 2]
    assert sent == 5
    for path in tmp_path.glob("*.ndjson"):
        os.utime(path, (0, 0))
    ship(tmp_path, server, keep=3600)
    assert list(events(tmp_path)) == []


def erasable(folder: Path, count: int) -> None:
    """A sealed spool of numbered events with ids."""
    writer = SpoolWriter(folder)
    for n in range(count):
        assert writer.append(b'{"n": %d, "event": {"id": "event-%d"}}\n' % (n, n))
    writer.close()


def test_erased_events_are_not_delivered_nor_replayed(tmp_path: Path, server: Endpoints) -> None:
    """Also where their segment is still as it was; the others are, and are counted."""
    erasable(tmp_path, 100)
    add_tombstones(tmp_path, [f"event-{n}" for n in range(0, 100, 2)])
    shipper = ship(tmp_path, server, keep=3600.0)
    assert server.taken() == list(range(1, 100, 2))
    assert shipper.status.delivered == 50
    server.bodies.clear()
    assert replay(Shipper(tmp_path, Endpoint(server.url)), events(tmp_path)) == 50
    assert server.taken() == list(range(1, 100, 2))


def test_events_that_are_erased_while_a_batch_waits_are_taken_out_of_it(tmp_path: Path, server: Endpoints) -> None:
    """The endpoint is away, and somebody is erased meanwhile."""
    erasable(tmp_path, 10)

    def answer(_: bytes) -> int:
        if len(server.bodies) == 3:
            add_tombstones(tmp_path, ["event-3", "event-4"])
        return 503 if len(server.bodies) < 5 else 200

    server.answer = answer
    ship(tmp_path, server)
    assert server.taken() == [0, 1, 2, 5, 6, 7, 8, 9]


def test_a_spool_of_erased_events_alone_is_drained(tmp_path: Path, server: Endpoints) -> None:
    """Nothing is sent for it, and nothing waits."""
    erasable(tmp_path, 10)
    (segment,) = tmp_path.glob("*.ndjson")
    assert rewrite(segment, lambda _: True, same_length=True) == 10
    assert list(events(tmp_path)) == []
    ship(tmp_path, server)
    assert server.bodies == []
    assert not segment.exists()


def test_nothing_is_delivered_while_it_is_not_known_what_was_erased(tmp_path: Path, server: Endpoints) -> None:
    """The problem is said; once it is mended all goes on."""
    erasable(tmp_path, 10)
    (tmp_path / "tombstones").write_text("else")
    shipper = Shipper(tmp_path, Endpoint(server.url))
    assert shipper.run(once=True, patience=0.2) is False
    assert "tombstones" in str(shipper.status.problem)
    assert server.taken() == []
    (tmp_path / "tombstones").unlink()
    ship(tmp_path, server)
    assert server.taken() == list(range(10))


def test_credentials_go_out_and_stand_nowhere_else(
    tmp_path: Path, server: Endpoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Basic authentication or an API key, from files or the environment."""
    (tmp_path / "p").write_text("s3cret\n")
    monkeypatch.setenv("MLLOG_ENDPOINT", server.url)
    folder = tmp_path / "spool"
    spool(folder, 1)
    endpoint = endpoint_from(user="mllog", password_file=tmp_path / "p")
    shipper = Shipper(folder, endpoint)
    assert shipper.run(once=True)
    assert server.headers[-1]["authorization"] == "Basic " + base64.b64encode(b"mllog:s3cret").decode()
    monkeypatch.setenv("MLLOG_ENDPOINT_API_KEY", "k3y")
    spool(folder, 1)
    assert Shipper(folder, endpoint_from()).run(once=True)
    assert server.headers[-1]["authorization"] == "ApiKey k3y"
    said = repr(endpoint) + repr(endpoint_from()) + caplog.text + (folder / "ship.status").read_text()
    assert "s3cret" not in said
    assert "k3y" not in said


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://logstash:8080", "over https only"),
        ("https://ann:secret@logstash:8080", "inside the address"),
        ("logstash:8080", "expected https://host:port"),
        ("ftp://logstash", "expected https://host:port"),
        ("https://", "expected https://host:port"),
    ],
)
def test_an_address_that_cannot_be_used_is_said(url: str, says: str) -> None:
    """Before anything is sent, and without its password."""
    with pytest.raises(MllogError, match=says) as error:
        Endpoint(url)
    assert "secret" not in str(error.value)


def test_into_the_embedded_server(tmp_path: Path) -> None:
    """The receiver of `mllog serve` takes what the shipper sends, and keeps each event once."""
    import mllog

    mllog.configure(spool=tmp_path / "spool")
    log = mllog.model("late", "1")
    for n in range(200):
        log.prediction({"delay": n})
    mllog.shutdown()
    with bind(0) as listening:
        chain = open_chain(tmp_path / "data")
        background = Background(create_app(chain), listening)
        background.start()
        endpoint = Endpoint(f"http://127.0.0.1:{listening.getsockname()[1]}")
        replay(Shipper(tmp_path / "spool", endpoint), events(tmp_path / "spool"))
        assert Shipper(tmp_path / "spool", endpoint).run(once=True)
        assert chain.store.count(index="logs-mllog.late-default") == 200
        assert chain.ingest.counts.duplicates == 200
        background.stop()
