"""A real Elasticsearch that is killed, full, overloaded or cut off: every accepted event is in it once in the end."""

from __future__ import annotations

import json
import logging
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.loopback import free_port
from support.privatenode import ROOT, PrivateNode, private_node
from support.proxy import FAULTS, proxied
from support.waiting import PATIENCE, wait_until

import mllog
from mllog.cluster._target import target_from
from mllog.pipeline import load, with_index_pipeline
from mllog.server import _ingest
from mllog.server._ingest import Ingest, SpoolFollower, status_of
from mllog.store import ElasticsearchStore

pytestmark = pytest.mark.chaos

SERVICE = """
import sys, threading, mllog
mllog.configure(service="chaos", environment="test", spool=sys.argv[1])
log = mllog.model(sys.argv[2], "1")
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
number = 0
while not over.wait(0.001):
    number += 1
    print(log.prediction({"delay": number}), flush=True)
"""
EVENTS_EACH = 800


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateNode]:
    """A node that nobody else uses."""
    with private_node() as found:
        yield found


@contextmanager
def logging_service(spool: Path, model: str, answered: Path) -> Iterator[None]:
    """A service that logs some hundred predictions a second; the id of each call that returned is in the file."""
    with (
        answered.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-c", SERVICE, str(spool), model], stdin=subprocess.PIPE, stdout=out
        ) as process,
    ):
        yield
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


@contextmanager
def serving(url: str, folder: Path, log: Path) -> Iterator[str]:
    """`mllog serve --store URL` over the spool of a folder."""
    port = free_port()
    command = [sys.executable, "-m", "mllog", "serve", "--port", str(port), "--store", url]
    command += ["--spool", str(folder / "spool"), "--data", str(folder / "data")]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        except BaseException as error:
            error.add_note(f"ended: {process.poll()}; the server's last words: {log.read_text()[-2000:]}")
            raise
        finally:
            process.terminate()
            process.wait(PATIENCE)


def status(url: str) -> dict[str, Any]:
    """What the server says of itself; nothing while it starts."""
    try:
        found: dict[str, Any] = httpx.get(f"{url}/api/status", timeout=PATIENCE, trust_env=False).json()
    except httpx.TransportError:
        return {}
    return found


def said(url: str, reason: str) -> bool:
    """Whether the status names a reason."""
    return re.search(reason, status(url).get("failure") or "") is not None


def stored(node: PrivateNode, stream: str) -> list[str]:
    """The prediction id of every event in the cluster, each as often as it is there."""
    node.client.post(f"/{stream}/_refresh")
    found: list[str] = []
    after: list[Any] | None = None
    while True:
        order = [{"mllog.input.number.delay": "asc"}]  # each event has one of its own
        body = {"size": 5000, "sort": order, "_source": ["mllog.prediction.id"]}
        more = {} if after is None else {"search_after": after}
        hits = node.client.post(f"/{stream}/_search", json={**body, **more}).json()["hits"]["hits"]
        if not hits:
            return found
        found += [hit["_source"]["mllog"]["prediction"]["id"] for hit in hits]
        after = hits[-1]["sort"]


def count(node: PrivateNode, stream: str) -> int:
    """How many events the cluster shows."""
    found = node.client.get(f"/{stream}/_count").json()
    return int(found.get("count", 0))


def test_a_node_that_is_killed_gets_everything_once_it_is_back(node: PrivateNode, tmp_path: Path) -> None:
    """By kill -9, while a service logs: the reason is in the status and in the log until the node is there again."""
    stream, log, answered = "logs-mllog.killed-test", tmp_path / "serve.log", tmp_path / "answered"
    with serving(node.url, tmp_path, log) as url:
        with logging_service(tmp_path / "spool", "killed", answered):
            wait_until(lambda: count(node, stream) > 500)
            node.kill()
            wait_until(lambda: said(url, "no connection: "))
            assert status(url)["pending_bytes"] > 0
            node.start()
            before = count(node, stream)
            wait_until(lambda: count(node, stream) > before)
        wait_until(lambda: status(url)["pending_bytes"] == 0)
    ids = answered.read_text().split()
    assert len(ids) > 1000
    assert sorted(stored(node, stream)) == sorted(ids)
    lines = log.read_text()
    assert lines.index("nothing is stored at present, and nothing is lost") < lines.index("events are stored again")


