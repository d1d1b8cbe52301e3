"""The benchmarks run, and say what docs/benchmarks.md shows of them; figures are no subject of tests."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
BENCHMARKS = ROOT / "benchmarks"
pytestmark = pytest.mark.slow

SOME = r"^mllog$|^structlog"
NOWHERE = ("--elasticsearch", "http://127.0.0.1:1")


def run(tmp_path: Path, script: str, *arguments: str) -> tuple[str, dict[str, Any]]:
    """What a smoke run prints, and its figures."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(BENCHMARKS / script), "--quick", "--json", str(figures), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout, json.loads(figures.read_text())


def test_emit_compares_mllog_with_structlog(tmp_path: Path) -> None:
    """A smoke run of emit gives times, memory and a table with one row a contender."""
    table, figures = run(tmp_path, "emit.py", "--only", SOME)
    assert set(figures["contenders"]) == {"mllog", "structlog + orjson"}
    for each in figures["contenders"].values():
        assert 0 < each["p50"] <= each["p99"]
        assert each["peak_mb"] >= 0
    assert table.count("\n| mllog |") == 1


def test_survival_finds_what_is_there_and_what_was_changed(tmp_path: Path) -> None:
    """Events of mllog are all found, as they were when called; a queue of references shows later changes."""
    _, figures = run(tmp_path, "survival.py", "--events", "100", "--only", "^mllog$|^python.*QueueHandler$")
    queued = figures["contenders"].pop("python-json-logger + orjson + QueueHandler")
    assert figures["contenders"] == {"mllog": {"exit": [100], "_exit": [100], "kill": [100], "mutation": [0]}}
    assert queued["mutation"][0] > 0


def test_contention_has_a_ratio_to_no_logging(tmp_path: Path) -> None:
    """A smoke run of contention compares requests with and without logging, in threads and in tasks."""
    _, figures = run(tmp_path, "contention.py", "--only", SOME)
    for kind in ("threads", "asyncio"):
        assert figures[kind]["mllog"]["p99"]["ratio"]["median"] > 0
        assert figures[kind]["no logging"]["p99"]["ratio"]["median"] == 1


def test_fastapi_load_asks_every_application(tmp_path: Path) -> None:
    """A smoke run asks the server with each logger, and knows the CPU it used."""
    _, figures = run(tmp_path, "fastapi_load.py", "--only", SOME)
    usual = "structlog + orjson, ids by asgi-correlation-id"
    assert set(figures) == {"no logging", "mllog", "structlog + orjson", usual, "over_budget"}
    assert all(figures[name]["cpu_us"]["median"] > 0 for name in figures if name != "over_budget")


def test_batches_are_logged_without_a_drop(tmp_path: Path) -> None:
    """Every way to log a batch is measured, and no event of it is dropped or counted as an error."""
    table, figures = run(tmp_path, "batch.py")
    assert figures.pop("over_budget") == []
    assert table.count("\n| ") == len(figures) + 1


def test_the_pipeline_is_measured_by_line_file_and_rule(tmp_path: Path) -> None:
    """A smoke run gives each kind of line, each file and each rule its time, and each rule finds what it is for."""
    table, figures = run(tmp_path, "pipeline.py")
    assert [each["secrets"] for each in figures["lines"].values()] == [False, False, True, True]
    for each in figures["lines"].values():
        assert 900 < each["bytes"] < 1400
        assert set(each["files"]) == {path.name for path in (ROOT / "logstash" / "pipeline").glob("*.conf")}
    assert all(each["patterns"] > 0 for each in figures["parts"].values())
    assert [name for name, each in figures["rules"].items() if not each["found"]] == []
    assert {"email", "card", "names: password"} < set(figures["rules"])
    assert all(
        set(each) == {"half", "cap", "megabyte", "growth", "timed_out"} for each in figures["near_matches"].values()
    )
    assert table.count("\n| --- |") == 5


def test_where_the_time_goes_is_known(tmp_path: Path) -> None:
    """The stages share the whole time of a call, and each of them takes some."""
    _, figures = run(tmp_path, "where.py", "--only", "^mllog$")
    stages = figures["mllog"]["stages"]
    assert sum(stages.values()) == pytest.approx(1)
    assert all(stages[name] > 0 for name in ("encode", "validate", "sort by type", "append"))


def test_the_costly_calls_are_measured(tmp_path: Path) -> None:
    """A smoke run has a row for each kind that it was asked for."""
    table, figures = run(tmp_path, "costly.py", "--only", "label|chain")
    assert table.count("\n| ") == len(figures["calls"]) + 1 == 4
    assert all(each["ms"] > 0 for each in figures["calls"].values())


def test_imports_are_compared(tmp_path: Path) -> None:
    """A smoke run of imports gives a time for mllog and for structlog."""
    _, figures = run(tmp_path, "imports.py")
    assert set(figures["milliseconds"]) == {"mllog", "structlog"}


def test_storage_without_a_node_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line names the option and the variable; so does one about a node that does not answer."""
    monkeypatch.delenv("MLLOG_TEST_ELASTICSEARCH", raising=False)
    for arguments, reason in (((), "--elasticsearch URL, or set MLLOG_TEST_ELASTICSEARCH"), (NOWHERE, "start a node")):
        command = [sys.executable, str(BENCHMARKS / "storage.py"), "--quick", *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=tmp_path)
        assert answer.returncode == 1
        assert reason in answer.stderr
        assert answer.stderr.count("\n") == 1


def test_the_report_fills_the_page(tmp_path: Path) -> None:
    """The report puts a table between its markers, and leaves the rest of the page as it is."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "benchmarks").mkdir()
    page = tmp_path / "docs" / "benchmarks.md"
    shutil.copy(ROOT / "docs" / "benchmarks.md", page)
    before = page.read_text()
    command = [sys.executable, str(BENCHMARKS / "report.py"), "--quick", "--only", "imports", "--root", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    after = page.read_text()
    assert "| mllog |" in after.partition("<!-- begin imports -->")[2].partition("<!-- end imports -->")[0]
    assert after.partition("<!-- begin machine -->")[0] == before.partition("<!-- begin machine -->")[0]
    assert "imports" in json.loads((tmp_path / "benchmarks" / "results.json").read_text())
