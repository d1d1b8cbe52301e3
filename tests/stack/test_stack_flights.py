"""The same fifty thousand flights in both stores: the same answers, the same frame back, the same page."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pandas as pd
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from support.stack import ROOT

import mllog
from mllog import Profile, alerts, watches
from mllog.dashboards import build
from mllog.demo._sender import example
from mllog.export import to_frame
from mllog.pipeline import encode, event_from_line, load
from mllog.server.page import create_router
from mllog.store import Document, Store, open_store
from mllog.testing import capture

pytestmark = pytest.mark.stack

EVENTS = 50_000
INDEX = "logs-mllog.flights_parity-stacktest"
NUMBER, INPUTS = "mllog.input.number", [name for name in example("data").INPUTS if name != "remarks"]
CATEGORY = "mllog.input.category"
END = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)

Both = tuple[Store, Store]


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    """July to December, thinned."""
    data = example("data")
    found: pd.DataFrame = data.later(data.flights(), EVENTS)
    return found


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The committed one, under a name that no other test has."""
    found = orjson.loads((ROOT / "examples/flights/profile.json").read_bytes())
    known = Profile.from_json(found)
    from dataclasses import replace

    return replace(known, name="flights_parity", inputs=tuple(f for f in known.inputs if f.name != "remarks"))


def sent(flights: pd.DataFrame, profile: Profile) -> list[dict[str, Any]]:
    """The flights as a service logs them, each with an answer."""
    log = mllog.model(profile.name, profile=profile)
    with capture() as events:
        for number, body in enumerate(example("data").requests(flights, now=END)):
            del body["inputs"]["remarks"]
            log.prediction(
                body["inputs"],
                {"probability": number % 1000 / 1000, "late": number % 3 == 0},
                prediction_id=f"flight-{number}",
                duration=0.001 * (1 + number % 50),
                timestamp=dt.datetime.fromisoformat(body["timestamp"]),
            )
    return list(events)


@pytest.fixture(scope="module")
def stores(
    elasticsearch: httpx.Client, flights: pd.DataFrame, profile: Profile, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Both]:
    """The same events in both, by way of the interface; every one is new to each, and none is refused."""
    documents = [Document(INDEX, event["event"]["id"], event) for event in sent(flights, profile)]
    elasticsearch.delete(f"/_data_stream/{INDEX}")
    cluster = open_store(os.environ["MLLOG_TEST_ELASTICSEARCH"])
    embedded = open_store(tmp_path_factory.mktemp("flights"))
    for store in (cluster, embedded):
        result = store.index(documents)
        assert (result.created, result.duplicates, result.rejected) == (EVENTS, 0, [])
        store.commit()
    yield cluster, embedded
    for store in (cluster, embedded):
        store.close()
    elasticsearch.delete(f"/_data_stream/{INDEX}")


