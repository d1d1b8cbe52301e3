"""Watches on distributions: inputs and outputs in the profile's own bins, and what the monitor found.

Training says how large a share of its rows lay in each region of a feature. A region that holds far more of the live
events than that is skew, whichever way the rest moved; so one comparison per feature does, without a script.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mllog.event._names import slug
from mllog.profile import Feature
from mllog.watches import _esql
from mllog.watches._alarm import (
    QUALITY,
    SKEW,
    TOTAL,
    WINDOW,
    Alarm,
    Scope,
    concerning,
    each,
    opens_template,
    predictions,
)
from mllog.watches._shares import LIMIT, allowed, any_above, rounded, without

LEAST: Final = 500
"""Events without which a distribution says little."""

_REGION: Final = 0.1
"""Share of training that a region holds at least, where the values allow."""

_TAKEN: Final = 0.25
"""A region may grow by a quarter of what the others held."""

_DEVIATIONS: Final = 4
"""And at least by so many standard deviations of its share among `LEAST` events: chance does not reach that far."""

_LISTED: Final = 50
"""Categories that regions are made of; the others are one region."""

_PARTS: Final = "ctx.payload.aggregations.parts.buckets"

_LEAST_EFFECT: Final = 0.2
"""A difference may be significant and small; the monitor's effect size has to reach this as well."""


@dataclass(frozen=True)
class Region:
    """A part of a feature's values.

    Attributes:
        query: what lies in it.
        share: what training had there, of all rows.
    """

    query: dict[str, Any]
    share: float


def alarms(scope: Scope) -> Iterator[Alarm]:
    """The watches of this module."""
    for kind, role, features in (
        ("skew", "input", scope.inputs),
        ("predictions", "output", scope.outputs),
    ):
        excepted = scope.limits.get(kind, "except", ())
        for feature in features:
            if feature.name not in excepted:
                yield from _moved(scope, kind, role, feature)
    if scope.plain:
        yield _drift(scope)


def _moved(scope: Scope, kind: str, role: str, feature: Feature) -> Iterator[Alarm]:
    found = regions(feature, role)
    small = [region for region in found if region.share <= 0.5]
    for suffix, chosen in (("", small), ("-mostly", [region for region in found if region.share > 0.5])):
        least = scope.limits.get(kind, "least", LEAST)
        limit = rounded(scope.limits.get(kind, "limit", limit_of(chosen, least)))
        if len(found) > 1 and chosen and limit < 1:
            yield _alarm(scope, kind, role, feature, chosen, suffix, limit, least)


def limit_of(chosen: list[Region], least: int = LEAST) -> float:
    """The share of the events above which a region of a feature is too full."""
    share = max((region.share for region in chosen), default=1.0)
    noise = math.sqrt(share * (1 - share) / max(1, least))
    return share + max(_TAKEN * (1 - share), _DEVIATIONS * noise)


def _alarm(
    scope: Scope, kind: str, role: str, feature: Feature, chosen: list[Region], suffix: str, limit: float, least: int
) -> Alarm:
    aggs = {"parts": {"filters": {"filters": [region.query for region in chosen]}}, **allowed(limit, least)}
    what = "the answers" if role == "output" else "the inputs"
    largest = round(max(region.share for region in chosen), 4)
    return Alarm(
        kind=kind,
        suffix=slug(feature.name) + suffix,
        feature=feature.name,
        role=role,
        about=(
            f"The distribution of {what} is not that of training: compare the feature's panel, then its source."
            if role == "input"
            else "The model answers otherwise than in training: look at its inputs first, then at its version."
        ),
        rubric=SKEW if role == "input" else QUALITY,
        statistic="share of the events in one region of the feature",
        threshold=limit,
        more={"training": largest, "least": least},
        window="1d",
        interval="15m",
        query=predictions(scope),
        look=concerning(f"mllog.{role}.{feature.type}.{feature.name}", feature.name),
        aggs=aggs,
        condition=any_above("parts"),
        text=(
            "{{ctx.metadata.feature}} is not distributed as in training: a part of its values that held at most"
            f" {{{{ctx.metadata.training}}}} of training holds more than {LIMIT} of {TOTAL}"
            f" predictions in {WINDOW}. Counts of the parts, in the order of the profile:"
            f" {{{{#{_PARTS}}}}}{{{{doc_count}}}} {{{{/{_PARTS}}}}}"
        ),
        esql=_esql.share([_esql.where(region.query) for region in chosen], limit, least),
    )


