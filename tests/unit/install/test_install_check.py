"""A canary through `mllog serve`, and through intakes that do something wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from support.cli import Cli
from support.fakehttp import serving

from mllog.install._arrival import Destination, check_canary
from mllog.install._canary import Canary, canary
from mllog.install._steps import Step, Verdicts
from mllog.pipeline import encode, event_from_line, load
from mllog.server import HOST, bind, create_app, open_chain
from mllog.server._run import Background
from mllog.store import Document, open_store

ROOT = Path(__file__).parents[3]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a running `mllog serve`."""
    for name in ("MLLOG_ENDPOINT", "MLLOG_ELASTICSEARCH_URL"):
        monkeypatch.delenv(name, raising=False)
    with bind(0) as listening:
        running = Background(create_app(open_chain(tmp_path / "data")), listening)
        running.start()
        try:
            yield f"http://{HOST}:{listening.getsockname()[1]}"
        finally:
            running.stop()


def test_a_canary_through_serve(cli: Cli, serve: str) -> None:
    """It arrives once, redacted, and is gone afterwards."""
    out = cli.does("check", "--endpoint", serve)
    lines = out.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    for step in ("taken, twice", "stored once", "in its stream", "no secret", "what was sent", "removed"):
        assert any(step in line for line in lines), step
    told = orjson.loads(cli.does("check", "--endpoint", serve, "--json"))
    assert told["ok"] is True
    status = httpx.get(f"{serve}/api/status", trust_env=False).json()
    assert (status["received"], status["stored"], status["duplicates"]) == (4, 2, 2)


def test_serve_tells_of_canaries_and_of_nothing_else(serve: str) -> None:
    """An id of another event finds nothing, and removes nothing."""
    event = {"event": {"id": "0199a0c0-77", "action": "prediction", "dataset": "mllog.late"}}
    with httpx.Client(base_url=serve, trust_env=False) as client:
        client.post("/", content=orjson.dumps(event), headers={"content-type": "application/x-ndjson"})
        assert client.get("/api/canary/0199a0c0-77").json() == {"hits": []}
        assert client.delete("/api/canary/0199a0c0-77").json() == {"deleted": 0}


def test_an_endpoint_that_is_no_serve_is_said(cli: Cli, serve: str) -> None:
    """A Logstash alone does not tell what became of the canary."""
    with serving(lambda _: (200, b"ok")) as logstash:
        said = cli.fails("check", "--endpoint", logstash.url)
        assert "check that it is `mllog serve` of this version" in said
        assert logstash.paths("POST") == []


class FakeNest:
    """A store by way of a function that does to an event what an intake would."""

    def __init__(self, way: Callable[[Mapping[str, Any]], list[dict[str, Any]]]) -> None:
        self.way = way
        self.hits: dict[str, dict[str, Any]] = {}
        self.removed = 0

    def send(self, bird: Canary) -> None:
        """Take it."""
        for hit in self.way(bird.source):
            self.hits[f"{hit['_index']}/{hit['_id']}"] = hit

    def find(self, identity: str) -> list[Mapping[str, Any]]:
        """What came of it."""
        return list(self.hits.values())

    def types(self) -> Mapping[str, list[str]] | None:
        """None."""
        return None

    def remove(self, hits: list[Mapping[str, Any]]) -> None:
        """Count."""
        self.removed += len(hits)


def through(*files: str) -> Callable[[Mapping[str, Any]], list[dict[str, Any]]]:
    """An intake with some of the files of logstash/pipeline."""
    pipeline = load([ROOT / "logstash/pipeline" / name for name in files], environ={"MLLOG_LOGSTASH_ID_KEY": "tests"})

    def way(source: Mapping[str, Any]) -> list[dict[str, Any]]:
        hits = []
        for event in pipeline.filter(event_from_line(orjson.dumps(source))):
            meta, stored = event.get("@metadata", {}), orjson.loads(encode(event))
            stored.pop("@metadata", None)
            index = f".ds-logs-mllog.{meta.get('model')}-{meta.get('environment')}-000001"
            hits.append({"_index": index, "_id": stored["event"]["id"], "_source": stored})
        return hits

    return way


