"""The examples of the docs run as they stand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.servers import EXAMPLES
from support.waiting import PATIENCE

from mllog.pipeline import load
from mllog.spool import events


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example; a warning is an error."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)


def spooled(folder: Path) -> list[dict[str, Any]]:
    """Every event of a spool."""
    return [json.loads(line) for line in events(folder)]


@pytest.mark.parametrize("name", ["with_logging.py", "with_structlog.py"])
def test_records_and_predictions_share_spool_and_labels(name: str, tmp_path: Path) -> None:
    """The application's record and the prediction stand in one spool with the same label."""
    run(name, str(tmp_path))
    record, prediction = spooled(tmp_path)
    assert record["event"]["dataset"] == "mllog.log"
    assert record["log"]["logger"] == "shop"
    assert prediction["event"]["action"] == "prediction"
    assert record["labels"]["tenant"] == prediction["labels"]["tenant"] == "blue"


def test_the_formatter_says_what_the_spool_says(tmp_path: Path) -> None:
    """`mllog.JsonFormatter` on another handler makes the same event, but for its id."""
    printed = json.loads(run("with_logging.py", str(tmp_path)).stderr)
    record = spooled(tmp_path)[0]
    for event in (printed, record):
        del event["event"]["id"], event["event"]["created"]
    assert printed == record


def test_events_have_the_ids_of_the_span(tmp_path: Path) -> None:
    """Record and prediction have the trace and span of OpenTelemetry."""
    run("with_opentelemetry.py", str(tmp_path))
    record, prediction = spooled(tmp_path)
    assert record["trace"] == prediction["trace"]
    assert record["span"] == prediction["span"]


def test_a_scrape_shows_models_and_latency() -> None:
    """The exposition names the model, counts its call and has its histogram."""
    text = run("with_prometheus.py").stdout
    assert 'mllog_model_info{name="late",version="1.0"} 1.0' in text
    assert 'mllog_predictions_total{name="late",outcome="success",version="1.0"} 1.0' in text
    assert 'mllog_prediction_seconds_bucket{le="+Inf",name="late",version="1.0"} 1.0' in text


def test_standard_output_is_ndjson() -> None:
    """Each line of standard output is an event."""
    record, prediction = map(json.loads, run("to_stdout.py").stdout.splitlines())
    assert record["message"] == "asking"
    assert prediction["mllog"]["model"]["name"] == "late"


def test_the_beats_input_is_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The input for Filebeat passes the check of the pipeline's grammar and settings."""
    monkeypatch.setenv("MLLOG_BEATS_HOST", "127.0.0.1")
    assert load([EXAMPLES / "beats-input.conf"]) is not None
