"""What every watch keeps to, whatever the profile: both ends of time, counts and names only, no scripts."""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from support.watchcases import ROOT, WATCHES

from mllog import MllogError, Profile, alerts, watches
from mllog.alerts._template import number, render
from mllog.watches import _distributions
from mllog.watches._catalogue import rules_of, scope_of
from mllog.watches._limits import KINDS
from mllog.watches._model import error_limit, mistakes
from mllog.watches._shares import rounded, slots

HOSTILE = '{{ctx.payload}} "x" \\ {{#a}} {{> b}} {{#toJson}}'
RULES = ROOT / "kibana/rules"
BUILT = {"kibana_url": "http://localhost:5601", "webhook": "https://automation.example/mllog"}
RUBRIC = [f"Monitor {number}" for number in range(1, 8)]


def flights() -> Profile:
    """The profile of the demo."""
    return Profile.load(ROOT / "examples/flights/profile.json")


def hostile() -> Profile:
    """A model, a version and features with names that templates, JSON and dates would misread."""
    frame = pd.DataFrame({HOSTILE: [float(n) for n in range(60)], "2026-01-05": ["a", "{{b}}", None] * 20})
    outputs = pd.DataFrame({"2026": [True, False, False] * 20})
    return Profile.learn(frame, outputs, name='a{{b}} "c" {{>d}}', version="2026-01-05")


def every(profile: Profile, **options: Any) -> dict[str, dict[str, Any]]:
    """All watches."""
    return watches.build(profile, **options) | watches.build_common(**options)


PROFILES = pytest.mark.parametrize(
    "profile", [flights(), hostile(), Profile("bare", "1", ())], ids=lambda p: p.name[:4]
)


def ranges(value: Any) -> Iterator[dict[str, Any]]:
    """Every range over time, wherever it stands."""
    if isinstance(value, dict):
        if isinstance(value.get("range"), dict) and "@timestamp" in value["range"]:
            yield value["range"]["@timestamp"]
        for item in value.values():
            yield from ranges(item)
    elif isinstance(value, list):
        for item in value:
            yield from ranges(item)


@PROFILES
def test_every_watch_lies_inside_the_subset_that_runs_everywhere(profile: Profile) -> None:
    """Read back, each is a watch with a logging action, and none knows a script."""
    for name, watch in every(profile, **BUILT).items():
        read = watches.parse(orjson.loads(alerts.encoded(watch)), where=name)
        assert read.id == name
        assert read.actions[0].kind == "logging"
        assert "script" not in json.dumps(watch).replace("description", "")


@PROFILES
def test_every_range_of_time_has_both_ends_and_waits(profile: Profile) -> None:
    """What claims to come from the future waits, and no window ends before late events are there."""
    for watch in every(profile).values():
        found = list(ranges(watch["input"]))
        assert found
        for bounds in found:
            assert set(bounds) == {"gte", "lt"}
            assert bounds["lt"].startswith("{{ctx.trigger.scheduled_time}}||-1m")


@PROFILES
def test_no_window_is_alerted_about_twice(profile: Profile) -> None:
    """An alert and the next one of the same watch speak of windows that do not overlap."""
    for watch in every(profile).values():
        assert watch["throttle_period"] == watch["metadata"]["window"]


@PROFILES
def test_texts_hold_counts_and_known_names_only(profile: Profile) -> None:
    """A bucket's key is in a text only where the search asks for nothing but known names."""
    known = {feature.name for feature in (*profile.inputs, *profile.outputs)}
    for watch in every(profile).values():
        text = watch["actions"]["log"]["logging"]["text"]
        for path in re.findall(r"\{\{#ctx\.payload\.aggregations\.(\w+)\.buckets\}\}[^{]*\{\{key\}\}", text):
            included = watch["input"]["search"]["request"]["body"]["aggs"][path]["terms"]["include"]
            assert path == "kinds" or set(included) <= known
        for tag in re.findall(r"\{\{[^{}]+\}\}", text):
            assert re.fullmatch(r"\{\{[#/]?(ctx\.(metadata|payload|trigger)\.[\w.]+|key|doc_count)\}\}", tag), tag
            assert not re.search(
                r"payload(?!.*(doc_count|total|allowed\.value|invalid\.value|n\.value|buckets))", tag
            ), tag


