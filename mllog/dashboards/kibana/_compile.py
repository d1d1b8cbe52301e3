"""The only module that uses kb-dashboard-core: translates panels to its format, and writes saved objects as NDJSON.

kb-dashboard-core compiles the dashboards; the data view, the saved search and the tag are created here.
`mllog.dashboards.kibana.check` checks that the result can be imported.
"""

from __future__ import annotations

import json
from typing import Any, Final

import kb_dashboard_core
import yaml
from kb_dashboard_core.loader import DashboardConfig

from mllog.dashboards._panels import (
    TIME,
    Average,
    Breakdown,
    Dashboard,
    Distribution,
    Events,
    FeatureShares,
    Metric,
    Note,
    Panel,
    Percentiles,
    TopValues,
)
from mllog.dashboards.kibana._vega import spec
from mllog.errors import DashboardError

Config = dict[str, Any]

_CORE_VERSION: Final = "8.8.0"
_TYPE_VERSIONS: Final = {"index-pattern": "7.11.0", "search": "8.0.0", "tag": "8.0.0"}
_INDEX_REFERENCE: Final = "kibanaSavedObjectMeta.searchSourceJSON.index"
_TAG: Final = "mllog"
_GREY: Final = "#8c959f"
_PERCENT: Final = {"type": "percent", "decimals": 2}
_WRITTEN_BY: Final = ("created_at", "created_by", "updated_at", "updated_by", "version", "managed")
"""Kibana sets these itself on import."""

_WIDE_LINE: Final = 120


class _Dumper(yaml.SafeDumper):
    """Writes no anchors and aliases, which are hard to read and to edit."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - yaml's signature
        return True


def to_yaml(dashboard: Dashboard) -> str:
    """The definition in the format of kb-dashboard-core."""
    config = {"dashboards": [_config(dashboard)]}
    text: str = yaml.dump(config, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE_LINE)
    return text


def compile_dashboard(dashboard: Dashboard) -> bytes:
    """Kibana's saved objects as NDJSON, in the order of their references.

    Raises:
        DashboardError: kb-dashboard-core refuses the definition.
    """
    try:
        config = DashboardConfig.model_validate({"dashboards": [_config(dashboard)]})
        view = kb_dashboard_core.render(config.dashboards[0])
    except ValueError as error:  # pydantic's ValidationError is one, with a line per alternative
        reason = "; ".join(str(error).splitlines()[:3])
        raise DashboardError(f"{dashboard.id}: kb-dashboard-core refuses the dashboard: {reason}") from error
    compiled = json.loads(view.model_dump_json(exclude_none=True))
    compiled = {key: value for key, value in compiled.items() if key not in _WRITTEN_BY}
    compiled["references"].append(_tag_reference())
    objects = [_tag(), _data_view(dashboard), _search(dashboard), compiled]
    return b"".join(json.dumps(item, ensure_ascii=False, sort_keys=True).encode() + b"\n" for item in objects)


def data_view_id(dashboard: Dashboard) -> str:
    """Id of the dashboard's data view."""
    return f"{dashboard.id}-data-view"


def search_id(dashboard: Dashboard) -> str:
    """Id of the dashboard's saved search."""
    return f"{dashboard.id}-events"


def _config(dashboard: Dashboard) -> Config:
    view = data_view_id(dashboard)
    controls = (
        ("version", "mllog.model.version"),
        ("outcome", "event.outcome"),
        ("environment", "service.environment"),
    )
    return {
        "name": dashboard.title,
        "id": dashboard.id,
        "description": f"Live inputs of {dashboard.model} over its training data. Built by mllog from the profile.",
        "time_range": {"from": "now-24h", "to": "now"},
        "filters": [{"field": field, "equals": value} for field, value in dashboard.filters],
        "controls": [
            {"type": "options", "id": name, "label": name.capitalize(), "field": field, "data_view": view}
            for name, field in controls
        ],
        "panels": [_panel(panel, dashboard) for panel in dashboard.panels],
    }


def _panel(panel: Panel, dashboard: Dashboard) -> Config:
    grid = panel.grid
    config: Config = {
        "id": panel.id,
        "title": panel.title,
        "description": panel.about,
        "size": {"w": grid.w, "h": grid.h},
        "position": {"x": grid.x, "y": grid.y},
    }
    if isinstance(panel, Note):
        return {**config, "markdown": {"content": _plain_markdown(panel.text)}}
    if isinstance(panel, Events):
        return {**config, "search": {"saved_search_id": search_id(dashboard)}}
    if isinstance(panel, (Distribution, FeatureShares)):
        return {**config, "vega": {"spec": spec(panel, dashboard)}}
    view = data_view_id(dashboard)
    return {**config, "lens": {**_lens(panel, view), "data_view": view}}


