"""The chain of the embedded server: what is accepted is stored once, whatever happens on the way."""

from __future__ import annotations

import datetime as dt
import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from support.waiting import wait_until

import mllog
from mllog import MllogError, Profile, alerts, watches
from mllog.errors import StoreError
from mllog.server import create_app, open_chain
from mllog.server._app import Chain
from mllog.server._bodies import LARGEST_BODY
from mllog.spool import SpoolReader, events
from mllog.store import Document

URL = "http://127.0.0.1"
INDEX = "logs-mllog.late-default"
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def profile() -> Profile:
    """A model with one input."""
    return Profile.learn(pd.DataFrame({"delay": [1.0, 2.0, 3.0]}), name="late", version="1")


@pytest.fixture
def chain(tmp_path: Path, profile: Profile) -> Iterator[Chain]:
    """A chain over an empty folder, not started."""
    opened = open_chain(tmp_path / "data", spools=[tmp_path / "spool"], profiles=[profile], page_url=URL)
    yield opened
    opened.stop()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[mllog.ModelLogger]:
    """A logger into the spool that the chain follows."""
    mllog.configure(service="test", spool=tmp_path / "spool")
    yield mllog.model("late", "1")
    mllog.shutdown()


def line(number: int, **more: Any) -> bytes:
    """An event as a sender would write it."""
    event = {
        "@timestamp": dt.datetime.now(dt.UTC).isoformat(),
        "event": {"action": "prediction", "id": f"event-{number:04}", "dataset": "mllog.late"},
        "data_stream": {"dataset": "mllog.late", "namespace": "default"},
        **more,
    }
    return json.dumps(event).encode()


def test_what_is_spooled_is_stored_once(chain: Chain, log: mllog.ModelLogger) -> None:
    """Every call that returned is in the store, and a second pass over the same spool adds nothing."""
    ids = {log.prediction({"delay": n}) for n in range(50)}
    chain.start()
    wait_until(lambda: chain.store.count(index=INDEX) == 50)
    found = chain.store.search({"size": 100}, index=INDEX)["hits"]["hits"]
    assert {hit["_source"]["mllog"]["prediction"]["id"] for hit in found} == ids
    report = chain.report()
    assert (report["received"], report["stored"], report["duplicates"], report["failure"]) == (50, 50, 0, None)
    assert report["pending_bytes"] == 0


def test_records_have_a_stream_of_their_own(chain: Chain, log: mllog.ModelLogger) -> None:
    """An application's record goes through the same pipeline into its stream, beside the prediction in the model's."""
    log.prediction({"delay": 1.0})
    mllog.RecordHandler().handle(logging.makeLogRecord({"name": "shop", "levelname": "INFO", "msg": "asked"}))
    chain.start()
    wait_until(lambda: chain.report()["stored"] == 2)
    assert chain.store.count(index=INDEX) == 1
    (hit,) = chain.store.search({"size": 9}, index="logs-mllog.log-default")["hits"]["hits"]
    assert hit["_source"]["message"] == "asked"
    assert "tags" not in hit["_source"]


def test_a_batch_that_was_stored_and_not_acknowledged_comes_again(
    tmp_path: Path, profile: Profile, log: mllog.ModelLogger
) -> None:
    """A crash between store and cursor delivers twice and stores once."""
    for n in range(20):
        log.prediction({"delay": n})
    first = open_chain(tmp_path / "data", profiles=[profile])
    first.ingest.lines(list(events(tmp_path / "spool")))  # and then it died: no cursor
    first.stop()
    again = open_chain(tmp_path / "data", spools=[tmp_path / "spool"], profiles=[profile])
    again.start()
    wait_until(lambda: again.ingest.counts.received == 20)
    assert (again.ingest.counts.stored, again.ingest.counts.duplicates) == (0, 20)
    assert again.store.count(index=INDEX) == 20
    again.stop()


