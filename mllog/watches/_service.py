"""Watches on the service: versions, errors, latency, traffic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mllog.watches import _esql
from mllog.watches._alarm import (
    DEPENDENCIES,
    OPERATIONS,
    PERFORMANCE,
    THRESHOLD,
    TOTAL,
    WINDOW,
    Alarm,
    Scope,
    predictions,
    since,
    within,
)
from mllog.watches._shares import LIMIT, above, allowed, enough, only, rounded, without

LEAST: Final = 100
"""Calls without which a share or a percentile says little."""

ERRORS: Final = 0.05
REMAINS: Final = 0.25
"""Share of yesterday's calls below which traffic has dropped; days of the week differ by less."""

SILENCE: Final = "6h"
REFERENCE: Final = "1d"
_SLOW: Final = 0.05
_WEEK: Final = "7d"
_MILLISECOND: Final = 1_000_000


def alarms(scope: Scope) -> Iterator[Alarm]:
    """The watches of this module."""
    if scope.plain:
        yield _versions(scope)
    yield _service_versions(scope)
    yield _errors(scope)
    yield _latency(scope)
    yield _throughput(scope)
    yield _no_traffic(scope)


def _versions(scope: Scope) -> Alarm:
    profile = scope.model
    version: dict[str, Any] = {"term": {"mllog.model.version": profile.version}}
    others = [{"term": {"mllog.model.version": name}} for name in scope.limits.get("versions", "known", ())]
    unknown = without(version, *others)
    changed = {"bool": {"filter": [version], "must_not": [{"term": {"mllog.model.profile": profile.digest}}]}}
    return Alarm(
        kind="versions",
        about="Another version answers than the one that these watches were built for, or one without its profile.",
        rubric=DEPENDENCIES,
        statistic="predictions of an unknown version or profile",
        threshold=0,
        severity="notify",
        query=[*predictions(scope), {"bool": {"should": [unknown, changed], "minimum_should_match": 1}}],
        aggs={"version": {"filter": unknown}, "profile": {"filter": changed}},
        condition={"compare": {"ctx.payload.hits.total": {"gt": 0}}},
        text=(
            f"{TOTAL} predictions in {WINDOW} were not made by version {{{{ctx.metadata.version}}}} with its profile:"
            " {{ctx.payload.aggregations.version.doc_count}} by a version that is not known,"
            " {{ctx.payload.aggregations.profile.doc_count}} with another profile or none."
        ),
        esql=_esql.some(),
    )


def _service_versions(scope: Scope) -> Alarm:
    start = since(scope.limits.get("service_versions", "window", "1h"))
    versions = {"versions": {"cardinality": {"field": "service.version"}}}
    before = "{{ctx.payload.aggregations.before.versions.value}}"
    return Alarm(
        kind="service_versions",
        about="The service, and all that it depends on, is another than in the week before: watch what it answers.",
        rubric=DEPENDENCIES,
        statistic="versions of the service that did not answer in the week before",
        threshold=0,
        severity="notify",
        span=_WEEK,
        query=predictions(scope),
        aggs={
            "all": {"filter": {"exists": {"field": "service.version"}}, "aggs": versions},
            "before": {
                "filter": {"bool": {"filter": [within(since(_WEEK), start), {"exists": {"field": "service.version"}}]}},
                "aggs": {"enough": enough(1, versions), "versions": only("versions")},
            },
            "now": {"filter": within(start)},
        },
        condition={"compare": {"ctx.payload.aggregations.all.versions.value": {"gt": before}}},
        text=(
            f"a version of the service answers that did not in the week before, among"
            f" {{{{ctx.payload.aggregations.now.doc_count}}}} predictions in {WINDOW}."
        ),
    )


def _errors(scope: Scope) -> Alarm:
    limit = rounded(scope.limits.get("errors", "limit", ERRORS))
    least = scope.limits.get("errors", "least", LEAST)
    failed = {"term": {"event.outcome": "failure"}}
    return Alarm(
        kind="errors",
        about="Calls fail: the exceptions are in error.type and error.stack_trace of the events.",
        rubric=PERFORMANCE,
        statistic="share of calls that fail",
        threshold=limit,
        query=predictions(scope),
        aggs={"failed": {"filter": failed}, **allowed(limit, least)},
        condition=above("failed"),
        text=(
            f"{{{{ctx.payload.aggregations.failed.doc_count}}}} of {TOTAL} calls in {WINDOW} failed; more than"
            f" {LIMIT} are above the share of {THRESHOLD}."
        ),
        look="event.outcome:failure",
        esql=_esql.share([_esql.where(failed)], limit, least),
    )