def _lens(panel: Panel, view: str) -> Config:
    if isinstance(panel, Metric):
        return {"type": "metric", "primary": _measure(panel)}
    if isinstance(panel, TopValues):
        values = {"type": "values", "field": panel.field, "size": panel.size, "show_other_bucket": False}
        count = {"aggregation": "count", "id": f"{panel.id}-count", "label": "Events"}
        sorting = {"column_id": count["id"], "direction": "desc"}
        return {"type": "datatable", "metrics": [count], "breakdowns": [values], "sorting": sorting}
    over_time = {"type": "date_histogram", "field": TIME}
    if isinstance(panel, Breakdown):
        split = {"type": "values", "field": panel.field, "size": panel.size}
        count = {"aggregation": "count", "label": "Events"}
        return {"type": "bar", "mode": "stacked", "dimension": over_time, "metrics": [count], "breakdown": split}
    if isinstance(panel, Percentiles):
        lines = [
            {"aggregation": "percentile", "field": panel.field, "percentile": percent, "label": f"p{percent}"}
            for percent in panel.percents
        ]
        return {"type": "line", "dimension": over_time, "metrics": lines}
    assert isinstance(panel, Average)
    mean = {"aggregation": "average", "field": panel.field, "label": "Live", "format": _PERCENT}
    chart: Config = {"type": "line", "dimension": over_time, "metrics": [mean]}
    if panel.reference is not None:
        line = {"label": "Training", "value": panel.reference, "line_style": "dashed", "color": _GREY}
        layer = {"type": "reference_line", "data_view": view, "reference_lines": [line]}
        chart["layers"] = [layer]
    return chart


def _measure(panel: Metric) -> Config:
    measure: Config = {"label": panel.title}
    if panel.unit == "share":
        measure["format"] = _PERCENT
    if panel.aggregation == "share":
        assert panel.only is not None
        field, value = panel.only
        return {**measure, "formula": f"count(kql='{field}: \"{value}\"') / count()"}
    if panel.aggregation == "count":
        return {**measure, "aggregation": "count"}
    name = "average" if panel.aggregation == "avg" else panel.aggregation
    measure |= {"aggregation": name, "field": panel.field}
    return {**measure, "percentile": panel.percentile} if name == "percentile" else measure


def _plain_markdown(text: str) -> str:
    """Feature names are data: none of their characters may act as markup, a link or an image."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]<>()#+!|~&" else character for character in text)


def _object(kind: str, object_id: str, attributes: Config, references: list[Config]) -> Config:
    return {
        "id": object_id,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": _CORE_VERSION,
        "typeMigrationVersion": _TYPE_VERSIONS[kind],
    }


def _tag_reference() -> Config:
    return {"type": "tag", "id": _TAG, "name": f"tag-ref-{_TAG}"}


def _tag() -> Config:
    return _object("tag", _TAG, {"name": "mllog", "description": "Models watched by mllog", "color": "#1f6feb"}, [])


def _data_view(dashboard: Dashboard) -> Config:
    milliseconds = {"inputFormat": "nanoseconds", "outputFormat": "asMilliseconds", "outputPrecision": 2}
    formats = {"event.duration": {"id": "duration", "params": {**milliseconds, "showSuffix": True}}}
    attributes = {
        "title": dashboard.index,
        "name": dashboard.title,
        "timeFieldName": TIME,
        "fieldFormatMap": json.dumps(formats, sort_keys=True),
        "fieldAttrs": "{}",
        "fields": "[]",
        "runtimeFieldMap": "{}",
        "sourceFilters": "[]",
        "typeMeta": "{}",
    }
    return _object("index-pattern", data_view_id(dashboard), attributes, [])


def _search(dashboard: Dashboard) -> Config:
    events = next(panel for panel in dashboard.panels if isinstance(panel, Events))
    source = {
        "query": {"query": "", "language": "kuery"},
        "filter": [
            {
                "$state": {"store": "appState"},
                "meta": {"disabled": False, "negate": False, "alias": None, "type": "phrase", "key": field}
                | {"params": {"query": value}},
                "query": {"match_phrase": {field: value}},
            }
            for field, value in dashboard.filters
        ],
        "indexRefName": _INDEX_REFERENCE,
    }
    fields = [column for column in events.columns if column != TIME and column not in _OBJECTS]
    attributes = {
        "title": f"{dashboard.title}: events",
        "description": events.about,
        "columns": fields,
        "sort": [[TIME, "desc"]],
        "grid": {},
        "hideChart": False,
        "isTextBasedQuery": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source, sort_keys=True)},
    }
    view = {"type": "index-pattern", "id": data_view_id(dashboard), "name": _INDEX_REFERENCE}
    return _object("search", search_id(dashboard), attributes, [view, _tag_reference()])


_OBJECTS: Final = frozenset({"labels", "mllog.input", "mllog.output"})
"""Columns of the page that are objects; Discover lists leaves, and opens the rest in the row's flyout."""
