"""Watches on the model itself: its age, its mistakes, its rival, its monitor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mllog.profile import Feature, Profile
from mllog.watches import _esql
from mllog.watches._alarm import (
    QUALITY,
    STALENESS,
    THRESHOLD,
    TOTAL,
    WINDOW,
    Alarm,
    Scope,
    predictions,
    since,
    within,
)
from mllog.watches._shares import LIMIT, above, allowed, enough, outside, rounded

AGE: Final = "90d"
"""Default maximum age of a model."""

LEAST: Final = 50
"""Truths without which the share of mistakes says little."""

APART: Final = 0.1
"""Share of answers that may differ between the live model and its shadow."""

_MONTH: Final = "30d"
_CLASSES: Final = 0.5
"""Two answers that are no numbers are 0 or 1 apart; two probabilities are far apart from here on."""


def alarms(scope: Scope) -> Iterator[Alarm]:
    """The watches of this module."""
    yield _quality(scope)
    if scope.plain:
        yield _stale_monitor(scope)
        yield _shadow(scope)
        if scope.model.created:
            yield _stale_model(scope)


def _stale_model(scope: Scope) -> Alarm:
    age = scope.limits.get("stale_model", "age", AGE)
    old = within(f"{scope.model.created}||+{age}")
    return Alarm(
        kind="stale_model",
        about="The model was trained long ago and still answers: train it again.",
        rubric=STALENESS,
        statistic="age since training",
        threshold=None,
        severity="automate",
        window="1d",
        interval="1h",
        more={"trained": scope.model.created, "age": age},
        query=[
            *predictions(scope),
            {"term": {"mllog.model.version": scope.model.version}},
            old,
        ],
        condition={"compare": {"ctx.payload.hits.total": {"gt": 0}}},
        text=(
            f"version {{{{ctx.metadata.version}}}} was trained at {{{{ctx.metadata.trained}}}}, more than"
            f" {{{{ctx.metadata.age}}}} before {TOTAL} predictions in {WINDOW}."
        ),
    )


def _stale_monitor(scope: Scope) -> Alarm:
    window = scope.limits.get("stale_monitor", "window", "2d")
    recent = {"recent": {"filter": within(since(window))}}
    name = scope.model.name
    return Alarm(
        kind="stale_monitor",
        about="The monitor compares nothing any more. This watch waits until the monitor has run once in a month.",
        rubric=STALENESS,
        statistic="events of the monitor",
        threshold=1,
        window=window,
        interval="1h",
        span=_MONTH,
        index=[scope.stream("monitor")],
        query=[scope.own, {"terms": {"event.action": ["drift", "quality", "performance"]}}],
        aggs={"enough": enough(1, recent, "mllog.model.name", name)},
        condition={
            "array_compare": {
                "ctx.payload.aggregations.enough.buckets": {"path": "recent.doc_count", "lt": {"value": 1}}
            }
        },
        text=f"no event of the monitor in {WINDOW}, and {TOTAL} in the month that ends now: is it still running?",
    )


def error_limit(profile: Profile) -> float:
    """How far an answer may be off: 0.5 between classes and probabilities, else one standard deviation in training."""
    numbers = [feature for feature in profile.outputs if feature.type == "number" and feature.std]
    if not numbers or len(numbers) < len(profile.outputs) or all(map(_is_probability, numbers)):
        return _CLASSES
    return float(f"{max(feature.std or 0.0 for feature in numbers):.3g}")


def mistakes(profile: Profile) -> float:
    """The share of answers that would be off if the model always gave the most frequent one, or the mean.

    A model that is no better than that has learnt nothing.
    """
    shares = [_naive(feature) for feature in profile.outputs if feature.count and not _is_probability(feature)]
    return min(0.95, max(0.05, rounded(min(shares, default=0.2))))


def _naive(feature: Feature) -> float:
    if feature.type == "boolean":
        return min(feature.true, feature.false) / feature.count
    if feature.type == "category" and feature.categories:
        return 1 - feature.categories[0][1] / feature.count
    if feature.type == "number" and feature.mean is not None and feature.std:
        low, high = feature.mean - feature.std, feature.mean + feature.std
        return sum(count for left, right, count in feature.bins if right <= low or left >= high) / feature.count
    return 0.2


def _is_probability(feature: Feature) -> bool:
    return (
        feature.type == "number" and not feature.integer and (feature.min or 0.0) >= 0.0 and (feature.max or 0.0) <= 1.0
    )


def _quality(scope: Scope) -> Alarm:
    kind, field = "quality", "mllog.feedback.error"
    share = rounded(scope.limits.get(kind, "limit", mistakes(scope.model)))
    least = scope.limits.get(kind, "least", LEAST)
    far = outside(field, error_limit(scope.model))
    query: list[dict[str, Any]] = [
        {"term": {"event.action": "feedback"}},
        {"term": {"mllog.model.role": "live"}},
        scope.own,
        {"exists": {"field": field}},
    ]
    return Alarm(
        kind=kind,
        about="The model is off as often as one that always gives the same answer: roll it back, or train it again.",
        rubric=QUALITY,
        statistic="share of answers that are off",
        threshold=share,
        more={"off": error_limit(scope.model)},
        severity="automate",
        window="1d",
        interval="15m",
        query=query,
        aggs={"far": {"filter": far}, **allowed(share, least)},
        condition=above("far"),
        text=(
            f"{{{{ctx.payload.aggregations.far.doc_count}}}} of {TOTAL} answers whose truth came in {WINDOW} were off"
            f" by {{{{ctx.metadata.off}}}} or more; more than {LIMIT} are above the share of"
            f" {THRESHOLD}."
        ),
        esql=_esql.share([_esql.where(far)], share, least),
    )


def _shadow(scope: Scope) -> Alarm:
    kind, field = "shadow", "mllog.shadow.difference"
    share = rounded(scope.limits.get(kind, "limit", APART))
    least = scope.limits.get(kind, "least", LEAST)
    far = outside(field, error_limit(scope.model))
    return Alarm(
        kind=kind,
        about="A candidate answers otherwise than the live model: look at where, before it takes over.",
        rubric=QUALITY,
        statistic="share of a shadow's answers that differ",
        threshold=share,
        more={"off": error_limit(scope.model)},
        severity="notify",
        window="1d",
        interval="15m",
        query=[
            {"term": {"event.action": "prediction"}},
            {"term": {"mllog.model.role": "shadow"}},
            {"term": {"mllog.shadow.of": f"{scope.model.name} {scope.model.version}"}},
            {"exists": {"field": field}},
        ],
        aggs={"far": {"filter": far}, **allowed(share, least, "shadow")},
        condition=above("far"),
        text=(
            f"{{{{ctx.payload.aggregations.far.doc_count}}}} of {TOTAL} answers of a shadow in {WINDOW} differ by"
            f" {{{{ctx.metadata.off}}}} or more; more than {LIMIT} are above the share of"
            f" {THRESHOLD}."
        ),
        esql=_esql.share([_esql.where(far)], share, least),
    )
