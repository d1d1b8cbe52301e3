"""Every committed watch on a real Watcher, on Elasticsearch and embedded: it fires, is silent, and says the same."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pandas as pd
import pytest
from support.watchcases import NOW, WATCHES, Case, Event, Maker, documents, narrowed

import mllog
from mllog import Profile, alerts, watches
from mllog.store import Document, EmbeddedStore, Store, open_store

pytestmark = pytest.mark.stack

FILES = {path.stem: json.loads(path.read_text()) for path in sorted(WATCHES.glob("*.json"))}
BASE, CASE, BOTH = "watchtestbase", "watchtestcase", "watchtest"
STREAMS = ("logs-mllog.*-watchtestbase", "logs-mllog.*-watchtestcase")
# Watcher 6.8 knows neither data streams nor composable templates; the types are those of index_templates/.
MAPPING = {
    "index_patterns": ["logs-mllog.*-watchtest*"],
    "mappings": {
        "doc": {
            "dynamic_templates": [
                {"words": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}},
                {"numbers": {"path_match": "mllog.input.number.*", "mapping": {"type": "double"}}},
                {"doubles": {"match_mapping_type": "double", "mapping": {"type": "double"}}},
            ],
            "properties": {
                "@timestamp": {"type": "date"},
                "mllog": {
                    "properties": {
                        "spool": {"properties": {"dropped": {"type": "long"}}},
                        "shipper": {"properties": {"quarantined": {"type": "long"}}},
                    }
                },
            },
        }
    },
}


def load(client: httpx.Client, found: list[Document]) -> None:
    """Index documents in Watcher's node and make them visible."""
    for start in range(0, len(found), 2000):
        lines = b"".join(
            orjson.dumps({"create": {"_index": item.index, "_id": item.id, "_type": "doc"}})
            + b"\n"
            + orjson.dumps(item.source)
            + b"\n"
            for item in found[start : start + 2000]
        )
        headers = {"content-type": "application/x-ndjson"}
        answer = client.post("/_bulk", params={"refresh": True}, content=lines, headers=headers).json()
        assert not answer["errors"], next(item for item in answer["items"] if "error" in item["create"])


@pytest.fixture(scope="module")
def makers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Maker, Maker]:
    """Of the healthy day, and of what is wrong."""
    folder = tmp_path_factory.mktemp("sink")
    return Maker(BASE, folder), Maker(CASE, folder)


@pytest.fixture(scope="module")
def healthy(makers: tuple[Maker, Maker]) -> list[Document]:
    """A day in which nothing is wrong."""
    return documents(makers[0].healthy())


