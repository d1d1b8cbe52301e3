"""From the results of the store to the data of a panel: rows to draw, facts, and whether it needs attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mllog.dashboards import (
    ABOVE,
    BELOW,
    Average,
    Breakdown,
    Distribution,
    FeatureShares,
    Metric,
    Panel,
    Percentiles,
    TopValues,
)
from mllog.server.page import _formats as formats

Result = Mapping[str, Any]
Row = dict[str, Any]

UNSEEN: Final = "not in training"
_MOVED: Final = 0.25
"""Share of the values that would have to change bars to look like training; from here on it is pointed out."""

_ENOUGH: Final = 100
"""With fewer values than this a distribution moves by chance."""

_MINUTE: Final = 60_000
_NANOSECONDS: Final = 1e6
_WORDS: Final = {"<": "below", ">": "above"}


@dataclass(frozen=True)
class PanelData:
    """What a panel shows.

    Attributes:
        rows: the data of the chart.
        facts: short sentences below it.
        notices: what is out of the ordinary.
        empty: why there is no chart; empty if there is one.
    """

    rows: list[Row]
    facts: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    empty: str = ""


def panel_data(panel: Panel, result: Result, buckets: Sequence[int]) -> PanelData:
    """What a panel shows of an answer; `buckets` are all starts of the range's buckets of time."""
    if isinstance(panel, Distribution):
        return _distribution(panel, result)
    if isinstance(panel, FeatureShares):
        return _feature_shares(panel, result, buckets)
    if isinstance(panel, Breakdown):
        return _breakdown(panel, result, buckets)
    if isinstance(panel, Average):
        return _average(panel, result, buckets)
    if isinstance(panel, Percentiles):
        return _percentiles(panel, result, buckets)
    assert isinstance(panel, TopValues)
    return _top_values(panel, result)


def metric(panel: Metric, result: Result, total: int) -> float | None:
    """The number of a metric panel; None where no event has it."""
    if panel.aggregation == "count":
        return float(total)
    if panel.aggregation == "share":
        assert panel.only is not None
        return _counts(result["share"]).get(panel.only[1], 0) / total if total else None
    value = result["value"]
    found = _percentile(value, panel.percentile) if panel.aggregation == "percentile" else value.get("value")
    return None if found is None else float(found)


def metric_values(bucket: Mapping[str, Any]) -> dict[str, float | None]:
    """The numbers of one model's bucket of the overview: `invalid`, `errors`, `latency` and `redacted`."""
    events = int(bucket["doc_count"])
    return {
        "invalid": bucket["invalid"].get("value"),
        "errors": _counts(bucket["outcomes"]).get("failure", 0) / events if events else None,
        "latency": _percentile(bucket["latency"], 95),
        "redacted": bucket["redacted"].get("value"),
    }


def _distribution(panel: Distribution, result: Result) -> PanelData:
    counts = _counts(result["bins"])
    present = int(result["present"]["value"] or 0)
    missing = _named(result, "missing")
    rest = (0, 0.0)  # categories that are too many to draw
    bars = [(bin_.label or "(empty)", counts.get(bin_.key, 0), bin_.training, "live") for bin_ in panel.bins]
    outside: list[str] = []
    if panel.type == "number":
        below, above = ((label, counts.get(key, 0)) for key, label in zip((BELOW, ABOVE), panel.outer, strict=True))
        first, last = ([(*bar, 0.0, "outside")] if bar[1] else [] for bar in (below, above))
        bars = [*first, *bars, *last]
        outside = [f"{formats.share(n / present)} {_WORDS[label[:1]]} {label[2:]}" for label, n in (below, above) if n]
    elif panel.type == "category":
        unseen = _named(result, "unseen")
        other = max(0, present - sum(counts.get(bin_.key, 0) for bin_ in panel.bins) - unseen)
        training = max(0.0, 1 - sum(bin_.training for bin_ in panel.bins))
        rest = (other, training)
        if panel.checked:
            bars.append((UNSEEN, unseen, 0.0, "outside"))
        if unseen:
            outside = [f"{formats.share(unseen / max(present, unseen))} {UNSEEN}"]
    total = present or 1
    rows: list[Row] = [
        {"label": label, "live": n / total, "training": training, "events": n, "place": place, "side": side}
        for place, (label, n, training, side) in enumerate(bars)
    ]
    moved = (sum(abs(row["live"] - row["training"]) for row in rows) + abs(rest[0] / total - rest[1])) / 2
    facts = [f"n = {formats.count(present)} live, {formats.count(panel.training_count)} in training"]
    if present:
        facts.append(f"moved {formats.share(moved)}")
    if rest[0] or round(rest[1], 4):
        facts.append(f"other values {formats.share(rest[0] / total)} (training {formats.share(rest[1])})")
    if missing or panel.training_missing:
        live = formats.share(missing / (present + missing)) if present + missing else formats.NOTHING
        facts.append(f"missing {live} (training {formats.share(panel.training_missing)})")
    notices = list(outside)
    if present >= _ENOUGH and moved >= _MOVED:
        notices.insert(0, f"{formats.share(moved)} moved")
    return PanelData(rows, tuple(facts), tuple(notices), "" if present else "No values in this time range.")


