"""The dashboards of a model, built from its profile.

One definition, two renderings: the page of `mllog serve` draws the panels as they are; `mllog.dashboards.kibana`
compiles them to Kibana's saved objects.
"""

from __future__ import annotations

from mllog.dashboards._bins import number
from mllog.dashboards._build import build, build_unprofiled
from mllog.dashboards._panels import (
    ABOVE,
    BELOW,
    COLUMNS,
    TIME,
    Average,
    Bin,
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

__all__ = [
    "ABOVE",
    "BELOW",
    "COLUMNS",
    "TIME",
    "Average",
    "Bin",
    "Breakdown",
    "Dashboard",
    "Distribution",
    "Events",
    "FeatureShares",
    "Grid",
    "Metric",
    "Note",
    "Panel",
    "Percentiles",
    "TopValues",
    "build",
    "build_unprofiled",
    "number",
]
