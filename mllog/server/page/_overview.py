"""The cards of the overview: one for each model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from mllog.event._names import slug
from mllog.profile import Profile
from mllog.server.page import _formats as formats
from mllog.server.page._panel_data import metric_values
from mllog.server.page._queries import all_models, models
from mllog.server.page._window import Window, window
from mllog.store import Store

SPARK_WIDTH: Final = 120
SPARK_HEIGHT: Final = 28
_LOUD: Final = 2.0
"""An invalid share of more than twice the training one is pointed out, once it is more than one in a hundred."""

_NOTICEABLE: Final = 0.01


@dataclass(frozen=True)
class Alert:
    """The last evaluation of a watch.

    Attributes:
        id: of the watch.
        severity: `notify`, `triage` or `automate`.
        fired: whether it fires now.
        text: what is wrong and where to look.
        model: the model it watches, if one.
        link: where to look; empty unless it is a page.
    """

    id: str
    severity: str
    fired: bool
    text: str
    model: str
    link: str


@dataclass(frozen=True)
class Card:
    """What the overview says of a model; texts are ready to show.

    Attributes:
        name: of the model.
        slug: its name in links.
        versions: the most frequent first.
        profiled: whether there is a profile of it.
        events: how many, in the time range.
        rate: events a minute.
        invalid: share of invalid inputs.
        invalid_loud: that share is far above the training one.
        spark: points of the line of the invalid share, for an SVG of SPARK_WIDTH by SPARK_HEIGHT.
        errors: share of failed calls.
        errors_loud: more than one in a hundred failed.
        latency: 95th percentile.
        redacted: values removed.
        last: how long ago the newest event was.
        last_at: when that was.
        firing: alerts that fire.
    """

    name: str
    slug: str
    versions: tuple[str, ...]
    profiled: bool
    events: str
    rate: str
    invalid: str
    invalid_loud: bool
    spark: str
    errors: str
    errors_loud: bool
    latency: str
    redacted: str
    last: str
    last_at: str
    firing: tuple[Alert, ...]


def cards(
    store: Store,
    profiles: Iterable[Profile],
    alerts: Iterable[Mapping[str, Any]],
    parameters: Mapping[str, str],
    now: dt.datetime,
) -> tuple[Window, list[Card], list[Alert]]:
    """The requested time range, a card for each model, and the alerts that belong to none of them."""
    known = {profile.name: profile for profile in profiles}
    newest, first, last = all_models(store)
    chosen = window(parameters, first, last, now)
    buckets = {str(bucket["key"]): bucket for bucket in models(store, chosen)}
    firing = [alert for alert in map(as_alert, alerts) if alert.fired]
    names = sorted({*known, *newest}, key=lambda name: (-int(buckets.get(name, {}).get("doc_count", 0)), name))
    found = [
        _card(
            name, known.get(name), buckets.get(name), newest.get(name), [a for a in firing if a.model == name], chosen
        )
        for name in names
    ]
    return chosen, found, [alert for alert in firing if alert.model not in names]


def as_alert(item: Mapping[str, Any]) -> Alert:
    """An evaluation as it is shown; a link that is no page of this or another site is left out.

    Example:
        >>> as_alert({"id": "w", "fired": True, "text": "late", "link": "javascript:alert(1)"}).link
        ''
    """
    link = str(item.get("link") or "")
    link = link if _is_page(link) else ""
    text = str(item.get("text", ""))
    return Alert(
        id=str(item.get("id", "")),
        severity=str(item.get("severity", "notify")),
        fired=bool(item.get("fired")),
        text=text.removesuffix(f"Look at {link}").rstrip() if link else text,  # the page has a link for that
        model=str(item.get("model") or ""),
        link=link,
    )


def _is_page(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme in {"http", "https"} and bool(parts.netloc)
    return link.startswith("/") and not link.startswith(("//", "/\\"))


def _card(
    name: str,
    profile: Profile | None,
    bucket: Mapping[str, Any] | None,
    last: dt.datetime | None,
    firing: Sequence[Alert],
    chosen: Window,
) -> Card:
    events = int(bucket["doc_count"]) if bucket else 0
    values = metric_values(bucket) if bucket else {}
    invalid, errors = values.get("invalid"), values.get("errors")
    trained = profile.invalid_share if profile else 0.0
    now = chosen.end
    return Card(
        name=name,
        slug=slug(name),
        versions=tuple(str(item["key"]) for item in bucket["versions"]["buckets"]) if bucket else (),
        profiled=profile is not None,
        events=formats.count(events),
        rate=f"{formats.value(round(events / max(chosen.seconds / 60, 1), 2))}/min",
        invalid=formats.share(invalid),
        invalid_loud=invalid is not None and invalid > max(_NOTICEABLE, trained * _LOUD),
        spark=_spark(bucket["time"]["buckets"], chosen) if bucket else "",
        errors=formats.share(errors),
        errors_loud=errors is not None and errors > _NOTICEABLE,
        latency=formats.duration(values.get("latency")),
        redacted=formats.count(values.get("redacted")) if bucket else formats.NOTHING,
        last=formats.ago(last.isoformat() if last else None, now),
        last_at=formats.moment(last.isoformat() if last else None),
        firing=tuple(firing),
    )


def _spark(buckets: Sequence[Mapping[str, Any]], chosen: Window) -> str:
    """The invalid share over time as points of an SVG polyline; 0 is at the bottom, the greatest value at the top."""
    points = [
        (bucket["key"] / 1000, bucket["invalid"]["value"])
        for bucket in buckets
        if bucket["doc_count"] and bucket["invalid"].get("value") is not None
    ]
    if len(points) < 2:
        return ""
    top = max(_NOTICEABLE, *(value for _, value in points))
    start, seconds = chosen.start.timestamp(), chosen.seconds
    return " ".join(
        f"{max(0.0, min(1.0, (time - start) / seconds)) * SPARK_WIDTH:.1f},"
        f"{SPARK_HEIGHT - 2 - value / top * (SPARK_HEIGHT - 4):.1f}"
        for time, value in points
    )