def test_a_full_disk_stops_the_events_and_loses_none(node: PrivateNode, tmp_path: Path) -> None:
    """At the flood stage Elasticsearch makes the index read-only; when that is lifted, all of them are there."""
    stream, log, answered = "logs-mllog.full-test", tmp_path / "serve.log", tmp_path / "answered"

    def block(value: object) -> None:
        settings = {"index.blocks.read_only_allow_delete": value}
        assert node.client.put(f"/{stream}/_settings", json=settings).status_code == 200

    with serving(node.url, tmp_path, log) as url:
        with logging_service(tmp_path / "spool", "full", answered):
            wait_until(lambda: count(node, stream) > 200)
            block(value=True)
            wait_until(lambda: said(url, "flood-stage watermark.*free disk"))
            held = count(node, stream)
            assert status(url)["pending_bytes"] > 0
        assert count(node, stream) == held
        block(value=None)
        wait_until(lambda: status(url)["pending_bytes"] == 0)
    assert sorted(stored(node, stream)) == sorted(answered.read_text().split())
    lines = log.read_text()
    assert lines.index("flood-stage watermark") < lines.index("events are stored again")


def test_an_overloaded_cluster_and_a_bad_network_cost_nothing(
    node: PrivateNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """429 for all or some, 503, broken connections before, in and after the answer; what is refused is set aside."""
    monkeypatch.setattr(_ingest, "IDLE_SECONDS", 0.02)
    monkeypatch.setattr(_ingest, "_BATCH_BYTES", 64 << 10)
    draw = random.Random(20261125)
    stream = "logs-mllog.flaky-test"
    mllog.configure(spool=tmp_path / "spool", service="chaos", environment="test")
    model = mllog.model("flaky", "1")
    ids: list[str] = []
    pipeline = load(
        with_index_pipeline([ROOT / "logstash/pipeline"]), environ={"MLLOG_LOGSTASH_ID_KEY": "of the tests"}
    )
    reasons = {
        "busy": "overloaded",
        "no_shard": "503",
        "bad_gateway": "502",
        "some": r"not accepted \((429|503)",
        "refused": "no connection|no response|not from Elasticsearch",
        "unanswered": "no connection|no response|not from Elasticsearch",
        "half_answered": "no connection|no response|not from Elasticsearch",
    }
    with proxied(node.url, draw) as proxy, caplog.at_level(logging.WARNING, "mllog.server"):
        store = ElasticsearchStore(target_from(proxy.url), backoff=0.005)
        ingest = Ingest(pipeline, store, tmp_path / "quarantine.ndjson")
        follower = SpoolFollower(tmp_path / "spool", ingest)
        follower.start()
        try:
            for fault in FAULTS:
                proxy.fault = lambda fault=fault: fault  # type: ignore[misc] - each of its own
                numbers = range(len(ids), len(ids) + EVENTS_EACH)
                ids += [model.prediction({"delay": n, "poison" if n % 500 == 7 else "gate": 1}) for n in numbers]
                wait_until(lambda fault=fault: re.search(reasons[fault], str(status_of(ingest, [follower])["failure"])))
                proxy.fault = lambda: draw.choice((*FAULTS, *[""] * len(FAULTS)))
                wait_until(lambda: follower.pending() == 0)
            assert status_of(ingest, [follower])["failure"] is None
        finally:
            follower.stop()
            store.close()
            mllog.shutdown()
        assert min(proxy.done.values()) > 0
    poisoned = set(ids[7::500])
    assert sorted(stored(node, stream)) == sorted(set(ids) - poisoned)
    aside = [json.loads(line) for line in (tmp_path / "quarantine.ndjson").read_bytes().splitlines()]
    assert sorted(item["event"]["mllog"]["prediction"]["id"] for item in aside) == sorted(poisoned)
    assert {item["reason"] for item in aside} == {"document_parsing_exception: field event.duration"}
    assert ingest.counts.received == len(ids)
    assert ingest.counts.stored + ingest.counts.duplicates == len(ids) - len(poisoned)
    assert "events are stored again" in caplog.text
