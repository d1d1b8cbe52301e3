"""The index template has a place for everything that mllog writes, and nothing maps what a sender invents."""

from __future__ import annotations

import datetime as dt
import json
import logging
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mllog
from mllog import Profile, alerts
from mllog.dashboards.kibana._check import mapped
from mllog.integrations._http import Request
from mllog.pipeline import event_from_line, load
from mllog.store._fields import DATES, leaves
from mllog.testing import capture

ROOT = Path(__file__).parents[3]
TEMPLATE = json.loads((ROOT / "elastic/index_templates/logs-mllog.json").read_text())
MAPPINGS, SETTINGS = (
    json.loads((ROOT / f"elastic/component_templates/logs-mllog-{part}.json").read_text())["template"][part]
    for part in ("mappings", "settings")
)
LINES = (
    b'{"event":{"action":"prediction"},"data_stream":{"dataset":"mllog.late"},"@timestamp":"never"}',
    b"no JSON at all, from someone@example.com",
    b"x" * 70_000,
    b"[1, 2]",
    b'{"event":{"action":"drift","id":"0123456789"}}',
)


def unmapped(event: Any) -> set[str]:
    """The fields of an event that the template does not know."""
    return {
        path
        for path, _ in leaves(event)
        if not any(fnmatchcase(path, field) for field in mapped()) and not path.startswith("mllog.input_overflow.")
    }


def test_everything_that_the_library_writes_is_mapped() -> None:
    """Predictions of every kind, with context, quality, redaction and errors."""
    frame = pd.DataFrame(
        {"delay": [1.0, 2.0], "late": [True, False], "carrier": ["AA", "UA"], "note": ["x " * 200] * 2}
    )
    profile = Profile.learn(frame, name="late", version="1")
    with capture() as events, mllog.bound(team="blue"):
        for model in (mllog.model("late", "1", profile=profile), mllog.model("plain", "1")):
            model.prediction(
                {"delay": 9e9, "carrier": "ann@example.com", "note": None, "new": {"a": [1, {"b": 2}]}, "late": 3},
                {"p": 0.5, "why": "far " * 100, "ok": True, "class": "late"},
                duration=0.1,
            )
            model.prediction({"delay": float("nan")}, error=ValueError("no"))
    assert len(events) == 4
    assert [unmapped(event) for event in events] == [set()] * 4


def test_every_field_of_a_record_is_mapped() -> None:
    """Records of an application, with an exception, and those of a request."""
    handler = mllog.testing.MemoryHandler()
    record = logging.makeLogRecord({"msg": "x", "user": {"id": "u"}, "gate": 7})
    record.exc_info = (ValueError, ValueError("ann@example.com"), None)
    handler.emit(record)
    with capture() as events:
        Request("GET", "/x", None, None).log(200, "/{x}", None)
    assert [unmapped(event) for event in [*handler.events, *events]] == [set()] * 2


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:12])
def test_everything_that_the_pipeline_makes_of_foreign_lines_is_mapped(line: bytes) -> None:
    """Whatever a line was, its event has a place."""
    for event in load([ROOT / "logstash/pipeline"], environ={"MLLOG_LOGSTASH_ID_KEY": "of the tests"}).filter(
        event_from_line(line)
    ):
        assert unmapped({key: value for key, value in event.items() if key not in ("@metadata", "@version")}) == set()


def test_an_alert_is_mapped() -> None:
    """The event of a firing."""
    context = {"metadata": {"kind": "skew", "rubric": "x", "feature": "delay", "version": "1"}}
    found = alerts.Evaluation("late-x", "triage", True, "text", "late", "http://h", {}, context=context)
    assert unmapped(alerts.to_event(found, now=dt.datetime.now(dt.UTC), failed=["log"])) == set()


def test_both_stores_hold_the_same_fields_as_dates() -> None:
    """The embedded store's dates are those of the template."""
    dates = set()
    stack = [("", MAPPINGS["properties"])]
    while stack:
        prefix, properties = stack.pop()
        for name, field in properties.items():
            stack.append((f"{prefix}{name}.", field.get("properties", {})))
            if field.get("type") == "date_nanos":
                dates.add(prefix + name)
    assert dates == DATES


def test_the_template_keeps_to_the_design() -> None:
    """Priority, root, typed sub-objects, budget."""
    assert TEMPLATE["priority"] == 501
    assert TEMPLATE["index_patterns"] == ["logs-mllog.*-*"]
    assert MAPPINGS["dynamic"] == "false"
    index = SETTINGS["index"]
    assert index["final_pipeline"] == "mllog-ingested"
    assert index["mapping"]["total_fields"]["ignore_dynamic_beyond_limit"] is True
    for side in ("input", "output"):
        kinds = MAPPINGS["properties"]["mllog"]["properties"][side]["properties"]
        assert set(kinds) == {"number", "category", "boolean", "text"}
        assert all(kind["subobjects"] is False and kind["dynamic"] == "true" for kind in kinds.values())


@pytest.mark.parametrize("path", sorted((ROOT / "elastic/index_templates").glob("*.json")), ids=lambda path: path.stem)
def test_what_a_template_names_is_there(path: Path) -> None:
    """Component templates, lifecycle policy and final pipeline are files beside it: nothing of Elastic's is needed."""
    template = json.loads(path.read_text())
    named = [("component_templates", name) for name in template["composed_of"]]
    named += [("ilm", template["template"]["settings"]["index"]["lifecycle"]["name"])]
    named += [("ingest_pipelines", SETTINGS["index"]["final_pipeline"])]
    for folder, name in named:
        assert json.loads((ROOT / "elastic" / folder / f"{name}.json").read_text())