def test_the_cursor_waits_for_the_store(
    chain: Chain, log: mllog.ModelLogger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While the store fails nothing moves and the report says why; afterwards everything arrives."""
    right = chain.store.commit

    def full() -> None:
        raise StoreError("no space left on device")

    monkeypatch.setattr(chain.store, "commit", full)
    for n in range(5):
        log.prediction({"delay": n})
    chain.start()
    wait_until(lambda: chain.report()["failure"])
    assert chain.report()["failure"] == "no space left on device"
    assert chain.report()["pending_bytes"] > 0
    assert chain.ingest.counts.stored == 0
    monkeypatch.setattr(chain.store, "commit", right)
    wait_until(lambda: chain.report()["failure"] is None and chain.report()["pending_bytes"] == 0)

    def said() -> list[str]:
        return [record.getMessage().partition(": ")[2] for record in caplog.records if record.name == "mllog.server"]

    wait_until(lambda: len(said()) == 2)
    assert said() == [
        "nothing is stored at present, and nothing is lost: no space left on device",
        "events are stored again",
    ]
    assert chain.store.count(index=INDEX) == 5


def test_one_process_at_a_time_follows_a_spool(chain: Chain, tmp_path: Path) -> None:
    """The second one is told so."""
    with pytest.raises(MllogError, match="spool"):
        SpoolReader(tmp_path / "spool", consumer="serve")


def test_the_receiver_takes_lines_and_stores_them(chain: Chain) -> None:
    """Like Logstash's http input: lines in, ok out; a second delivery changes nothing."""
    with TestClient(create_app(chain), base_url=URL) as client:
        body = b"\n".join([line(1), b"", line(2), b"not JSON, ann@example.com"]) + b"\n"
        for _ in range(2):
            answer = client.post("/", content=body, headers=NDJSON)
            assert (answer.status_code, answer.text) == (200, "ok")
        assert chain.store.count(index=INDEX) == 2
        (kept,) = chain.store.search({"query": {"exists": {"field": "error.type"}}})["hits"]["hits"][:1]
        assert "ann@example.com" not in json.dumps(kept)
        assert "[REDACTED:email]" in kept["_source"]["message"]
        status = client.get("/api/status").json()
        assert status["received"] == 6
        assert status["duplicates"] >= 2


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_page_of_another_site_cannot_send_events(chain: Chain, kind: str) -> None:
    """Browsers send these types across sites without asking; they are refused."""
    with TestClient(create_app(chain), base_url=URL) as client:
        answer = client.post("/", content=line(1), headers={"content-type": kind})
        assert answer.status_code == 415
        assert chain.ingest.counts.received == 0


def test_a_request_by_another_name_is_refused(chain: Chain) -> None:
    """DNS rebinding reaches the server under a name that is not its own."""
    with TestClient(create_app(chain), base_url="http://evil.example") as client:
        assert client.get("/").status_code == 400
        assert client.post("/", content=line(1), headers=NDJSON).status_code == 400
    assert chain.ingest.counts.received == 0


def test_a_body_without_end_is_refused(chain: Chain) -> None:
    """Memory is bounded."""

    def endless() -> Iterator[bytes]:
        for _ in range(LARGEST_BODY // (1 << 20) + 2):
            yield b"x" * (1 << 20)

    with TestClient(create_app(chain), base_url=URL) as client:
        assert client.post("/", content=endless(), headers=NDJSON).status_code == 413
    assert chain.ingest.counts.received == 0


def test_a_store_that_fails_answers_503(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender keeps its lines and comes again."""

    def full() -> None:
        raise StoreError("no space left on device")

    with TestClient(create_app(chain), base_url=URL) as client:
        monkeypatch.setattr(chain.store, "commit", full)
        assert client.post("/", content=line(1), headers=NDJSON).status_code == 503


def test_what_the_store_refuses_is_set_aside_redacted(chain: Chain, tmp_path: Path) -> None:
    """The quarantine file has the reason, is for its owner only, and holds no contact."""
    documents = [Document(INDEX, "", {"message": "[REDACTED:email]"})]
    chain.ingest._documents = lambda _: documents  # type: ignore[method-assign]
    chain.ingest.lines([b"x"])
    path = tmp_path / "data" / "quarantine.ndjson"
    record = json.loads(path.read_text())
    assert record == {"reason": "a document needs an index, an id and an object", "index": INDEX} | {
        "event": {"message": "[REDACTED:email]"}
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert chain.report()["rejected"] == 1


def test_watches_fire_once_in_their_throttle_period_and_are_events(chain: Chain, profile: Profile) -> None:
    """An alert is stored where alerts belong, and not again in the same throttle period; the state is kept."""
    model = {"name": "late", "version": "1", "profile": profile.digest}
    lines = [line(n, mllog={"model": model, "quality": {"invalid": 1, "above_max": ["delay"]}}) for n in range(10)]
    chain.ingest.lines(lines)
    assert chain.watching is not None
    now = dt.datetime.now(dt.UTC).replace(minute=30) + dt.timedelta(hours=1)
    for minutes in (0, 5):
        outcomes = chain.watching.evaluate(now + dt.timedelta(minutes=minutes))
        (found,) = [outcome for outcome in outcomes if outcome.evaluation.fired]
        assert found.evaluation.id == "late-invalid_inputs"
        assert found.held == ({"log": "throttled", "event": "throttled"} if minutes else {})
    assert chain.store.count(index="logs-mllog.alerts-default") == 1
    with TestClient(create_app(chain), base_url=URL) as client:
        alert, *silent = client.get("/api/alerts").json()
        assert alert["fired"] is True
        assert not any(other["fired"] for other in silent)
        assert alert["link"].startswith(f"{URL}/models/late?range=1d&to=")
        path = alert["link"].removeprefix(URL)
        assert client.get(path).status_code == 200


def test_what_a_watch_says_is_shown_though_it_cannot_be_stored(
    chain: Chain, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a cluster with a key that may only read, say: the alert is seen, and so is why it left no event."""
    chain.ingest.lines(
        line(n, mllog={"model": {"name": "late", "role": "live"}, "quality": {"invalid": 1}}) for n in range(40)
    )

    def refuse(_: Any) -> None:
        raise StoreError("the API key may not write")

    monkeypatch.setattr(chain.store, "index", refuse)
    assert chain.watching is not None
    chain.watching.evaluate(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10))
    assert "late-invalid_inputs" in {alert["id"] for alert in chain.alerts() if alert["fired"]}
    assert "may not write" in str(chain.watching.failure)


def test_another_folder_may_keep_the_events(tmp_path: Path) -> None:
    """Then the data folder holds what was refused, and no store."""
    chain = open_chain(tmp_path / "data", store=str(tmp_path / "kept"))
    chain.ingest.lines([line(1)])
    assert chain.store.count() == 1
    chain.stop()
    assert (tmp_path / "kept" / "index").is_dir()
    assert not (tmp_path / "data" / "store").exists()


def test_alerts_go_where_the_operator_says(tmp_path: Path, profile: Profile) -> None:
    """`--alerts` adds a route to the watches, `--limits` changes when they fire."""
    out = tmp_path / "told"
    config = tmp_path / "alerts.toml"
    config.write_text(
        f'[commands.tell]\nargv = ["{shutil.which("cp")}", "/dev/stdin", "{out}"]\n'
        '[[routes]]\nsend = ["command:tell"]\nwatches = ["late-unexpected_inputs"]\n'
    )
    limits = watches.Limits({"unexpected_inputs": {"limit": 1}, "invalid_inputs": {"enabled": False}})
    opened = open_chain(tmp_path / "data", profiles=[profile], alerts_config=alerts.load_config(config), limits=limits)
    try:
        model = {"name": "late", "version": "1", "profile": profile.digest}
        quality = {"invalid": 1, "unexpected": ["a", "b"]}
        opened.ingest.lines([line(n, mllog={"model": model, "quality": quality}) for n in range(3)])
        assert opened.watching is not None
        outcomes = opened.watching.evaluate(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5))
        (fired,) = [outcome for outcome in outcomes if outcome.evaluation.fired]
        assert fired.done == ("log", "command:tell", "event")
        assert json.loads(out.read_bytes())["watch"] == "late-unexpected_inputs"
    finally:
        opened.stop()
