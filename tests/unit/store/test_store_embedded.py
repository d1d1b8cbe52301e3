"""The embedded store: documents come back as they were, once, and queries answer as Elasticsearch's do."""

from __future__ import annotations

import datetime as dt
import json
import math
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mllog import MllogError
from mllog.store import Document, EmbeddedStore, open_store

INDEX = "logs-mllog.late-test"
START = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)


def event(number: int, /, **inputs: Any) -> dict[str, Any]:
    """An event, one minute after the one before; inputs by type."""
    moment = START + dt.timedelta(minutes=number)
    return {
        "@timestamp": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "message": f"late 1.0 prediction number {number}",
        "event": {
            "id": f"e{number}",
            "outcome": "failure" if number % 5 == 0 else "success",
            "duration": 1000 * number,
        },
        "mllog": {"input": inputs, "quality": {"invalid": number % 2, "missing": ["a", "b"][: number % 3]}},
    }


def put(store: EmbeddedStore, *events: dict[str, Any], index: str = INDEX) -> Any:
    """Index events and commit."""
    result = store.index(Document(index, item["event"]["id"], item) for item in events)
    store.commit()
    return result


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """An empty store."""
    opened = open_store(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """Thirty events of one model and one of another."""
    opened = open_store(tmp_path_factory.mktemp("filled"))
    carriers = ["UA", "AA", "B6"]
    put(opened, *(event(n, number={"x": n / 2, "a.b": 1.0}, category={"c": carriers[n % 3]}) for n in range(30)))
    put(opened, event(99, text={"note": "gate closed early"}), index="logs-mllog.other-test")
    yield opened
    opened.close()


def test_documents_come_back_as_they_were(store: EmbeddedStore) -> None:
    """The source of a hit is the event, values, types, order of keys and odd names included."""
    odd = event(1, number={"a": 1, "a.b": 2.5, 'say "hi" [1]': 3.0, "žluť": 4, "x*y": 1e300}, category={"c": 'a\\b"c'})
    put(store, odd)
    (hit,) = store.search({"query": {"match_all": {}}})["hits"]["hits"]
    assert hit["_source"] == odd
    assert list(hit["_source"]) == list(odd)
    assert (hit["_id"], hit["_index"]) == ("e1", INDEX)


def test_a_second_write_of_an_id_changes_nothing(tmp_path: Path) -> None:
    """The same id is kept once: in one call, before and after a commit, and after a restart."""
    store = open_store(tmp_path)
    first, second = event(1, number={"x": 1.0}), event(1, number={"x": 2.0})
    result = put(store, first, second)
    assert (result.created, result.duplicates) == (1, 1)
    assert put(store, second).duplicates == 1
    assert store.index([Document(INDEX, "e2", event(2))]).created == 1
    assert store.index([Document(INDEX, "e2", event(2))]).duplicates == 1
    store.commit()
    store.close()
    store = open_store(tmp_path)
    assert put(store, second).duplicates == 1
    assert store.count() == 2
    assert store.search({"query": {"term": {"event.id": "e1"}}})["hits"]["hits"][0]["_source"] == first
    store.close()


def test_ids_are_unique_within_an_index_only(store: EmbeddedStore) -> None:
    """Two data streams may hold the same id."""
    put(store, event(1))
    assert put(store, event(1), index="logs-mllog.other-test").created == 1
    assert store.count(index="logs-mllog.*") == 2
    assert store.count(index=INDEX) == 1
    assert store.count(index="logs-mllog.nosuch-*") == 0
    assert store.count(index=f"{INDEX},logs-mllog.other-*") == 2


def test_odd_names_are_searchable(store: EmbeddedStore) -> None:
    """Any name of a feature can be queried and counted, dots and quotes included."""
    names = ["a", "a.b", 'say "hi" [1]', "žluť", "x*y", "with space", "a/b", "$a$", "-x", "1"]
    put(store, event(1, number={name: float(place) for place, name in enumerate(names)}))
    for place, name in enumerate(names):
        field = f"mllog.input.number.{name}"
        assert store.count({"exists": {"field": field}}) == 1
        assert store.count({"range": {field: {"gte": place, "lte": place}}}) == 1
        assert store.search({"aggs": {"s": {"sum": {"field": field}}}})["aggregations"]["s"]["value"] == place


def test_a_value_of_the_wrong_type_does_not_lose_the_event(store: EmbeddedStore) -> None:
    """A string in a numeric field is kept in the source and left out of the numbers."""
    put(store, event(1, number={"x": "high"}), event(2, number={"x": 2.0}), event(3, number={"x": "3.5"}))
    found = store.search({"aggs": {"s": {"sum": {"field": "mllog.input.number.x"}}}})
    assert found["aggregations"]["s"]["value"] == 5.5
    assert found["hits"]["total"]["value"] == 3


def test_a_document_that_cannot_be_stored_is_rejected_alone(store: EmbeddedStore) -> None:
    """One bad document among good ones is named with its reason; the others are stored."""
    documents = [
        Document(INDEX, "good", event(1)),
        Document(INDEX, "", event(2)),
        Document(INDEX, "odd", {"x": object()}),
        Document(INDEX, "text", "no object"),  # type: ignore[arg-type]
    ]
    result = store.index(documents)
    store.commit()
    assert result.created == 1
    assert [item.id for item in result.rejected] == ["", "text", "odd"]
    assert store.count() == 1


def test_only_one_process_opens_a_store(tmp_path: Path) -> None:
    """A second opening is one clear line; after close it works."""
    store = open_store(tmp_path)
    with pytest.raises(MllogError, match="open in another process"):
        open_store(tmp_path)
    store.close()
    open_store(tmp_path).close()


KILLED = """
import sys, pathlib
from mllog.store import Document, open_store
store = open_store(pathlib.Path(sys.argv[1]))
n = 0
while True:
    store.index([Document("logs-mllog.late-test", f"e{n + k}", {"n": n + k}) for k in range(50)])
    store.commit()
    n += 50
    print(n, flush=True)
"""


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    """After kill -9 the store opens again and holds every committed event once."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    said = 0
    while said < 300:
        said = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    store = open_store(tmp_path)
    count = store.count()
    assert count >= said
    again = store.index([Document(INDEX, f"e{n}", {"n": n}) for n in range(said)])
    assert (again.created, again.duplicates) == (0, said)
    store.close()


def hits(store: EmbeddedStore, query: Any, **body: Any) -> list[str]:
    """Ids of what matches, in order of time."""
    found = store.search({"query": query, "size": 100, "sort": [{"@timestamp": "asc"}], **body}, index=INDEX)
    return [hit["_id"] for hit in found["hits"]["hits"]]


def ids(*numbers: int) -> list[str]:
    return [f"e{n}" for n in numbers]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"term": {"event.id": "e7"}}, [7]),
        ({"term": {"mllog.input.category.c": {"value": "AA"}}}, range(1, 30, 3)),
        ({"terms": {"event.id": ["e1", "e2", "nosuch"]}}, [1, 2]),
        ({"terms": {"event.id": []}}, []),
        ({"term": {"mllog.input.number.x": 3.5}}, [7]),
        ({"term": {"mllog.quality.invalid": 1}}, range(1, 30, 2)),
        ({"range": {"mllog.input.number.x": {"gte": 2, "lt": 3}}}, [4, 5]),
        ({"range": {"mllog.input.number.x": {"gt": 14}}}, [29]),
        ({"range": {"mllog.input.number.x": {"lt": -1}}}, []),
        ({"range": {"event.duration": {"lte": 1000}}}, [0, 1]),
        ({"range": {"@timestamp": {"gte": "2026-05-04T12:28:00Z", "lte": "2026-05-04T12:28:00Z"}}}, [28]),
        ({"range": {"@timestamp": {"gte": "2026-05-04T12:00:00Z||+28m", "lt": "2026-05-05||/d"}}}, [28, 29]),
        ({"range": {"@timestamp": {"gt": "now"}}}, []),
        ({"exists": {"field": "mllog.input.number.a.b"}}, range(30)),
        ({"exists": {"field": "nosuch"}}, []),
        ({"term": {"mllog.quality.missing": "b"}}, range(2, 30, 3)),
        ({"bool": {"must_not": [{"term": {"event.outcome": "success"}}]}}, range(0, 30, 5)),
        (
            {"bool": {"filter": {"term": {"event.outcome": "failure"}}, "must_not": {"term": {"event.id": "e0"}}}},
            range(5, 30, 5),
        ),
        ({"bool": {"should": [{"term": {"event.id": "e1"}}, {"term": {"event.id": "e2"}}]}}, [1, 2]),
        ({"bool": {"must": [{"match_all": {}}], "should": [{"term": {"event.id": "e1"}}]}}, range(30)),
        ({"bool": {}}, range(30)),
        ({"prefix": {"event.id": "e2"}}, [2, *range(20, 30)]),
        ({"wildcard": {"event.id": "e?5"}}, [15, 25]),
        ({"match_none": {}}, []),
        ({"query_string": {"query": "*"}}, range(30)),
        ({"query_string": {"query": "event.id:e7"}}, [7]),
        (
            {"query_string": {"query": "mllog.input.category.c:AA AND NOT event.outcome:failure AND event.id:e1*"}},
            [1, 13, 16, 19],
        ),
        ({"query_string": {"query": "event.id:(e1 OR (e2 AND NOT e3) OR event.id:e4)"}}, [1, 2, 4]),
        ({"query_string": {"query": 'event.id:(e1 "e2")'}}, [1, 2]),
        ({"query_string": {"query": "mllog.input.number.x:[2 TO 3}"}}, [4, 5]),
        ({"query_string": {"query": "mllog.input.number.x:>=14"}}, [28, 29]),
        ({"query_string": {"query": '@timestamp:["2026-05-04T12:28:00Z" TO *]'}}, [28, 29]),
        ({"query_string": {"query": '"number 7"'}}, [7]),
        ({"query_string": {"query": "event.id:e1 event.id:e2"}}, [1, 2]),
        ({"query_string": {"query": "event.id:e1 event.id:e2", "default_operator": "AND"}}, []),
        ({"query_string": {"query": "event.id:e1 OR (event.id:e2 && event.outcome:success)"}}, [1, 2]),
        ({"query_string": {"query": "_exists_:mllog.input.number.x -event.outcome:success"}}, range(0, 30, 5)),
    ],
)
def test_queries_find_what_elasticsearch_would(filled: EmbeddedStore, query: Any, expected: Any) -> None:
    """Each kind of query finds the events it describes; None: the text is refused."""
    if expected is None:
        with pytest.raises(MllogError, match="query"):
            hits(filled, query)
    else:
        assert hits(filled, query) == ids(*expected)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"query": {"fuzzy": {"a": "b"}}}, "query.fuzzy"),
        ({"query": {"bool": {"must": [{"geo": {}}]}}}, r"query.bool.must\[0\].geo"),
        ({"query": {"bool": {"nosuch": []}}}, "query.bool.nosuch"),
        ({"query": {"range": {"x": {"above": 1}}}}, "query.range.x.above"),
        ({"query": {"range": {"@timestamp": {"gte": "soon"}}}}, "is not a date"),
        ({"query": {"range": {"x": {"gte": "high"}}}}, "is not a number"),
        ({"query": {"term": {"a": 1, "b": 2}}}, "one member"),
        ({"query": {"query_string": {"query": "a:[1 TO"}}}, "cannot read the query"),
        ({"query": {"query_string": {"query": '"open'}}}, "cannot read the query"),
        ({"query": {"query_string": {"query": "AND AND"}}}, "cannot read the query"),
        ({"aggs": {"a": {"significant_terms": {"field": "x"}}}}, "aggs.a.significant_terms"),
        ({"aggs": {"a": {"terms": {"field": "x", "script": "1"}}}}, "script"),
        ({"aggs": {"a": {"histogram": {"field": "x", "interval": 0}}}}, "interval"),
        ({"aggs": {"a": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1q"}}}}, "fixed_interval"),
        ({"aggs": {"a": {"terms": {}, "avg": {}}}}, "one kind"),
        ({"size": -1}, "size"),
        ({"size": 100_000}, "size"),
        ({"sort": [{"event.duration": "asc"}]}, r"sort\[0\]"),
        ({"knn": {}}, "knn"),
    ],
)
def test_what_is_not_supported_is_named_with_its_place(filled: EmbeddedStore, body: Any, said: str) -> None:
    """A body outside the subset is one line that says what and where."""
    with pytest.raises(MllogError, match=said) as caught:
        filled.search(body)
    assert "\n" not in str(caught.value)


def test_pages_sorting_and_source(filled: EmbeddedStore) -> None:
    """size, from, sort and _source do what they do in Elasticsearch."""
    body = {"size": 3, "from": 2, "sort": [{"@timestamp": {"order": "desc"}}], "_source": ["event.*"]}
    found = filled.search(body, index=INDEX)["hits"]
    assert [hit["_id"] for hit in found["hits"]] == ids(27, 26, 25)
    assert found["hits"][0]["_source"] == {"event": event(27)["event"]}
    assert found["hits"][0]["sort"] == [int((START + dt.timedelta(minutes=27)).timestamp() * 1000)]
    assert found["total"] == {"value": 30, "relation": "eq"}
    assert filled.search({"size": 0})["hits"]["hits"] == []


def aggregate(store: EmbeddedStore, **body: Any) -> Any:
    """The answer of one aggregation over the thirty events."""
    return store.search({"size": 0, "aggs": {"a": body}}, index=INDEX)["aggregations"]["a"]


def test_terms_with_metrics_below(filled: EmbeddedStore) -> None:
    """Terms come with counts, the most frequent first, and whatever is nested in them."""
    found = aggregate(
        filled, terms={"field": "mllog.quality.missing"}, aggs={"d": {"max": {"field": "event.duration"}}}
    )
    assert found == {
        "doc_count_error_upper_bound": 0,
        "sum_other_doc_count": 0,
        "buckets": [
            {"key": "a", "doc_count": 20, "d": {"value": 29000.0}},
            {"key": "b", "doc_count": 10, "d": {"value": 29000.0}},
        ],
    }
    assert aggregate(filled, terms={"field": "event.id", "size": 4})["sum_other_doc_count"] == 26
    assert aggregate(filled, terms={"field": "nosuch"})["buckets"] == []


def test_ranges_in_any_order_and_with_gaps(filled: EmbeddedStore) -> None:
    """Ranges are half-open, come back in the order asked for, and may overlap."""
    field = "mllog.input.number.x"
    found = aggregate(filled, range={"field": field, "ranges": [{"to": 1}, {"from": 1, "to": 2}, {"from": 14}]})
    assert [(b["key"], b["doc_count"]) for b in found["buckets"]] == [("*-1.0", 2), ("1.0-2.0", 2), ("14.0-*", 2)]
    found = aggregate(filled, range={"field": field, "ranges": [{"key": "all", "to": 100}, {"from": 1, "to": 2}]})
    assert [(b["key"], b["doc_count"]) for b in found["buckets"]] == [("all", 30), ("1.0-2.0", 2)]
    found = aggregate(filled, range={"field": field, "ranges": [{"from": 0, "to": 5}], "keyed": True})
    assert found["buckets"]["0.0-5.0"]["doc_count"] == 10


def test_histograms_fill_gaps(filled: EmbeddedStore) -> None:
    """Buckets without documents are there unless min_doc_count says otherwise."""
    query = {"terms": {"event.id": ids(0, 29)}}
    body = {"histogram": {"field": "mllog.input.number.x", "interval": 5}}
    found = filled.search({"query": query, "aggs": {"a": body}}, index=INDEX)["aggregations"]["a"]["buckets"]
    assert [(b["key"], b["doc_count"]) for b in found] == [(0.0, 1), (5.0, 0), (10.0, 1)]


def test_date_histograms(filled: EmbeddedStore) -> None:
    """Fixed and calendar intervals start where Elasticsearch's do, in milliseconds and as text."""
    found = aggregate(filled, date_histogram={"field": "@timestamp", "fixed_interval": "10m"})["buckets"]
    assert [b["doc_count"] for b in found] == [10, 10, 10]
    assert found[0]["key_as_string"] == "2026-05-04T12:00:00.000Z"
    assert found[0]["key"] == int(START.timestamp() * 1000)
    for interval, key in (
        ("day", "2026-05-04"),
        ("week", "2026-05-04"),
        ("month", "2026-05-01"),
        ("year", "2026-01-01"),
    ):
        (bucket,) = aggregate(filled, date_histogram={"field": "@timestamp", "calendar_interval": interval})["buckets"]
        assert bucket["key_as_string"] == f"{key}T00:00:00.000Z"
        assert bucket["doc_count"] == 30
    bounds = {"min": "2026-05-03", "max": "2026-05-05"}
    settings_ = {"field": "@timestamp", "calendar_interval": "day", "extended_bounds": bounds}
    assert [b["doc_count"] for b in aggregate(filled, date_histogram=settings_)["buckets"]] == [0, 30, 0]


def test_filters_nest(filled: EmbeddedStore) -> None:
    """A filter takes any query and holds any aggregation, below buckets as well."""
    failed = {"bool": {"must_not": [{"term": {"event.outcome": "success"}}]}}
    body = {"filter": failed, "aggs": {"c": {"terms": {"field": "mllog.input.category.c"}}}}
    found = aggregate(filled, terms={"field": "mllog.quality.invalid"}, aggs={"f": body})["buckets"]
    assert [(b["key"], b["f"]["doc_count"]) for b in found] == [(0, 3), (1, 3)]
    assert {b["key"]: b["doc_count"] for b in found[0]["f"]["c"]["buckets"]} == {"UA": 1, "AA": 1, "B6": 1}
    named = aggregate(filled, filters={"filters": {"bad": failed, "all": {"match_all": {}}}})["buckets"]
    assert (named["bad"]["doc_count"], named["all"]["doc_count"]) == (6, 30)
    assert aggregate(filled, missing={"field": "mllog.quality.missing"})["doc_count"] == 10


def test_metrics_of_nothing_are_null(filled: EmbeddedStore) -> None:
    """Over no values an average is null, a count and a sum are zero."""
    body = {name: {name: {"field": "nosuch"}} for name in ("avg", "min", "max", "sum", "value_count", "cardinality")}
    found = filled.search({"size": 0, "aggs": {**body, "p": {"percentiles": {"field": "nosuch", "percents": [50]}}}})
    values = {name: found["aggregations"][name]["value"] for name in body}
    assert values == {"avg": None, "min": None, "max": None, "sum": 0.0, "value_count": 0, "cardinality": 0}
    assert found["aggregations"]["p"] == {"values": {"50.0": None}}


def test_percentiles_keyed_and_not(filled: EmbeddedStore) -> None:
    """Percentiles are near the true ones; without keys they are a list, as watches need them."""
    field = "event.duration"
    found = aggregate(filled, percentiles={"field": field, "percents": [50, 95], "keyed": False})["values"]
    assert [item["key"] for item in found] == [50.0, 95.0]
    assert found[0]["value"] == pytest.approx(14500, rel=0.05)
    assert aggregate(filled, percentiles={"field": field, "percents": [50]})["values"]["50.0"] == found[0]["value"]


def test_dates_as_metrics(filled: EmbeddedStore) -> None:
    """The greatest @timestamp is in milliseconds, with its text."""
    found = aggregate(filled, max={"field": "@timestamp"})
    assert found["value_as_string"] == "2026-05-04T12:29:00.000Z"
    assert found["value"] == (START + dt.timedelta(minutes=29)).timestamp() * 1000


def test_delete_by_query(store: EmbeddedStore) -> None:
    """What matches is gone for good, and its id may come again."""
    put(store, *(event(n) for n in range(10)))
    assert store.delete_by_query({"range": {"event.duration": {"lt": 5000}}}) == 5
    assert store.count() == 5
    assert put(store, event(1)).created == 1


ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "x": st.floats(-1e6, 1e6) | st.integers(-1000, 1000),
            "c": st.sampled_from(["UA", "AA", "B6", "", "a b", 'q"q', "\\", "žluť", "1", "true", "*"]),
            "tags": st.lists(st.sampled_from(["p", "q", "r"]), max_size=3, unique=True),
        },
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, low=st.floats(-1000, 1000), width=st.floats(0.5, 2000))
def test_counts_and_sums_are_exact(tmp_path_factory: Any, rows: list[Any], low: float, width: float) -> None:
    """Against plain Python: whatever the values, counts are equal and sums agree."""
    store = open_store(tmp_path_factory.mktemp("exact"))
    documents = []
    for place, row in enumerate(rows):
        inputs: dict[str, Any] = {"number": {"x": row["x"]}} if "x" in row else {}
        inputs |= {"category": {"c": row["c"]}} if "c" in row else {}
        documents.append(Document(INDEX, str(place), {"mllog": {"input": inputs}, "tags": row.get("tags", [])}))
    assert store.index(documents).created == len(rows)
    store.commit()
    x, c = "mllog.input.number.x", "mllog.input.category.c"
    high = low + width
    body = {
        "c": {"terms": {"field": c, "size": 100}, "aggs": {"s": {"sum": {"field": x}}}},
        "tags": {"terms": {"field": "tags", "size": 100}},
        "r": {"range": {"field": x, "ranges": [{"from": low, "to": high}, {"from": high}]}},
        "f": {"filter": {"range": {x: {"gte": low, "lt": high}}}},
        "m": {"missing": {"field": c}},
        "st": {"extended_stats": {"field": x}},
    }
    found = store.search({"size": 0, "aggs": body})["aggregations"]
    values = [float(row["x"]) for row in rows if "x" in row]
    assert {b["key"]: b["doc_count"] for b in found["c"]["buckets"]} == Counter(row["c"] for row in rows if "c" in row)
    for bucket in found["c"]["buckets"]:
        mine = [float(row["x"]) for row in rows if row.get("c") == bucket["key"] and "x" in row]
        assert bucket["s"]["value"] == pytest.approx(math.fsum(mine), abs=1e-6)
        assert store.count({"term": {c: bucket["key"]}}) == bucket["doc_count"]
    assert {b["key"]: b["doc_count"] for b in found["tags"]["buckets"]} == Counter(
        t for r in rows for t in r.get("tags", [])
    )
    between = sum(low <= value < high for value in values)
    assert [b["doc_count"] for b in found["r"]["buckets"]] == [between, sum(value >= high for value in values)]
    assert found["f"]["doc_count"] == between
    assert found["m"]["doc_count"] == sum("c" not in row for row in rows)
    assert found["st"]["count"] == len(values)
    if len(values) > 1:
        assert found["st"]["std_deviation_population"] == pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-3)
    assert json.dumps(found, allow_nan=False)
    store.close()


