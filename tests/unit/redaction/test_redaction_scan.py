"""Scanning what is stored already: every event is looked at, and no value is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.fakecluster import serving

from mllog.errors import ConfigurationError, StoreError
from mllog.redaction._scan import events_of, scanned
from mllog.store import Document, open_store

INDEX = "logs-mllog.late-test"


def test_every_event_of_a_store_is_looked_at(tmp_path: Path) -> None:
    """Over several pages; the store can be opened again afterwards."""
    store = open_store(tmp_path)
    notes = ["reach ann@example.com" if n % 100 == 0 else "nothing" for n in range(2300)]
    store.index(Document(INDEX, f"e{n}", {"labels": {"note": note}}) for n, note in enumerate(notes))
    store.commit()
    store.close()
    for _ in range(2):
        report = scanned(events_of(str(tmp_path)))
        assert (report.events, report.found) == (2300, 23)
    assert scanned(events_of(str(tmp_path), index="logs-mllog.other-*")).events == 0


def test_a_cluster_is_read_by_its_points_in_time() -> None:
    """With the key of a file, which is closed when the scan ends."""
    hits = [{"_index": INDEX, "_id": str(n), "_source": {"note": "ann@example.com"}, "sort": [n]} for n in range(3)]

    def answer(_: str, path: str, __: bytes) -> tuple[int, Any]:
        return 200, {"id": "p", "succeeded": True} if "_pit" in path else {"hits": {"hits": hits}}

    with serving() as fake:
        fake.answer = answer
        report = scanned(events_of(fake.url))
    assert [tuple(finding)[:3] for finding in report.findings()] == [("email", "note", 3)]
    assert fake.asked[-1][:2] == ("DELETE", "/_pit")


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """No file, and a cluster that refuses."""
    with pytest.raises(ConfigurationError, match="no file, folder or URL"):
        events_of(str(tmp_path / "none"))
    with serving() as fake:
        fake.answer = lambda *_: (401, {"error": {"type": "security_exception", "reason": "no"}})
        with pytest.raises(StoreError, match="API key"):
            list(events_of(fake.url))


def test_lines_of_a_file_are_events(tmp_path: Path) -> None:
    """A line that is no JSON is looked at as text."""
    path = tmp_path / "events.ndjson"
    path.write_text(json.dumps({"event": {"id": "a"}, "note": "ann@example.com"}) + "\nreach bob@example.com\n\n")
    assert [finding.ids for finding in scanned(events_of(str(path))).findings()] == [["line 2"], ["a"]]
