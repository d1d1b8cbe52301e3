"""The Elasticsearch store on a real node: every event is stored once or named with its reason."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.stack import ROOT

import mllog
from mllog.cluster._target import target_from
from mllog.errors import QueryError, StoreError
from mllog.export import Subject, subject_events
from mllog.redaction._scan import events_of, scanned
from mllog.server import open_chain
from mllog.spool import events
from mllog.store import Document, ElasticsearchStore, Store, open_store

pytestmark = pytest.mark.stack

SECRET = "4242-value-of-an-event"
NUMBER, CATEGORY = "mllog.input.number", "mllog.input.category"


@pytest.fixture
def store(elasticsearch: httpx.Client) -> Iterator[ElasticsearchStore]:
    """The node, by the store's own client; hardly any wait between repetitions."""
    opened = ElasticsearchStore(target_from(os.environ["MLLOG_TEST_ELASTICSEARCH"]), backoff=0.01)
    yield opened
    opened.close()


@pytest.fixture
def both(store: ElasticsearchStore, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """The cluster and the embedded store."""
    embedded = open_store(tmp_path)
    yield store, embedded
    embedded.close()


def event(model: str = "shop", **inputs: Any) -> dict[str, Any]:
    """A prediction with typed inputs."""
    return {
        "@timestamp": "2026-05-04T12:00:00.123456Z",
        "event": {"action": "prediction"},
        "mllog": {"model": {"name": model, "role": "live"}, "input": inputs},
    }


def put(store: Store, stream: str, *sources: dict[str, Any]) -> None:
    """Store events; every one is taken."""
    result = store.index(Document(stream, f"e{n}", item) for n, item in enumerate(sources))
    assert (result.created, result.rejected) == (len(sources), [])
    store.commit()


def test_one_name_of_two_types_is_two_fields(both: tuple[Store, Store], stream: str) -> None:
    """Two models, also in one stream, or two versions of one: both are found, neither is refused."""
    for store in both:
        put(
            store,
            stream,
            event("a", number={"gate": 7}),
            event("b", category={"gate": "B7"}),
            event("c", boolean={"gate": True}),
        )
        assert store.count({"term": {f"{NUMBER}.gate": 7}}, index=stream) == 1
        assert store.count({"term": {f"{CATEGORY}.gate": "B7"}}, index=stream) == 1
        assert store.count({"term": {"mllog.input.boolean.gate": True}}, index=stream) == 1


def test_three_thousand_features_lose_no_event(both: tuple[Store, Store], stream: str) -> None:
    """The event is whole; of its features, as many as the template has a budget for can be searched in a cluster."""
    wide = {f"f{n:04}": float(n) for n in range(3000)}
    for store, least in zip(both, (800, 3000), strict=True):
        put(store, stream, event("wide", number=wide), event("wide", number=wide))
        assert store.count({"term": {"mllog.model.name": "wide"}}, index=stream) == 2
        assert [len(hit["_source"]["mllog"]["input"]["number"]) for hit in store.scan(index=stream)] == [3000, 3000]
        (hit, _) = store.search({}, index=stream)["hits"]["hits"]
        fields = set(wide) - {path.removeprefix(f"{NUMBER}.") for path in hit.get("_ignored", ())}
        assert len(fields) >= least
        for name in (min(fields), max(fields)):
            assert store.count({"range": {f"{NUMBER}.{name}": {"gte": wide[name]}}}, index=stream) == 2


def test_a_larger_budget_makes_three_thousand_features_fields(
    elasticsearch: httpx.Client, store: ElasticsearchStore
) -> None:
    """A template of the model above that of all: every feature can be searched and counted."""
    name = f"wide{uuid.uuid4().hex[:8]}"
    template = json.loads((ROOT / "elastic/index_templates/logs-mllog.json").read_bytes())
    template |= {"index_patterns": [f"logs-mllog.{name}-*"], "priority": 502}
    template["template"]["settings"]["index"]["mapping"] = {"total_fields": {"limit": 4000}}
    assert elasticsearch.put(f"/_index_template/{name}", json=template).status_code == 200
    stream = f"logs-mllog.{name}-stacktest"
    try:
        put(store, stream, event("wide", number={f"f{n:04}": float(n) for n in range(3000)}))
        for number in (0, 1500, 2999):
            assert store.count({"range": {f"{NUMBER}.f{number:04}": {"gte": number}}}, index=stream) == 1
        assert store.count({"exists": {"field": "_ignored"}}, index=stream) == 0
    finally:
        elasticsearch.delete(f"/_data_stream/{stream}")
        elasticsearch.delete(f"/_index_template/{name}")


def test_words_in_a_number_are_kept_and_counted(both: tuple[Store, Store], stream: str) -> None:
    """The event is there as it was; `_ignored` says which field and how often."""
    for store in both:
        put(
            store, stream, event(number={"delay": "late"}), event(number={"delay": 3}), event(number={"delay": "never"})
        )
        body = {
            "size": 0,
            "aggs": {"x": {"terms": {"field": "_ignored"}}, "n": {"value_count": {"field": f"{NUMBER}.delay"}}},
        }
        found = store.search(body, index=stream)["aggregations"]
        assert [(bucket["key"], bucket["doc_count"]) for bucket in found["x"]["buckets"]] == [(f"{NUMBER}.delay", 2)]
        assert found["n"]["value"] == 1
        assert store.count({"exists": {"field": "_ignored"}}, index=stream) == 2
        kept = {hit["_source"]["mllog"]["input"]["number"]["delay"] for hit in store.scan(index=stream)}
        assert kept == {"late", 3, "never"}


def test_a_part_of_a_bulk_is_refused_and_named(store: ElasticsearchStore, stream: str) -> None:
    """The others are stored; the reason has the field, and no value."""
    bad = {**event(), "event": {"duration": {SECRET: SECRET}}}
    documents = [Document(stream, "a", event()), Document(stream, "b", bad)]
    documents += [Document(stream, "c", {**event(), "@timestamp": SECRET}), Document(stream, "d", event())]
    result = store.index(documents)
    assert result.created == 2
    assert [item.id for item in result.rejected] == ["b", "c"]
    assert "event.duration" in result.rejected[0].reason
    assert "@timestamp" in result.rejected[1].reason
    assert SECRET not in str(result.rejected)
    again = store.index(documents)
    assert (again.created, again.duplicates, len(again.rejected)) == (0, 2, 2)


def test_a_read_only_index_loses_nothing(elasticsearch: httpx.Client, store: ElasticsearchStore, stream: str) -> None:
    """As Elasticsearch makes it when the disk is full: the reason is said, and what is sent again is stored once."""
    put(store, stream, event())
    block = {"index.blocks.read_only_allow_delete": True}
    assert elasticsearch.put(f"/{stream}/_settings", json=block).status_code == 200
    documents = [Document(stream, f"n{n}", event()) for n in range(20)]
    with pytest.raises(StoreError, match=r"flood-stage watermark.*free disk.*nothing is lost"):
        store.index(documents)
    block = {"index.blocks.read_only_allow_delete": None}
    assert elasticsearch.put(f"/{stream}/_settings", json=block).status_code == 200
    result = store.index(documents)
    store.commit()
    assert (result.created, result.duplicates) == (20, 0)
    assert store.count(index=stream) == 21


def test_a_stream_without_a_template_is_refused(store: ElasticsearchStore) -> None:
    """Else Elasticsearch would make an index of its own, with a field for whatever comes."""
    with pytest.raises(StoreError, match=r"no index template.*install"):
        store.index([Document(f"unknown-{uuid.uuid4().hex}", "a", event())])


def test_what_is_deleted_is_gone(both: tuple[Store, Store], stream: str) -> None:
    """And counted; the rest stays."""
    for store in both:
        put(store, stream, *(event(number={"x": n}) for n in range(30)))
        assert store.delete_by_query({"range": {f"{NUMBER}.x": {"lt": 10}}}, index=stream) == 10
        assert store.count(index=stream) == 20
        assert store.delete_by_query({"term": {f"{NUMBER}.x": 3}}, index=stream) == 0


def test_ids_find_documents(both: tuple[Store, Store], stream: str) -> None:
    """The document's own, for `event.id` has no index."""
    for store in both:
        put(store, stream, event(), event(), event())
        assert store.count({"ids": {"values": ["e0", "e2", "none"]}}, index=stream) == 2


def test_a_person_is_found_exactly(both: tuple[Store, Store], stream: str) -> None:
    """In fields of every type, whatever its characters."""
    odd = 'a" OR *:* \\'
    known = [
        event(category={"who": odd}),
        event(category={"who": "a"}),
        event(number={"who": 17}),
        event(category={"who": "17"}),
    ]
    known.append({**event(), "labels": {"who": odd}})
    known[-1]["mllog"]["input_overflow"] = {"client": {"who": "17"}}
    for store in both:
        put(store, stream, *known)
        found = {
            text: [hit["_id"] for hit in subject_events(store, Subject.of(text), index=stream)]
            for text in (f"who={odd}", "who=17", "client.who=17")
        }
        assert {text: sorted(ids) for text, ids in found.items()} == {
            f"who={odd}": ["e0", "e4"],
            "who=17": ["e2", "e3"],
            "client.who=17": ["e4"],
        }


def test_a_stream_that_is_not_there_is_empty(both: tuple[Store, Store]) -> None:
    """In every way of asking, with the shape of an answer."""
    for store in both:
        body = {"aggs": {"x": {"terms": {"field": "event.action"}, "aggs": {"n": {"max": {"field": "@timestamp"}}}}}}
        found = store.search(body, index="logs-mllog.never-stacktest")
        assert found["hits"]["total"] == {"value": 0, "relation": "eq"}
        assert found["aggregations"]["x"]["buckets"] == []
        assert store.count(index="logs-mllog.never-*") == 0
        assert list(store.scan(index="logs-mllog.never-*")) == []
        assert store.delete_by_query({"match_all": {}}, index="logs-mllog.never-*") == 0


def test_a_query_that_cannot_be_read_is_an_error_of_the_query(both: tuple[Store, Store], stream: str) -> None:
    """And not of the store."""
    for store in both:
        put(store, stream, event())
        with pytest.raises(QueryError):
            store.search({"query": {"query_string": {"query": "((("}}}, index=stream)


def test_the_chain_indexes_into_the_cluster(elasticsearch: httpx.Client, tmp_path: Path) -> None:
    """`mllog serve --store`: what a spool holds is redacted and stored once, also when the spool is read again."""
    name = f"chain{uuid.uuid4().hex[:8]}"
    mllog.configure(spool=tmp_path / "spool", environment="stacktest")
    log = mllog.model(name, "1")
    for number in range(50):
        log.prediction({"x": number, "note": "ask ann@example.com"})
    mllog.shutdown()
    index = f"logs-mllog.{name}-stacktest"
    lines = list(events(tmp_path / "spool"))
    for expected in ((50, 0), (0, 50)):
        chain = open_chain(tmp_path / "data", store=os.environ["MLLOG_TEST_ELASTICSEARCH"])
        chain.ingest.lines(lines)
        report = chain.report()
        assert (report["stored"], report["duplicates"], report["rejected"]) == (*expected, 0)
        assert chain.store.count(index=index) == 50
        assert chain.store.count({"term": {"mllog.redaction.kinds": "email"}}, index=index) == 50
        chain.stop()


def test_stored_events_are_scanned_for_sensitive_values(both: tuple[Store, Store], stream: str) -> None:
    """`mllog pipeline scan`: kinds, fields and counts over many pages, the same from both."""
    rows = [event(category={"note": "ann@example.com" if n % 10 == 0 else "nothing"}) for n in range(2500)]
    for store in both:
        put(store, stream, *rows)
        report = scanned(events_of_store(store, stream))
        assert (report.events, report.affected) == (2500, 250)
        assert [(found.kind, found.field, found.times) for found in report.findings()] == [
            ("email", f"{CATEGORY}.note", 250)
        ]


def events_of_store(store: Store, stream: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """By the address of the cluster, or from the store that is open."""
    if isinstance(store, ElasticsearchStore):
        return events_of(os.environ["MLLOG_TEST_ELASTICSEARCH"], index=stream)
    return ((hit["_id"], hit["_source"]) for hit in store.scan(index=stream))