def regions(feature: Feature, role: str) -> list[Region]:
    """The regions of a feature: a tenth of training each, about; missing values are one."""
    path = f"mllog.{role}.{feature.type}.{feature.name}"
    total = feature.rows or 1
    found: list[Region] = []
    if feature.type == "number" and not feature.sensitive:
        found = _bins(feature, path, total)
    elif feature.type == "boolean":
        found = [
            Region({"term": {path: True}}, feature.true / total),
            Region({"term": {path: False}}, feature.false / total),
        ]
    elif feature.type == "category" and not feature.sensitive:
        found = _groups(feature, path, total)
    if feature.missing and role == "input":
        gone = {"term": {"mllog.quality.missing": feature.name}}
        found.append(Region(gone, feature.missing / total))
        if len(found) == 1:  # a text: it is there or not
            found.append(Region(without(gone), feature.count / total))
    return found


def _bins(feature: Feature, path: str, total: int) -> list[Region]:
    """Neighbouring bins together; the outermost reach further than training did."""
    bins = list(feature.bins.of_at_least(_REGION * total)) if feature.counts else []
    parts: list[Region] = []
    for place, (low, high, rows) in enumerate(bins):
        bounds = {"gte": low} if place else {}
        if place + 1 < len(bins):
            bounds["lt"] = high
        query: dict[str, Any] = {"range": {path: bounds}} if bounds else {"exists": {"field": path}}
        parts.append(Region(query, rows / total))
    return parts


def _groups(feature: Feature, path: str, total: int) -> list[Region]:
    """The most frequent categories, some of them together, and all the others."""
    listed = [(value, count) for value, count in feature.categories if not opens_template(value)][:_LISTED]
    found: list[Region] = []
    values: list[str] = []
    rows = 0
    for place, (value, count) in enumerate(listed):
        values.append(value)
        rows += count
        if rows >= _REGION * total or place + 1 == len(listed):
            found.append(Region({"terms": {path: values}}, rows / total))
            values, rows = [], 0
    rest = feature.count - sum(count for _, count in listed)
    others = [{"exists": {"field": path}}]
    not_listed = {"terms": {path: [value for value, _ in listed]}}
    if listed:
        found.append(Region({"bool": {"filter": others, "must_not": [not_listed]}}, max(0, rest) / total))
    return found


def _drift(scope: Scope) -> Alarm:
    """What the monitor's tests say; silent as long as there is no monitor."""
    names = [feature.name for feature in (*scope.inputs, *scope.outputs)]
    limit = scope.limits.get("drift", "limit", _LEAST_EFFECT)
    query: list[dict[str, Any]] = [
        {"term": {"event.action": "drift"}},
        scope.own,
        {"term": {"mllog.monitor.significant": 1}},
        {"range": {"mllog.monitor.effect.size": {"gte": limit}}},
    ]
    which = {"which": {"terms": {"field": "mllog.monitor.feature", "size": 10, "include": names}}}
    return Alarm(
        kind="drift",
        about="The monitor's tests found a difference that is significant, and large enough to matter.",
        rubric=SKEW,
        statistic="effect size of a significant difference",
        threshold=limit,
        severity="automate",
        window="1d",
        interval="15m",
        index=[scope.stream("monitor")],
        query=query,
        aggs=which if names else {},
        condition={"compare": {"ctx.payload.hits.total": {"gt": 0}}},
        text=(
            f"the monitor found {TOTAL} significant differences of at least {{{{ctx.metadata.threshold}}}} in {WINDOW}."
            f" {each('which') if names else ''}"
        ),
        esql=_esql.some(),
    )