def _latency(scope: Scope) -> Alarm:
    least = scope.limits.get("latency", "least", LEAST)
    given = scope.limits.get("latency", "limit", None)
    about = "Calls take longer: the service, the machine, or larger inputs."
    query = [*predictions(scope), {"exists": {"field": "event.duration"}}]
    if given is not None:  # milliseconds
        # The 95th percentile is above a limit where more than a twentieth of the calls is: that can be counted exactly.
        slow = {"range": {"event.duration": {"gt": given * _MILLISECOND}}}
        return Alarm(
            kind="latency",
            about=about,
            rubric=PERFORMANCE,
            statistic="95th percentile of the duration, milliseconds",
            threshold=given,
            query=query,
            aggs={"slow": {"filter": slow}, **allowed(_SLOW, least)},
            condition=above("slow"),
            text=(
                f"{{{{ctx.payload.aggregations.slow.doc_count}}}} of {TOTAL} calls in {WINDOW} took longer than"
                f" {THRESHOLD} ms; more than {LIMIT} are above one in twenty."
            ),
            esql=_esql.share([_esql.where(slow)], _SLOW, least),
        )
    start = since(scope.limits.get("latency", "window", "1h"))
    root = "ctx.payload.aggregations"
    return Alarm(
        kind="latency",
        about=about,
        rubric=PERFORMANCE,
        statistic="median of the duration, against the 95th percentile of the day before",
        threshold=None,
        span=REFERENCE,
        query=query,
        aggs={
            "now": {"filter": within(start), "aggs": _took(50, least)},
            "before": {
                "filter": within(since(REFERENCE), start),
                "aggs": _took(95, least),
            },
        },
        condition={"compare": {f"{root}.now.took.value": {"gt": f"{{{{{root}.before.took.value}}}}"}}},
        text=(
            f"half of {{{{{root}.now.doc_count}}}} calls in {WINDOW} took longer than nineteen in twenty of the"
            f" {{{{{root}.before.doc_count}}}} before them, in a day."
        ),
    )


def _took(percent: int, least: int) -> dict[str, Any]:
    """Aggregations that give a percentile of the duration, or null."""
    inside = {"durations": {"percentiles": {"field": "event.duration", "percents": [percent], "keyed": False}}}
    return {"enough": enough(least, inside), "took": only(f"durations.{percent}")}


def _throughput(scope: Scope) -> Alarm:
    kind = "throughput"
    share = rounded(scope.limits.get(kind, "limit", REMAINS))
    window = scope.limits.get(kind, "window", "1h")
    start = since(window)
    before = "ctx.payload.aggregations.before"
    return Alarm(
        kind=kind,
        about="Far fewer calls than at the same time of the day before: a caller is gone, or cannot reach the service.",
        rubric=PERFORMANCE,
        statistic="calls, as a share of those a day before",
        threshold=share,
        severity="notify",
        span=f"{window}-1d",  # date math: a window and a day back
        query=predictions(scope),
        aggs={
            "now": {"filter": within(start)},
            "before": {
                "filter": within(f"{start}-1d", since("1d")),
                "aggs": allowed(share, scope.limits.get(kind, "least", LEAST)),
            },
        },
        condition={"compare": {"ctx.payload.aggregations.now.doc_count": {"lt": f"{{{{{before}.allowed.value}}}}"}}},
        text=(
            f"{{{{ctx.payload.aggregations.now.doc_count}}}} calls in {WINDOW}, and"
            f" {{{{{before}.doc_count}}}} a day before; fewer than {{{{{before}.allowed.value}}}} are too few."
        ),
    )


def _no_traffic(scope: Scope) -> Alarm:
    kind = "no_traffic"
    window = scope.limits.get(kind, "window", SILENCE)
    least = scope.limits.get(kind, "least", LEAST)
    recent = {"recent": {"filter": within(since(window))}}
    return Alarm(
        kind=kind,
        about="A model that had traffic all week has none, or its events do not arrive: check the shipper.",
        rubric=OPERATIONS,
        statistic="predictions",
        threshold=1,
        window=window,
        span=_WEEK,
        query=predictions(scope),
        aggs={"enough": enough(least, recent)},
        condition={
            "array_compare": {
                "ctx.payload.aggregations.enough.buckets": {"path": "recent.doc_count", "lt": {"value": 1}}
            }
        },
        text=f"no prediction in {WINDOW}, and {TOTAL} in the week that ends now.",
    )