def test_the_seven_tests_of_the_rubric_are_there() -> None:
    """Each at least once."""
    found = {watch["metadata"]["rubric"].partition(":")[0] for watch in every(flights()).values()}
    assert set(RUBRIC) <= found
    assert {watch["metadata"]["kind"] for watch in every(flights()).values()} == set(KINDS)


@PROFILES
def test_the_canary_raises_no_alert(profile: Profile) -> None:
    """Its stream is reserved, and no watch looks there."""
    for watch in every(profile).values():
        for pattern in watch["input"]["search"]["request"]["indices"]:
            assert not fnmatch.fnmatchcase("logs-mllog.canary-default", pattern)


@PROFILES
def test_names_are_data_in_texts_links_and_bodies(profile: Profile) -> None:
    """No name opens a template, leaves its string of JSON, or adds to a link; none is taken for a date."""
    context = {"payload": {"hits": {"total": 3}}, "trigger": {"scheduled_time": "2026-05-04T12:00:00.000Z"}}
    for name, watch in every(profile, page_url="http://h", webhook="https://automation.example/").items():
        metadata = watch["metadata"]
        filled = context | {"metadata": metadata}
        link = render(metadata["link"], filled)
        assert re.fullmatch(
            r"http://h/(models/[\w%.-]+)?\?range=\d+[mhd]&to=2026-05-04T12:00:00\.000Z(&q=[\w%.-]*)?(#[\w-]+)?", link
        )
        assert not any(re.match(r"\d{4}", str(metadata.get(key, ""))) for key in ("model", "version", "feature"))
        if "automation" in watch["actions"]:
            body = json.loads(render(watch["actions"]["automation"]["webhook"]["body"], filled))
            assert (body["model"], body["version"], body["watch"]) == (profile.name, profile.version, name)
            assert {"feature", "statistic", "window", "threshold", "count", "time"} <= set(body)


@PROFILES
def test_no_name_stands_where_watcher_would_read_a_template(profile: Profile) -> None:
    """Watcher fills in a search as one text: the only tag in it is the time."""
    for watch in every(profile).values():
        search = json.dumps(watch["input"])
        assert set(re.findall(r"\{\{.*?\}\}", search)) == {"{{ctx.trigger.scheduled_time}}"}
        assert search.count("{{") == search.count("{{ctx.trigger.scheduled_time}}")


def test_a_link_leads_to_model_feature_and_time() -> None:
    """In Kibana by a query, on the page by the feature's panel."""
    context = {"trigger": {"scheduled_time": "T"}}
    kibana = watches.build(flights(), kibana_url="http://k")["flights_delay-skew-dep_delay"]["metadata"]["link"]
    assert render(kibana, context) == (
        "http://k/app/dashboards#/view/mllog-flights_delay?_g=(time:(from:'T||-1d',to:'T'))&_a=(query:(language:lucene,"
        "query:'_exists_%3Amllog.input.number.dep_delay%20OR%20mllog.quality.missing%3Adep_delay'))"
    )
    page = watches.build(flights(), page_url="http://h")["flights_delay-skew-dep_delay"]["metadata"]["link"]
    assert render(page, context).startswith("http://h/models/flights_delay?range=1d&to=T&q=_exists_")
    assert page.endswith("#input-dep_delay")


def test_only_who_can_answer_is_told_automatically() -> None:
    """Without a webhook nothing is `automate`; with one every such watch calls it."""
    assert {watch["metadata"]["severity"] for watch in every(flights()).values()} == {"notify", "triage"}
    for watch in every(flights(), **BUILT).values():
        assert ("automation" in watch["actions"]) is (watch["metadata"]["severity"] == "automate")


