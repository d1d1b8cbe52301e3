"""What the roles may do on a real Elasticsearch with security on, and what they may not."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.stack

NOW = "2026-05-04T12:00:00Z"


def bulk(client: httpx.Client, *pairs: tuple[str, str, dict[str, Any]]) -> list[int]:
    """Create documents of several streams in one request; the status of each."""
    lines = "".join(
        f"{json.dumps({'create': {'_index': index, '_id': name}})}\n{json.dumps(source)}\n"
        for index, name, source in pairs
    )
    answer = client.post("/_bulk", content=lines, headers={"content-type": "application/x-ndjson"})
    if answer.status_code == 403:  # it may write nowhere at all
        return [403] * len(pairs)
    assert answer.status_code == 200, answer.text
    return [item["create"]["status"] for item in answer.json()["items"]]


def event(**members: Any) -> dict[str, Any]:
    """A document with a time."""
    return {"@timestamp": NOW, **members}


def test_the_first_event_of_an_unknown_model_is_stored(keys: dict[str, httpx.Client]) -> None:
    """The writer makes the stream by writing to it, and the templates are in force."""
    assert bulk(keys["writer"], ("logs-mllog.never_seen-x", "a", event(event={"action": "prediction"}))) == [201]
    keys["admin"].post("/logs-mllog.never_seen-x/_refresh")
    (hit,) = keys["admin"].post("/logs-mllog.never_seen-x/_search", json={}).json()["hits"]["hits"]
    assert "ingested" in hit["_source"]["event"]


def test_rejected_events_of_one_model_hold_up_no_other(keys: dict[str, httpx.Client]) -> None:
    """A 400 for each of them (Logstash's dead letters), in the very request in which the others are stored."""
    broken = event() | {"@timestamp": "never"}
    statuses = bulk(
        keys["writer"],
        ("logs-mllog.broken-x", "a", broken),
        ("logs-mllog.well-x", "a", event()),
        ("logs-mllog.broken-x", "b", broken),
        ("logs-mllog.well-x", "b", event()),
    )
    assert statuses == [400, 201, 400, 201]


FORBIDDEN = [
    ("POST", "/logs-mllog.late-x/_search", {}),
    ("GET", "/logs-mllog.late-x/_doc/a", None),
    ("POST", "/logs-mllog.late-x/_update/a", {"doc": {"a": 1}}),
    ("POST", "/logs-mllog.late-x/_delete_by_query", {"query": {"match_all": {}}}),
    ("POST", "/logs-mllog.late-x/_rollover", None),
    ("POST", "/logs-mllog.late-x/_refresh", None),
    ("PUT", "/logs-mllog.late-x/_mapping", {"properties": {"x": {"type": "long"}}}),
    ("DELETE", "/logs-mllog.late-x", None),
    ("POST", "/logs-other-x/_doc", event()),
    ("POST", "/somewhere/_doc", event()),
    ("POST", "/_search", {}),
    ("PUT", "/_index_template/logs-mllog", {"index_patterns": ["x"]}),
    ("PUT", "/_ingest/pipeline/mllog-ingested", {"processors": []}),
    ("GET", "/_security/role", None),
    ("GET", "/_security/user", None),
    ("POST", "/_security/api_key", {"name": "more", "role_descriptors": {"x": {"cluster": ["all"]}}}),
    ("PUT", "/_cluster/settings", {"persistent": {"action.auto_create_index": "false"}}),
]


@pytest.mark.parametrize(("method", "path", "body"), FORBIDDEN, ids=[f"{m} {p}" for m, p, _ in FORBIDDEN])
def test_the_writer_may_do_nothing_else(
    keys: dict[str, httpx.Client], method: str, path: str, body: dict[str, Any] | None
) -> None:
    """Neither read, nor change, nor delete; no other index; nothing of security."""
    bulk(keys["writer"], ("logs-mllog.late-x", "a", event()))
    assert keys["writer"].request(method, path, json=body).status_code == 403


def test_an_event_that_is_there_cannot_be_written_over(keys: dict[str, httpx.Client]) -> None:
    """By create it is a conflict; the index behind the stream, which would take it otherwise, is forbidden."""
    assert bulk(keys["writer"], ("logs-mllog.twice-x", "a", event(message="first"))) == [201]
    assert bulk(keys["writer"], ("logs-mllog.twice-x", "a", event(message="second"))) == [409]
    (index,) = keys["admin"].get("/logs-mllog.twice-x").json()
    knowing = {"if_seq_no": 0, "if_primary_term": 1}
    assert keys["writer"].put(f"/{index}/_doc/a", params=knowing, json=event()).status_code == 403
    lines = json.dumps({"delete": {"_index": index, "_id": "a"}}) + "\n"
    answer = keys["writer"].post("/_bulk", content=lines, headers={"content-type": "application/x-ndjson"}).json()
    assert [item["delete"]["status"] for item in answer["items"]] == [403]


def test_the_reader_reads_and_writes_nothing(keys: dict[str, httpx.Client]) -> None:
    """Search, counts and the names of the fields, of mllog's streams only."""
    bulk(keys["writer"], ("logs-mllog.read-x", "a", event()))
    keys["admin"].post("/logs-mllog.read-x/_refresh")
    reader = keys["reader"]
    assert reader.post("/logs-mllog.read-*/_count", json={}).json()["count"] == 1
    assert reader.get("/logs-mllog.*/_field_caps?fields=*").status_code == 200
    assert bulk(reader, ("logs-mllog.late-x", "b", event())) == [403]
    assert reader.delete("/logs-mllog.late-x").status_code == 403
    assert reader.get("/.security/_search").status_code == 403


def test_the_monitor_reads_all_and_writes_its_own(keys: dict[str, httpx.Client]) -> None:
    """Results and alerts have streams of their own; models' events are not its to write."""
    monitor = keys["monitor"]
    assert bulk(monitor, ("logs-mllog.monitor-x", "a", event()), ("logs-mllog.alerts-x", "a", event())) == [201, 201]
    assert bulk(monitor, ("logs-mllog.late-x", "a", event())) == [403]
    assert monitor.post("/logs-mllog.*/_search", json={}).status_code == 200
    (index,) = keys["admin"].get("/logs-mllog.alerts-x/_settings").json().values()
    assert index["settings"]["index"]["lifecycle"]["name"] == "logs-mllog-own"


def test_the_key_of_setup_deletes_no_events_of_models(keys: dict[str, httpx.Client]) -> None:
    """Its canaries only; and nothing of security."""
    bulk(keys["writer"], ("logs-mllog.late-x", "a", event()))
    everything = {"query": {"match_all": {}}}
    assert keys["setup"].post("/logs-mllog.late-x/_delete_by_query", json=everything).status_code == 403
    assert keys["setup"].get("/_security/role").status_code == 403
