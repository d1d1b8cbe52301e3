"""Pipeline aggregations without scripts: one number over the buckets of an aggregation beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mllog.errors import QueryError

Compute = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Makes the answer out of the answers beside it."""


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


PIPELINES: Final[dict[str, Callable[[list[float]], float | None]]] = {
    "avg_bucket": _mean,
    "sum_bucket": sum,
    "min_bucket": lambda values: min(values, default=None),
    "max_bucket": lambda values: max(values, default=None),
}


def pipeline(body: Mapping[str, Any], where: str, siblings: Mapping[str, Any]) -> Compute:
    """A pipeline aggregation over `name>_count`, `name>metric` or `name>percentiles.95`.

    Args:
        body: of the aggregation.
        where: its place, for errors.
        siblings: the aggregations beside it.

    Raises:
        QueryError: it says more than this, or its path leads nowhere.

    Example:
        >>> mean = pipeline({"avg_bucket": {"buckets_path": "x>_count"}}, "aggs.a", {"x": {}})
        >>> mean({"x": {"buckets": [{"doc_count": 1}, {"doc_count": 4}]}})
        {'value': 2.5}
    """
    if len(body) != 1:
        raise QueryError(f"{where}: expected one kind of aggregation, found {sorted(body)}")
    ((kind, settings),) = body.items()
    path = settings.get("buckets_path") if isinstance(settings, Mapping) and len(settings) == 1 else None
    if not isinstance(path, str) or path.count(">") != 1:
        raise QueryError(f"{where}.{kind}: expected a buckets_path such as name>_count, and nothing else")
    name, metric = path.split(">")
    if name not in siblings:
        raise QueryError(f"{where}.{kind}.buckets_path: no aggregation {name!r} beside it")
    percent = metric.partition(".")[2]
    if percent not in ("", "value") and not percent.replace(".", "", 1).isdigit():
        raise QueryError(f"{where}.{kind}.buckets_path: {percent!r} is not a percentile")
    reduce = PIPELINES[kind]

    def compute(answers: Mapping[str, Any]) -> dict[str, Any]:
        buckets = answers[name].get("buckets", ())
        each: Iterable[Mapping[str, Any]] = buckets.values() if isinstance(buckets, Mapping) else buckets
        values = [_value(bucket, metric) for bucket in each]
        found = reduce([value for value in values if value is not None])
        return {"value": found if found is None else float(found)}

    return compute


def _value(bucket: Mapping[str, Any], metric: str) -> float | None:
    """A number of a bucket; None where the bucket is empty, as with Elasticsearch's `gap_policy: skip`."""
    if metric == "_count":
        return float(bucket["doc_count"])
    name, _, percent = metric.partition(".")
    answer = bucket.get(name, {})
    if percent and percent != "value":
        values = answer.get("values", {})
        each = values.items() if isinstance(values, Mapping) else ((item["key"], item["value"]) for item in values)
        value = next((found for key, found in each if float(key) == float(percent)), None)
    else:
        value = answer.get("value")
    return None if value is None or not bucket["doc_count"] else float(value)
