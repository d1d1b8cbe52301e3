"""Runs of watches: throttled, acknowledged, remembered between processes, and none stops another."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from support.alerts import NOW, a_watch, broken, fill, parsed

from mllog import MllogError, alerts, watches
from mllog.errors import StoreError
from mllog.store import EmbeddedStore

ALERTS = "logs-mllog.alerts-default"


def minutes(count: float) -> dt.datetime:
    """A moment after now."""
    return NOW + dt.timedelta(minutes=count)


def runner(store: EmbeddedStore, *watches: Any, state: Path | None = None, **options: Any) -> alerts.Runner:
    """Of the one watch that fires, if none is given."""
    found = parsed(*(watches or (a_watch(),)))
    return alerts.Runner(found, store, state=alerts.StateFile(state), **options)


def test_a_firing_is_logged_and_stored(opened: EmbeddedStore, caplog: pytest.LogCaptureFixture) -> None:
    """The logging action's text, and an event that says which watch, which model, where to look."""
    with caplog.at_level(logging.INFO, "mllog.alerts"):
        (outcome,) = runner(opened).run(NOW)
    assert outcome.done == ("log", "event")
    assert caplog.messages == ["10 events"]
    (hit,) = opened.search({"query": {"match_all": {}}}, index=ALERTS)["hits"]["hits"]
    event = hit["_source"]
    assert (event["message"], event["event"]["action"], event["event"]["severity"]) == ("10 events", "alert", 2)
    assert event["rule"] == {"id": "late-errors", "name": "late-errors", "reference": "http://h/x"}
    assert event["mllog"]["model"] == {"name": "late", "version": "1"}
    assert event["mllog"]["alert"] == {"severity": "triage", "feature": "delay"}
    assert event["data_stream"] == {"type": "logs", "dataset": "mllog.alerts", "namespace": "default"}


def test_for_machines_an_outcome_says_id_severity_fired_and_text(opened: EmbeddedStore) -> None:
    """And what was done about it."""
    said = [outcome.as_json() for outcome in runner(opened, a_watch(), a_watch("late-quiet", limit=99)).run(NOW)]
    keys = ("id", "severity", "fired", "text", "done")
    assert [[one[key] for key in keys] for one in said] == [
        ["late-errors", "triage", True, "10 events", ["log", "event"]],
        ["late-quiet", "triage", False, "", []],
    ]


def test_the_throttle_holds_for_its_period(opened: EmbeddedStore) -> None:
    """Nothing is done again before it is over; then it is."""
    run = runner(opened)
    for moment in (0, 5, 59.9):
        fill(opened, now=minutes(moment))
    done = [run.run(minutes(moment))[0].done for moment in (0, 5, 59.9, 60)]
    assert done == [("log", "event"), (), (), ("log", "event")]
    assert opened.count(index=ALERTS) == 2


def test_an_action_may_have_a_throttle_of_its_own(opened: EmbeddedStore) -> None:
    """Beside that of the watch."""
    often = {"throttle_period": "10m", "logging": {"text": "again"}}
    run = runner(opened, a_watch(often=often))
    assert [run.run(minutes(moment))[0].done for moment in (0, 5, 10)] == [("log", "often", "event"), (), ("often",)]


def test_what_is_acknowledged_is_silent_until_the_condition_was_false(opened: EmbeddedStore, tmp_path: Path) -> None:
    """Longer than the throttle; after it was false once it speaks again."""
    state = tmp_path / "alerts.json"
    run = runner(opened, state=state)
    run.run(NOW)
    assert alerts.acknowledge(state, "late-errors") == ["log", "event"]
    fill(opened, now=minutes(90))
    (still,) = run.run(minutes(90))
    assert still.held == {"log": "acknowledged", "event": "acknowledged"}
    assert not run.run(minutes(300))[0].evaluation.fired
    fill(opened, now=minutes(360))
    assert run.run(minutes(360))[0].done == ("log", "event")


def test_only_what_fired_can_be_acknowledged(opened: EmbeddedStore, tmp_path: Path) -> None:
    """One line that names what there is."""
    state = tmp_path / "alerts.json"
    runner(opened, state=state).run(NOW)
    with pytest.raises(MllogError, match=r"late-x: nothing to acknowledge; watches that fired .*: late-errors"):
        alerts.acknowledge(state, "late-x")
    alerts.acknowledge(state, "late-errors")
    with pytest.raises(MllogError, match=r"nothing to acknowledge; .*: none"):
        alerts.acknowledge(state, "late-errors")


def test_the_state_survives_its_process(opened: EmbeddedStore, tmp_path: Path) -> None:
    """A second runner over the same file, as cron starts one, keeps the throttle; only its owner may read the file."""
    state = tmp_path / "deep" / "alerts.json"
    assert runner(opened, state=state).run(NOW)[0].done
    assert runner(opened, state=state).run(minutes(5))[0].held == {"log": "throttled", "event": "throttled"}
    assert state.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.parent.iterdir() if path.name.endswith(".tmp")] == []


