"""The watch of a profile fires when inputs leave what training showed, and says which and where to look."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mllog import MllogError, Profile, alerts, watches
from mllog.store import Document, EmbeddedStore, open_store

NOW = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
INDEX = "logs-mllog.late-test"
MODEL = {"name": "late", "role": "live"}


@pytest.fixture(scope="module")
def profile() -> Profile:
    """Two features, one of them missing at times in training."""
    frame = pd.DataFrame({"delay": [float(n) for n in range(40)], "carrier": ["AA", "UA"] * 20})
    frame.loc[3, "carrier"] = None
    return Profile.learn(frame, name="late", version="1.0")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """An empty store."""
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def built(profile: Profile, **settings: Any) -> dict[str, Any]:
    """The watch on invalid inputs."""
    (found,) = [watch for name, watch in watches.build(profile, **settings).items() if name.endswith("-invalid_inputs")]
    return found


def log(store: EmbeddedStore, count: int, *, first: int = 0, minutes: float = 10, **quality: Any) -> None:
    """Predictions some minutes before now; valid without `quality`."""
    for number in range(first, first + count):
        source = {
            "@timestamp": (NOW - dt.timedelta(minutes=minutes)).isoformat(),
            "event": {"action": "prediction"},
            "mllog": {"model": MODEL, "quality": {"invalid": int(bool(quality)), **quality}},
        }
        store.index([Document(INDEX, f"e{number}", source)])
    store.commit()


def evaluated(profile: Profile, store: EmbeddedStore, **settings: Any) -> alerts.Evaluation:
    """The watch of the profile, evaluated now."""
    return alerts.evaluate(watches.parse(built(profile, **settings)), store, now=NOW)


def test_it_is_silent_without_events(profile: Profile, store: EmbeddedStore) -> None:
    """An average over nothing is no reason for an alert."""
    found = evaluated(profile, store)
    assert (found.fired, found.text) == (False, "")


@pytest.mark.parametrize(("invalid", "fires"), [(0, False), (5, False), (6, True), (100, True)])
def test_it_fires_above_its_threshold_only(
    profile: Profile, store: EmbeddedStore, invalid: int, *, fires: bool
) -> None:
    """Five in a hundred is the limit, six is above it."""
    log(store, 100 - invalid)
    if invalid:
        log(store, invalid, first=100 - invalid, above_max=["delay"])
    assert watches.threshold_of(profile) == 0.05
    assert evaluated(profile, store).fired is fires


def test_the_text_says_what_and_where(profile: Profile, store: EmbeddedStore) -> None:
    """Model, share, limit, window, the features by kind with their counts, and the link with its time."""
    log(store, 3, above_max=["delay"], missing=["carrier"])
    log(store, 1, first=3, missing=["delay"], unexpected=["x"])
    found = evaluated(profile, store, page_url="http://127.0.0.1:8650")
    assert found.text == (
        "late: share of invalid inputs 1.0 is above 0.05, over 4 predictions in 1d. missing: delay (1); "
        "above_max: delay (3); with unexpected features: 1. "
        "Look at http://127.0.0.1:8650/models/late?range=1d&to=2026-05-04T12:00:00.000Z&q=mllog.quality.invalid%3A1"
    )
    assert (found.severity, found.model, found.id) == ("triage", "late", "late-invalid_inputs")
    assert (
        found.link
        == "http://127.0.0.1:8650/models/late?range=1d&to=2026-05-04T12:00:00.000Z&q=mllog.quality.invalid%3A1"
    )


def test_names_that_an_event_brings_stay_out_of_the_text(profile: Profile, store: EmbeddedStore) -> None:
    """A sender that lies about its quality cannot write into an alert."""
    log(store, 4, above_max=["delay", "call +1 202 555 0123 now"], unexpected=["\nfake line"])
    text = evaluated(profile, store).text
    assert "delay (4)" in text
    assert "555" not in text
    assert "fake" not in text


@pytest.mark.parametrize("minutes", [-5, 0.5, 24 * 60 + 2])
def test_events_outside_the_window_do_not_count(profile: Profile, store: EmbeddedStore, minutes: float) -> None:
    """The window is a day that ends a minute before the evaluation; the future is not in it."""
    log(store, 10, minutes=minutes, above_max=["delay"])
    assert not evaluated(profile, store).fired


def test_other_models_and_actions_do_not_count(profile: Profile, store: EmbeddedStore) -> None:
    """Only predictions of the model itself are watched, and none of a model that runs along."""
    log(store, 10)
    moment = (NOW - dt.timedelta(minutes=5)).isoformat()
    source = {"@timestamp": moment, "mllog": {"model": MODEL, "quality": {"invalid": 1}}}
    along = {"model": {**MODEL, "role": "shadow"}, "quality": {"invalid": 1}}
    shadow = {"event": {"action": "prediction"}, "mllog": along}
    store.index([Document(INDEX, f"s{n}", {**source, **shadow}) for n in range(50)])
    other = {**source, "event": {"action": "prediction"}}
    store.index([Document("logs-mllog.later-test", f"o{n}", other) for n in range(50)])
    store.index([Document(INDEX, f"f{n}", {**source, "event": {"action": "feedback"}}) for n in range(50)])
    store.commit()
    assert not evaluated(profile, store).fired


def test_environment_narrows_the_indices(profile: Profile) -> None:
    """All environments, or the one that was asked for."""
    assert watches.parse(built(profile)).indices == ("logs-mllog.late-*",)
    assert watches.parse(built(profile, environment="live")).indices == ("logs-mllog.late-live",)


def test_a_link_to_kibana_carries_the_window(profile: Profile) -> None:
    """Where Kibana is known, the link opens its dashboard on the window of the watch."""
    link = built(profile, kibana_url="https://kibana.example/")["metadata"]["link"]
    filled = alerts.render(link, {"trigger": {"scheduled_time": "2026-05-04T12:00:00.000Z"}})
    assert filled == (
        "https://kibana.example/app/dashboards#/view/mllog-late"
        "?_g=(time:(from:'2026-05-04T12:00:00.000Z||-1d',to:'2026-05-04T12:00:00.000Z'))"
        "&_a=(query:(language:lucene,query:'mllog.quality.invalid%3A1'))"
    )


def test_a_hostile_model_name_stays_one_path_segment() -> None:
    """Whatever a model is called, the link and the index hold its slug."""
    watch = built(Profile("../x?to=<b>", "1", ()), page_url="http://h")
    assert "/models/" in watch["metadata"]["link"]
    assert "<" not in watch["metadata"]["link"]
    assert ".." not in watch["metadata"]["link"]
    assert watch["input"]["search"]["request"]["indices"] == ["logs-mllog.x_to__b__435557d4-*"]


def test_a_firing_is_an_event_without_values(profile: Profile, store: EmbeddedStore) -> None:
    """Alerts can be searched and counted like anything else."""
    log(store, 3, above_max=["delay"])
    event = alerts.to_event(evaluated(profile, store), now=NOW)
    assert event["event"]["action"] == "alert"
    assert event["rule"]["id"] == "late-invalid_inputs"
    assert event["mllog"]["model"] == {"name": "late", "version": "1.0"}
    assert event["mllog"]["alert"] == {
        "severity": "triage",
        "kind": "invalid_inputs",
        "rubric": "Monitor 2: data invariants hold",
    }
    assert event["@timestamp"] == "2026-05-04T12:00:00.000000Z"


def test_a_watch_survives_its_file(profile: Profile, tmp_path: Path) -> None:
    """What is written is what is read."""
    path = tmp_path / "w.json"
    path.write_bytes(alerts.encoded(built(profile)))
    assert watches.load(path) == watches.parse(built(profile))


def changed(watch: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The watch with one member set; None deletes it."""
    out = copy.deepcopy(watch)
    target = out
    *steps, last = path.split("/")
    for step in steps:
        target = target[step]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return out


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("metadata", None, "w: $: object missing required field `metadata`"),
        ("metadata/name", 3, "w: $.metadata.name: expected `str`, got `int`"),
        ("metadata/severity", "loud", "w: $.metadata.severity: 'loud' is not one of automate, notify, triage"),
        ("trigger", {"cron": "x"}, "w: $.trigger: unknown key 'cron'; known keys are schedule"),
        ("trigger/schedule", {"cron": "x"}, "w: $.trigger.schedule: unknown key 'cron'; known keys are interval"),
        ("trigger/schedule/interval", "often", "w: $.trigger.schedule.interval: expected a duration"),
        ("throttle_period_in_millis", "x", "w: $.throttle_period_in_millis: expected milliseconds"),
        (
            "actions/x",
            {"webhook": {"host": "h", "port": 1, "path": "x"}},
            "$.actions.x.webhook.path: expected a path",
        ),
        (
            "actions/x",
            {"webhook": {"host": "h", "port": 1, "scheme": "ftp"}},
            "webhook.scheme: 'ftp' is not one of",
        ),
        ("actions/log", {"logging": {"text": "{{> secrets}}"}}, "w: $.actions.log.logging.text: {{> in a template"),
        ("actions/log", {"logging": {"text": "{{#toJson}}ctx{{/toJson}}"}}, "{{#toJson in a template"),
        ("throttle_period", "0h", "w: $.throttle_period: expected a duration"),
        ("transform", {"script": "x"}, "w: $: unknown key 'transform'; known keys are actions, condition"),
        ("input", {"http": {}}, "w: $.input: unknown key 'http'; known keys are search"),
        ("input", {"a": 1, "b": 2}, "w: $.input: unknown key 'a'"),
        ("input/search/request/indices", [], "w: $.input.search.request.indices: expected an array of names"),
        (
            "input/search/request/rest_total_hits_as_int",
            None,
            "missing required field `rest_total_hits_as_int`",
        ),
        (
            "condition",
            {"script": "return true"},
            "w: $.condition: unknown key 'script'; known keys are always",
        ),
        ("condition", {"compare": {"payload.x": {"gt": 1}}}, "does not begin with ctx."),
        (
            "condition",
            {"compare": {"ctx.payload.x": {"above": 1}}},
            "$.condition.compare[\"ctx.payload.x\"]: unknown key 'above'",
        ),
        ("actions", {}, "w: $.actions: a watch needs a logging action"),
        ("actions/log", {"email": {}}, "w: $.actions.log: unknown key 'email'; known keys are index, logging"),
        ("actions/log", {"logging": {"text": "x"}, "transform": {}}, "w: $.actions.log: unknown key 'transform'"),
        ("actions/log", {"logging": {"text": "x"}, "foreach": "x"}, "w: $.actions.log: unknown key 'foreach'"),
        ("actions/x", {"index": {"index": "logs-*"}}, "w: $.actions.x.index.index: expected the name of one index"),
        (
            "actions/x",
            {"webhook": {"host": "{{ctx.x}}", "port": 443}},
            "$.actions.x.webhook.host: expected the name",
        ),
        ("actions/x", {"webhook": {"host": "h"}}, "w: $.actions.x.webhook: object missing required field `port`"),
        ("actions/x", {"webhook": {"host": "h", "port": 1, "auth": {}}}, "w: $.actions.x.webhook: unknown key 'auth'"),
        (
            "actions/x",
            {"webhook": {"host": "h", "port": 1, "headers": {"Authorization": "x"}}},
            "headers.Authorization: secrets",
        ),
    ],
)
def test_what_runs_not_everywhere_is_refused_with_its_place(profile: Profile, path: str, value: Any, says: str) -> None:
    """Every refusal names the member."""
    with pytest.raises(MllogError) as error:
        watches.parse(changed(built(profile), path, value), where="w")
    assert says in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_a_file_that_is_no_watch_is_refused(tmp_path: Path, text: str) -> None:
    """One line with the file in it."""
    path = tmp_path / "w.json"
    path.write_text(text)
    with pytest.raises(MllogError) as error:
        watches.load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_array_compare_looks_at_each_bucket(profile: Profile, store: EmbeddedStore) -> None:
    """Some or all of the buckets, by a path inside each."""
    log(store, 3, above_max=["delay"])
    where = "ctx.payload.aggregations.above_max.buckets"
    watch = built(profile)
    for test, fires in (
        ({"path": "doc_count", "gte": {"value": 3}}, True),
        ({"path": "doc_count", "gt": {"value": 3}}, False),
        ({"path": "doc_count", "gte": {"value": 3, "quantifier": "all"}}, True),
    ):
        watch["condition"] = {"array_compare": {where: test}}
        assert alerts.evaluate(watches.parse(watch), store, now=NOW).fired is fires
