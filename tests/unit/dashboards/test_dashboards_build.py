"""The dashboard that a profile defines."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllog.dashboards import (
    COLUMNS,
    Dashboard,
    Distribution,
    FeatureShares,
    Metric,
    Note,
    TopValues,
    build,
    build_unprofiled,
    number,
)
from mllog.profile import Feature, Profile


def _number_feature(name: str = "delay", **changes: Any) -> Feature:
    edges = tuple(float(edge) for edge in range(101))
    known: dict[str, Any] = {
        "count": 1000,
        "missing": 250,
        "min": 0.0,
        "max": 99.0,
        "quantiles": {"0.01": 1.0, "0.99": 98.0},
        "edges": edges,
        "counts": (10,) * 100,
    }
    return Feature(name, "number", "float64", **{**known, **changes})


def _category(name: str, distinct: int, **changes: Any) -> Feature:
    listed = tuple((f"c{place}", 10) for place in range(distinct))
    known: dict[str, Any] = {
        "count": 10 * distinct,
        "missing": 0,
        "distinct": distinct,
        "categories": listed,
        "complete": True,
    }
    return Feature(name, "category", "object", **{**known, **changes})


def _profile(*inputs: Feature, outputs: tuple[Feature, ...] = ()) -> Profile:
    return Profile("late", "1.0", inputs, outputs, rows=1250, invalid_share=0.01)


def _distribution(dashboard: Dashboard, panel_id: str) -> Distribution:
    panel = dashboard.panel(panel_id)
    assert isinstance(panel, Distribution)
    return panel


def test_every_feature_with_values_to_compare_has_a_distribution() -> None:
    """Numbers, categories and booleans of inputs and outputs are each drawn once."""
    flag = Feature("flag", "boolean", "bool", 10, 0, true=4, false=6)
    dashboard = build(_profile(_number_feature(), _category("carrier", 3), flag, outputs=(_number_feature("p"),)))
    drawn = [panel.field for panel in dashboard.panels if isinstance(panel, Distribution)]
    assert drawn == [
        "mllog.output.number.p",
        "mllog.input.number.delay",
        "mllog.input.category.carrier",
        "mllog.input.boolean.flag",
    ]


def test_the_profile_s_own_edges_bound_the_bars() -> None:
    """A range aggregation uses edges of the profile only, closed by open ranges at both ends."""
    feature = _number_feature()
    panel = _distribution(build(_profile(feature)), "input-delay")
    ranges = panel.aggregations("1h")["bins"]["range"]["ranges"]
    assert ranges[0] == {"key": "below", "to": 0.0}
    assert ranges[-1] == {"key": "above", "from": 100.0}
    inner = ranges[1:-1]
    assert {edge for part in inner for edge in (part["from"], part["to"])} <= set(feature.edges)
    assert all(one["to"] == other["from"] for one, other in itertools.pairwise(inner))


def test_many_bins_are_merged_to_about_twenty_and_keep_their_rows() -> None:
    """Merging moves no row: the shares of the bars still add up to one."""
    panel = _distribution(build(_profile(_number_feature())), "input-delay")
    assert 8 <= len(panel.bins) <= 21
    assert sum(bar.training for bar in panel.bins) == pytest.approx(1)


def test_few_bins_are_left_alone() -> None:
    """A number with few different values has a bar for each."""
    month = _number_feature("month", edges=(1.0, 2.0, 3.0, 4.0), counts=(5, 3, 2), integer=True, min=1.0, max=3.0)
    panel = _distribution(build(_profile(month)), "input-month")
    assert [bar.label for bar in panel.bins] == ["1", "2", "3"]
    assert [bar.training for bar in panel.bins] == [0.5, 0.3, 0.2]
    assert panel.outer == ("< 1", "> 3")


def test_a_heavy_tail_does_not_end_in_one_bar() -> None:
    """Where equally wide bars would put most rows into one, bars of equal counts are drawn."""
    edges = (*map(float, range(100)), 10_000.0)
    feature = _number_feature(edges=edges, quantiles={"0.01": 0.0, "0.99": 10_000.0}, max=9999.0)
    panel = _distribution(build(_profile(feature)), "input-delay")
    assert max(bar.training for bar in panel.bins) <= 0.06


def test_edges_too_close_for_four_digits_still_have_labels_of_their_own() -> None:
    """Two bars are never drawn as one because their labels look alike."""
    edges = (1.00001, 1.00002, 1.00003)
    panel = _distribution(build(_profile(_number_feature(edges=edges, counts=(1, 1)))), "input-delay")
    assert len({bar.label for bar in panel.bins}) == 2


def test_values_of_a_sensitive_feature_are_not_asked_for() -> None:
    """A sensitive feature is named in the note, and no panel reads its field."""
    secret = _category("iban", 3, sensitive=True)
    dashboard = build(_profile(secret, _number_feature()))
    assert "iban" not in str([panel.aggregations("1h") for panel in dashboard.panels if panel.kind != "note"])
    note = next(panel for panel in dashboard.panels if isinstance(panel, Note))
    assert "iban (sensitive: its values are not stored)" in note.text


def test_the_top_values_are_of_the_input_with_the_most_different_ones() -> None:
    """The widest category, such as a tail number, is listed by frequency."""
    dashboard = build(_profile(_category("origin", 3), _category("tailnum", 40, complete=False)))
    panel = dashboard.panel("top-values")
    assert isinstance(panel, TopValues)
    assert panel.field == "mllog.input.category.tailnum"


def test_unseen_values_are_counted_where_the_profile_checks_them() -> None:
    """Only a feature whose categories are all listed can have unseen ones."""
    dashboard = build(_profile(_category("origin", 3), _category("tailnum", 40, complete=False)))
    assert "unseen" in _distribution(dashboard, "input-origin").aggregations("1h")
    assert "unseen" not in _distribution(dashboard, "input-tailnum").aggregations("1h")


def test_quality_names_every_list_that_validation_fills_with_live_values() -> None:
    """Missing, below, above, unseen and wrongly typed inputs all have a panel."""
    dashboard = build(_profile(_number_feature()))
    fields = {field for panel in dashboard.panels if isinstance(panel, FeatureShares) for field, _ in panel.fields}
    assert fields == {
        f"mllog.quality.{name}" for name in ("missing", "below_min", "above_max", "unseen_category", "wrong_type")
    }


def test_features_whose_names_look_alike_have_panels_of_their_own() -> None:
    """A name may hold anything; ids stay unique and plain."""
    names = ["a b", "a.b", "a[b]", "<script>", "é", "…", "ü"]
    dashboard = build(_profile(*(_number_feature(name) for name in names)))
    ids = [panel.id for panel in dashboard.panels]
    assert len(set(ids)) == len(ids)
    assert all(part.isascii() and part.replace("-", "").replace("_", "").isalnum() for part in ids)


@given(st.lists(st.integers(1, 3), max_size=40))
def test_panels_never_overlap_and_fit_the_grid(kinds: list[int]) -> None:
    """Whatever a profile holds, its panels lie side by side within 48 columns."""
    made = {1: _number_feature, 2: lambda name: _category(name, 3), 3: lambda name: Feature(name, "text", "str", 5, 0)}
    dashboard = build(_profile(*(made[kind](f"f{place}") for place, kind in enumerate(kinds))))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard.panels:
        grid = panel.grid
        assert grid.x + grid.w <= COLUMNS
        cells = {(x, y) for x in range(grid.x, grid.x + grid.w) for y in range(grid.y, grid.y + grid.h)}
        assert not taken & cells
        taken |= cells


def test_a_model_without_a_profile_has_a_dashboard_too() -> None:
    """Volume, latency, errors and events need no training data."""
    ids = {panel.id for panel in build_unprofiled("late").panels}
    assert {"volume", "latency", "errors", "redactions", "recent-events"} <= ids


def test_one_environment_is_a_filter_and_a_data_stream() -> None:
    """Asked for one environment, a dashboard reads its streams only and filters by its name."""
    dashboard = build(_profile(), environment="Prod EU")
    assert ("service.environment", "Prod EU") in dashboard.filters
    assert dashboard.index.startswith("logs-mllog.late-prod_eu_")
    assert build(_profile()).index == "logs-mllog.late-*"


def test_the_invalid_share_is_shown_beside_the_training_one() -> None:
    """The tile knows what share of the training rows the profile itself would call invalid."""
    tile = build(_profile()).panel("invalid-share")
    assert isinstance(tile, Metric)
    assert tile.reference == 0.01


def test_a_profile_as_json_gives_the_same_dashboard() -> None:
    """A profile file that was only parsed is as good as a profile."""
    profile = _profile(_number_feature(), _category("origin", 3))
    assert build(profile.to_json()) == build(profile)


@given(st.floats(-1e300, 1e300))
def test_numbers_are_short_and_close(value: float) -> None:
    """A label is at most 14 characters and within a tenth of a per cent of the value."""
    text = number(value)
    assert len(text) <= 14
    assert float(text.replace(",", "")) == pytest.approx(value, rel=1e-3, abs=1e-300)