def _feature_shares(panel: FeatureShares, result: Result, buckets: Sequence[int]) -> PanelData:
    by_time = _by_time(result)
    named: dict[str, dict[int, int]] = {}
    for time, bucket in by_time.items():
        for place, (_, says) in enumerate(panel.fields):
            for feature, n in _counts(bucket[f"list{place}"]).items():
                named.setdefault(f"{feature} {says}".strip(), {})[time] = n
    totals = {time: bucket["doc_count"] for time, bucket in by_time.items()}
    events = sum(totals.values())
    order = sorted(named, key=lambda name: (-sum(named[name].values()), name))[: panel.size]
    rows = [
        {"time": time, "series": name, "value": named[name].get(time, 0) / totals[time] if totals.get(time) else None}
        for name in order
        for time in buckets
    ]
    shares = [f"{name} {formats.share(sum(named[name].values()) / events)}" for name in order[:3]]
    hidden = len(named) - len(order)
    facts = (", ".join(shares), *((f"{hidden} more not drawn",) if hidden else ()))
    empty = "" if order else ("None in this time range." if events else "No events in this time range.")
    return PanelData(rows, facts if order else (), (), empty)


def _breakdown(panel: Breakdown, result: Result, buckets: Sequence[int]) -> PanelData:
    by_time = {time: _counts(bucket["split"]) for time, bucket in _by_time(result).items()}
    totals: dict[str, int] = {}
    for counts in by_time.values():
        for name, n in counts.items():
            totals[name] = totals.get(name, 0) + n
    order = sorted(totals, key=lambda name: (-totals[name], name))[: panel.size]
    width = buckets[1] - buckets[0] if len(buckets) > 1 else _MINUTE
    rows = [
        {"time": time, "end": time + width, "series": name, "value": by_time[time][name]}
        for name in order
        for time in buckets
        if by_time.get(time, {}).get(name)
    ]
    facts = tuple(f"{name}: {formats.count(totals[name])}" for name in order[:4])
    return PanelData(rows, facts, (), "" if order else "None in this time range.")


def _average(panel: Average, result: Result, buckets: Sequence[int]) -> PanelData:
    by_time = _by_time(result)
    rows = [{"time": time, "value": by_time.get(time, {}).get("value", {}).get("value")} for time in buckets]
    known = [(bucket["doc_count"], bucket["value"].get("value")) for bucket in by_time.values()]
    weight = sum(n for n, value in known if value is not None)
    if not weight:
        return PanelData(rows, empty="No values in this time range.")
    mean = sum(n * value for n, value in known if value is not None) / weight
    facts = [f"{formats.share(mean)} over the range"]
    if panel.reference is not None:
        facts.append(f"training {formats.share(panel.reference)}")
    return PanelData(rows, tuple(facts))


def _percentiles(panel: Percentiles, result: Result, buckets: Sequence[int]) -> PanelData:
    by_time = _by_time(result)
    rows: list[Row] = []
    for percent in panel.percents:
        for time in buckets:
            value = _percentile(by_time[time]["value"], percent) if time in by_time else None
            ms = None if value is None else value / _NANOSECONDS
            rows.append({"time": time, "series": f"p{percent}", "value": ms})
    some = any(row["value"] is not None for row in rows)
    return PanelData(rows, empty="" if some else "No durations in this time range.")


def _top_values(panel: TopValues, result: Result) -> PanelData:
    present = int(result["present"]["value"] or 0)
    counts = _counts(result["values"])
    rows = [
        {
            "label": name or "(empty)",
            "live": n / present if present else 0.0,
            "events": n,
            "place": place,
            "side": "live",
        }
        for place, (name, n) in enumerate(counts.items())
    ]
    distinct = int(result["distinct"]["value"] or 0)
    facts = (f"n = {formats.count(present)}", f"about {formats.count(distinct)} different values")
    return PanelData(rows[: panel.size], facts if rows else (), (), "" if rows else "No values in this time range.")


def _counts(aggregation: Mapping[str, Any]) -> dict[str, int]:
    """Documents by key; a boolean's key is `true` or `false`."""
    return {
        str(bucket.get("key_as_string", bucket["key"])): int(bucket["doc_count"]) for bucket in aggregation["buckets"]
    }


def _named(result: Result, name: str) -> int:
    """Documents of the only bucket of an aggregation that may not have been requested."""
    return sum(_counts(result[name]).values()) if name in result else 0


def _by_time(result: Result) -> dict[int, Mapping[str, Any]]:
    return {int(bucket["key"]): bucket for bucket in result["time"]["buckets"] if bucket["doc_count"]}


def _percentile(aggregation: Mapping[str, Any], percent: int) -> float | None:
    values = aggregation["values"]
    if isinstance(values, Mapping):
        found = values.get(f"{float(percent)}")
    else:
        found = next((item["value"] for item in values if float(item["key"]) == percent), None)
    return None if found is None else float(found)
