"""`mllog pipeline test` and `scan`, as somebody at a shell sees them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.cli import Cli

from mllog.store import Document, open_store

CONFIG = """\
filter {
  if [kind] == "a" {
    mutate { id => "one" add_field => { "seen" => "yes" } }
  } else if [kind] == "b" {
    drop { id => "two" }
  }
  mutate { id => "three" add_field => { "[@metadata][word]" => "%{kind}" } }
}
"""
CASES = """\
ignore: [event]
cases:
  - name: a is seen
    event: {kind: a}
    events: [{kind: a, seen: "yes", "@metadata": {word: a}}]
  - name: b is dropped
    event: {kind: b}
    events: []
"""
REST = """\
  - name: c is left alone
    event: {kind: c}
    events: [{kind: c, seen: <ABSENT>, other: <ABSENT>}]
"""
# Stands in for a Logstash that is not installed: it takes the same command line, and runs the configuration in the
# embedded runner.
PROGRAM = """\
#!{python}
import json, sys
from mllog.pipeline import encode, event_from_json, load
path = sys.argv[sys.argv.index("--path.config") + 1]
assert "--pipeline.ordered" in sys.argv
pipeline = load([path])
print("Using bundled JDK: not an event")
for line in sys.stdin:
    for event in json.loads(encode(pipeline.filter(event_from_json(json.loads(line))))):
        event.pop("@metadata", None)
        print(json.dumps(event))
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A configuration with cases beside it."""
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "cases").mkdir()
    (tmp_path / "pipeline" / "10-all.conf").write_text(CONFIG)
    (tmp_path / "cases" / "all.yml").write_text(CASES + REST)
    return tmp_path / "pipeline"


def program(folder: Path, text: str) -> Path:
    path = folder / "logstash"
    path.write_text(text.replace("{python}", sys.executable))
    path.chmod(0o755)
    return path


def test_cases_pass_and_reach_every_branch(cli: Cli, pipeline: Path) -> None:
    """For people and for machines."""
    assert cli.does("pipeline", "test", pipeline) == "3 of 3 cases passed\n"
    assert cli.does("pipeline", "test", pipeline, "--coverage") == "3 of 3 cases passed\n3 of 3 branches reached\n"
    told = json.loads(cli.does("pipeline", "test", pipeline, "--coverage", "--json"))
    assert told == {"cases": 3, "failed": [], "branches": 3, "missed": []}


def test_a_branch_that_no_case_reaches_is_named(cli: Cli, pipeline: Path) -> None:
    """With its file and line, and the run fails."""
    (pipeline.parent / "cases" / "all.yml").write_text(CASES)
    code, out, _ = cli.run("pipeline", "test", pipeline, "--coverage")
    assert code == 1
    assert out.splitlines()[-2:] == ["2 of 3 branches reached", f"not reached: {pipeline / '10-all.conf'}:2: no else"]


def test_a_case_that_fails_shows_the_difference(cli: Cli, pipeline: Path) -> None:
    """What was expected and what came, line by line, and nothing of the event that nobody asked about."""
    (pipeline.parent / "cases" / "all.yml").write_text(CASES.replace('seen: "yes"', "seen: sometimes"))
    code, out, err = cli.run("pipeline", "test", pipeline)
    assert (code, out) == (1, "1 of 2 cases passed\n")
    lines = err.splitlines()
    assert lines[0].endswith('all.yml: a is seen: event.seen is "yes", not "sometimes"')
    assert [line for line in lines if line[0] in "-+" and "seen" in line] == [
        '-  "seen": "sometimes"',
        '+  "seen": "yes"',
    ]
    assert "@timestamp" not in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases: [{name: x}]", "each case needs a name, and a line, bytes or an event"),
        ("cases: [{name: x, line: y, wanted: z}]", "unknown keys: wanted"),
        ("cases: [{name: x, bytes: zz}]", "bytes are hexadecimal digits"),
        ("[", "no case file"),
    ],
)
def test_a_case_file_that_is_wrong_is_refused(cli: Cli, pipeline: Path, text: str, said: str) -> None:
    """With its name and what is wrong."""
    path = pipeline.parent / "cases" / "all.yml"
    path.write_text(text)
    line = cli.fails("pipeline", "test", pipeline)
    assert str(path) in line
    assert said in line


def test_another_program_runs_the_cases(cli: Cli, pipeline: Path) -> None:
    """What `--logstash` names gets the filters and the events, and its answers are judged the same way."""
    there = program(pipeline.parent, PROGRAM)
    assert cli.does("pipeline", "test", pipeline, "--logstash", there) == "3 of 3 cases passed\n"
    (pipeline.parent / "cases" / "all.yml").write_text(CASES.replace("[]", "[{kind: b}]"))
    code, _, err = cli.run("pipeline", "test", pipeline, "--logstash", there)
    assert code == 1
    assert "b is dropped: 0 events came out, not 1" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\necho out of memory >&2; exit 3", "Logstash ended with 3: out of memory"),
        ("#!/bin/sh\ncat >/dev/null", "gave an answer to 0 of 3 cases"),
        ("no program", "Logstash cannot be run"),
    ],
)
def test_a_program_that_fails_is_said(cli: Cli, pipeline: Path, text: str, said: str) -> None:
    """In one line, with its path."""
    there = program(pipeline.parent, text)
    line = cli.fails("pipeline", "test", pipeline, "--logstash", there)
    assert said in line
    assert str(there) in line


EVENTS = [
    {"event": {"id": f"e{number}"}, "@timestamp": f"2026-05-04T12:00:0{number}Z", "user": user}
    for number, user in enumerate(
        (
            {"note": "ask ann@example.com", "pin": "4821"},
            {"note": "[REDACTED:email]", "pin": "[REDACTED:key]"},
            {"note": "bob@example.com and 4242424242424242"},
        ),
        1,
    )
]
FOUND = [
    {"kind": "email", "field": "user.note", "times": 2, "ids": ["e1", "e3"]},
    {"kind": "card", "field": "user.note", "times": 1, "ids": ["e3"]},
    {"kind": "key", "field": "user.pin", "times": 1, "ids": ["e1"]},
]


def lines(folder: Path) -> Path:
    path = folder / "events.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    return path


def parquet(folder: Path) -> Path:
    path = folder / "events.parquet"
    pd.json_normalize(EVENTS).to_parquet(path)
    return path


def store(folder: Path) -> Path:
    with_events = open_store(folder / "store")
    with_events.index(Document("logs-mllog.m-test", event["event"]["id"], event) for event in EVENTS)  # type: ignore[index]
    with_events.commit()
    with_events.close()
    return folder / "store"


@pytest.mark.parametrize("source", [lines, parquet, store])
def test_scan_finds_what_is_there_all_the_same(cli: Cli, tmp_path: Path, source: object) -> None:
    """By kind and field, with some ids, and never a value; what was redacted is no find."""
    code, out, _ = cli.run("pipeline", "scan", source(tmp_path), "--json")  # type: ignore[operator]
    assert code == 1
    assert json.loads(out) == {"events": 3, "affected": 2, "found": 4, "findings": FOUND}
    assert "ann@" not in out


def test_scan_of_what_is_clean_goes_well(cli: Cli, tmp_path: Path) -> None:
    """And what a team calls sensitive is found with its own file."""
    path = tmp_path / "clean.ndjson"
    path.write_text('{"event":{"id":"e1"},"diary":{"patient":"Ann"}}\nno JSON at all\n')
    assert cli.does("pipeline", "scan", path) == "2 events, 0 sensitive values in 0 of them\n"
    own = tmp_path / "redaction.toml"
    own.write_text("[names]\nwords = ['patient']")
    code, out, _ = cli.run("pipeline", "scan", path, "--rules", own)
    assert code == 1
    assert out.splitlines()[0].split() == ["1", "key", "diary.patient", "in", "e1"]


def test_scan_of_nothing_is_an_error(cli: Cli, tmp_path: Path) -> None:
    """In one line."""
    assert "no file, folder or URL" in cli.fails("pipeline", "scan", tmp_path / "none.ndjson")