@pytest.mark.parametrize("url", ["http://automation.example", "https://u:p@automation.example", "https://{{x}}/", "x"])
def test_a_webhook_is_an_https_address_without_credentials(url: str) -> None:
    """Else it is refused when the watches are built."""
    with pytest.raises(MllogError, match="webhook"):
        watches.build(flights(), webhook=url)


def test_the_committed_files_are_those_that_the_profile_gives() -> None:
    """`mllog watches build` was run after the last change."""
    found = every(flights(), **BUILT)
    assert {path.stem for path in WATCHES.glob("*.json")} == set(found)
    for name, watch in found.items():
        assert (WATCHES / f"{name}.json").read_bytes() == alerts.encoded(watch)
    rules = rules_of(scope_of(flights(), **BUILT)) | rules_of(scope_of(None, **BUILT))
    assert {path.stem for path in RULES.glob("*.json")} == set(rules)
    for name, rule in rules.items():
        assert (RULES / f"{name}.json").read_bytes() == alerts.encoded(rule)


@PROFILES
def test_rules_of_kibana_have_the_shape_that_its_api_takes(profile: Profile) -> None:
    """A row in the answer is an alert; Kibana adds the time."""
    rules = rules_of(scope_of(profile)) | rules_of(scope_of(None))
    assert rules
    for name, rule in rules.items():
        assert (rule["name"], rule["rule_type_id"], rule["consumer"]) == (name, ".es-query", "stackAlerts")
        params = rule["params"]
        assert params["searchType"] == "esqlQuery"
        assert set(params["esqlQuery"]) == {"esql"}
        assert (params["threshold"], params["thresholdComparator"], params["timeField"]) == ([0], ">", "@timestamp")
        assert params["timeWindowUnit"] in ("s", "m", "h", "d")
        assert params["esqlQuery"]["esql"].startswith("FROM logs-mllog.")
        assert "canary" not in params["esqlQuery"]["esql"]


@pytest.mark.parametrize("share", [0.05, 0.25, 0.35, 0.95, 1.0])
def test_slots_are_a_share_of_all(share: float) -> None:
    """As many match everything as the share says."""
    found = slots(share)["filters"]["filters"]
    assert sum("match_all" in query for query in found) / len(found) == pytest.approx(share)
    assert len(found) <= 20
    assert rounded(share) == share


def test_the_regions_of_a_feature_are_all_of_training() -> None:
    """Every row of training lies in one of them, and none of them is most of a feature that has many values."""
    profile = flights()
    for feature in (*profile.inputs, *profile.outputs):
        role = "output" if feature in profile.outputs else "input"
        found = _distributions.regions(feature, role)
        assert sum(region.share for region in found) == pytest.approx(1.0)
    many = [feature for feature in profile.inputs if feature.type == "number" and len(feature.counts) > 20]
    assert many
    for feature in many:
        assert max(region.share for region in _distributions.regions(feature, "input")) <= 0.2


def test_numbers_are_written_as_java_writes_them() -> None:
    """So that texts are the same letter for letter."""
    written = {0.0: "0.0", 1e7: "1.0E7", 9999999.5: "9999999.5", 0.001: "0.001", 9.99e-4: "9.99E-4"}
    assert {value: number(value) for value in written} == written
    special = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "-0.0": "-0.0", "5e-324": "5.0E-324"}
    assert {text: number(float(text)) for text in special} == special


def test_limits_of_mistakes_come_from_the_profile() -> None:
    """As often off as one that always gives the same answer; by a standard deviation where answers are numbers."""
    assert (mistakes(flights()), error_limit(flights())) == (0.2, 0.5)
    minutes = pd.DataFrame({"minutes": [float(n % 50) for n in range(500)]})
    numbers = Profile.learn(minutes, minutes, name="late", version="1")
    assert error_limit(numbers) == pytest.approx(14.4, abs=0.1)
    assert 0.4 <= mistakes(numbers) <= 0.5
    assert mistakes(Profile("bare", "1", ())) == 0.2


