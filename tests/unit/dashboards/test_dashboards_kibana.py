"""Kibana's saved objects: what is compiled, and that the check finds what is broken."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import vl_convert
import yaml

from mllog.dashboards import Distribution, FeatureShares, build, kibana
from mllog.dashboards.kibana import check, to_yaml, write
from mllog.dashboards.kibana._vega import spec
from mllog.errors import DashboardError
from mllog.profile import Feature, Profile

FIXTURE = Path(__file__).parents[2] / "fixtures" / "dashboards" / "profile.json"

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module")
def profile() -> Profile:
    """A small profile with every type of feature."""
    return Profile.load(FIXTURE)


@pytest.fixture(scope="module")
def compiled(profile: Profile) -> bytes:
    """Its saved objects."""
    return kibana.compile(profile)


def _objects(ndjson: bytes) -> Objects:
    return [json.loads(line) for line in ndjson.splitlines()]


def _ndjson(objects: Objects) -> bytes:
    return b"\n".join(json.dumps(item).encode() for item in objects)


def _of(objects: Objects, kind: str) -> dict[str, Any]:
    return next(item for item in objects if item["type"] == kind)


def _panels(objects: Objects, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the panels of the dashboard, which are JSON in a string."""
    attributes = _of(objects, "dashboard")["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    change(panels)
    attributes["panelsJSON"] = json.dumps(panels)


def _lens(panels: list[dict[str, Any]], panel_id: str) -> dict[str, Any]:
    panel = next(panel for panel in panels if panel["panelIndex"] == panel_id)
    attributes: dict[str, Any] = panel["embeddableConfig"]["attributes"]
    return attributes


def _layer(panels: list[dict[str, Any]], panel_id: str) -> dict[str, Any]:
    layers = _lens(panels, panel_id)["state"]["datasourceStates"]["formBased"]["layers"]
    layer: dict[str, Any] = next(iter(layers.values()))
    return layer


def test_what_is_compiled_passes_the_check(compiled: bytes) -> None:
    """Nothing keeps a compiled dashboard from importing and opening."""
    assert check(compiled) == []


def test_the_same_profile_gives_the_same_bytes(profile: Profile, compiled: bytes) -> None:
    """Compiling is deterministic, so that a committed file changes only with its profile."""
    assert kibana.compile(profile.to_json()) == compiled


def test_the_bundle_holds_all_that_it_refers_to(compiled: bytes) -> None:
    """Tag, data view, saved search and dashboard come in one file, what is referred to first."""
    assert [item["type"] for item in _objects(compiled)] == ["tag", "index-pattern", "search", "dashboard"]


def test_the_data_view_reads_the_model_s_streams_and_shows_durations_as_milliseconds(compiled: bytes) -> None:
    """ECS stores nanoseconds; people read milliseconds."""
    attributes = _of(_objects(compiled), "index-pattern")["attributes"]
    assert (attributes["title"], attributes["timeFieldName"]) == ("logs-mllog.flights_delay-*", "@timestamp")
    duration = json.loads(attributes["fieldFormatMap"])["event.duration"]["params"]
    assert (duration["inputFormat"], duration["outputFormat"]) == ("nanoseconds", "asMilliseconds")


def test_the_yaml_is_what_is_compiled(profile: Profile, compiled: bytes, tmp_path: Path) -> None:
    """kb-dashboard-core compiles the committed source to the committed dashboard."""
    import kb_dashboard_core

    source = tmp_path / "dashboard.yaml"
    source.write_text(to_yaml(build(profile)))
    rendered = kb_dashboard_core.render(kb_dashboard_core.load(str(source))[0])
    panels = json.loads(json.loads(rendered.model_dump_json(exclude_none=True))["attributes"]["panelsJSON"])
    assert panels == json.loads(_of(_objects(compiled), "dashboard")["attributes"]["panelsJSON"])


def test_the_yaml_has_every_panel_of_the_page(profile: Profile) -> None:
    """One definition: the ids in the source are those that the page draws."""
    dashboard = build(profile)
    written = yaml.safe_load(to_yaml(dashboard))["dashboards"][0]["panels"]
    assert [panel["id"] for panel in written] == [panel.id for panel in dashboard.panels]


def test_files_are_written_for_each_profile(profile: Profile, tmp_path: Path) -> None:
    """`mllog dashboards build` leaves a source and saved objects that pass the check."""
    paths = write([profile], tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "dashboards/flights_delay.yaml",
        "saved_objects/flights_delay.ndjson",
    ]
    assert check(paths[1]) == []


def test_hostile_feature_names_compile_and_stay_text(profile: Profile) -> None:
    """A feature may be called anything; in Markdown its name is no link and no markup."""
    names = ['a"b', "x') OR count(", "[click](javascript:alert(1))", "<script>alert(1)</script>", "a.b", "'"]
    drawn = [replace(profile.inputs[0], name=name) for name in names]
    undrawn = Feature("![x](http://evil)", "text", "object", 1, 0)
    ndjson = kibana.compile(replace(profile, inputs=(*drawn, undrawn)))
    assert check(ndjson) == []
    assert b"![x](http" not in ndjson


def test_a_distribution_draws_live_training_and_outside_values(profile: Profile) -> None:
    """The Vega-Lite that Kibana gets is drawn by Vega: live bars, training outlines, outside bars in red."""
    dashboard = build(profile)
    panel = dashboard.panel("input-dep_delay")
    assert isinstance(panel, Distribution)
    buckets = [{"key": "b0", "doc_count": 30}, {"key": "above", "doc_count": 70}]
    svg = _drawn(spec(panel, dashboard), {"aggregations": {"bins": {"buckets": buckets}, "present": {"value": 100}}})
    assert svg.count("#1f6feb") == 1
    assert svg.count("#cf222e") == 1
    assert svg.count("#8c959f") >= len(panel.bins)


def test_shares_of_features_keep_buckets_in_which_none_is_named(profile: Profile) -> None:
    """A line falls to zero where no event names the feature, instead of skipping the time."""
    dashboard = build(profile)
    panel = dashboard.panel("missing")
    assert isinstance(panel, FeatureShares)
    named = {"buckets": [{"key": "dep_delay", "doc_count": 5}]}
    buckets = [
        {"key": 0, "doc_count": 10, "list0": named},
        {"key": 3_600_000, "doc_count": 10, "list0": {"buckets": []}},
        {"key": 7_200_000, "doc_count": 10, "list0": named},
    ]
    svg = _drawn(spec(panel, dashboard), {"aggregations": {"time": {"buckets": buckets}}})
    assert "share: 0.000000%; feature: dep_delay" in svg


def _drawn(vega_lite: dict[str, Any], answer: dict[str, Any]) -> str:
    """What Kibana does: the store's answer takes the place of the request."""
    data = {"values": answer, "format": vega_lite["data"]["format"]}
    drawn: str = vl_convert.vegalite_to_svg({**vega_lite, "data": data})
    return drawn


def _drop_tag(objects: Objects) -> None:
    objects.remove(_of(objects, "tag"))


def _repeat(objects: Objects) -> None:
    objects.append(copy.deepcopy(objects[0]))


def _future(objects: Objects) -> None:
    _of(objects, "search")["typeMigrationVersion"] = "99.0.0"


def _core(objects: Objects) -> None:
    del _of(objects, "dashboard")["coreMigrationVersion"]


def _column(objects: Objects) -> None:
    _panels(objects, lambda panels: _layer(panels, "volume")["columnOrder"].pop())


def _accessor(objects: Objects) -> None:
    def change(panels: list[dict[str, Any]]) -> None:
        _lens(panels, "latency-p95")["state"]["visualization"]["metricAccessor"] = "gone"

    _panels(objects, change)


def _operation(objects: Objects) -> None:
    def change(panels: list[dict[str, Any]]) -> None:
        next(iter(_layer(panels, "volume")["columns"].values()))["operationType"] = "guess"

    _panels(objects, change)


def _sorted_by(objects: Objects) -> None:
    def change(panels: list[dict[str, Any]]) -> None:
        terms = [c for c in _layer(panels, "volume")["columns"].values() if c["operationType"] == "terms"]
        terms[0]["params"]["orderBy"]["columnId"] = "gone"

    _panels(objects, change)


def _formula(objects: Objects) -> None:
    def change(panels: list[dict[str, Any]]) -> None:
        columns = _layer(panels, "error-share")["columns"].values()
        next(c for c in columns if c["operationType"] == "formula")["references"] = []

    _panels(objects, change)


def _source_of_formula(objects: Objects) -> None:
    def change(panels: list[dict[str, Any]]) -> None:
        columns = _layer(panels, "error-share")["columns"].values()
        next(c for c in columns if c["operationType"] == "math")["sourceField"] = "event.outcome"

    _panels(objects, change)


def _field(objects: Objects) -> None:
    def change(panels: list[dict[str, Any]]) -> None:
        columns = _layer(panels, "latency-p95")["columns"].values()
        next(iter(columns))["sourceField"] = "event.druation"

    _panels(objects, change)


def _vega_field(objects: Objects) -> None:
    def change(panels: list[dict[str, Any]]) -> None:
        panel = next(panel for panel in panels if panel["panelIndex"] == "missing")
        params = panel["embeddableConfig"]["savedVis"]["params"]
        params["spec"] = params["spec"].replace("mllog.quality.missing", "mllog.qualty.missing")

    _panels(objects, change)


def _overlap(objects: Objects) -> None:
    _panels(objects, lambda panels: panels[1]["gridData"].update(x=0))


def _too_wide(objects: Objects) -> None:
    _panels(objects, lambda panels: panels[5]["gridData"].update(w=9))


def _other_index(objects: Objects) -> None:
    _panels(objects, lambda panels: panels[0]["gridData"].update(i="other"))


def _same_index(objects: Objects) -> None:
    _panels(objects, lambda panels: panels[0].update(panelIndex="volume"))


def _inner_reference(objects: Objects) -> None:
    _panels(objects, lambda panels: _lens(panels, "volume")["references"].clear())


def _outer_reference(objects: Objects) -> None:
    references = _of(objects, "dashboard")["references"]
    references.remove(next(item for item in references if item["name"].startswith("volume:")))


def _loose_reference(objects: Objects) -> None:
    references = _of(objects, "dashboard")["references"]
    references.append({**references[0], "name": "nobody:needs-it"})


def _search_index(objects: Objects) -> None:
    _of(objects, "search")["references"][0]["name"] = "elsewhere"


def _search_column(objects: Objects) -> None:
    _of(objects, "search")["attributes"]["columns"].append("event.nonsense")


def _shapeless(objects: Objects) -> None:
    _of(objects, "dashboard")["attributes"]["panelsJSON"] = "not JSON"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_drop_tag, "refers to tag mllog, which is not in the bundle"),
        (_repeat, "same type and id"),
        (_future, "typeMigrationVersion 99.0.0"),
        (_core, "coreMigrationVersion is None"),
        (_column, "columnOrder does not list its columns"),
        (_accessor, "metricAccessor gone is no column"),
        (_operation, "unknown operation 'guess'"),
        (_sorted_by, "is sorted by gone"),
        (_formula, "the formula is not expanded"),
        (_source_of_formula, "a math column has no sourceField"),
        (_field, "no field 'event.druation' in the index template"),
        (_vega_field, "no field 'mllog.qualty.missing' in the index template"),
        (_overlap, "overlaps panel"),
        (_too_wide, "does not fit into 48 columns"),
        (_other_index, "gridData.i is other"),
        (_same_index, "two panels have this panelIndex"),
        (_inner_reference, "has no reference to a data view"),
        (_outer_reference, "the dashboard has no reference 'volume:"),
        (_loose_reference, "'nobody:needs-it' belongs to no panel"),
        (_search_index, "is not among its references"),
        (_search_column, "no field 'event.nonsense'"),
        (_shapeless, "is not shaped like a saved object"),
    ],
)
def test_the_check_finds_what_is_broken(compiled: bytes, damage: Callable[[Objects], None], says: str) -> None:
    """Each single fault that Kibana would stumble over is named."""
    objects = _objects(compiled)
    damage(objects)
    assert any(says in problem for problem in check(_ndjson(objects)))


def test_the_check_names_lines_that_are_no_saved_objects() -> None:
    """A file of something else is refused line by line, not with a traceback."""
    assert check(b'nonsense\n{"a": 1}') == [
        "line 1: not JSON: Expecting value: line 1 column 1 (char 0)",
        "line 2: a saved object has a type and an id",
    ]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """The check says which file, in one line."""
    with pytest.raises(DashboardError, match=r"gone\.ndjson: cannot read"):
        check(tmp_path / "gone.ndjson")


def test_the_definition_is_read_without_kibana_s_compiler() -> None:
    """The page needs no extra but its own: importing the dashboards leaves kb-dashboard-core alone."""
    code = "import sys, mllog.dashboards; sys.exit('kb_dashboard_core' in sys.modules or 'yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
