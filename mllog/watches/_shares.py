"""Arithmetic without scripts: what a search can count and a condition can compare.

A condition compares two numbers of the answer, and cannot multiply. So the search brings the limit along: the mean of
a count over m filters that match everything and n - m that match nothing is m/n of all.

Where there are too few events to tell, that limit is null, and every comparison with null is false. No condition names
a place in an array: Watcher takes it for an error where the array is empty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

LIMIT: Final = "{{ctx.payload.aggregations.allowed.value}}"
"""How many events are allowed; for conditions."""

LIMIT_TEXT: Final = "{{ctx.payload.aggregations.allowed.value_as_string}}"
"""The same for texts, rounded."""

_PARTS: Final = 20
"""Shares are rounded up to twentieths."""


def rounded(share: float) -> float:
    """A share in twentieths, not below the given one.

    Example:
        >>> rounded(0.05), rounded(0.26), rounded(0.97)
        (0.05, 0.3, 1.0)
    """
    return math.ceil(round(share * _PARTS, 9)) / _PARTS


def slots(share: float) -> dict[str, Any]:
    """Filters of which a share matches everything and the others nothing; for a share in twentieths.

    Example:
        >>> [next(iter(query)) for query in slots(0.25)["filters"]["filters"]]
        ['match_all', 'match_none', 'match_none', 'match_none']
    """
    full = round(share * _PARTS)
    divisor = math.gcd(full, _PARTS)
    full, parts = full // divisor, _PARTS // divisor
    every: list[dict[str, Any]] = [{"match_all": {}}] * full + [{"match_none": {}}] * (parts - full)
    return {"filters": {"filters": every}}


def enough(least: int, aggs: Mapping[str, Any], field: str = "mllog.model.role", value: str = "live") -> dict[str, Any]:
    """Aggregations over at least so many events with a value, else over none."""
    terms = {"field": field, "include": [value], "min_doc_count": max(1, least)}
    return {"terms": terms, "aggs": dict(aggs)}


def only(metric: str) -> dict[str, Any]:
    """A metric of what is `enough`, in a place that is always there; null where there is not enough."""
    return {"avg_bucket": {"buckets_path": f"enough>{metric}", "format": "0.#"}}


def allowed(share: float, least: int, role: str = "live") -> dict[str, Any]:
    """Aggregations that say how many events a share of all is; null for fewer than `least` events."""
    part = {"slots": slots(share), "share": {"avg_bucket": {"buckets_path": "slots>_count"}}}
    return {"enough": enough(least, part, value=role), "allowed": only("share")}


def above(name: str) -> dict[str, Any]:
    """The condition that the count of a filter is above the allowed one."""
    return {"compare": {f"ctx.payload.aggregations.{name}.doc_count": {"gt": LIMIT}}}


def any_above(name: str) -> dict[str, Any]:
    """The condition that one of several filters counts more events than allowed."""
    return {
        "array_compare": {f"ctx.payload.aggregations.{name}.buckets": {"path": "doc_count", "gt": {"value": LIMIT}}}
    }


def outside(field: str, limit: float) -> dict[str, Any]:
    """The query for numbers that are further from zero than a limit, or as far."""
    far = [{"range": {field: {"gte": limit}}}, {"range": {field: {"lte": -limit}}}]
    return {"bool": {"should": far, "minimum_should_match": 1}}


def without(*queries: Mapping[str, Any]) -> dict[str, Any]:
    """The query for what matches none of several."""
    return {"bool": {"must_not": list(queries)}}
