"""`mllog erase` on a real Elasticsearch: index by index, blocks and all, and the dead letters too."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.cli import Cli
from support.stack import bulk

from mllog.cluster._target import target_from
from mllog.erase import Erasure
from mllog.erase._elasticsearch import Clustered
from mllog.export import Subject
from mllog.store import ElasticsearchStore

pytestmark = pytest.mark.stack


@pytest.fixture
def who() -> str:
    """A person that no other test has."""
    return f"ann{uuid.uuid4().hex[:12]}"


@pytest.fixture
def cluster(elasticsearch: httpx.Client, tmp_path: Path) -> Iterator[Clustered]:
    """The events of the node, as a place."""
    url = os.environ["MLLOG_TEST_ELASTICSEARCH"]
    store = ElasticsearchStore(target_from(url))
    yield Clustered(store, "logs-mllog.*-stacktest", url, tmp_path / "journal.json")
    store.close()


def event(who: str, prediction: str, action: str = "prediction") -> dict[str, Any]:
    """A prediction of a person, or what belongs to one."""
    inputs = {"input": {"category": {"customer": who}}} if action == "prediction" else {"feedback": {"actual": 1}}
    return {
        "@timestamp": "2026-05-04T12:00:00Z",
        "event": {"action": action},
        "mllog": {"model": {"name": "shop", "role": "live"}, "prediction": {"id": prediction}, **inputs},
    }


def indices(client: httpx.Client, stream: str) -> list[str]:
    """The backing indices, the oldest first."""
    found = client.get(f"/_resolve/index/{stream}").json()["data_streams"][0]["backing_indices"]
    return [found] if isinstance(found, str) else list(found)


def blocks(client: httpx.Client, index: str) -> dict[str, str]:
    """The write blocks of an index."""
    answer = client.get(f"/{index}/_settings/index.blocks.*?flat_settings=true").json()
    return {} if not answer else dict(answer[index]["settings"])


def fill(client: httpx.Client, stream: str, who: str) -> list[str]:
    """Three backing indices with events of two people, the first two closed to writing in different ways."""
    for part in range(3):
        events: dict[str, Any] = {}
        for person in (who, "bob"):
            for number in range(10):
                name = f"{person}-{part}-{number}"
                events[f"{name}-p"] = event(person, name)
                events[f"{name}-f"] = event(person, name, "feedback")
        assert not bulk(client, stream, events)["errors"]
        if part < 2:
            assert client.post(f"/{stream}/_rollover").status_code == 200
    first, second, _ = indices(client, stream)
    assert client.put(f"/{first}/_settings", json={"index.blocks.write": True}).status_code == 200
    both = {"index.blocks.write": True, "index.blocks.read_only_allow_delete": True}
    assert client.put(f"/{second}/_settings", json=both).status_code == 200
    assert client.put(f"/{second}/_settings", json={"index.blocks.read_only": True}).status_code == 200
    return [first, second]


def count(client: httpx.Client, stream: str, query: str = "*") -> int:
    """How many events there are."""
    return int(client.get(f"/{stream}/_count", params={"q": query}).json()["count"])


def test_every_backing_index_is_cleared_and_keeps_its_blocks(
    elasticsearch: httpx.Client, stream: str, who: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After two rollovers, two write-blocked indices and a dead letter: nothing is left, bob is whole, blocks stand."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    closed = fill(elasticsearch, stream, who)
    before = {index: blocks(elasticsearch, index) for index in closed}
    assert [len(found) for found in before.values()] == [1, 3]
    dead = "logs-mllog.dead_letter-stacktest"
    texts = {
        f"{who}-letter": json.dumps(event(who, "x")).replace(', "mllog"', ', "error": %{[error]}, "mllog"'),
        f"{who}-other": json.dumps(event("bob", "y")),
    }
    letters = {name: {"message": text.replace(": {", ":{")} for name, text in texts.items()}
    bulk(elasticsearch, dead, {name: {"@timestamp": "2026-05-04T12:00:00Z", **item} for name, item in letters.items()})
    try:
        asked = ("erase", "--subject", f"customer={who}", "--store", os.environ["MLLOG_TEST_ELASTICSEARCH"], "--json")
        counted = json.loads(cli.does(*asked, "--dry-run"))
        assert sum(counted["found"].values()) == 61
        assert len(counted["found"]) == 4
        assert count(elasticsearch, stream) == 120
        said = json.loads(cli.does(*asked, "--yes", "--environment", "stacktest"))
        assert (said["found"], said["left"], said["problems"]) == (counted["found"], {}, {})
        elasticsearch.post(f"/{stream},{dead}/_refresh")
        assert count(elasticsearch, stream) == 60
        assert elasticsearch.get(f"/{dead}/_count", params={"q": f"_id:{who}-letter"}).json()["count"] == 0
        assert elasticsearch.get(f"/{dead}/_count", params={"q": f"_id:{who}-other"}).json()["count"] == 1
        assert before == {index: blocks(elasticsearch, index) for index in closed}
        assert not (tmp_path / "mllog/erase-blocks.json").exists()
        audit = elasticsearch.get("/logs-mllog.alerts-stacktest/_search", params={"q": f"_id:{said['audit']}"}).json()
        (hit,) = audit["hits"]["hits"]
        assert hit["_source"]["mllog"]["erase"]["left"] == 0
        assert who not in json.dumps(hit)
        assert json.loads(cli.does(*asked, "--yes"))["found"] == {}
    finally:
        elasticsearch.delete(f"/_data_stream/{dead}")


def test_blocks_that_a_killed_run_lifted_are_put_back(
    elasticsearch: httpx.Client, stream: str, who: str, cluster: Clustered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run does it, from what the killed one had written down first."""
    closed = fill(elasticsearch, stream, who)
    before = {index: blocks(elasticsearch, index) for index in closed}
    with monkeypatch.context() as patch:
        patch.setattr(cluster._blocks, "_restore", lambda *_: None)  # as if it had been killed before that
        erasure = Erasure(Subject.of(f"customer={who}"), [cluster])
        erasure.look()
        assert erasure.run() == {}
    assert [blocks(elasticsearch, index) for index in closed] == [{}, {}]
    assert cluster.restore_left() == closed
    assert before == {index: blocks(elasticsearch, index) for index in closed}
    assert cluster.restore_left() == []


