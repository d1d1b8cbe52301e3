"""The page of a model and its panels."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import altair as alt
import pytest

from mllog.dashboards import Metric, build
from mllog.profile import Profile


def _rows(panel: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["label"]: row for row in panel["spec"]["datasets"]["rows"]}


def _tile(page: str, panel_id: str) -> str:
    found = re.search(rf'id="{panel_id}".*?class="number">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_tiles_say_what_the_events_add_up_to(site: Any) -> None:
    """Events, invalid and failed shares, latency and redacted values are those of the store."""
    site.add(
        *(site.event(number) for number in range(6)),
        site.event(6, quality={"invalid": 1, "above_max": ["month"]}),
        site.event(7, event={"outcome": "failure", "duration": 9_000_000}, error={"type": "ValueError"}),
        site.event(8, redaction={"kinds": ["email"], "count": 3}),
        site.event(9, event={"duration": 2_000_000}),
    )
    page = site.text("/models/flights_delay?range=1h")
    tiles = {name: _tile(page, name) for name in ("events", "invalid-share", "error-share", "redacted")}
    assert tiles == {"events": "10", "invalid-share": "10.0 %", "error-share": "10.0 %", "redacted": "3"}
    assert float(_tile(page, "latency-p50").removesuffix(" ms")) == pytest.approx(2, rel=0.02)


def test_a_number_is_drawn_in_the_bins_of_training(site: Any) -> None:
    """Each live value falls into one bar; those beyond training get a bar of their own, pointed out."""
    values = [1, 1, 2, 3, 9, 9, 9, 9]
    site.add(*(site.event(place, input={"number": {"month": month}}) for place, month in enumerate(values)))
    panel = site.panel("input-month")
    rows = _rows(panel)
    assert {label: row["events"] for label, row in rows.items() if row["events"]} == {"1": 2, "2": 1, "3": 1, "> 6": 4}
    assert rows["1"]["live"] == 0.25
    assert rows["> 6"]["side"] == "outside"
    assert panel["notices"] == ["50.0 % above 6"]
    assert panel["facts"][0] == "n = 8 live, 2,000 in training"


def test_a_category_counts_what_training_did_not_show(site: Any) -> None:
    """Values that the service called unseen are one bar, outside training; rare known ones are told in words."""
    unseen = {"input": {"category": {"carrier": "ZZ"}}, "quality": {"unseen_category": ["carrier"], "invalid": 1}}
    site.add(*(site.event(number) for number in range(3)), site.event(3, **unseen))
    rows = _rows(site.panel("input-carrier"))
    assert rows["UA"]["live"] == 0.75
    assert (rows["not in training"]["events"], rows["not in training"]["side"]) == (1, "outside")


def test_a_boolean_has_a_bar_for_each_value(site: Any) -> None:
    """True and false are counted under their names."""
    site.add(
        site.event(0, input={"boolean": {"weekend": True}}),
        *(site.event(number, input={"boolean": {"weekend": False}}) for number in range(1, 4)),
    )
    rows = _rows(site.panel("input-weekend"))
    assert {label: row["live"] for label, row in rows.items()} == {"false": 0.75, "true": 0.25}


def test_outputs_are_drawn_over_training_too(site: Any) -> None:
    """The predictions have distributions as the inputs have."""
    site.add(site.event(0, output={"number": {"probability": 0.25}, "boolean": {"late": True}}))
    assert _rows(site.panel("output-late"))["true"]["live"] == 1
    assert sum(row["events"] for row in _rows(site.panel("output-probability")).values()) == 1


def test_missing_values_are_told_beside_training(site: Any) -> None:
    """The share without a value counts events that name the feature as missing."""
    without = {"input": {"number": {"month": 3}}, "quality": {"missing": ["dep_delay"]}}
    site.add(*(site.event(number) for number in range(3)), site.event(3, **without))
    facts = site.panel("input-dep_delay")["facts"]
    assert any(fact.startswith("missing 25.0 % (training 3.") for fact in facts)
    rows = site.panel("missing")["spec"]["datasets"]["rows"]
    assert [row["value"] for row in rows if row["value"]] == [0.25]
    assert {row["series"] for row in rows} == {"dep_delay"}


def test_out_of_range_says_which_feature_and_which_side(site: Any) -> None:
    """Below and above are series of their own."""
    site.add(
        site.event(0, quality={"above_max": ["month"], "invalid": 1}),
        site.event(1, quality={"below_min": ["dep_delay"], "invalid": 1}),
    )
    rows = site.panel("out-of-range")["spec"]["datasets"]["rows"]
    assert {row["series"]: row["value"] for row in rows if row["value"]} == {"dep_delay below": 0.5, "month above": 0.5}


@pytest.mark.parametrize("panel_id", ["input-card-number", "input-carrier", "input-weekend"])
def test_a_feature_that_no_event_has_says_so(site: Any, profile: Profile, panel_id: str) -> None:
    """Training knew the feature, no event brings it: words instead of a chart, and no error."""
    absent = replace(profile.inputs[0], name="card number")
    site.profiles["flights_delay"] = replace(profile, inputs=(absent, *profile.inputs))
    bare = site.event(0)
    bare["mllog"]["input"] = {"number": {"month": 3}}
    site.add(bare)
    panel = site.panel(panel_id)
    assert (panel["spec"], panel["empty"]) == (None, "No values in this time range.")


def test_errors_are_split_by_type_over_time(site: Any) -> None:
    """Only failures appear, each under the type of its error."""
    failure = {"event": {"outcome": "failure"}, "error": {"type": "TimeoutError", "message": "slow"}}
    site.add(site.event(0), site.event(1, **failure), site.event(2, **failure))
    panel = site.panel("errors")
    assert panel["facts"] == ["TimeoutError: 2"]
    assert sum(row["value"] for row in panel["spec"]["datasets"]["rows"]) == 2


def test_latency_is_in_milliseconds(site: Any) -> None:
    """Events hold nanoseconds; the chart's numbers are milliseconds."""
    site.add(*(site.event(number, event={"duration": 5_000_000}) for number in range(20)))
    rows = site.panel("latency")["spec"]["datasets"]["rows"]
    assert {row["series"]: round(row["value"], 1) for row in rows if row["value"]} == {"p50": 5, "p95": 5, "p99": 5}


