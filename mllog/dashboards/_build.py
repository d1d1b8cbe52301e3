"""Builds the input dashboard of a model from its profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from mllog.dashboards._bins import bins, outer_labels
from mllog.dashboards._panels import (
    COLUMNS,
    Average,
    Breakdown,
    Dashboard,
    Distribution,
    Events,
    FeatureShares,
    Grid,
    Metric,
    Note,
    Panel,
    Percentiles,
    TopValues,
)
from mllog.event._names import slug
from mllog.profile import Feature, Profile

COLUMNS_OF_EVENTS: Final = (
    "@timestamp",
    "mllog.model.version",
    "event.outcome",
    "event.duration",
    "labels",
    "trace.id",
    "mllog.input",
    "mllog.output",
    "mllog.quality.invalid",
)
_ANY_ENVIRONMENT: Final = "*"
_FREE: Final = Grid(0, 0, 0, 0)
_TILE, _WIDE, _HALF, _THIRD, _WHOLE, _LINE = (8, 5), (16, 11), (24, 11), (16, 12), (COLUMNS, 18), (COLUMNS, 4)

_OVERVIEW: Final = "Overview"
_TRAFFIC: Final = "Traffic"
_QUALITY: Final = "Input quality"
_OUTPUTS: Final = "Predictions"
_INPUTS: Final = "Inputs against training"
_EVENTS: Final = "Recent events"


def build(profile: Profile | Mapping[str, Any], *, environment: str = _ANY_ENVIRONMENT) -> Dashboard:
    """The input dashboard of the model that a profile belongs to.

    Args:
        profile: a profile, or the JSON object of one.
        environment: only this environment's events; `*` for all.

    Raises:
        ProfileError: the object is not a profile.

    Example:
        >>> late = Profile("late", "1.0", (Feature("hour", "number", "int64", 2, 0, edges=(0, 12, 24), counts=(1, 1)),))
        >>> dashboard = build(late)
        >>> dashboard.panel("input-hour").title
        'hour'
    """
    parsed = profile if isinstance(profile, Profile) else Profile.from_json(profile)
    return _dashboard(parsed.name, parsed.version, environment, parsed)


def build_unprofiled(model: str, *, environment: str = _ANY_ENVIRONMENT) -> Dashboard:
    """The dashboard of a model that logs without a profile: the panels that need no training data.

    Example:
        >>> {panel.section for panel in build_unprofiled("late").panels} == {"Overview", "Traffic", "Recent events"}
        True
    """
    return _dashboard(model, "", environment, None)


def _dashboard(model: str, version: str, environment: str, profile: Profile | None) -> Dashboard:
    part = slug(model)
    filters = [("mllog.model.name", model), ("event.action", "prediction"), ("mllog.model.role", "live")]
    scope = _ANY_ENVIRONMENT
    if environment != _ANY_ENVIRONMENT:
        filters.append(("service.environment", environment))
        scope = slug(environment)
    panels = [*_overview(profile), *_traffic(profile)]
    if profile is not None:
        panels += [*_quality(), *_features(profile)]
    panels.append(_events())
    return Dashboard(
        id=f"mllog-{part}" if scope == _ANY_ENVIRONMENT else f"mllog-{part}-{scope}",
        title=f"mllog: inputs of {model}",
        model=model,
        version=version,
        index=f"logs-mllog.{part}-{scope}",
        filters=tuple(filters),
        panels=_placed(panels),
        rows=profile.rows if profile else 0,
    )


def _overview(profile: Profile | None) -> list[Panel]:
    def tile(name: str, title: str, about: str, **measure: Any) -> Panel:
        return Metric(id=name, title=title, about=about, section=_OVERVIEW, grid=_sized(_TILE), **measure)

    failure = ("event.outcome", "failure")
    tiles = [
        tile("events", "Events", "Predictions logged.", aggregation="count"),
        tile(
            "invalid-share",
            "Invalid inputs",
            "Share of the events whose inputs training did not show.",
            aggregation="avg",
            field="mllog.quality.invalid",
            unit="share",
            reference=profile.invalid_share if profile else None,
        ),
        tile(
            "error-share", "Errors", "Share of the calls that failed.", aggregation="share", only=failure, unit="share"
        ),
    ]
    for percentile in (50, 95):
        title, about = f"Latency p{percentile}", f"{percentile} % of the calls were at most this slow."
        tiles.append(
            tile(
                f"latency-p{percentile}",
                title,
                about,
                aggregation="percentile",
                field="event.duration",
                percentile=percentile,
                unit="nanoseconds",
            )
        )
    about = "Sensitive values that were removed before the events were stored."
    tiles.append(tile("redacted", "Redacted values", about, aggregation="sum", field="mllog.redaction.count"))
    return tiles


def _traffic(profile: Profile | None) -> list[Panel]:
    def breakdown(name: str, title: str, about: str, field: str, size: tuple[int, int] = _WIDE) -> Panel:
        return Breakdown(id=name, title=title, about=about, section=_TRAFFIC, grid=_sized(size), field=field)

    latency = Percentiles(
        id="latency",
        title="Latency",
        about="Percentiles of the calls' duration over time, in milliseconds.",
        section=_TRAFFIC,
        grid=_sized(_WIDE),
        field="event.duration",
    )
    redacted = "Events from which sensitive values were removed, by kind of value."
    invalid = Average(
        id="invalid",
        title="Invalid inputs",
        about="Share of the events with at least one input that training did not show.",
        section=_TRAFFIC,
        grid=_sized(_HALF),
        field="mllog.quality.invalid",
        reference=profile.invalid_share if profile else None,
    )
    return [
        breakdown("volume", "Volume", "Events over time, by outcome.", "event.outcome"),
        latency,
        breakdown("errors", "Errors", "Failed calls over time, by type of the error.", "error.type"),
        breakdown("redactions", "Redactions", redacted, "mllog.redaction.kinds", _HALF),
        invalid,
    ]


def _quality() -> list[Panel]:
    def shares(name: str, title: str, about: str, *fields: tuple[str, str]) -> Panel:
        return FeatureShares(id=name, title=title, about=about, section=_QUALITY, grid=_sized(_WIDE), fields=fields)

    return [
        shares(
            "missing",
            "Missing inputs",
            "Share of the events in which an input has no value, by input.",
            ("mllog.quality.missing", ""),
        ),
        shares(
            "out-of-range",
            "Out of range",
            "Share of the events in which a number lies outside what training showed, by input.",
            ("mllog.quality.below_min", "below"),
            ("mllog.quality.above_max", "above"),
        ),
        shares(
            "unseen",
            "Unseen categories and wrong types",
            "Share of the events in which an input has a value that training never showed, by input.",
            ("mllog.quality.unseen_category", ""),
            ("mllog.quality.wrong_type", "wrong type"),
        ),
    ]


def _features(profile: Profile) -> list[Panel]:
    panels: list[Panel] = []
    taken: set[str] = set()
    undrawn: list[str] = []
    for section, role, features in ((_OUTPUTS, "output", profile.outputs), (_INPUTS, "input", profile.inputs)):
        for feature in features:
            panel = _distribution(section, role, feature, taken)
            if panel is None:
                undrawn.append(f"{feature.name} ({_why(feature)})")
            else:
                panels.append(panel)
    listed = (f for f in profile.inputs if f.type == "category" and not f.sensitive and not f.temporal)
    widest = max(listed, key=_distinct, default=None)
    if widest is not None:
        panels.append(
            TopValues(
                id="top-values",
                title=f"Top values of {widest.name}",
                about=f"The most frequent values of the input with the most different ones in training "
                f"({_distinct(widest):,}).",
                section=_INPUTS,
                grid=_sized(_THIRD),
                field=f"mllog.input.category.{widest.name}",
            )
        )
    if undrawn:
        panels.append(
            Note(
                id="undrawn",
                title="Not drawn",
                about="Inputs and outputs without a distribution to compare with.",
                section=_INPUTS,
                grid=_sized(_LINE),
                text="Only missing values are counted for: " + ", ".join(undrawn) + ".",
            )
        )
    return panels


def _distribution(section: str, role: Any, feature: Feature, taken: set[str]) -> Panel | None:
    bars = bins(feature)
    if not bars:
        return None
    kind: Any = feature.type
    return Distribution(
        id=_panel_id(role, feature.name, taken),
        title=feature.name,
        about=f"Live values of {feature.name} over the training ones, as shares of the values present.",
        section=section,
        grid=_sized(_THIRD),
        role=role,
        feature=feature.name,
        type=kind,
        field=f"mllog.{role}.{feature.type}.{feature.name}",
        bins=bars,
        outer=outer_labels(feature),
        training_count=feature.count,
        training_missing=feature.missing_share,
        checked=feature.type != "category" or feature.complete,
    )


def _why(feature: Feature) -> str:
    if feature.sensitive:
        return "sensitive: its values are not stored"
    if feature.temporal:
        return "dates: time goes on"
    return "free text" if feature.type == "text" else "training showed no values to compare with"


def _distinct(feature: Feature) -> int:
    return feature.distinct or 0


def _events() -> Panel:
    return Events(
        id="recent-events",
        title="Recent events",
        about="The newest events with their context.",
        section=_EVENTS,
        grid=_sized(_WHOLE),
        columns=COLUMNS_OF_EVENTS,
    )


def _panel_id(role: str, name: str, taken: set[str]) -> str:
    """A readable id: names can contain any character, so all but ASCII letters and digits become a hyphen."""
    stem = f"{role}-{re.sub(r'[^a-zA-Z0-9_]+', '-', name)[:60].strip('-') or 'feature'}"
    panel_id, number = stem, 1
    while panel_id in taken:
        number += 1
        panel_id = f"{stem}-{number}"
    taken.add(panel_id)
    return panel_id


def _sized(size: tuple[int, int]) -> Grid:
    return replace(_FREE, w=size[0], h=size[1])


def _placed(panels: Iterable[Panel]) -> tuple[Panel, ...]:
    """The panels in rows from left to right; each section begins a new row."""
    placed: list[Panel] = []
    x = y = height = 0
    section = ""
    for panel in panels:
        if panel.section != section or x + panel.grid.w > COLUMNS:
            x, y, height = 0, y + height, 0
            section = panel.section
        placed.append(replace(panel, grid=replace(panel.grid, x=x, y=y)))
        x, height = x + panel.grid.w, max(height, panel.grid.h)
    return tuple(placed)
