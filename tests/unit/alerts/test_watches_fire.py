"""Every committed watch over events that mllog made: silent on a healthy day, and fires when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from support.watchcases import NOW, WATCHES, Case, Event, Maker, documents

from mllog import alerts, watches
from mllog.store import EmbeddedStore, open_store

FILES = {path.stem: json.loads(path.read_text()) for path in sorted(WATCHES.glob("*.json"))}


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Of what is wrong."""
    return Maker("wrong", tmp_path_factory.mktemp("sink"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A store with a day in which nothing is wrong."""
    folder = tmp_path_factory.mktemp("store")
    opened = open_store(folder)
    opened.index(documents(Maker("right", folder).healthy()))
    opened.commit()
    yield opened
    opened.close()


def test_nothing_fires_on_a_healthy_day(store: EmbeddedStore) -> None:
    """No watch at all, shadows, feedback, the monitor and the shipper included."""
    found = [alerts.evaluate(watches.parse(watch), store, now=NOW) for watch in FILES.values()]
    assert [(said.id, said.text) for said in found if said.fired] == []


@pytest.mark.parametrize("name", FILES)
def test_it_fires_when_something_is_wrong(store: EmbeddedStore, maker: Maker, name: str) -> None:
    """And says so in one line that ends with where to look."""
    case: Case = maker.cases()[name]()
    try:
        store.index(documents(case.events))
        store.commit()
        said = alerts.evaluate(watches.parse(FILES[name]), store, now=case.now)
    finally:
        store.delete_by_query({"match_all": {}}, index="logs-mllog.*-wrong")
    assert said.fired
    assert said.text.endswith(f"Look at {said.link}")
    assert "{{" not in said.text
    assert "\n" not in said.text
    assert "ann" not in said.text


def filters_of(name: str) -> list[Event]:
    """What a watch asks of an event."""
    found: list[Event] = FILES[name]["input"]["search"]["request"]["body"]["query"]["bool"]["filter"]
    return found


ON_PREDICTIONS = [
    name
    for name in FILES
    if name.startswith("flights_delay") and {"term": {"event.action": "prediction"}} in filters_of(name)
]


def test_most_watches_of_a_model_are_on_predictions() -> None:
    """One for each input, and those on answers, time and traffic; of shadows there is one."""
    assert len(ON_PREDICTIONS) > 20
    assert [name for name in ON_PREDICTIONS if name.endswith("-shadow")] == ["flights_delay-shadow"]


@pytest.mark.parametrize("name", ON_PREDICTIONS)
def test_a_shadow_s_answers_are_not_those_of_the_live_model(name: str) -> None:
    """Every watch on predictions asks for the live ones; that on shadows is the only one that does not."""
    role = "shadow" if name.endswith("-shadow") else "live"
    assert {"term": {"mllog.model.role": role}} in filters_of(name)


def test_the_query_of_a_link_is_one_that_the_query_box_takes(store: EmbeddedStore, maker: Maker) -> None:
    """What narrows the events down on the page parses, and most of it finds something on a healthy day."""
    links = [watch["metadata"]["link"] for watch in watches.build(maker.flights.profile, page_url="http://h").values()]
    asked = {unquote(link.partition("&q=")[2].partition("#")[0]) for link in links} - {""}
    found = {query: store.count({"query_string": {"query": query}}) for query in asked}
    assert found["event.outcome:failure"] == 3
    assert (
        found["_exists_:mllog.input.number.dep_delay OR mllog.quality.missing:dep_delay"] == 883 + 60
    )  # with the answers of the shadow