ALL = sorted(path.name for path in (ROOT / "logstash/pipeline").glob("[1-5]*.conf") if path.name != "10-input.conf")


def failures(nest: FakeNest, **arguments: Any) -> list[Step]:
    """The steps that failed."""
    typed: Destination = nest
    steps = check_canary(nest.send, typed, canary(), seconds=1, pause=lambda _: None, **arguments)
    return [step for step in steps if step.verdict is Verdicts.FAILED]


def test_an_intake_that_does_all_fails_nothing() -> None:
    """The pipeline as it ships."""
    nest = FakeNest(through(*ALL))
    assert failures(nest) == []
    assert nest.removed == 1


def test_an_intake_that_redacts_nothing_is_found_out() -> None:
    """The kinds are named, not the values; the canary is removed all the same."""
    nest = FakeNest(through(*(name for name in ALL if not name.startswith("20-"))))
    (step,) = failures(nest)
    assert str(step).startswith(
        "failed   no secret of the canary is stored: it still contains email, card, iban, token"
    )
    assert "20-redact.conf" in step.remedy
    assert "@" not in str(step)
    assert nest.removed == 1


def test_an_intake_that_records_no_redaction_is_found_out() -> None:
    """An alert counts what was redacted by its kinds."""
    (step,) = failures(FakeNest(through(*(name for name in ALL if not name.startswith("35-")))))
    assert step.name == "what was redacted is recorded"


def test_an_older_intake_is_found_out() -> None:
    """It knows no canary, and puts it with the unknown."""

    def older(source: Mapping[str, Any]) -> list[dict[str, Any]]:
        return through(*ALL)({**source, "event": {**source["event"], "action": "nosuch"}})

    (step,) = failures(FakeNest(older))
    assert step.name == "the canary is in its stream"
    assert "logs-mllog.unknown-default" in step.cause
    assert "_mllog_unknown_action" in step.cause


def test_a_canary_that_is_stored_twice_is_found_out() -> None:
    """An output without the event's id, say."""
    count = iter(range(9))

    def twice(source: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{**hit, "_id": str(next(count))} for hit in through(*ALL)(source)]

    (step,) = failures(FakeNest(twice))
    assert (step.name, step.cause) == ("the canary is stored once", "it is stored 2 times")


def test_a_canary_that_changes_its_types_is_found_out() -> None:
    """A number that became a text."""

    def texts(source: Mapping[str, Any]) -> list[dict[str, Any]]:
        hits = through(*ALL)(source)
        hits[0]["_source"]["mllog"]["input"]["number"]["amount"] = "1.5"
        return hits

    (step,) = failures(FakeNest(texts))
    assert step.cause == "number.amount is '1.5'"


def test_a_canary_that_never_arrives_is_given_up() -> None:
    """After a bounded time, with what to look at."""
    waits: list[float] = []
    nest = FakeNest(lambda _: [])
    steps = list(check_canary(nest.send, nest, canary(), seconds=30, pause=waits.append))
    assert sum(waits) <= 30
    assert "it is in no stream after 30 s" in steps[-1].cause
    assert "dead letters" in steps[-1].remedy


def test_an_intake_that_refuses_is_said() -> None:
    """Nothing is waited for."""
    steps = list(check_canary(lambda _: "https://x: HTTP 401", FakeNest(lambda _: []), canary()))
    assert [(step.verdict, step.cause) for step in steps] == [(Verdicts.FAILED, "https://x: HTTP 401")]


def test_no_watch_and_no_model_counts_a_canary(tmp_path: Path) -> None:
    """It has an action of its own, and no model."""
    store = open_store(tmp_path)
    (hit,) = through(*ALL)(canary().source)
    store.index([Document("logs-mllog.canary-default", hit["_id"], hit["_source"])])
    store.commit()
    assert store.count({"term": {"event.action": "canary"}}) == 1
    assert store.count({"terms": {"event.action": ["prediction", "feedback", "model_loaded", "alert"]}}) == 0
    assert store.count({"exists": {"field": "mllog.model.name"}}) == 0
    store.close()
