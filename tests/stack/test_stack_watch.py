"""The committed watch on a real Watcher: it fires when and says what the embedded evaluation does."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from stacktools import ROOT

from mllog import alerts
from mllog.store import Document, open_store

pytestmark = pytest.mark.stack

FILE = ROOT / "elastic/watches/flights_delay-invalid_inputs.json"
MAPPING = {
    "mappings": {
        "doc": {
            "dynamic_templates": [{"words": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}],
            "properties": {"@timestamp": {"type": "date"}},
        }
    }
}
INDEX = "logs-mllog.flights_delay-watchtest"


def events(invalid: int, count: int, now: dt.datetime) -> list[dict[str, Any]]:
    """Predictions of the last hour, some of them invalid."""
    found = []
    for number in range(count):
        quality: dict[str, Any] = {"invalid": int(number < invalid)}
        if number < invalid:
            quality |= {"above_max": ["month"], "unseen_category": ["dest"][: number % 2], "unexpected": ["\nfake"]}
        moment = (now - dt.timedelta(minutes=5 + number % 50)).isoformat(timespec="milliseconds")
        found.append(
            {
                "@timestamp": moment.replace("+00:00", "Z"),
                "event": {"action": "prediction"},
                "mllog": {"model": {"role": "live"}, "quality": quality},
            }
        )
    return found


@pytest.mark.parametrize(("invalid", "count"), [(0, 0), (0, 40), (2, 40), (3, 40), (40, 40)])
def test_watcher_and_mllog_agree(watcher: httpx.Client, tmp_path: Path, invalid: int, count: int) -> None:
    """Whether it fires, and every character of the text."""
    now = dt.datetime.now(dt.UTC)
    watcher.delete(f"/{INDEX}")
    assert watcher.put(f"/{INDEX}", json=MAPPING).status_code == 200
    sources = events(invalid, count, now)
    store = open_store(tmp_path)
    store.index([Document(INDEX, str(n), source) for n, source in enumerate(sources)])
    store.commit()
    for n, source in enumerate(sources):
        assert watcher.put(f"/{INDEX}/doc/{n}", json=source).status_code == 201
    watcher.post(f"/{INDEX}/_refresh")

    watch = json.loads(FILE.read_text())
    execution = {"watch": watch, "ignore_condition": False, "action_modes": {"_all": "force_execute"}}
    answer = watcher.post("/_xpack/watcher/watch/_execute", json=execution)
    assert answer.status_code == 200, answer.text
    result = answer.json()["watch_record"]["result"]
    scheduled = answer.json()["watch_record"]["trigger_event"]["manual"]["schedule"]["scheduled_time"]
    moment = dt.datetime.fromisoformat(scheduled)

    ours = alerts.evaluate(alerts.parse(watch), store, now=moment)
    store.close()
    watcher.delete(f"/{INDEX}")
    assert result["condition"]["met"] is ours.fired is (count > 0 and invalid / count > 0.05)
    if ours.fired:
        (action,) = result["actions"]
        assert action["logging"]["logged_text"] == ours.text
        assert "fake" not in ours.text
        assert f"above_max: month ({invalid})" in ours.text


def test_watcher_takes_the_file_as_it_is(watcher: httpx.Client) -> None:
    """Stored, read back, removed."""
    name = "mllog-stacktest"
    answer = watcher.put(f"/_xpack/watcher/watch/{name}", json=json.loads(FILE.read_text()))
    assert answer.status_code in (200, 201), answer.text
    assert watcher.delete(f"/_xpack/watcher/watch/{name}").json()["found"] is True
