"""How numbers and times are written on the page."""

from __future__ import annotations

import datetime as dt
from typing import Any

from mllog.dashboards import number

NOTHING = "–"  # noqa: RUF001 - an en dash is what is meant


def count(value: float | None) -> str:
    """A whole number, thousands apart.

    Example:
        >>> count(166158)
        '166,158'
    """
    return NOTHING if value is None else f"{value:,.0f}"


def share(value: float | None) -> str:
    """A share as per cent, with the digits that matter.

    Example:
        >>> share(0.25), share(0.0294), share(0.00012), share(1)
        ('25.0 %', '2.94 %', '0.012 %', '100 %')
    """
    if value is None:
        return NOTHING
    percent = value * 100
    if percent == 0:
        return "0 %"
    if percent >= 99.95:
        return f"{percent:.0f} %"
    if percent >= 10:
        return f"{percent:.1f} %"
    return f"{percent:.2f} %" if percent >= 0.1 else f"{percent:.2g} %"


def duration(nanoseconds: float | None) -> str:
    """A duration in the unit that fits.

    Example:
        >>> duration(1_234_567), duration(870), duration(2.5e9), duration(420_000)
        ('1.23 ms', '870 ns', '2.5 s', '420 µs')
    """
    if nanoseconds is None:
        return NOTHING
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def moment(value: Any) -> str:
    """A time in UTC to the second; what is no time is shown as it is.

    Example:
        >>> moment("2026-11-23T08:00:00.123456Z")
        '2026-11-23 08:00:00'
    """
    if value is None:
        return NOTHING
    parsed = parse(value)
    return str(value) if parsed is None else parsed.strftime("%Y-%m-%d %H:%M:%S")


def ago(value: Any, now: dt.datetime) -> str:
    """How long ago a time was.

    Example:
        >>> now = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
        >>> ago("2026-11-23T07:30:00Z", now), ago("2026-11-20T08:00:00Z", now)
        ('30 min ago', '3 d ago')
    """
    parsed = parse(value)
    if parsed is None:
        return NOTHING
    seconds = (now - parsed).total_seconds()
    if seconds < 5:
        return "now"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def parse(value: Any) -> dt.datetime | None:
    """A time from ISO 8601 or from epoch milliseconds, in UTC; None for anything else."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return dt.datetime.fromtimestamp(value / 1000, dt.UTC)
        parsed = dt.datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return parsed.replace(tzinfo=dt.UTC) if parsed.tzinfo is None else parsed.astimezone(dt.UTC)


def value(item: Any) -> str:
    """A value of a feature in one short line.

    Example:
        >>> value(1400.0), value(True), value(["a", 1]), value("UA")
        ('1400', 'true', 'a, 1', 'UA')
    """
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, (int, float)):
        return number(item)
    if isinstance(item, list):
        return ", ".join(value(part) for part in item)
    return str(item)