JFK = {"term": {f"{CATEGORY}.origin": "JFK"}}
EXACT: dict[str, dict[str, Any]] = {
    "terms": {"terms": {"field": f"{CATEGORY}.carrier", "size": 30}},
    "nested": {"terms": {"field": f"{CATEGORY}.dest"}, "aggs": {"m": {"avg": {"field": f"{NUMBER}.hour"}}}},
    "booleans": {"terms": {"field": "mllog.output.boolean.late"}},
    "lists": {"terms": {"field": "mllog.quality.missing"}},
    "range": {"range": {"field": f"{NUMBER}.dep_delay", "ranges": [{"to": 0}, {"from": 0, "to": 15}, {"from": 15}]}},
    "histogram": {"histogram": {"field": f"{NUMBER}.distance", "interval": 250}},
    "days": {
        "date_histogram": {"field": "@timestamp", "fixed_interval": "1d"},
        "aggs": {
            "invalid": {"avg": {"field": "mllog.quality.invalid"}},
            "n": {"value_count": {"field": f"{NUMBER}.dep_delay"}},
        },
    },
    "months": {"date_histogram": {"field": "@timestamp", "calendar_interval": "month"}},
    "extended_stats": {"extended_stats": {"field": f"{NUMBER}.dep_delay"}},
    "sum": {"sum": {"field": f"{NUMBER}.distance"}},
    "avg": {"avg": {"field": "event.duration"}},
    "min": {"min": {"field": f"{NUMBER}.dep_delay"}},
    "max": {"max": {"field": "@timestamp"}},
    "missing": {"missing": {"field": f"{NUMBER}.dep_delay"}},
    "few": {"cardinality": {"field": f"{CATEGORY}.dest"}},
    "filters": {"filters": {"filters": {"late": {"range": {f"{NUMBER}.dep_delay": {"gte": 15}}}, "jfk": JFK}}},
}  # fmt: skip
QUERIES: dict[str, dict[str, Any]] = {
    "all": {"match_all": {}},
    "word": {"query_string": {"query": f"{CATEGORY}.origin:JFK AND {NUMBER}.dep_delay:>20", "default_operator": "AND"}},
    "not": {"query_string": {"query": f"NOT {CATEGORY}.carrier:(UA OR B6) AND {NUMBER}.month:[8 TO 9]"}},
    "wild": {"query_string": {"query": f"{CATEGORY}.tailnum:N1*"}},
    "free": {"query_string": {"query": "JFK"}},
    "time": {"range": {"@timestamp": {"gte": "2026-10-01T00:00:00Z", "lt": "2026-10-08"}}},
    "terms": {"terms": {"mllog.prediction.id": [f"flight-{n}" for n in range(0, EVENTS, 100)]}},
    "exists": {"bool": {"must_not": [{"exists": {"field": f"{NUMBER}.dep_time"}}]}},
    "invalid": {"term": {"mllog.quality.invalid": 1}},
}


def near(value: Any) -> Any:
    """The answer with its floats compared as floats are."""
    if isinstance(value, dict):
        return {key: near(item) for key, item in value.items()}
    if isinstance(value, list):
        return [near(item) for item in value]
    return pytest.approx(value, rel=1e-9) if isinstance(value, float) else value


