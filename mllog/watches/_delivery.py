"""Watches on the way of the events, which belong to no model: what was dropped, refused, or is late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mllog.watches import _esql
from mllog.watches._alarm import OPERATIONS, THRESHOLD, TOTAL, WINDOW, Alarm, Scope

BEHIND: Final = 900
"""Seconds that the oldest undelivered event may have waited."""

_ANY: Final = {"compare": {"ctx.payload.hits.total": {"gt": 0}}}


def alarms(scope: Scope) -> Iterator[Alarm]:
    """The watches of this module."""
    yield _dropped(scope)
    yield _dead_letters(scope)
    yield _lag(scope)


def _dropped(scope: Scope) -> Alarm:
    given_up = {"range": {"mllog.spool.dropped": {"gt": 0}}}
    set_aside = {"range": {"mllog.shipper.quarantined": {"gt": 0}}}
    count = "{{ctx.payload.aggregations.%s.n.value}}"
    return Alarm(
        kind="dropped",
        about="Events were lost at a full spool, or set aside in quarantine.ndjson: see `mllog spool status`.",
        rubric=OPERATIONS,
        statistic="events that were dropped or quarantined",
        threshold=0,
        index=[scope.stream("shipper")],
        query=[{"bool": {"should": [given_up, set_aside], "minimum_should_match": 1}}],
        aggs={
            "dropped": {"filter": given_up, "aggs": {"n": {"sum": {"field": "mllog.spool.dropped"}}}},
            "quarantined": {"filter": set_aside, "aggs": {"n": {"sum": {"field": "mllog.shipper.quarantined"}}}},
        },
        condition=_ANY,
        text=f"{count % 'dropped'} events were dropped and {count % 'quarantined'} quarantined in {WINDOW}.",
        esql=_esql.some(),
    )


def _dead_letters(scope: Scope) -> Alarm:
    return Alarm(
        kind="dead_letters",
        about="Elasticsearch rejected events, or their model is unknown: error.message and tags give the reason.",
        rubric=OPERATIONS,
        statistic="events that were refused or not understood",
        threshold=0,
        index=[scope.stream("dead_letter"), scope.stream("unknown")],
        query=[{"exists": {"field": "event.kind"}}],
        aggs={
            "refused": {"filter": {"term": {"error.type": "rejected"}}},
            "unparsed": {"filter": {"term": {"tags": "_mllog_parse_failure"}}},
        },
        condition=_ANY,
        text=(
            f"{TOTAL} events in {WINDOW} reached no model's stream:"
            " {{ctx.payload.aggregations.refused.doc_count}} were refused,"
            " {{ctx.payload.aggregations.unparsed.doc_count}} were no events."
        ),
        esql=_esql.some(),
    )


def _lag(scope: Scope) -> Alarm:
    limit = scope.limits.get("lag", "limit", BEHIND)
    late = {"range": {"mllog.shipper.oldest_seconds": {"gt": limit}}}
    return Alarm(
        kind="lag",
        about="A shipper is behind: windows are evaluated before their events are there.",
        rubric=OPERATIONS,
        statistic="age of the oldest undelivered event, seconds",
        threshold=limit,
        severity="notify",
        index=[scope.stream("shipper")],
        query=[{"term": {"event.action": "shipped"}}, late],
        condition=_ANY,
        text=f"{TOTAL} reports of shippers in {WINDOW} were about events older than {THRESHOLD} seconds.",
        esql=_esql.some(),
    )
