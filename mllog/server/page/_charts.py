"""Charts as Vega-Lite, made with Altair. Colours are names of styles: the page's theme says what they look like."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import altair as alt

from mllog.dashboards import Average, Breakdown, Distribution, FeatureShares, Panel, Percentiles, TopValues
from mllog.server.page._panel_data import Row

Spec = dict[str, Any]

_DATA: Final = "rows"
_HEIGHT: Final = 170
_STEP: Final = 17
_THIN: Final = alt.RelativeBandSize(0.55)
_FIT: Final = alt.AutoSizeParams(type="fit-x", contains="padding")
_OUTCOMES: Final = ["success", "failure", "unknown"]


def spec(panel: Panel, rows: list[Row]) -> Spec:
    """The Vega-Lite specification of a panel with its data."""
    shape, reference = _shape(panel)
    drawn = {**_drawn(shape, reference), "description": f"{panel.title}. {panel.about}", "datasets": {_DATA: rows}}
    if "height" not in drawn:
        drawn["height"] = _STEP * len(rows)
    return drawn


def _shape(panel: Panel) -> tuple[str, float | None]:
    if isinstance(panel, Distribution):
        return ("bins" if panel.type == "number" else "values over training"), None
    if isinstance(panel, TopValues):
        return "values", None
    if isinstance(panel, Breakdown):
        return ("outcomes" if panel.field == "event.outcome" else "counts"), None
    if isinstance(panel, FeatureShares):
        return "shares", None
    if isinstance(panel, Percentiles):
        return "latency", None
    assert isinstance(panel, Average)
    return "average", panel.reference


@lru_cache(maxsize=256)
def _drawn(shape: str, reference: float | None) -> Spec:
    """The specification without data; Altair takes tens of milliseconds for one, and there are only a few."""
    if shape == "bins":
        chart = _bars()
    elif shape.startswith("values"):
        chart = _rows(training=shape != "values")
    elif shape in {"outcomes", "counts"}:
        chart = _stacked(outcomes=shape == "outcomes")
    elif shape == "shares":
        chart = _lines(axis=alt.Axis(format="%", title=None), shown=".2%")
    elif shape == "latency":
        chart = _lines(axis=alt.Axis(title="ms", format="~g"), shown=".3f")
    else:
        chart = _average(reference)
    drawn: Spec = chart.properties(width="container", autosize=_FIT).to_dict(validate=False)
    drawn.pop("config", None)
    return drawn


def _source() -> alt.NamedData:
    return alt.NamedData(name=_DATA)


def _tooltips(*, training: bool) -> list[alt.Tooltip]:
    tips = [
        alt.Tooltip("label:N", title="value"),
        alt.Tooltip("live:Q", title="live", format=".2%"),
        alt.Tooltip("events:Q", title="events", format=","),
    ]
    return [*tips, alt.Tooltip("training:Q", title="training", format=".2%")] if training else tips


def _bars() -> Any:
    """Bins of a number from left to right; the axis names the lower edge of each."""
    sort = alt.EncodingSortField(field="place", op="min", order="ascending")
    axis = alt.Axis(
        title=None, labelOverlap="greedy", labelSeparation=4, labelExpr="split(datum.label, ' to ')[0]", labelAngle=0
    )
    x = alt.X("label:N", sort=sort, axis=axis, scale=alt.Scale(paddingInner=0.12, paddingOuter=0.1))
    axis_y = alt.Axis(format="%", title=None, tickCount=4)
    tips = _tooltips(training=True)
    base = alt.Chart(_source()).encode(x=x, tooltip=tips)
    training = base.mark_bar(style="training").encode(y=alt.Y("training:Q", axis=axis_y, stack=None))
    live = base.mark_bar(width=_THIN).encode(y=alt.Y("live:Q", axis=axis_y, stack=None), color=_side())
    return alt.layer(training, live).properties(height=_HEIGHT)


def _rows(*, training: bool) -> Any:
    """Values from top to bottom, so that their names can be read."""
    sort = alt.EncodingSortField(field="place", op="min", order="ascending")
    axis = alt.Axis(title=None, labelLimit=130)
    y = alt.Y("label:N", sort=sort, axis=axis, scale=alt.Scale(paddingInner=0.15, paddingOuter=0.1))
    axis_x = alt.Axis(format="%", title=None, tickCount=4)
    base = alt.Chart(_source()).encode(y=y, tooltip=_tooltips(training=training))
    live = base.mark_bar(height=_THIN).encode(x=alt.X("live:Q", axis=axis_x, stack=None), color=_side())
    if not training:
        return alt.layer(live)
    reference = base.mark_bar(style="training").encode(x=alt.X("training:Q", axis=axis_x, stack=None))
    return alt.layer(reference, live)


def _side() -> alt.Color:
    """Live values that training never showed stand out; the theme's `ordinal` range names both colours."""
    return alt.Color("side:N", scale=alt.Scale(domain=["live", "outside"], range="ordinal"), legend=None)


def _time() -> alt.X:
    return alt.X("time:T", scale=alt.Scale(type="utc"), axis=alt.Axis(title=None, tickCount=5, labelOverlap="greedy"))


def _time_tip() -> alt.Tooltip:
    return alt.Tooltip("time:T", title="time (UTC)", format="%Y-%m-%d %H:%M", formatType="utc")


def _stacked(*, outcomes: bool) -> Any:
    scale = alt.Scale(domain=_OUTCOMES, range="ordinal") if outcomes else alt.Undefined
    color = alt.Color("series:N", scale=scale, title=None, sort=None)
    return (
        alt.Chart(_source())
        .mark_bar(style="stack", orient="vertical", binSpacing=0)
        .encode(
            x=_time(),
            x2="end:T",
            y=alt.Y("value:Q", axis=alt.Axis(title=None, format="~s", tickCount=4), stack="zero"),
            color=color,
            order=alt.Order("series:N", sort="descending"),
            tooltip=[_time_tip(), alt.Tooltip("series:N", title="what"), alt.Tooltip("value:Q", format=",")],
        )
        .properties(height=_HEIGHT)
    )


def _lines(*, axis: alt.Axis, shown: str) -> Any:
    return (
        alt.Chart(_source())
        .mark_line(style="series", point=alt.OverlayMarkDef(size=14))
        .encode(
            x=_time(),
            y=alt.Y("value:Q", axis=axis, scale=alt.Scale(zero=True)),
            color=alt.Color("series:N", title=None, sort=None),
            tooltip=[_time_tip(), alt.Tooltip("series:N", title="series"), alt.Tooltip("value:Q", format=shown)],
        )
        .properties(height=_HEIGHT)
    )


def _average(reference: float | None) -> Any:
    axis = alt.Axis(format="%", title=None, tickCount=4)
    line = (
        alt.Chart(_source())
        .mark_line(style="measure", point=alt.OverlayMarkDef(size=14))
        .encode(x=_time(), y=alt.Y("value:Q", axis=axis, scale=alt.Scale(zero=True)))
        .encode(tooltip=[_time_tip(), alt.Tooltip("value:Q", title="live", format=".2%")])
    )
    if reference is None:
        return alt.layer(line).properties(height=_HEIGHT)
    rule = alt.Chart(_source()).mark_rule(style="reference").encode(y=alt.datum(reference))
    return alt.layer(rule, line).properties(height=_HEIGHT)
