"""The time range of a page: what the links choose, as absolute times with both ends closed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mllog._durations import seconds
from mllog._timestamps import iso_utc
from mllog.server.page._formats import parse

CHOICES: Final[dict[str, tuple[str, dt.timedelta | None]]] = {
    "1h": ("last hour", dt.timedelta(hours=1)),
    "24h": ("last 24 hours", dt.timedelta(days=1)),
    "7d": ("last 7 days", dt.timedelta(days=7)),
    "30d": ("last 30 days", dt.timedelta(days=30)),
    "all": ("all events", None),
}
DEFAULT: Final = "24h"

_SPAN: Final = re.compile(r"(\d{1,4})([mhd])", re.ASCII)
_INTERVALS: Final = (
    *(("1s", 1), ("5s", 5), ("10s", 10), ("30s", 30), ("1m", 60), ("5m", 300), ("10m", 600), ("30m", 1800)),
    *(("1h", 3600), ("3h", 10800), ("6h", 21600), ("12h", 43200), ("1d", 86400), ("7d", 604800)),
    *(("30d", 2592000), ("90d", 7776000), ("365d", 31536000)),
)
_MOST_BUCKETS: Final = 60


@dataclass(frozen=True)
class Window:
    """A time range.

    Attributes:
        choice: key of CHOICES, or `custom`.
        start: the first moment.
        end: the last moment.
        problem: what was wrong with the requested range; empty if nothing.
    """

    choice: str
    start: dt.datetime
    end: dt.datetime
    problem: str = ""

    @property
    def label(self) -> str:
        """The range in words."""
        if self.choice in CHOICES:
            return CHOICES[self.choice][0]
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()

    @property
    def bucket(self) -> tuple[str, int]:
        """Width of a bucket of time: as the store takes it, and in seconds."""
        for name, width in _INTERVALS:
            if self.seconds / width <= _MOST_BUCKETS:
                return name, width
        return _INTERVALS[-1]

    def buckets(self) -> list[int]:
        """Start of every bucket, in epoch milliseconds; those without events too."""
        width = self.bucket[1]
        first = int(self.start.timestamp()) // width
        last = int(self.end.timestamp()) // width
        return [place * width * 1000 for place in range(first, last + 1)]

    def clause(self) -> dict[str, Any]:
        """The filter clause of a query."""
        ends = {"gte": iso_utc(self.start), "lte": iso_utc(self.end), "format": "strict_date_optional_time"}
        return {"range": {"@timestamp": ends}}

    def parameters(self) -> dict[str, str]:
        """What a link carries so that it shows the same range."""
        if self.choice in CHOICES:
            return {"range": self.choice}
        return {"from": f"{self.start:%Y-%m-%dT%H:%M}", "to": f"{self.end:%Y-%m-%dT%H:%M}"}


def window(
    parameters: Mapping[str, str], first: dt.datetime | None, last: dt.datetime | None, now: dt.datetime
) -> Window:
    """The range that a link requests.

    Args:
        parameters: those of the link: `range`, or `from` and `to` in ISO 8601 (UTC); a `range` with `to` is that long,
            and ends then.
        first: time of the oldest event.
        last: time of the newest event; without a choice the range reaches back to it.
        now: the present.

    Example:
        >>> now = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
        >>> window({"range": "1h"}, None, None, now).label
        'last hour'
        >>> window({"from": "2026-11-01", "to": "never"}, None, None, now).problem
        'not a time: never'
        >>> window({"range": "1d", "to": "2026-11-01"}, None, None, now).label
        '2026-10-31 00:00 to 2026-11-01 00:00 UTC'
    """
    choice = parameters.get("range", "")
    if parameters.get("from") or parameters.get("to"):
        return _custom(parameters, first, last, now)
    if choice and choice not in CHOICES:
        known = ", ".join(CHOICES)
        return Window(DEFAULT, now - dt.timedelta(days=1), now, f"no such range: {choice[:40]} (one of {known})")
    if not choice:
        recent = last is None or last >= now - dt.timedelta(days=1)
        choice = DEFAULT if recent else "all"
    span = CHOICES[choice][1]
    if span is not None:
        return Window(choice, now - span, now)
    end = max(last or now, (first or now) + dt.timedelta(minutes=1))
    return Window(choice, first or now - dt.timedelta(days=1), end)


def _custom(
    parameters: Mapping[str, str], first: dt.datetime | None, last: dt.datetime | None, now: dt.datetime
) -> Window:
    start, end = first or now - dt.timedelta(days=1), last or now
    problem = ""
    for key in ("from", "to"):
        text = parameters.get(key, "")
        if not text:
            continue
        parsed = parse(text)
        if parsed is None:
            problem = f"not a time: {text[:40]}"
        elif key == "from":
            start = parsed
        else:
            end = parsed
    span = _SPAN.fullmatch(parameters.get("range", ""))
    if span is not None and not parameters.get("from"):
        start = end - dt.timedelta(seconds=seconds(span[0]))
    if not problem and start >= end:
        problem = "the range ends before it begins"
    if problem:
        return Window(DEFAULT, now - dt.timedelta(days=1), now, problem)
    return Window("custom", start, end)
