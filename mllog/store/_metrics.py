"""The values of metric aggregations: tantivy's numbers in the shape of Elasticsearch's responses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from mllog.store._dates import text_of

METRICS: Final = ("avg", "sum", "min", "max", "value_count", "stats", "extended_stats", "cardinality")
"""The aggregations that give one number, or a few."""


def whole(value: Any) -> Any:
    """A float without a fraction as an integer; anything else unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def finite(value: Any) -> Any:
    """None in place of NaN and the infinities."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def number(kind: str, result: Mapping[str, Any], *, is_date: bool) -> dict[str, Any]:
    """A metric as Elasticsearch returns it: dates in milliseconds, integral counts, null without values."""
    values = {name: finite(value) for name, value in result.items()}
    if kind in ("value_count", "cardinality"):
        return {"value": int(values.get("value") or 0)}
    if kind in ("stats", "extended_stats"):
        return _stats(values, extended=kind == "extended_stats")
    if kind == "sum":
        return {"value": values.get("value") or 0.0}
    value = values.get("value")
    if is_date and value is not None:
        return {"value": value / 1000, "value_as_string": text_of(value)}
    return {"value": value}


def _stats(values: Mapping[str, Any], *, extended: bool) -> dict[str, Any]:
    count = int(values.get("count") or 0)
    stats = {"count": count, **{name: values.get(name) if count else None for name in ("min", "max", "avg")}}
    stats["sum"] = values.get("sum") or 0.0
    if extended:
        stats["sum_of_squares"] = values.get("sum_of_squares") if count else None
        for name in ("variance", "std_deviation"):
            for kind in ("", "_population", "_sampling"):
                stats[f"{name}{kind}"] = values.get(f"{name}{kind}") if count else None
        stats["std_deviation_bounds"] = values.get("std_deviation_bounds") if count else None
    return stats
