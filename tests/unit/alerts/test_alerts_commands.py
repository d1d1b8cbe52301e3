"""`mllog watches` and `mllog alerts` on the command line."""

from __future__ import annotations

import base64
import datetime as dt
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.alerts import a_watch, broken, fill
from support.fakecluster import Answer, certificate, items, serving
from support.waiting import PATIENCE

import mllog
from mllog import Profile
from mllog.__main__ import main
from mllog.store import open_store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command `mllog` in this process: exit code, standard output, standard error."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mllog", *map(str, arguments)])
        capfd.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        out, err = capfd.readouterr()
        return code, out, err

    return command


@pytest.fixture
def place(tmp_path: Path) -> tuple[object, ...]:
    """Options for a store with ten events, a folder of watches and a state."""
    store = open_store(tmp_path / "store")
    fill(store, now=dt.datetime.now(dt.UTC))
    store.close()
    folder = tmp_path / "watches"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(a_watch()))
    (folder / "b.json").write_text(json.dumps(a_watch("late-quiet", limit=99)))
    return ("--store", tmp_path / "store", "--watches", folder, "--state", tmp_path / "alerts.state.json")


def said(out: str) -> list[dict[str, Any]]:
    """The objects of `--json`."""
    return [json.loads(line) for line in out.splitlines()]


def test_run_once_twice_keeps_throttle_and_acknowledgement(run: Run, place: tuple[object, ...], tmp_path: Path) -> None:
    """As cron does it: acts, is throttled, and is silent once somebody knows."""
    code, out, err = run("alerts", "run", *place, "--once", "--json")
    assert (code, err) == (0, "")
    first, second = said(out)
    assert (first["id"], first["severity"], first["fired"], first["text"]) == (
        "late-errors",
        "triage",
        True,
        "10 events",
    )
    assert (first["done"], second["fired"]) == (["log", "event"], False)
    assert said(run("alerts", "run", *place, "--once", "--json")[1])[0]["held"] == {
        "log": "throttled",
        "event": "throttled",
    }
    code, out, _ = run("alerts", "ack", "late-errors", "--state", tmp_path / "alerts.state.json")
    assert (code, out.partition(";")[0]) == (0, "late-errors: acknowledged (log, event)")
    held = said(run("alerts", "run", *place, "--once", "--json")[1])[0]["held"]
    assert held == {"log": "acknowledged", "event": "acknowledged"}
    store = open_store(tmp_path / "store")
    assert store.count(index="logs-mllog.alerts-default") == 1
    store.close()


def test_run_says_what_fires_to_people(run: Run, place: tuple[object, ...]) -> None:
    """A line for each; a dry run says what it would do and does nothing."""
    for _ in range(2):
        assert run("alerts", "run", *place, "--once", "--dry-run") == (
            0,
            "triage: 10 events [would run log, would run event]\n",
            "",
        )


def test_what_could_not_be_evaluated_is_an_exit_code(run: Run, place: tuple[object, ...], tmp_path: Path) -> None:
    """So that cron says so; the others were evaluated."""
    (tmp_path / "watches/c.json").write_text(json.dumps(broken()))
    code, out, _ = run("alerts", "run", *place, "--once")
    assert code == 1
    assert "late-broken could not be evaluated: aggs.x.geo_bounds" in out
    assert "triage: 10 events" in out