def test_of_two_runs_at_once_one_acts(opened: EmbeddedStore, tmp_path: Path) -> None:
    """Both see the firing; the second waits for the first, and finds it done."""
    state = tmp_path / "alerts.json"
    outcomes: list[alerts.Outcome] = []
    ready = threading.Barrier(8)

    def run() -> None:
        one = runner(opened, state=state)
        ready.wait()
        outcomes.extend(one.run(NOW))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bool(outcome.done) for outcome in outcomes) == [False] * 7 + [True]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 9, "watches": {}}', '{"version": 1, "watches": {"a": {"b": {}}}}']
)
def test_a_state_that_is_none_is_one_line(opened: EmbeddedStore, tmp_path: Path, text: str) -> None:
    """With the file in it; nothing is done that might have been done before."""
    state = tmp_path / "alerts.json"
    state.write_text(text)
    with pytest.raises(MllogError, match=r"alerts\.json:") as error:
        runner(opened, state=state).run(NOW)
    assert "\n" not in str(error.value)
    assert opened.count(index=ALERTS) == 0


def test_a_dry_run_does_nothing(opened: EmbeddedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It says what would be done, and remembers nothing."""
    state = tmp_path / "alerts.json"
    with caplog.at_level(logging.INFO, "mllog.alerts"):
        (outcome,) = runner(opened, state=state, dry_run=True).run(NOW)
    assert (outcome.evaluation.text, outcome.done) == ("10 events", ("log", "event"))
    assert caplog.messages == []
    assert not state.exists()
    assert opened.count(index=ALERTS) == 0


def test_a_watch_that_cannot_be_evaluated_does_not_stop_the_others(opened: EmbeddedStore) -> None:
    """It says why."""
    first, second = runner(opened, broken(), a_watch()).run(NOW)
    assert first.evaluation.problem.startswith("aggs.x.geo_bounds: ")
    assert (first.evaluation.fired, first.done) == (False, ())
    assert second.done == ("log", "event")


def test_an_action_that_fails_does_not_stop_the_others(opened: EmbeddedStore, caplog: pytest.LogCaptureFixture) -> None:
    """It is counted, logged, shown, tried again, and stands on the alert's event."""
    hook = {"webhook": {"scheme": "https", "host": "h.example", "port": 443, "body": "{}"}}
    run = runner(opened, a_watch(first=hook))
    (outcome,) = run.run(NOW)
    assert outcome.failed == {"first": "h.example:443: not in webhook.hosts of alerts.toml"}
    assert outcome.done == ("log", "event")
    assert "first failed" in caplog.text
    (hit,) = opened.search({"query": {"match_all": {}}}, index=ALERTS)["hits"]["hits"]
    assert hit["_source"]["mllog"]["alert"]["failed"] == ["first"]
    assert run.run(minutes(5))[0].failed
    assert run.failures == 2


def test_an_event_that_cannot_be_stored_is_a_failed_action(
    opened: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other actions were run; the event is tried again."""

    def full() -> None:
        raise StoreError("no space left on device")

    run = runner(opened)
    with monkeypatch.context() as patch:
        patch.setattr(opened, "commit", full)
        (outcome,) = run.run(NOW)
    assert (outcome.done, list(outcome.failed)) == (("log",), ["event"])
    assert run.run(minutes(1))[0].done == ("event",)


def test_a_watch_is_due_when_its_interval_is_over(opened: EmbeddedStore) -> None:
    """Each by itself, as Watcher's scheduler has it."""
    slow = a_watch("late-slow")
    slow["trigger"]["schedule"]["interval"] = "1h"
    run = runner(opened, a_watch(), slow)
    ids = [[outcome.evaluation.id for outcome in run.run(minutes(at), due=True)] for at in (0, 4, 5, 60)]
    assert ids == [["late-errors", "late-slow"], [], ["late-errors"], ["late-errors", "late-slow"]]
    assert run.wait(minutes(61)) == 240


def test_the_folder_of_watches_is_read_as_a_whole(tmp_path: Path) -> None:
    """Two with one id, or none at all, is an error with the place in it."""
    with pytest.raises(MllogError, match="no watches; create them with"):
        watches.load_folder(tmp_path)
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(a_watch()))
    with pytest.raises(MllogError, match=r"b\.json: \$\.metadata\.name: another file of the folder"):
        watches.load_folder(tmp_path)
    assert [watch.id for watch in watches.load_folder(tmp_path / "a.json")] == ["late-errors"]


def test_whatever_an_action_trips_over_the_others_go_on(opened: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of mllog's own is a failed action too, and its text is not shown: it may quote anything."""

    def trip(*_: Any) -> None:
        raise RuntimeError("4111 1111 1111 1111")

    run = runner(opened, a_watch(keep={"index": {"index": "logs-mllog.answers-test"}}))
    monkeypatch.setattr(run._actors, "_index", trip)
    (outcome,) = run.run(NOW)
    assert outcome.done == ("log", "event")
    assert outcome.failed["keep"].startswith("RuntimeError: ")
    assert "4111" not in outcome.failed["keep"]


@pytest.mark.parametrize("half", [{"_shards": {"total": 3, "failed": 1}}, {"timed_out": True}])
def test_half_an_answer_is_no_good_news(half: dict[str, Any]) -> None:
    """Where shards failed or timed out, nothing is compared, and the outcome says so."""

    class Half:
        def search(self, body: Any, *, index: str) -> dict[str, Any]:
            return {"hits": {"total": {"value": 0}}, **half}

    (outcome,) = runner(Half()).run(NOW)  # type: ignore[arg-type]
    assert "shards failed or timed out" in outcome.evaluation.problem
    assert not outcome.evaluation.fired