@pytest.fixture(scope="module")
def embedded(healthy: list[Document], tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """The embedded store with the healthy day."""
    store = open_store(tmp_path_factory.mktemp("store"))
    store.index(healthy)
    store.commit()
    yield store
    store.close()


@pytest.fixture(scope="module")
def old(watcher: httpx.Client, healthy: list[Document]) -> Iterator[httpx.Client]:
    """Watcher's node with the healthy day."""
    for pattern in STREAMS:
        watcher.delete(f"/{pattern}")
    assert watcher.put("/_template/mllog-watchtest", json=MAPPING).status_code == 200
    load(watcher, healthy)
    yield watcher
    for pattern in STREAMS:
        watcher.delete(f"/{pattern}")
    watcher.delete("/_template/mllog-watchtest")


@pytest.fixture(scope="module")
def new(elasticsearch: httpx.Client, healthy: list[Document]) -> Iterator[Store]:
    """Elasticsearch with the healthy day, under the project's own template."""
    for pattern in STREAMS:
        elasticsearch.delete(f"/_data_stream/{pattern}")
    store = open_store(os.environ["MLLOG_TEST_ELASTICSEARCH"])
    assert store.index(healthy).created == len(healthy)
    store.commit()
    yield store
    store.close()
    for pattern in STREAMS:
        elasticsearch.delete(f"/_data_stream/{pattern}")


def executed(client: httpx.Client, watch: Event, now: dt.datetime) -> tuple[bool, str]:
    """Whether Watcher met the condition, and what its logging action wrote."""
    moment = now.isoformat().replace("+00:00", "Z")
    answer = client.post(
        "/_xpack/watcher/watch/_execute",
        json={
            "watch": watch,
            "ignore_condition": False,
            "action_modes": {"log": "force_execute", "automation": "force_simulate"},
            "trigger_data": {"triggered_time": moment, "scheduled_time": moment},
        },
    )
    assert answer.status_code == 200, answer.text
    result = answer.json()["watch_record"]["result"]
    assert result.get("condition", {}).get("status") == "success", result
    texts = [action["logging"]["logged_text"] for action in result.get("actions", ()) if action["type"] == "logging"]
    for action in result.get("actions", ()):
        if action["type"] == "webhook":  # what a machine is told is JSON, whatever the names are
            body = json.loads(action["webhook"]["request"]["body"])
            assert body["watch"] == watch["metadata"]["name"]
            assert {"model", "version", "feature", "statistic", "window", "count", "time"} <= set(body)
    return result["condition"]["met"], "".join(texts)


def ours(store: Store, watch: Event, now: dt.datetime) -> tuple[bool, str]:
    """The same of mllog's own evaluation."""
    found = alerts.evaluate(watches.parse(watch), store, now=now)
    return found.fired, found.text


@pytest.mark.parametrize("name", FILES)
def test_watcher_fires_and_says_what_mllog_says(
    old: httpx.Client, embedded: EmbeddedStore, makers: tuple[Maker, Maker], name: str
) -> None:
    """Silent on a healthy day; on the day that is wrong it fires, and every character of the text is the same."""
    watch = narrowed(FILES[name], BOTH)
    assert executed(old, watch, NOW) == ours(embedded, watch, NOW) == (False, "")
    case: Case = makers[1].cases()[name]()
    found = documents(case.events)
    try:
        load(old, found) if found else None
        embedded.index(found)
        embedded.commit()
        fired, text = executed(old, watch, case.now)
        assert fired
        assert (fired, text) == ours(embedded, watch, case.now)
    finally:
        old.delete(f"/{STREAMS[1]}")
        embedded.delete_by_query({"match_all": {}}, index=STREAMS[1])


@pytest.mark.parametrize("name", FILES)
def test_elasticsearch_and_the_embedded_store_agree(
    elasticsearch: httpx.Client, new: Store, embedded: EmbeddedStore, makers: tuple[Maker, Maker], name: str
) -> None:
    """The same watch over both stores, on the healthy day and on the one that is wrong."""
    watch = narrowed(FILES[name], BOTH)
    assert ours(new, watch, NOW) == ours(embedded, watch, NOW) == (False, "")
    case: Case = makers[1].cases()[name]()
    found = documents(case.events)
    try:
        for store in (new, embedded):
            assert store.index(found).created == len(found)
            store.commit()
        fired, text = ours(new, watch, case.now)
        assert fired
        assert (fired, text) == ours(embedded, watch, case.now)
    finally:
        elasticsearch.delete(f"/_data_stream/{STREAMS[1]}")
        embedded.delete_by_query({"match_all": {}}, index=STREAMS[1])


@pytest.mark.parametrize("count", [0, 1, 5])
def test_with_few_events_every_watch_is_silent_and_none_fails(
    old: httpx.Client, embedded: EmbeddedStore, makers: tuple[Maker, Maker], count: int
) -> None:
    """Watcher evaluates the condition without an error, where there is nothing and where there is too little."""
    found = documents(makers[1].predictions(count))
    try:
        load(old, found) if found else None
        embedded.index(found)
        embedded.commit()
        for watch in FILES.values():
            alone = narrowed(watch, CASE)
            assert executed(old, alone, NOW) == ours(embedded, alone, NOW) == (False, "")
    finally:
        old.delete(f"/{STREAMS[1]}")
        embedded.delete_by_query({"match_all": {}}, index=STREAMS[1])


HOSTILE, QUOTED = "a{{ctx payload}} {{#c}}", 'say "b" {c}'


def test_names_are_data_to_watcher_too(old: httpx.Client, embedded: EmbeddedStore, tmp_path: Path) -> None:
    """A model whose name looks like a template, and a feature that looks like JSON: printed as they are, by both."""
    limits = tmp_path / "watches.toml"
    limits.write_text("[skew]\nleast = 20\nlimit = 0.5\n")
    frame = pd.DataFrame({"when": [1.0] * 60, HOSTILE: ["x", "y", "z"] * 20, QUOTED: ["x", "y", "z"] * 20})
    profile = Profile.learn(frame, name="odd{{x}}", version="2026-01-05")
    options = {"webhook": "https://automation.example/", "limits": watches.load_limits(limits)}
    with mllog.testing.capture() as events:
        for _ in range(30):
            log = mllog.model(profile.name, profile.version, profile=profile)
            log.prediction({"when": 9.0, HOSTILE: "x", QUOTED: "x"}, timestamp=NOW - dt.timedelta(minutes=5))
    moved = [event | {"data_stream": {**event["data_stream"], "namespace": CASE}} for event in events]
    found = documents(moved)
    try:
        load(old, found)
        embedded.index(found)
        embedded.commit()
        fired = set()
        for watch in watches.build(profile, **options).values():
            said = executed(old, narrowed(watch, CASE), NOW)
            assert said == ours(embedded, narrowed(watch, CASE), NOW)
            fired |= {watch["metadata"]["kind"]} if said[0] else set()
            if watch["metadata"].get("feature") == QUOTED:
                assert f"odd{{{{x}}}}: {QUOTED} is not distributed" in said[1]
        assert fired == {"invalid_inputs", "skew"}
    finally:
        old.delete(f"/{STREAMS[1]}")
        embedded.delete_by_query({"match_all": {}}, index=STREAMS[1])


@pytest.mark.parametrize(("milliseconds", "fires"), [(50, True), (100, False)])
def test_a_limit_in_milliseconds_is_compared_with_the_95th_percentile(
    old: httpx.Client, embedded: EmbeddedStore, makers: tuple[Maker, Maker], milliseconds: int, *, fires: bool
) -> None:
    """On the healthy day a tenth of the calls take a tenth of a second, the others less."""
    limits = watches.Limits({"latency": {"limit": milliseconds}})
    watch = narrowed(watches.build(makers[0].flights.profile, limits=limits)["flights_delay-latency"], BOTH)
    said = executed(old, watch, NOW)
    assert said == ours(embedded, watch, NOW)
    assert said[0] is fires


def test_watcher_takes_every_file_as_it_is(watcher: httpx.Client) -> None:
    """Stored, read back, removed."""
    for watch in FILES.values():
        answer = watcher.put("/_xpack/watcher/watch/mllog-stacktest", json=watch)
        assert answer.status_code in (200, 201), answer.text
        assert watcher.delete("/_xpack/watcher/watch/mllog-stacktest").json()["found"] is True