LIMITS = """
[invalid_inputs]
limit = 0.5
window = "2h"
severity = "notify"
[errors]
enabled = false
[skew]
except = ["month"]
[latency]
limit = 250
[versions]
known = ["1.0.1"]
[stale_model]
age = "30d"
"""


def test_limits_of_a_team_replace_those_of_the_profile(tmp_path: Path) -> None:
    """By kind of watch; what is not named stays."""
    path = tmp_path / "watches.toml"
    path.write_text(LIMITS)
    found = watches.build(flights(), limits=watches.load_limits(path))
    invalid = found["flights_delay-invalid_inputs"]
    assert invalid["condition"] == {"compare": {"ctx.payload.aggregations.invalid.value": {"gt": 0.5}}}
    assert (invalid["metadata"]["window"], invalid["throttle_period"]) == ("2h", "2h")
    assert invalid["metadata"]["severity"] == "notify"
    assert "flights_delay-errors" not in found
    assert "flights_delay-skew-month" not in found
    assert "flights_delay-skew-day" in found
    assert found["flights_delay-latency"]["metadata"]["threshold"] == 250
    assert "1.0.1" in json.dumps(found["flights_delay-versions"])
    assert "||+30d" in json.dumps(found["flights_delay-stale_model"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[nosuch]\n", "$: unknown key 'nosuch'; known keys are cardinality"),
        ("x = 1\n", "$: unknown key 'x'"),
        ("[errors]\nlimits = 1\n", "$.errors: unknown key 'limits'; known keys are enabled, interval, least, limit"),
        ("[errors]\nlimit = true\n", "$.errors.limit: expected `int | float | null`, got `bool`"),
        ("[errors]\nlimit = -1\n", "$.errors.limit: expected `int` >= 0"),
        ("[errors]\nwindow = '1.5h'\n", "$.errors.window: expected a duration"),
        ("[errors]\nseverity = 'loud'\n", "$.errors.severity: 'loud' is not one of"),
        ("[dropped]\nlimit = 3\n", "$.dropped: unknown key 'limit'"),
        ("[quality]\nage = '9d'\n", "$.quality: unknown key 'age'"),
        ("[errors\n", "not TOML: "),
    ],
)
def test_limits_that_no_watch_has_are_refused(tmp_path: Path, text: str, says: str) -> None:
    """One line with file, table and key."""
    path = tmp_path / "watches.toml"
    path.write_text(text)
    with pytest.raises(MllogError) as error:
        watches.load_limits(path)
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_a_shared_data_stream_is_searched_for_the_one_model() -> None:
    """The stream is the shared one, and only the model's own events count."""
    watch = watches.build(flights(), dataset="small")["flights_delay-errors"]
    request = watch["input"]["search"]["request"]
    assert request["indices"] == ["logs-mllog.small-*"]
    assert {"term": {"mllog.model.name": "flights_delay"}} in request["body"]["query"]["bool"]["filter"]


def test_a_stale_model_is_found_by_the_profile_s_own_time() -> None:
    """What the profile says of its making is where the age is counted from."""
    profile = flights()
    assert watches.build(profile)["flights_delay-stale_model"]["metadata"]["trained"] == profile.created
    assert dt.datetime.fromisoformat(profile.created).tzinfo is not None
    assert "bare-stale_model" not in watches.build(Profile("bare", "1", ()))


def test_the_guide_names_every_watch_and_its_files_are_right(tmp_path: Path) -> None:
    """docs/alerts.md: a row for each kind, and both TOML files as they stand there."""
    guide = (ROOT / "docs/alerts.md").read_text()
    for kind in KINDS:
        assert f"`{kind}`" in guide or f"`{kind}-…`" in guide or f"`mllog-{kind}`" in guide, kind
    limits, config = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    for name, text, load in (("watches", limits, watches.load_limits), ("alerts", config, alerts.load_config)):
        (tmp_path / f"{name}.toml").write_text(text)
        assert load(tmp_path / f"{name}.toml")