def test_the_average_leaves_a_gap_where_there_are_no_events(site: Any) -> None:
    """A time without events has no share, which is not a share of zero."""
    site.add(site.event(0), site.event(1, minutes_ago=50, quality={"invalid": 1}))
    rows = site.panel("invalid", "range=1h")["spec"]["datasets"]["rows"]
    assert [row["value"] for row in rows if row["value"] is not None] == [1.0, 0.0]
    assert sum(row["value"] is None for row in rows) > 50


def test_top_values_come_with_the_number_of_different_ones(site: Any) -> None:
    """The most frequent value is first."""
    tails = ["N2", "N2", "N1"]
    site.add(*(site.event(place, input={"category": {"tailnum": tail}}) for place, tail in enumerate(tails)))
    panel = site.panel("top-values")
    assert next(iter(_rows(panel))) == "N2"
    assert panel["facts"] == ["n = 3", "about 2 different values"]


@pytest.mark.parametrize("panel_id", ["volume", "latency", "missing", "input-month", "input-carrier", "top-values"])
def test_every_kind_of_chart_is_valid_vega_lite(site: Any, panel_id: str) -> None:
    """What the browser gets passes Altair's schema."""
    site.add(site.event(0, quality={"missing": ["card"]}))
    chart = alt.Chart.from_dict(site.panel(panel_id)["spec"])
    assert chart.to_dict()["description"]


def test_several_panels_are_answered_at_once(site: Any) -> None:
    """The page asks for what comes into view in one request; unknown ids are left out."""
    site.add(site.event(0))
    answer = site.client.get("/api/models/flights_delay/panels?ids=volume,latency,nosuch,events").json()
    assert [panel["id"] for panel in answer["panels"]] == ["volume", "latency"]


def test_every_panel_of_the_definition_is_on_the_page(site: Any, profile: Profile) -> None:
    """The page draws the dashboard that is compiled for Kibana, panel for panel."""
    site.add(site.event(0))
    page = site.text("/models/flights_delay")
    drawn = [panel.id for panel in build(profile).panels if panel.kind != "events"]
    assert len(drawn) > 5
    assert [name for name in drawn if f'id="{name}"' not in page] == []
    assert {panel.id for panel in build(profile).panels if isinstance(panel, Metric)} == set(
        re.findall(r'class="tile[^"]*" id="([^"]+)"', page)
    )


def test_an_unknown_panel_is_a_readable_404(site: Any) -> None:
    """Neither an unknown panel nor one that is no chart is drawn."""
    for panel_id in ("nosuch", "events", "recent-events"):
        response = site.client.get(f"/api/models/flights_delay/panels/{panel_id}")
        assert (response.status_code, response.json()["error"][:8]) == (404, "no panel")


