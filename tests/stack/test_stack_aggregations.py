"""The same bodies on a real Elasticsearch and on the embedded store give the same answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.stack import bulk

from mllog import Profile, watches
from mllog.store import Document, EmbeddedStore, open_store

pytestmark = pytest.mark.stack

START = dt.datetime(2026, 5, 4, tzinfo=dt.UTC)
NUMBER = "mllog.input.number.delay"
CATEGORY = "mllog.input.category.carrier"

FORMATS = ("0", "0.0", "0.#", "0.0###", "0.##%", "0%")
AGGREGATIONS: dict[str, dict[str, Any]] = {
    "terms": {"terms": {"field": CATEGORY, "size": 3}},
    "terms_include": {"terms": {"field": CATEGORY, "include": ["AA", "UA"]}},
    "terms_exclude": {"terms": {"field": CATEGORY, "exclude": ["AA"]}},
    "terms_array": {"terms": {"field": "mllog.quality.missing"}},
    "terms_nested": {"terms": {"field": CATEGORY, "size": 2}, "aggs": {"m": {"avg": {"field": NUMBER}}}},
    "range": {"range": {"field": NUMBER, "ranges": [{"to": 10}, {"from": 10, "to": 50.5}, {"from": 50.5}]}},
    "range_keyed": {"range": {"field": NUMBER, "keyed": True, "ranges": [{"key": "low", "to": 10}, {"from": 10}]}},
    "histogram": {"histogram": {"field": NUMBER, "interval": 25}},
    "date_histogram": {"date_histogram": {"field": "@timestamp", "fixed_interval": "3h"}},
    "date_histogram_nested": {
        "date_histogram": {"field": "@timestamp", "fixed_interval": "6h"},
        "aggs": {"invalid": {"avg": {"field": "mllog.quality.invalid"}}},
    },
    "extended_stats": {"extended_stats": {"field": NUMBER}},
    "stats": {"stats": {"field": NUMBER}},
    "avg": {"avg": {"field": "mllog.quality.invalid"}},
    "sum": {"sum": {"field": NUMBER}},
    "min": {"min": {"field": NUMBER}},
    "max": {"max": {"field": NUMBER}},
    "value_count": {"value_count": {"field": CATEGORY}},
    "cardinality": {"cardinality": {"field": CATEGORY}},
    "filter": {"filter": {"range": {NUMBER: {"gte": 20}}}, "aggs": {"n": {"value_count": {"field": NUMBER}}}},
    "filters": {
        "filters": {
            "filters": {"a": {"term": {CATEGORY: "AA"}}, "rest": {"bool": {"must_not": {"term": {CATEGORY: "AA"}}}}}
        }
    },
    "filters_listed": {"filters": {"filters": [{"match_all": {}}, {"match_none": {}}, {"term": {CATEGORY: "AA"}}]}},
    "terms_over_filters": {
        "terms": {"field": CATEGORY, "include": ["AA", "UA"], "min_doc_count": 25},
        "aggs": {
            "slots": {"filters": {"filters": [{"match_all": {}}, {"match_none": {}}, {"match_none": {}}]}},
            "third": {"avg_bucket": {"buckets_path": "slots>_count"}},
            "written": {"avg_bucket": {"buckets_path": "slots>_count", "format": "0.#"}},
        },
    },
    **{f"avg_as_{pattern}": {"avg": {"field": NUMBER, "format": pattern}} for pattern in FORMATS},
    **{f"min_as_{pattern}": {"min": {"field": NUMBER, "format": pattern}} for pattern in FORMATS},
    "sum_as": {"sum": {"field": NUMBER, "format": "0.#"}},
    "nothing_as": {"avg": {"field": "mllog.input.number.nowhere", "format": "0.#"}},
    "missing": {"missing": {"field": CATEGORY}},
    "nothing": {"avg": {"field": "mllog.input.number.nowhere"}},
}
QUERIES: dict[str, dict[str, Any]] = {
    "match_all": {"match_all": {}},
    "term": {"term": {CATEGORY: "UA"}},
    "term_number": {"term": {NUMBER: 7}},
    "term_boolean": {"term": {"mllog.input.boolean.wet": True}},
    "terms": {"terms": {CATEGORY: ["AA", "DL", "none"]}},
    "range": {"range": {NUMBER: {"gt": 10, "lte": 40}}},
    "range_time": {"range": {"@timestamp": {"gte": "2026-05-04T06:00:00Z", "lt": "2026-05-04T12:00:00Z"}}},
    "range_math": {"range": {"@timestamp": {"gte": "2026-05-04T12:00:00Z||-6h", "lt": "2026-05-04T12:00:00Z"}}},
    "range_rounded": {"range": {"@timestamp": {"gte": "2026-05-04T13:00:00Z||/d", "lt": "2026-05-05T00:00:00Z||/d"}}},
    "exists": {"exists": {"field": NUMBER}},
    "bool": {
        "bool": {
            "filter": [{"exists": {"field": CATEGORY}}],
            "should": [{"term": {CATEGORY: "AA"}}, {"range": {NUMBER: {"lt": 5}}}],
            "minimum_should_match": 1,
            "must_not": [{"term": {NUMBER: 14}}],
        }
    },
    "query_string": {"query_string": {"query": f"{CATEGORY}:UA AND {NUMBER}:>20"}},
    "query_string_or": {"query_string": {"query": f"{CATEGORY}:(UA OR DL) AND NOT {NUMBER}:[10 TO 20]"}},
}


def event(number: int) -> dict[str, Any]:
    """One of a hundred events; every tenth has no delay, every seventh no carrier."""
    source: dict[str, Any] = {
        "@timestamp": (START + dt.timedelta(minutes=14 * number)).isoformat().replace("+00:00", "Z"),
        "event": {"action": "prediction", "duration": 1000 * number},
        "mllog": {
            "input": {"number": {}, "category": {}, "boolean": {"wet": number % 3 == 0}},
            "quality": {"invalid": number % 2, "missing": ["a", "b"][: number % 3]},
        },
    }
    if number % 10:
        source["mllog"]["input"]["number"]["delay"] = number
    if number % 7:
        source["mllog"]["input"]["category"]["carrier"] = ["AA", "UA", "DL", "AA"][number % 4]
    return source


@pytest.fixture(scope="module")
def stores(
    elasticsearch: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, EmbeddedStore]]:
    """The same hundred events in both."""
    events = {f"e{number}": event(number) for number in range(100)}
    embedded = open_store(tmp_path_factory.mktemp("store"))
    embedded.index([Document(INDEX, name, source) for name, source in events.items()])
    embedded.commit()
    elasticsearch.delete(f"/_data_stream/{INDEX}")
    assert not bulk(elasticsearch, INDEX, events)["errors"]
    yield elasticsearch, embedded
    embedded.close()


INDEX = "logs-mllog.aggregations-stacktest"


def near(value: Any) -> Any:
    """The answer with its floats compared as floats are."""
    if isinstance(value, dict):
        return {key: near(item) for key, item in value.items()}
    if isinstance(value, list):
        return [near(item) for item in value]
    return pytest.approx(value, rel=1e-9) if isinstance(value, float) else value


def both(stores: tuple[httpx.Client, EmbeddedStore], body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answers of Elasticsearch and of the embedded store."""
    elastic, embedded = stores
    answer = elastic.post(f"/{INDEX}/_search", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json(), embedded.search(body, index=INDEX)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_aggregations_agree(stores: tuple[httpx.Client, EmbeddedStore], name: str) -> None:
    """To the last key."""
    elastic, embedded = both(stores, {"size": 0, "aggs": {"x": AGGREGATIONS[name]}})
    assert embedded["aggregations"]["x"] == near(elastic["aggregations"]["x"])


@pytest.mark.parametrize("kind", ["avg_bucket", "sum_bucket", "min_bucket", "max_bucket"])
@pytest.mark.parametrize("path", ["x>_count", "x>m", "x>p.50", "none>_count", "none>m"])
def test_pipelines_agree(stores: tuple[httpx.Client, EmbeddedStore], kind: str, path: str) -> None:
    """One number over the buckets beside it, the empty ones included."""
    ranges = {"range": {"field": NUMBER, "ranges": [{"to": 10}, {"from": 10, "to": 50}, {"from": 1000}]}}
    inner = {"m": {"avg": {"field": NUMBER}}, "p": {"percentiles": {"field": NUMBER, "percents": [50]}}}
    none = {"terms": {"field": CATEGORY, "include": ["AA"], "min_doc_count": 1000}}
    each = {"x": {**ranges, "aggs": inner}, "none": {**none, "aggs": inner}}
    aggs = {**each, "y": {kind: {"buckets_path": path}}}
    elastic, embedded = both(stores, {"size": 0, "aggs": aggs})
    # Of a least and a greatest Elasticsearch also names the bucket.
    ours, theirs = (answer["aggregations"]["y"]["value"] for answer in (embedded, elastic))
    assert ours == (pytest.approx(theirs, abs=2) if path == "x>p.50" else near(theirs))


@pytest.mark.parametrize("name", QUERIES)
def test_queries_agree(stores: tuple[httpx.Client, EmbeddedStore], name: str) -> None:
    """The same documents match."""
    elastic, embedded = both(stores, {"size": 200, "query": QUERIES[name], "track_total_hits": True})
    assert {hit["_id"] for hit in embedded["hits"]["hits"]} == {hit["_id"] for hit in elastic["hits"]["hits"]}
    assert embedded["hits"]["total"] == elastic["hits"]["total"]


def test_percentiles_agree_within_their_error(stores: tuple[httpx.Client, EmbeddedStore]) -> None:
    """Both are sketches: within two per cent of the range."""
    body = {"size": 0, "aggs": {"x": {"percentiles": {"field": NUMBER, "percents": [5, 50, 95], "keyed": False}}}}
    elastic, embedded = (answer["aggregations"]["x"]["values"] for answer in both(stores, body))
    assert [item["key"] for item in embedded] == [item["key"] for item in elastic]
    assert [item["value"] for item in embedded] == pytest.approx([item["value"] for item in elastic], abs=2)


def test_sorted_hits_agree(stores: tuple[httpx.Client, EmbeddedStore]) -> None:
    """The newest first, a page of them."""
    body = {"size": 5, "from": 10, "sort": [{"@timestamp": "desc"}], "query": {"match_all": {}}}
    elastic, embedded = both(stores, body)
    assert [hit["_id"] for hit in embedded["hits"]["hits"]] == [hit["_id"] for hit in elastic["hits"]["hits"]]
    assert [hit["_source"]["mllog"] for hit in embedded["hits"]["hits"]] == [
        hit["_source"]["mllog"] for hit in elastic["hits"]["hits"]
    ]


def test_the_search_of_a_watch_agrees(stores: tuple[httpx.Client, EmbeddedStore], profile_path: Path) -> None:
    """The body that Watcher would send, its times filled in."""
    watch = watches.parse(watches.build(Profile.load(profile_path))["flights_delay-invalid_inputs"])
    from mllog.alerts._template import rendered

    moment = {"trigger": {"scheduled_time": "2026-05-05T00:00:00.000Z"}}
    elastic, embedded = both(stores, rendered(watch.body, moment))
    assert embedded["aggregations"] == near(elastic["aggregations"])
    assert embedded["hits"]["total"] == elastic["hits"]["total"]


@pytest.fixture(scope="module")
def profile_path() -> Path:
    """The flights' profile."""
    return Path(__file__).parents[2] / "examples/flights/profile.json"