def asked(stores: Both, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers of the cluster and of the embedded store."""
    return [store.search(body, index=INDEX) for store in stores]


@pytest.mark.parametrize("name", EXACT)
def test_counts_and_sums_are_the_same(stores: Both, name: str) -> None:
    """To the last event and, of sums, to the ninth digit."""
    elastic, embedded = asked(stores, {"size": 0, "aggs": {"x": EXACT[name]}})
    assert embedded["aggregations"]["x"] == near(elastic["aggregations"]["x"])
    assert embedded["hits"]["total"] == elastic["hits"]["total"] == {"value": EVENTS, "relation": "eq"}


@pytest.mark.parametrize("name", QUERIES)
def test_queries_match_the_same_events(stores: Both, name: str) -> None:
    """In number, and those of a page, by both ways to count."""
    elastic, embedded = asked(stores, {"query": QUERIES[name], "size": 1000, "sort": [{"@timestamp": "asc"}]})
    assert embedded["hits"]["total"] == elastic["hits"]["total"]
    assert elastic["hits"]["total"]["value"] > 0
    if elastic["hits"]["total"]["value"] <= 1000:
        assert {hit["_id"] for hit in embedded["hits"]["hits"]} == {hit["_id"] for hit in elastic["hits"]["hits"]}
    assert {store.count(QUERIES[name], index=INDEX) for store in stores} == {elastic["hits"]["total"]["value"]}


@pytest.mark.parametrize("field", ["dep_delay", "distance", "dep_time"])
def test_percentiles_are_within_their_error(stores: Both, flights: pd.DataFrame, field: str) -> None:
    """Each within one per cent of the true rank, or within two and a half of the true value."""
    percents = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0]
    body = {"size": 0, "aggs": {"x": {"percentiles": {"field": f"{NUMBER}.{field}", "percents": percents}}}}
    values = flights[field].dropna()
    for answer in asked(stores, body):
        for percent, value in answer["aggregations"]["x"]["values"].items():
            low, high = (values.quantile(max(0.0, min(1.0, float(percent) / 100 + off))) for off in (-0.01, 0.01))
            margin = 0.025 * max(abs(low), abs(high))
            assert low - margin <= value <= high + margin, (field, percent, value)


@pytest.mark.parametrize("column", ["tailnum", "dest"])
def test_cardinalities_are_within_their_error(stores: Both, flights: pd.DataFrame, column: str) -> None:
    """Five per cent, at three thousand and at a hundred values."""
    body = {"size": 0, "aggs": {"x": {"cardinality": {"field": f"{CATEGORY}.{column}"}}}}
    for answer in asked(stores, body):
        assert answer["aggregations"]["x"]["value"] == pytest.approx(flights[column].nunique(), rel=0.05)


def test_a_scan_gives_every_event_once_in_order(stores: Both) -> None:
    """Fifty pages; the same in both."""
    found = [[(hit["_id"], hit["_source"]["@timestamp"]) for hit in store.scan(index=INDEX)] for store in stores]
    assert len(dict(found[0])) == len(found[0]) == EVENTS
    assert [moment for _, moment in found[0]] == sorted(moment for _, moment in found[0])
    assert [moment for _, moment in found[0]] == [moment for _, moment in found[1]]
    assert dict(found[0]) == dict(found[1])


def test_a_day_of_events_gives_the_frame_back(elasticsearch: httpx.Client, profile: Profile, tmp_path: Path) -> None:
    """Through logger, pipeline and store: the same columns, types, values and missing values, from both stores."""
    data = example("data")
    every = data.flights()
    day = every[(every["month"] == 7) & (every["day"] == 10)]
    pipeline = load([ROOT / "logstash/pipeline"], environ={"MLLOG_LOGSTASH_ID_KEY": "of the tests"})
    stored = [
        {key: value for key, value in orjson.loads(encode(out)).items() if key != "@metadata"}
        for event in sent(day, profile)
        for out in pipeline.filter(event_from_line(orjson.dumps(event)))
    ]
    expected = day[INPUTS].reset_index(drop=True)
    expected["probability"] = [number % 1000 / 1000 for number in range(len(day))]
    expected["late"] = [number % 3 == 0 for number in range(len(day))]
    assert expected["dep_time"].isna().any()
    index = "logs-mllog.flights_day-stacktest"
    elasticsearch.delete(f"/_data_stream/{index}")
    for place in (os.environ["MLLOG_TEST_ELASTICSEARCH"], tmp_path):
        store = open_store(place)
        store.index(Document(index, event["event"]["id"], event) for event in stored)
        store.commit()
        back = to_frame(store, profile, until=END + dt.timedelta(days=1), index=index)
        store.close()
        pd.testing.assert_frame_equal(back, expected)
        assert back.attrs["unrestored"] == {}
    elasticsearch.delete(f"/_data_stream/{index}")


def test_the_page_shows_the_same_over_both(stores: Both, profile: Profile) -> None:
    """Overview, model, panels, events, one event: status, and the figures that are no sketches."""
    texts: list[list[str]] = []
    for store in stores:
        app = FastAPI()
        app.include_router(create_router(store, {profile.name: profile}))
        client = TestClient(app)
        panels = [panel.id for panel in build(profile).panels]
        answers = [
            client.get("/?range=all"),
            client.get(f"/models/{profile.name}?range=all"),
            client.get(f"/models/{profile.name}/events?range=all&q={CATEGORY}.origin:JFK"),
            client.get(f"/models/{profile.name}/events?range=all&q=((("),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 400]
        hit = store.search({"query": {"term": {"mllog.prediction.id": "flight-7"}}}, index=INDEX)["hits"]["hits"][0]
        one = client.get(f"/models/{profile.name}/events/{hit['_id']}")
        assert one.status_code == 200
        assert "flight-7" in one.text
        drawn = client.get(f"/api/models/{profile.name}/panels?range=all&ids={','.join(panels)}").json()["panels"]
        assert len(drawn) > 20
        texts.append([f"{panel['id']} {panel['facts']} {panel['notices']} {panel['empty']}" for panel in drawn])
    assert [text for text in texts[0] if "about" not in text] == [text for text in texts[1] if "about" not in text]


def test_the_watch_says_the_same_over_both(stores: Both, profile: Profile) -> None:
    """Condition and text, of every watch of the model."""
    for name, built in watches.build(profile, environment="*").items():
        watch = watches.parse(built, where=name)
        there, here = (alerts.evaluate(watch, store, now=END) for store in stores)
        assert (there.fired, there.text) == (here.fired, here.text), name
