"""What an event takes on the disk of a real Elasticsearch, and that it comes back; figures are no subject of tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from support.stack import ROOT, bulk, fields
from support.waiting import PATIENCE

pytestmark = pytest.mark.stack

IDS = {
    "trace.id": {"trace": {"id": "9768ed821b063ba3dafabe55b2bd3403"}},
    "transaction.id": {"transaction": {"id": "0a1b2c3d4e5f6071"}},
    "span.id": {"span": {"id": "0a1b2c3d4e5f6071"}},
    "http.request.id": {"http": {"request": {"id": "from a user's screen"}}},
    "mllog.prediction.id": {"mllog": {"prediction": {"id": "order-7"}}},
}


def test_every_template_of_the_benchmark_is_accepted_and_measured(elasticsearch: httpx.Client, tmp_path: Path) -> None:
    """A smoke run: the project's template takes the least, and gives every event back to the letter."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(ROOT / "benchmarks/storage.py"), "--quick", "--json", str(figures)]
    command += ["--elasticsearch", str(elasticsearch.base_url).rstrip("/")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text())["templates"]
    stored = {name: each["bytes"] for name, each in found.items() if "synthetic" not in name}
    assert min(stored, key=lambda name: stored[name]) == "the project's template"
    assert found["the project's template"]["same"] == 1
    assert {each["equal"] for each in found.values()} == {1}
    assert "mllog-storage-" not in elasticsearch.get("/_data_stream/*").text


def test_events_are_found_by_each_of_their_ids(elasticsearch: httpx.Client, stream: str) -> None:
    """They have an index and no doc values: searched by, never counted or sorted."""
    time = {"@timestamp": "2026-05-04T12:00:00.123456Z"}
    answer = bulk(elasticsearch, stream, {"none": time, **{name: {**time, **event} for name, event in IDS.items()}})
    assert not answer["errors"]
    assert set(IDS) < set(fields(elasticsearch, stream))
    for name, event in IDS.items():
        (value,) = _leaves(event)
        for query in ({"term": {name: value}}, {"exists": {"field": name}}):
            (hit,) = elasticsearch.post(f"/{stream}/_search", json={"query": query}).json()["hits"]["hits"]
            assert hit["_id"] == name


def test_times_without_an_index_are_still_filtered_by(elasticsearch: httpx.Client, stream: str) -> None:
    """How long a call took, and when an event came: by their doc values."""
    sources = {
        f"e{n}": {"@timestamp": "2026-05-04T12:00:00Z", "event": {"duration": n, "created": f"2026-05-04T12:00:0{n}Z"}}
        for n in range(6)
    }
    assert not bulk(elasticsearch, stream, sources)["errors"]
    for asked, count in (
        ({"event.duration": {"gte": 4}}, 2),
        ({"event.created": {"lt": "2026-05-04T12:00:01.5Z"}}, 2),
        ({"event.ingested": {"gt": "2026-05-04T12:00:00Z"}}, 6),
    ):
        found = elasticsearch.post(f"/{stream}/_search", json={"query": {"range": asked}}).json()
        assert found["hits"]["total"]["value"] == count


def _leaves(value: object) -> list[str]:
    return [leaf for part in value.values() for leaf in _leaves(part)] if isinstance(value, dict) else [str(value)]
