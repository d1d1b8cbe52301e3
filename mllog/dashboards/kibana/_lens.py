"""Checks of a Lens chart, so that it opens: its columns, its accessors and its references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

OPERATIONS: Final = frozenset(
    {
        *("terms", "date_histogram", "range", "filters", "count", "unique_count", "sum", "average", "min", "max"),
        *("median", "standard_deviation", "percentile", "percentile_rank", "last_value", "static_value", "formula"),
        *("math", "overall_sum", "overall_min", "overall_max", "overall_average", "cumulative_sum", "differences"),
        *("moving_average", "counter_rate", "normalize_by_unit", "time_scale"),
    }
)
_COMPUTED: Final = frozenset({"formula", "math", "static_value"})
_LAYER: Final = "indexpattern-datasource-layer-"


def lens_problems(attributes: Mapping[str, Any]) -> Iterator[str]:
    """The faults of a Lens chart in a dashboard."""
    layers = attributes["state"]["datasourceStates"]["formBased"]["layers"]
    names = {reference["name"] for reference in attributes["references"]}
    for layer_id, layer in layers.items():
        if f"{_LAYER}{layer_id}" not in names:
            yield f"layer {layer_id} has no reference to a data view"
        yield from _columns(layer_id, layer)
    known = {column for layer in layers.values() for column in layer["columns"]}
    visualization = attributes["state"]["visualization"]
    for used in _layer_ids(visualization):
        if used not in layers:
            yield f"the visualization draws the layer {used}, which does not exist"
    for key, column in _accessors(visualization):
        if column not in known:
            yield f"{key} {column} is no column"


def _columns(layer_id: str, layer: Mapping[str, Any]) -> Iterator[str]:
    columns = layer["columns"]
    if sorted(layer["columnOrder"]) != sorted(columns):
        yield f"layer {layer_id}: columnOrder does not list its columns once each"
    for name, column in columns.items():
        operation = column["operationType"]
        if operation not in OPERATIONS:
            yield f"column {name}: unknown operation {operation!r}"
        if operation in _COMPUTED and "sourceField" in column:
            yield f"column {name}: a {operation} column has no sourceField"
        if operation == "formula" and not column.get("references"):
            yield f"column {name}: the formula is not expanded"
        for reference in column.get("references", []):
            if reference not in columns:
                yield f"column {name}: refers to {reference}, which is no column"
        order = column.get("params", {}).get("orderBy", {})
        if order.get("type") == "column" and order.get("columnId") not in columns:
            yield f"column {name}: is sorted by {order.get('columnId')}, which is no column"


def _layer_ids(visualization: Mapping[str, Any]) -> Iterator[str]:
    if "layerId" in visualization:
        yield visualization["layerId"]
    for layer in visualization.get("layers", []):
        yield layer["layerId"]


def _accessors(visualization: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every column that a visualization names, in any of the charts that mllog uses."""
    for part in (visualization, *visualization.get("layers", [])):
        for key, value in part.items():
            if key == "accessors":
                yield from ((key, column) for column in value)
            elif key.endswith("Accessor") and isinstance(value, str):
                yield key, value
    for column in visualization.get("columns", []):
        yield "column", column["columnId"]
    if "sorting" in visualization:
        yield "sorting", visualization["sorting"]["columnId"]
    for layer in visualization.get("layers", []):
        for axis in layer.get("yConfig", []):
            yield "forAccessor", axis["forAccessor"]