def test_a_field_beyond_the_budget_is_found(
    elasticsearch: httpx.Client, stream: str, who: str, cluster: Clustered
) -> None:
    """The template indexes a thousand fields; what comes later is kept, and tells the person all the same."""
    wide = {f"f{number:04}": float(number) for number in range(1200)}
    bulk(elasticsearch, stream, {"wide": {**event("bob", "wide"), "mllog": {"input": {"number": wide}}}})
    bulk(elasticsearch, stream, {"late": event(who, "late")})
    assert count(elasticsearch, stream, f"mllog.input.category.customer:{who}") == 0
    erasure = Erasure(Subject.of(f"customer={who}"), [cluster])
    assert sum(erasure.look().values()) == 1
    assert erasure.run() == {}
    assert count(elasticsearch, stream) == 1


def test_what_deletes_a_stream_is_shown(elasticsearch: httpx.Client, stream: str, cli: Cli) -> None:
    """The policy, its age and the oldest event; GET _data_stream and _ilm are stand-ins on this node."""
    older = {**event("ann", "b"), "@timestamp": "2026-05-03T01:02:03Z"}
    bulk(elasticsearch, stream, {"a": event("ann", "a"), "b": older})
    assert elasticsearch.post(f"/{stream}/_rollover").status_code == 200
    asked = ("retention", "show", "--store", os.environ["MLLOG_TEST_ELASTICSEARCH"], "--index", stream)
    assert json.loads(cli.does(*asked, "--json")) == [
        {
            "stream": stream,
            "events": 2,
            "oldest": "2026-05-03T01:02:03.000Z",
            "indices": 2,
            "managed": "ILM policy logs-mllog",
            "keep": "28d",
        }
    ]
    assert "ILM policy logs-mllog" in cli.does(*asked)
