"""Dates as Elasticsearch writes them: ISO 8601, milliseconds, and date math."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from mllog._timestamps import iso_utc

_MATH: Final = re.compile(r"([+-])(\d+)([yMwdhHms])|/([yMwdhHms])")
_ANCHOR: Final = re.compile(r"now|.*?\|\|")
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "H": "hours", "m": "minutes", "s": "seconds"}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST: Final = -62_135_596_800_000_000
_LAST: Final = 253_402_300_799_999_999


def microseconds(value: Any) -> int | None:
    """Microseconds since the epoch of a date, or None where it is none.

    Args:
        value: an ISO 8601 string (UTC where it names no zone), or milliseconds as a number or digits.

    Example:
        >>> microseconds("2026-01-02T03:04:05.678901Z"), microseconds(1000), microseconds("soon")
        (1767323045678901, 1000000, None)
    """
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, (int, float)):
            return _within(round(value * 1000))
        if not isinstance(value, str):
            return None
        if re.fullmatch(r"-?\d{5,18}", value):
            return _within(int(value) * 1000)
        return since_epoch(dt.datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None


def _within(micros: int) -> int | None:
    """The number, if it is in the years 1 to 9999."""
    return micros if _FIRST <= micros <= _LAST else None


def since_epoch(moment: dt.datetime) -> int:
    """Microseconds since the epoch; a moment without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // dt.timedelta(microseconds=1)


def moment_of(micros: float) -> dt.datetime:
    """The moment of microseconds since the epoch, in UTC."""
    return _EPOCH + dt.timedelta(microseconds=round(micros))


def text_of(micros: float) -> str:
    """A moment as Elasticsearch prints it.

    Example:
        >>> text_of(1_000_000)
        '1970-01-01T00:00:01.000Z'
    """
    return iso_utc(moment_of(micros))


def resolve(expression: Any, *, now: dt.datetime, round_up: bool = False) -> int | None:
    """Microseconds of a date or of date math such as `now-1d/d` or `2026-01-01||/M`; None where it is neither.

    Args:
        expression: what a range holds.
        now: what `now` means.
        round_up: `/d` means the last moment of the day (for gt and lte), not the first.

    Example:
        >>> now = dt.datetime(2026, 5, 4, 12, 30, tzinfo=dt.UTC)
        >>> text_of(resolve("now-1d/d", now=now)), text_of(resolve("2026-05-04||/M", now=now))
        ('2026-05-03T00:00:00.000Z', '2026-05-01T00:00:00.000Z')
    """
    anchor = _ANCHOR.match(expression) if isinstance(expression, str) else None
    if anchor is None:
        return microseconds(expression)
    if anchor[0] == "now":
        start: int | None = since_epoch(now)
    else:
        start = microseconds(anchor[0].removesuffix("||"))
    rest = expression[anchor.end() :]
    if start is None or not re.fullmatch(f"(?:{_MATH.pattern})*", rest):
        return None
    try:
        return since_epoch(_computed(moment_of(start), rest, round_up=round_up))
    except (ValueError, OverflowError):  # before the year 1 or after 9999
        return None


def _computed(moment: dt.datetime, math: str, *, round_up: bool) -> dt.datetime:
    for sign, amount, unit, rounding in _MATH.findall(math):
        if rounding:
            floor = floored(moment, rounding)
            moment = shifted(floor, rounding, 1) - dt.timedelta(microseconds=1) if round_up else floor
        else:
            moment = shifted(moment, unit, int(amount) if sign == "+" else -int(amount))
    return moment


def floored(moment: dt.datetime, unit: str) -> dt.datetime:
    """The beginning of the second, minute, hour, day, week (Monday), month or year of a moment."""
    fields = ["y", "M", "d", "h", "m", "s"]
    if unit == "w":
        return floored(moment, "d") - dt.timedelta(days=moment.weekday())
    keep = fields.index("h" if unit == "H" else unit) + 1
    values = [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second][:keep]
    values += [1, 1, 1, 0, 0, 0][keep:]
    return dt.datetime(*values, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


def shifted(moment: dt.datetime, unit: str, amount: int) -> dt.datetime:
    """A moment later (or earlier) by some units; the day is cut to the length of the month."""
    if unit in _UNITS:
        return moment + dt.timedelta(**{_UNITS[unit]: amount})
    months = moment.year * 12 + moment.month - 1 + amount * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    for day in range(moment.day, 27, -1):
        try:
            return moment.replace(year=year, month=month + 1, day=day)
        except ValueError:  # no such day in that month
            continue
    return moment.replace(year=year, month=month + 1)
