"""The embedded store keeps events for as long as it is told to, and what is about mllog itself for longer."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.waiting import PATIENCE

from mllog.errors import ConfigurationError, StoreError
from mllog.server import open_chain
from mllog.server._retention import Retention
from mllog.store import Document, EmbeddedStore, open_store

NOW = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
KEEP = dt.timedelta(days=30)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """An event of every tenth day, for 500 days, in the streams of a model and of alerts."""
    opened = open_store(tmp_path / "store")
    for stream in ("shop", "alerts"):
        put(opened, f"logs-mllog.{stream}-test", range(0, 500, 10))
    yield opened
    opened.close()


def put(store: Any, index: str, days: Any) -> None:
    """Events so many days old, and one that says no time."""
    times = {f"d{day}": {"@timestamp": (NOW - dt.timedelta(days=day)).isoformat()} for day in days}
    store.index(Document(index, name, source) for name, source in {**times, "never": {"message": "x"}}.items())
    store.commit()


def test_what_is_older_goes_and_the_rest_stays(store: EmbeddedStore) -> None:
    """To the moment; events about mllog itself stay for 400 days, and a second time there is nothing to do."""
    retention = Retention(store, KEEP)
    assert retention.apply(NOW) == 46 + 9
    assert {hit["_id"] for hit in store.scan(index="logs-mllog.shop-*")} == {"d0", "d10", "d20", "d30", "never"}
    assert store.count(index="logs-mllog.alerts-*") == 42
    assert retention.apply(NOW) == 0


def test_a_server_applies_it_when_it_starts(tmp_path: Path) -> None:
    """And stops with it."""
    chain = open_chain(tmp_path, retention=KEEP.total_seconds())
    put(chain.store, "logs-mllog.shop-test", [400])
    assert chain.retention is not None
    ended = chain.retention._stop
    chain.retention._stop = Once(ended)  # type: ignore[assignment]
    chain.start()
    chain.retention._thread.join(PATIENCE)
    assert chain.store.count(index="logs-mllog.shop-*") == 1
    chain.stop()
    assert ended.is_set()


class Once:
    """An event that a thread waits for once in vain."""

    def __init__(self, right: Any) -> None:
        self._right = right
        self._waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        """Whether it is over."""
        self._waits.append(seconds)
        return len(self._waits) > 1

    def set(self) -> None:
        """It is."""
        self._right.set()


def test_a_failure_is_shown_and_tried_again(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is no reason to end."""
    retention = Retention(store, KEEP)

    def full(*_: Any, **__: Any) -> int:
        raise StoreError("no space left on device")

    monkeypatch.setattr(store, "delete_by_query", full)
    waiting = Once(retention._stop)
    monkeypatch.setattr(retention, "_stop", waiting)
    retention._run()
    assert retention.failure == "retention: no space left on device"
    assert waiting._waits == [0.0, 600.0]


@pytest.mark.parametrize(("store", "seconds", "says"), [("https://es:9200", 86400.0, "ILM"), (None, 60.0, "a day")])
def test_what_cannot_be_is_said(tmp_path: Path, store: str | None, seconds: float, says: str) -> None:
    """A cluster deletes by itself; less than a day would be over before it is applied."""
    with pytest.raises(ConfigurationError, match=says):
        open_chain(tmp_path, store=store, retention=seconds)


def test_what_a_store_holds_is_shown(tmp_path: Path, cli: Cli) -> None:
    """By stream, with its oldest event."""
    opened = open_store(tmp_path / "store")
    for stream in ("shop", "alerts"):
        put(opened, f"logs-mllog.{stream}-test", range(0, 500, 10))
    opened.close()
    shown = json.loads(cli.does("retention", "show", "--store", tmp_path, "--json"))
    assert [(item["stream"], item["events"], item["oldest"][:10]) for item in shown] == [
        ("logs-mllog.alerts-test", 51, "2024-12-30"),
        ("logs-mllog.shop-test", 51, "2024-12-30"),
    ]
    assert "--retention" in cli.does("retention", "show", "--store", tmp_path)
