"""Vega-Lite for the charts that Lens does not have: live compared with training, and shares per feature.

Kibana fetches the data itself: `url.body` is the same aggregation that the page sends to its store, and `%context%`
adds the dashboard's filters, search bar and time range.
"""

from __future__ import annotations

from typing import Any, Final

from mllog.dashboards._panels import ABOVE, BELOW, TIME, Dashboard, Distribution, FeatureShares

Spec = dict[str, Any]

_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
_LIVE: Final = "#1f6feb"
_OUTSIDE: Final = "#cf222e"
_TRAINING: Final = "#8c959f"
_ROUND: Final = 6
_AUTO: Final = {"%autointerval%": 100}
"""Kibana puts in a width that gives about so many buckets: 100 keeps it below the week that fixed_interval refuses."""


def spec(panel: Distribution | FeatureShares, dashboard: Dashboard) -> Spec:
    """The Vega-Lite specification of a panel, for Kibana."""
    drawn = _distribution(panel) if isinstance(panel, Distribution) else _shares(panel)
    body = {"size": 0, "aggs": panel.aggregations(_AUTO)}
    url = {"%context%": True, "%timefield%": TIME, "index": dashboard.index, "body": body}
    data = {"url": url, "format": {"property": drawn.pop("property")}}
    return {"$schema": _SCHEMA, "description": panel.about, "data": data, **drawn}


def _distribution(panel: Distribution) -> Spec:
    bars = [(bin_.key, bin_.label, round(bin_.training, _ROUND)) for bin_ in panel.bins]
    if panel.type == "number":
        below, above = panel.outer
        bars = [(BELOW, below, 0.0), *bars, (ABOVE, above, 0.0)]
    training = [{"key": key, "label": label, "training": share} for key, label, share in bars]
    place: Spec = {
        "field": "label",
        "type": "nominal",
        "sort": [label for _, label, _ in bars],
        "title": None,
        "axis": {"labelOverlap": True},
    }
    measure = {"type": "quantitative", "axis": {"format": "%"}, "title": "share"}
    across = panel.type == "number"

    def encoded(field: str) -> Spec:
        value = {**measure, "field": field}
        return {"x": place, "y": value} if across else {"y": place, "x": value}

    key = "datum.bucket.key_as_string || datum.bucket.key"
    live: Spec = {
        "transform": [
            {"flatten": ["bins.buckets"], "as": ["bucket"]},
            {"calculate": f"toString({key})", "as": "key"},
            {"calculate": "datum.bucket.doc_count / datum.present.value", "as": "live"},
            {"lookup": "key", "from": {"data": {"values": training}, "key": "key", "fields": ["label", "training"]}},
            {"filter": "isValid(datum.label) && datum.live > 0"},
        ],
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            **encoded("live"),
            "color": {
                "condition": {"test": f"datum.key === '{BELOW}' || datum.key === '{ABOVE}'", "value": _OUTSIDE},
                "value": _LIVE,
            },
            "tooltip": [
                {"field": "label", "type": "nominal", "title": panel.feature},
                {"field": "live", "type": "quantitative", "format": ".2%"},
                {"field": "training", "type": "quantitative", "format": ".2%"},
                {"field": "bucket.doc_count", "type": "quantitative", "title": "events", "format": ","},
            ],
        },
    }
    reference: Spec = {
        "data": {"values": training},
        "mark": {"type": "bar", "fillOpacity": 0, "stroke": _TRAINING, "strokeWidth": 1.5, "tooltip": True},
        "encoding": encoded("training"),
    }
    return {"property": "aggregations", "layer": [live, reference]}


def _shares(panel: FeatureShares) -> Spec:
    layers = []
    for place, (_, says) in enumerate(panel.fields):
        buckets = f"datum.list{place}.buckets"
        name = f"datum.bucket.key + {' ' + says!r}" if says else "datum.bucket.key"
        layers.append(
            {
                "transform": [
                    # A bucket of time in which no feature is named must stay, as a zero.
                    {"calculate": f"length({buckets}) ? {buckets} : [{{key: '', doc_count: 0}}]", "as": "named"},
                    {"flatten": ["named"], "as": ["bucket"]},
                    {"calculate": f"datum.bucket.key === '' ? '' : {name}", "as": "feature"},
                    {"calculate": "datum.doc_count ? datum.bucket.doc_count / datum.doc_count : 0", "as": "share"},
                    {"impute": "share", "key": "key", "value": 0, "groupby": ["feature"]},
                    {"filter": "datum.feature !== ''"},
                ],
                "mark": {"type": "line", "point": True, "tooltip": True},
                "encoding": {
                    "x": {"field": "key", "type": "temporal", "title": None},
                    "y": {"field": "share", "type": "quantitative", "axis": {"format": "%"}, "title": None},
                    "color": {"field": "feature", "type": "nominal", "title": None},
                },
            }
        )
    return {"property": "aggregations.time.buckets", "layer": layers}