def test_a_version_filters_everything(site: Any) -> None:
    """Tiles, panels and table show the chosen version only."""
    site.add(site.event(0), site.event(1, model={"version": "2.0.0"}), site.event(2, model={"version": "2.0.0"}))
    page = site.text("/models/flights_delay?range=1h&version=2.0.0")
    assert _tile(page, "events") == "2"
    assert site.panel("input-month", "range=1h&version=1.0.0")["facts"][0].startswith("n = 1 live")


def test_only_predictions_of_the_model_are_counted(site: Any) -> None:
    """Feedback and alerts about a model are events too, and are no predictions; a shadow's answer nobody saw."""
    site.add(site.event(4, model={"name": "flights_delay", "version": "2.0.0", "role": "shadow"}))
    site.add(site.event(0), site.event(1, event={"action": "feedback"}), site.event(2, event={"action": "alert"}))
    site.add(site.event(3, model={"name": "other_model"}))
    assert _tile(site.text("/models/flights_delay?range=1h"), "events") == "1"


def test_the_range_is_a_link_away(site: Any) -> None:
    """An hour shows the last hour, a day the last day."""
    site.add(site.event(0), site.event(1, minutes_ago=300))
    assert _tile(site.text("/models/flights_delay?range=1h"), "events") == "1"
    assert _tile(site.text("/models/flights_delay?range=24h"), "events") == "2"


def test_without_a_choice_old_events_are_shown_too(site: Any) -> None:
    """Where nothing happened in the last day, the page begins with all there is."""
    site.add(site.event(0, minutes_ago=60 * 24 * 40))
    page = site.text("/models/flights_delay")
    assert _tile(page, "events") == "1"
    assert 'range=all" aria-current="true"' in page


def test_an_empty_range_says_where_the_events_are(site: Any) -> None:
    """Instead of empty charts there is a link to what exists."""
    site.add(site.event(0, minutes_ago=60 * 24 * 40))
    page = site.text("/models/flights_delay?range=1h")
    assert "No events: last hour" in page
    assert 'href="/models/flights_delay?range=all"' in page


def test_a_model_with_a_profile_only_says_how_to_log(site: Any) -> None:
    """Before the first event the page tells what to call."""
    page = site.text("/models/flights_delay")
    assert "Nothing has been logged for this model yet" in page


def test_a_model_without_a_profile_has_a_page(site: Any) -> None:
    """Volume, latency, errors and events are shown; there is nothing to compare inputs with."""
    site.add(site.event(0, model={"name": "plain", "version": "3"}))
    page = site.text("/models/plain")
    assert 'data-panel="volume"' in page
    assert "mllog profile learn" in page
    assert 'data-panel="input-month"' not in page


def test_the_profile_of_the_chosen_version_is_drawn(site: Any, profile: Profile) -> None:
    """Where profiles of several versions are at hand, the version's own is compared with."""
    site.profiles["old"] = replace(profile, version="0.9", rows=123, created="2020-01-01T00:00:00Z")
    site.add(site.event(0), site.event(1, model={"version": "0.9"}))
    assert "learnt from 2,000 rows" in site.text("/models/flights_delay?range=1h")
    assert "learnt from 123 rows" in site.text("/models/flights_delay?range=1h&version=0.9")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("range=fortnight", "no such range: fortnight"),
        ("from=never", "not a time: never"),
        ("from=2030-01-01&to=2029-01-01", "ends before it begins"),
    ],
)
def test_a_range_that_cannot_be_is_said(site: Any, query: str, says: str) -> None:
    """A link with a wrong range shows the last day and says what was wrong."""
    site.add(site.event(0))
    assert says in site.text(f"/models/flights_delay?{query}")


def test_an_unknown_model_is_a_page_that_says_so(site: Any) -> None:
    """A link to a model that is gone leads back to all models."""
    assert 'href="/">All models' in site.text("/models/nosuch", status=404)
    assert site.client.get("/api/models/nosuch/panels?ids=volume").json() == {"error": "no model nosuch"}


def test_alerts_of_the_model_stand_on_top(site: Any) -> None:
    """A firing watch is shown with its text and its link; one that does not fire is not."""
    firing = {
        "id": "w1",
        "severity": "triage",
        "fired": True,
        "text": "too many",
        "model": "flights_delay",
        "link": "/x",
    }
    site.alerts[:] = [firing, {**firing, "id": "w2", "fired": False, "text": "all well"}]
    page = site.text("/models/flights_delay")
    assert "too many" in page
    assert 'href="/x"' in page
    assert "all well" not in page