@pytest.mark.parametrize("word", ["17", "17.5", "1e3", "+5", "NaN", "true", "2026-05-04T12:00:00Z", "2026-05-04"])
def test_words_that_read_as_something_else_are_found(store: EmbeddedStore, word: str) -> None:
    """A category `17` is not a number, whether one value is asked for or several, or what begins with it."""
    put(store, event(1, category={"c": word}), event(2, category={"c": "x"}))
    field = "mllog.input.category.c"
    for query in ({"term": {field: word}}, {"terms": {field: [word, "y"]}}, {"prefix": {field: word[:1]}}):
        assert store.count(query) == 1, query
    assert store.count({"terms": {field: [word, "x"]}}) == 2


def test_ids_are_those_of_the_documents(store: EmbeddedStore) -> None:
    """Whatever the event says of itself; digits are characters."""
    store.index([Document(INDEX, name, {"event": {"id": "other"}}) for name in ("17", "018", "a-b")])
    store.commit()
    assert store.count({"ids": {"values": ["17", "a-b", "other"]}}) == 2
    assert store.count({"terms": {"_id": ["018"]}}) == 1


def test_a_scan_gives_every_document_oldest_first(store: EmbeddedStore) -> None:
    """Over many pages, some of one moment each, some without a time."""
    times = [n // 1500 for n in range(4000)]  # whole pages share a moment
    events = [{**event(minute), "event": {"id": f"e{n:04}"}} for n, minute in enumerate(times)]
    for odd in range(1100):
        untimed = event(0)
        del untimed["@timestamp"]
        events.append({**untimed, "event": {"id": f"u{odd:04}"}})
    put(store, *events[::-1])
    found = list(store.scan())
    assert len({hit["_id"] for hit in found}) == len(found) == 5100
    assert [hit["_source"]["@timestamp"] for hit in found[:4000]] == [event(minute)["@timestamp"] for minute in times]
    assert all("@timestamp" not in hit["_source"] for hit in found[4000:])
    assert found[0].keys() >= {"_index", "_id", "_source"}


def test_a_scan_sees_the_store_as_it_was(filled: EmbeddedStore, store: EmbeddedStore) -> None:
    """What is deleted or added meanwhile changes nothing; query and index choose."""
    put(store, *(event(n) for n in range(2500)))
    scan = store.scan({"range": {"event.duration": {"gte": 1_000_000}}})
    first = next(scan)
    store.delete_by_query({"match_all": {}})
    put(store, event(9000))
    assert 1 + len(list(scan)) == 1500
    assert first["_id"] == "e1000"
    assert [hit["_id"] for hit in filled.scan(index="logs-mllog.other-*")] == ["e99"]


def test_a_share_of_all_needs_no_script(store: EmbeddedStore) -> None:
    """The mean over all and nine times nothing is a tenth of all; a filter that matches nothing costs nothing."""
    store.index([Document("logs-mllog.a-test", str(n), {"k": "x"}) for n in range(20)])
    store.commit()
    slots = {"filters": {"filters": [{"match_all": {}}, *[{"match_none": {}}] * 9]}}
    aggs = {"slots": slots, "tenth": {"avg_bucket": {"buckets_path": "slots>_count"}}}
    assert store.search({"size": 0, "aggs": aggs})["aggregations"]["tenth"] == {"value": 2.0}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"buckets_path": "x"},
        {"buckets_path": "y>_count"},
        {"buckets_path": "x>_count", "gap_policy": "skip"},
        {"buckets_path": "x>_count", "format": "#0,0"},
    ],
)
def test_a_pipeline_outside_the_subset_is_refused(store: EmbeddedStore, settings: dict[str, str]) -> None:
    """With its place."""
    aggs = {"x": {"terms": {"field": "k"}}, "p": {"avg_bucket": settings}}
    with pytest.raises(MllogError, match=r"aggs\.p\.avg_bucket"):
        store.search({"size": 0, "aggs": aggs})