def test_it_goes_on_until_it_is_told_to_stop(place: tuple[object, ...]) -> None:
    """The first evaluation comes at once; SIGTERM ends it, with exit code 0, and the store is free again."""
    command = [sys.executable, "-m", "mllog", "alerts", "run", *map(str, place), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [json.loads(process.stdout.readline())["fired"] for _ in range(2)] == [True, False]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    open_store(str(place[1])).close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_secured_cluster_is_asked_and_told(run: Run, place: tuple[object, ...], tmp_path: Path) -> None:
    """With the key of a file and the authority that was named: the watches are evaluated, the alert is stored."""
    both, authority = certificate(tmp_path)
    key = tmp_path / "key"
    key.write_text("id:secret\n")
    with serving(both) as cluster:

        def answer(_: str, path: str, body: bytes) -> Answer:
            if cluster.asked[-1][3].get("authorization") != f"ApiKey {base64.b64encode(b'id:secret').decode()}":
                return 401, {"error": {"type": "security_exception", "reason": "missing authentication"}}
            if "_bulk" in path:
                return items(body, lambda _: (201, None))
            return 200, {"hits": {"total": {"value": 10, "relation": "eq"}, "hits": []}, "_shards": {"total": 1}}

        cluster.answer = answer
        options = ("alerts", "run", "--store", cluster.url, *place[2:], "--once")
        code, out, err = run(*options, "--api-key-file", key, "--ca", authority, "--json")
        assert (code, err) == (0, "")
        assert [(found["id"], found["fired"], found["done"]) for found in said(out)] == [
            ("late-errors", True, ["log", "event"]),
            ("late-quiet", False, []),
        ]
        ((_, event),) = (pair for bulk in cluster.bulks() for pair in bulk)
        assert (event["event"]["action"], event["rule"]["id"]) == ("alert", "late-errors")
        code, out, err = run(*options, "--api-key-file", key)
        assert (code, out) == (1, "")
        assert "name its authority (--ca)" in err
        code, out, err = run(*options, "--ca", authority)
        assert code == 1
        assert "late-quiet could not be evaluated: " in out
        assert "the API key is missing, unknown or has expired (401)" in out
        assert "secret" not in out + err


def test_a_store_that_is_not_there_is_said_so(run: Run, place: tuple[object, ...], tmp_path: Path) -> None:
    """An empty one would never alert."""
    code, out, err = run("alerts", "run", "--store", tmp_path / "typo", *place[2:], "--once")
    assert (code, out) == (1, "")
    assert "typo: no store in this folder" in err
    assert not (tmp_path / "typo").exists()


def test_a_watch_outside_the_subset_stops_the_run(run: Run, place: tuple[object, ...], tmp_path: Path) -> None:
    """One line with its place, and nothing done."""
    (tmp_path / "watches/c.json").write_text(json.dumps({**a_watch("x"), "transform": {}}))
    code, out, err = run("alerts", "run", *place, "--once")
    assert (code, out) == (1, "")
    assert err.startswith("mllog: ")
    assert "c.json: $: unknown key 'transform'" in err
    assert err.count("\n") == 1


def test_the_watches_of_a_profile_are_written_and_tried(run: Run, tmp_path: Path) -> None:
    """From a training frame to the text of an alert, over events that a service logged."""
    frame = pd.DataFrame({"delay": [float(n) for n in range(40)], "carrier": ["AA", "UA"] * 20})
    profile = Profile.learn(frame, name="tardy", version="1.0")
    profile.save(tmp_path / "tardy.json")
    out, rules = tmp_path / "watches", tmp_path / "rules"
    limits = tmp_path / "watches.toml"
    limits.write_text("[invalid_inputs]\nlimit = 0.9\n")
    options = ("--out", out, "--rules", rules, "--limits", limits, "--page", "http://127.0.0.1:8650")
    code, printed, _ = run("watches", "build", tmp_path / "tardy.json", *options)
    assert code == 0
    assert printed.splitlines() == [str(path) for path in map(Path, printed.splitlines()) if path.is_file()]
    assert {path.name for path in rules.glob("*.json")} < {path.name for path in out.glob("*.json")}
    events = tmp_path / "events.ndjson"
    with mllog.testing.capture() as logged:
        for _ in range(3):
            mllog.model("tardy", "1.0", profile=profile).prediction({"delay": 99.0, "carrier": "AA"})
    events.write_text("".join(json.dumps(event) + "\n" for event in logged))
    watch = out / "tardy-invalid_inputs.json"
    code, printed, _ = run("watches", "test", watch, "--events", events)
    assert code == 0
    head, text = printed.splitlines()
    assert head.startswith("tardy-invalid_inputs fires over 3 events at ")
    assert text.startswith(
        "tardy: share of invalid inputs 1.0 is above 0.9, over 3 predictions in 1d. above_max: delay (3);"
    )
    code, printed, _ = run("watches", "test", watch, "--events", events, "--json", "--now", "2020-01-01T00:00:00Z")
    (found,) = said(printed)
    assert (code, found["fired"], found["text"], found["events"]) == (0, False, "", 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--events", "none.ndjson"), "none.ndjson: cannot read the events"),
        (("--events", "bad.ndjson"), "bad.ndjson:2:"),
        (("--events", "odd.ndjson"), "odd.ndjson:1: not an event: expected an object"),
        (("--events", "good.ndjson", "--now", "soon"), "--now: 'soon' is not a time"),
    ],
)
def test_events_that_are_none_are_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    """With the line of the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.json").write_text(json.dumps(a_watch()))
    for name, text in (("bad", '{"a": 1}\n{\n'), ("odd", '{"event": 3}\n'), ("good", "{}\n")):
        (tmp_path / f"{name}.ndjson").write_text(text)
    code, out, err = run("watches", "test", "w.json", *arguments)
    assert (code, out) == (1, "")
    assert says in err
    assert err.count("\n") == 1
