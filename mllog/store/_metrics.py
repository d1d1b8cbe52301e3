"""The values of metric aggregations: tantivy's numbers in the shape of Elasticsearch's responses."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from mllog.errors import QueryError
from mllog.store._dates import text_of

METRICS: Final = ("avg", "sum", "min", "max", "value_count", "stats", "extended_stats", "cardinality")
"""The aggregations that give one number, or a few."""


FORMATTED: Final = ("avg", "sum", "min", "max")
"""Those that take a `format` and then have `value_as_string` too."""

_FORMAT: Final = re.compile(r"0(?:\.(0*)(#*))?(%?)")
_LONGEST: Final = 64


def checked_format(pattern: Any, where: str) -> str | None:
    """The `format` of an aggregation; None where there is none.

    Raises:
        QueryError: it is none of the patterns that the embedded store writes numbers in.
    """
    if pattern is None:
        return None
    if not isinstance(pattern, str) or len(pattern) > _LONGEST or not _FORMAT.fullmatch(pattern):
        raise QueryError(f"{where}.format: expected a pattern such as 0, 0.0, 0.## or 0.#%, found {pattern!r}")
    return pattern


def formatted(value: float, pattern: str) -> str:
    """A number in a pattern of Java's `DecimalFormat`: required and optional places, or a percentage.

    Example:
        >>> formatted(50.150000000000006, "0.#"), formatted(12.0, "0.#"), formatted(0.1234, "0.0%"), formatted(2.5, "0")
        ('50.2', '12', '12.3%', '2')
    """
    required, optional, percent = (_FORMAT.fullmatch(pattern) or [""]).groups()  # type: ignore[union-attr]
    least, most = len(required or ""), len(required or "") + len(optional or "")
    exact = Decimal(repr(value)) * (100 if percent else 1)
    text = format(exact.quantize(Decimal(1).scaleb(-most), ROUND_HALF_EVEN), "f")
    whole_part, _, places = text.partition(".")
    places = places[:least] + places[least:].rstrip("0")
    return (f"{whole_part}.{places}" if places else whole_part) + percent


def with_text(answer: dict[str, Any], pattern: str | None) -> dict[str, Any]:
    """A metric with its text beside it, where a format was given and there is a value."""
    if pattern is not None and answer["value"] is not None:
        answer["value_as_string"] = formatted(answer["value"], pattern)
    return answer


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
