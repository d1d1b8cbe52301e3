"""The index template on a real Elasticsearch: every event is stored, typed, and once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import orjson
import pandas as pd
import pytest
from support.stack import ROOT, bulk, fields

import mllog
from mllog import Profile
from mllog.demo._sender import bodies
from mllog.pipeline import encode, event_from_line, load
from mllog.store._fields import leaves
from mllog.testing import capture

pytestmark = pytest.mark.stack


def created(client: httpx.Client, stream: str, *sources: dict[str, Any]) -> None:
    """Store events, each under an id of its own."""
    answer = bulk(client, stream, {f"id-{n}": source for n, source in enumerate(sources)})
    assert not answer["errors"], answer


def event(**inputs: dict[str, Any]) -> dict[str, Any]:
    """A prediction with typed inputs."""
    return {"@timestamp": "2026-05-04T12:00:00.123456Z", "event": {"id": "x"}, "mllog": {"input": inputs}}


def test_flights_come_back_with_the_types_of_the_design(elasticsearch: httpx.Client, stream: str) -> None:
    """Real predictions through logger and pipeline; no field that the template does not name was made."""
    profile = Profile.load(ROOT / "examples/flights/profile.json")
    log = mllog.model("flights_delay", profile=profile)
    with capture() as events:
        for body in bodies(300):
            log.prediction(body["inputs"], {"probability": 0.25, "late": False}, duration=0.001)
    pipeline = load([ROOT / "logstash/pipeline"], environ={"MLLOG_LOGSTASH_ID_KEY": "of the tests"})
    sources = [
        {key: value for key, value in orjson.loads(encode(out)).items() if key != "@metadata"}
        for item in events
        for out in pipeline.filter(event_from_line(orjson.dumps(item)))
    ]
    created(elasticsearch, stream, *sources)
    found = fields(elasticsearch, stream)
    assert found["@timestamp"] == "date_nanos"
    assert found["mllog.input.number.dep_delay"] == "double"
    assert found["mllog.input.category.tailnum"] == "keyword"
    assert found["mllog.input.category.remarks"] == "keyword"
    assert found["mllog.output.boolean.late"] == "boolean"
    answer = elasticsearch.post(f"/{stream}/_search", json={"size": 300}).json()
    assert answer["hits"]["total"]["value"] == 300
    for hit in answer["hits"]["hits"]:
        assert {path for path, _ in leaves(hit["_source"])} - {"event.ingested"} <= {
            path for source in sources for path, _ in leaves(source)
        }
        ingested = dt.datetime.fromisoformat(hit["_source"]["event"]["ingested"][:26])
        assert ingested.year >= 2026
        assert "_ignored" not in hit


def test_a_second_delivery_changes_nothing(elasticsearch: httpx.Client, stream: str) -> None:
    """The id is the document's; the same one again is a conflict."""
    created(elasticsearch, stream, event(number={"delay": 1}))
    again = bulk(elasticsearch, stream, {"id-0": event(number={"delay": 2})})
    assert again["items"][0]["create"]["status"] == 409
    (hit,) = elasticsearch.post(f"/{stream}/_search", json={}).json()["hits"]["hits"]
    assert hit["_source"]["mllog"]["input"]["number"]["delay"] == 1


@pytest.mark.parametrize(
    "name", ["a.b", ".x", "a..b", "a b", "(km/h)", "é/ü%", "_id", "x*y", "n" * 600, "@timestamp", "<script>"]
)
def test_any_feature_name_is_a_leaf(elasticsearch: httpx.Client, stream: str, name: str) -> None:
    """Beside a feature `a`, under every type, and back under its own name."""
    source = event(number={"a": 1, name: 2}, category={"a": "x", name: "y"}, boolean={name: True}, text={name: "z"})
    created(elasticsearch, stream, source)
    (hit,) = elasticsearch.post(f"/{stream}/_search", json={}).json()["hits"]["hits"]
    assert hit["_source"]["mllog"] == source["mllog"]


def test_a_value_that_does_not_fit_loses_itself_only(elasticsearch: httpx.Client, stream: str) -> None:
    """A word in a number is listed in _ignored, and the event is there."""
    created(elasticsearch, stream, event(number={"delay": "late", "seats": 3}))
    (hit,) = elasticsearch.post(f"/{stream}/_search", json={}).json()["hits"]["hits"]
    assert hit["_ignored"] == ["mllog.input.number.delay"]
    assert hit["_source"]["mllog"]["input"]["number"] == {"delay": "late", "seats": 3}


def test_what_a_sender_invents_makes_no_field(elasticsearch: httpx.Client, stream: str) -> None:
    """The root is closed, what overflows is one field, and the number of fields has a bound."""
    wild = {f"f{n}": n for n in range(1500)}
    source = {**event(number=wild), "invented": {"a": 1}}
    source["mllog"]["input_overflow"] = {"deep": {"er": ["x", {"y": 1}]}}
    created(elasticsearch, stream, source)
    found = fields(elasticsearch, stream)
    assert not any(name.startswith("invented") for name in found)
    assert found["mllog.input_overflow"] == "flattened"
    assert len(found) <= 1000
    deep = {"query": {"term": {"mllog.input_overflow.deep.er": "x"}}}
    assert elasticsearch.post(f"/{stream}/_search", json=deep).json()["hits"]["total"]["value"] == 1


def test_numbers_can_be_filtered_and_aggregated_without_an_index(elasticsearch: httpx.Client, stream: str) -> None:
    """Doubles are kept as doc values only: cheaper by a third, and ranges still answer."""
    created(elasticsearch, stream, *(event(number={"delay": float(n)}) for n in range(20)))
    body = {
        "size": 0,
        "query": {"range": {"mllog.input.number.delay": {"gte": 5, "lt": 10}}},
        "aggs": {"a": {"avg": {"field": "mllog.input.number.delay"}}},
    }
    answer = elasticsearch.post(f"/{stream}/_search", json=body).json()
    assert answer["hits"]["total"]["value"] == 5
    assert answer["aggregations"]["a"]["value"] == 7.0


def test_the_policy_and_the_pipeline_are_in_force(elasticsearch: httpx.Client, stream: str) -> None:
    """A new stream has the lifecycle, logsdb and the final pipeline; the lifecycle itself is a stand-in's here."""
    created(elasticsearch, stream, event(number={"a": 1}))
    (index,) = elasticsearch.get(f"/{stream}/_settings").json().values()
    settings = index["settings"]["index"]
    assert settings["mode"] == "logsdb"
    assert settings["final_pipeline"] == "mllog-ingested"
    assert settings["lifecycle"]["name"] == "logs-mllog"


def test_a_profile_of_any_frame_fits(elasticsearch: httpx.Client, stream: str) -> None:
    """Features of every type that pandas knows, from learning to storage."""
    frame = pd.DataFrame(
        {
            "int": pd.array([1, None, 3], dtype="Int64"),
            "when": pd.to_datetime(["2026-01-01", "2026-01-02", None]),
            "cat": pd.Categorical(["a", "b", None]),
            "flag": pd.array([True, False, None], dtype="boolean"),
        }
    )
    log = mllog.model("frame", "1", profile=Profile.learn(frame, name="frame", version="1"))
    with capture() as events:
        for row in frame.to_dict("records"):
            log.prediction(row)
    assert len(events) == 3
    created(elasticsearch, stream, *events)
    assert set(fields(elasticsearch, stream)) >= {
        "mllog.input.number.int",
        "mllog.input.category.when",
        "mllog.input.category.cat",
        "mllog.input.boolean.flag",
    }
