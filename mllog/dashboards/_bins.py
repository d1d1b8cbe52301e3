"""The bars of a distribution, from the training data of a feature."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from mllog.dashboards._panels import Bin
from mllog.profile import Feature

MOST_BARS: Final = 20
UNMERGED: Final = 32
"""More bins than these are merged into `MOST_BARS`; the days of a month stay a bar each."""

MOST_CATEGORIES: Final = 10


def bins(feature: Feature) -> tuple[Bin, ...]:
    """The bars that show a feature; empty if the profile has nothing to compare with.

    Example:
        >>> from mllog.profile import Feature
        >>> late = Feature("late", "boolean", "bool", count=4, missing=0, true=1, false=3)
        >>> [(bar.label, bar.training) for bar in bins(late)]
        [('false', 0.75), ('true', 0.25)]
    """
    if feature.sensitive or not feature.count:
        return ()
    if feature.type == "number":
        return _number(feature)
    if feature.type == "category":
        shown = feature.categories[:MOST_CATEGORIES]
        return tuple(Bin(value, value, count / feature.count) for value, count in shown)
    if feature.type == "boolean":
        counts = (("false", feature.false), ("true", feature.true))
        return tuple(Bin(key, key, count / feature.count) for key, count in counts)
    return ()


def outer_labels(feature: Feature) -> tuple[str, str]:
    """Labels of the bars below and above the training range of a number; empty for other types.

    Example:
        >>> from mllog.profile import Feature
        >>> outer_labels(Feature("month", "number", "int64", 2, 0, min=1, max=6))
        ('< 1', '> 6')
    """
    if feature.min is None or feature.max is None:
        return "", ""
    return f"< {number(feature.min)}", f"> {number(feature.max)}"


def number(value: float) -> str:
    """A number for people: about four significant digits, with thousands separators from 10,000 on.

    Example:
        >>> number(1400.0), number(0.123456), number(-43.0), number(2.5e9)
        ('1400', '0.1235', '-43', '2.5e9')
    """
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e7 or size < 1e-4:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    if float(value).is_integer() or size >= 1000:
        return f"{value:,.0f}" if size >= 10_000 else f"{value:.0f}"
    digits = max(0, 3 - math.floor(math.log10(size)))
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def _number(feature: Feature) -> tuple[Bin, ...]:
    bins = feature.bins
    total = bins.rows
    if not total:
        return ()
    if len(bins) > UNMERGED:
        first = feature.quantiles.get("0.01", bins.edges[0])
        last = feature.quantiles.get("0.99", bins.edges[-1])
        bins = bins.of_equal_width(MOST_BARS, first, last)
    bars = [
        Bin(f"b{place}", _label(feature, low, high), count / total, low, high)
        for place, (low, high, count) in enumerate(bins)
    ]
    if len({bar.label for bar in bars}) < len(bars):  # edges too close for four digits
        bars = [replace(bar, label=f"{bar.low!r} to {bar.high!r}") for bar in bars]
    return tuple(bars)


def _label(feature: Feature, low: float, high: float) -> str:
    if feature.integer:  # [low, high) of whole numbers
        last = math.ceil(high) - 1
        return number(low) if last <= low else f"{number(low)} to {number(last)}"
    if number(low) == number(high):
        return number(low)
    return f"{number(low)} to {number(high)}"
