"""Watches on single inputs: what training did not show, what is not a number, what must not be there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mllog.event._names import slug
from mllog.profile import Profile
from mllog.redaction import DEFAULT
from mllog.watches import _esql
from mllog.watches._alarm import (
    INVARIANTS,
    OPERATIONS,
    STABILITY,
    THRESHOLD,
    TOTAL,
    WINDOW,
    Alarm,
    Scope,
    concerning,
    each,
    opens_template,
    predictions,
)

LEAST_THRESHOLD: Final = 0.05
FACTOR: Final = 3
"""An alert needs three times the share that training itself would have had."""

MOST_UNEXPECTED: Final = 20
"""Different names of unknown inputs in a day."""

_GROWTH: Final = 2
"""Different values of an input in a day, as a multiple of those that all of training had."""

_NAMED: Final = 5
"""Features that a text names, of each kind."""

KINDS: Final = (
    "missing",
    "below_min",
    "above_max",
    "unseen_category",
    "wrong_type",
    "non_finite",
)


def threshold_of(profile: Profile) -> float:
    """The share of invalid inputs above which the watch fires.

    Example:
        >>> threshold_of(Profile("late", "1.0", (), invalid_share=0.04))
        0.12
    """
    return round(max(LEAST_THRESHOLD, FACTOR * profile.invalid_share), 6)


def reasons(profile: Profile) -> dict[str, Any]:
    """Aggregations that say which features were not as in training, by kind.

    Only names that the profile knows come into the text of an alert; whatever else an event brings is counted.
    """
    known = [feature for feature in profile.inputs if not opens_template(feature.name)]
    names = [feature.name for feature in known]
    never_missing = [feature.name for feature in known if not feature.missing]
    return {
        kind: {"terms": {"field": f"mllog.quality.{kind}", "size": _NAMED, "include": included}}
        for kind in KINDS
        if (included := never_missing if kind == "missing" else names)
    }


def alarms(scope: Scope) -> Iterator[Alarm]:
    """The watches of this module."""
    yield _invalid(scope)
    yield _non_finite(scope)
    yield _sensitive(scope)
    yield _unexpected(scope)
    yield from _cardinality(scope)


def _invalid(scope: Scope) -> Alarm:
    limit = scope.limits.get("invalid_inputs", "limit", threshold_of(scope.model))
    which = reasons(scope.model)
    features = "".join(each(kind, f"{kind}: ") for kind in which)
    which["unexpected"] = {"filter": {"exists": {"field": "mllog.quality.unexpected"}}}
    return Alarm(
        kind="invalid_inputs",
        about="Inputs that training did not show: a broken source, or data that has moved on.",
        rubric=INVARIANTS,
        statistic="share of predictions with invalid inputs",
        threshold=limit,
        window="1d",
        query=predictions(scope),
        aggs={"invalid": {"avg": {"field": "mllog.quality.invalid", "format": "0.0###"}}, **which},
        condition={"compare": {"ctx.payload.aggregations.invalid.value": {"gt": limit}}},
        text=(
            "share of invalid inputs {{ctx.payload.aggregations.invalid.value_as_string}}"
            f" is above {THRESHOLD}, over {TOTAL} predictions in {WINDOW}. {features}"
            "with unexpected features: {{ctx.payload.aggregations.unexpected.doc_count}}."
        ),
        look="mllog.quality.invalid:1",
        esql=f"| STATS invalid = AVG(mllog.quality.invalid) | WHERE invalid > {limit}",
    )


def _non_finite(scope: Scope) -> Alarm:
    names = [feature.name for feature in (*scope.inputs, *scope.outputs)]
    aggs = {"which": {"terms": {"field": "mllog.quality.non_finite", "size": _NAMED, "include": names}}}
    return Alarm(
        kind="non_finite",
        about="NaN or infinity went into the model or came out of it: look at the last change of either.",
        rubric=STABILITY,
        statistic="predictions with NaN or infinity",
        threshold=0,
        query=[*predictions(scope), {"exists": {"field": "mllog.quality.non_finite"}}],
        aggs=aggs if names else {},
        condition={"compare": {"ctx.payload.hits.total": {"gt": 0}}},
        text=f"{TOTAL} predictions in {WINDOW} had NaN or infinity. {each('which') if names else ''}",
        look="_exists_:mllog.quality.non_finite",
        esql=_esql.some(),
    )


def _sensitive(scope: Scope) -> Alarm:
    names = [feature.name for feature in scope.inputs]
    aggs: dict[str, Any] = {
        "kinds": {"terms": {"field": "mllog.redaction.kinds", "size": 10, "include": list(DEFAULT.kinds())}}
    }
    if names:
        aggs["where"] = {"terms": {"field": "mllog.redaction.fields", "size": _NAMED, "include": names}}
    return Alarm(
        kind="sensitive_data",
        about="Somebody sends what should not be logged. It was removed before storage; the sender should stop.",
        rubric=OPERATIONS,
        statistic="events from which something was removed",
        threshold=0,
        severity="notify",
        window="1d",
        interval="15m",
        query=[scope.own, {"range": {"mllog.redaction.count": {"gt": 0}}}],
        aggs=aggs,
        condition={"compare": {"ctx.payload.hits.total": {"gt": 0}}},
        text=(
            f"sensitive values were removed from {TOTAL} events in {WINDOW}. {each('kinds')}"
            f"{each('where', 'in ') if names else ''}"
        ),
        look="_exists_:mllog.redaction.kinds",
        esql=_esql.some(),
    )


def _unexpected(scope: Scope) -> Alarm:
    limit = scope.limits.get("unexpected_inputs", "limit", MOST_UNEXPECTED)
    return Alarm(
        kind="unexpected_inputs",
        about="The names of inputs keep changing: values are sent as names, and the index grows.",
        rubric=OPERATIONS,
        statistic="different names of inputs that training did not have",
        threshold=limit,
        window="1d",
        interval="15m",
        query=[*predictions(scope), {"exists": {"field": "mllog.quality.unexpected"}}],
        aggs={"names": {"cardinality": {"field": "mllog.quality.unexpected"}}},
        condition={"compare": {"ctx.payload.aggregations.names.value": {"gt": limit}}},
        text=(
            f"{TOTAL} predictions in {WINDOW} brought more than {THRESHOLD} different names of inputs that training"
            " did not have."
        ),
        look="_exists_:mllog.quality.unexpected",
        esql=f"| STATS names = COUNT_DISTINCT(mllog.quality.unexpected) | WHERE names > {limit}",
    )


def _cardinality(scope: Scope) -> Iterator[Alarm]:
    """Of inputs whose values the profile does not list as a whole; elsewhere a new value is unseen at once."""
    for feature in scope.inputs:
        if feature.type != "category" or feature.complete or feature.sensitive or not feature.distinct:
            continue
        if feature.temporal:  # time goes on: each has a new value
            continue
        limit = scope.limits.get("cardinality", "limit", _GROWTH * feature.distinct)
        path = f"mllog.input.category.{feature.name}"
        yield Alarm(
            kind="cardinality",
            suffix=slug(feature.name),
            feature=feature.name,
            about="An input has more different values in a day than it should: it contains ids or free text.",
            rubric=INVARIANTS,
            statistic="different values",
            threshold=limit,
            window="1d",
            interval="15m",
            query=[*predictions(scope), {"exists": {"field": path}}],
            look=concerning(path, feature.name),
            aggs={"values": {"cardinality": {"field": path, "precision_threshold": 40_000}}},
            condition={"compare": {"ctx.payload.aggregations.values.value": {"gt": limit}}},
            text=(
                f"{{{{ctx.metadata.feature}}}} had more than {THRESHOLD} different values in {TOTAL} predictions in"
                f" {WINDOW}."
            ),
            esql=f"| STATS different = COUNT_DISTINCT({_esql.field(path)}) | WHERE different > {limit}",
        )
