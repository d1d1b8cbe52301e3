"""Ids and timestamps of events, and their encoding as JSON."""

from __future__ import annotations

import datetime as dt
import math
import os
import time
from collections.abc import Iterator
from typing import Any, Final

import orjson

from mllog.event._plain import plain

MAX_SECONDS: Final = 1e9
"""A duration beyond it, some thirty years, is a mistake."""

_FIRST_SECOND: Final = -62_135_596_800  # of the year 1
_LAST_SECOND: Final = 253_402_300_800  # behind the year 9999
_MILLISECOND: Final = 1_000_000
_SECOND: Final = 1_000_000_000
_DIGITS: Final = tuple(f"{number:03d}" for number in range(1000))
_LAST_DIGITS: Final = tuple(f"{number:03d}Z" for number in range(1000))
_VERSION_7: Final = tuple(f"7{number * 4096 // 1000:03x}" for number in range(1000))
_second: tuple[int, str] = (-1, "")
_millisecond: tuple[int, str, str] = (-1 << 62, "", "")  # none
_COUNTS: Final = tuple(f"{number:03x}" for number in range(4096))
_block = ""  # the variant and 50 random bits
_count: Iterator[str] = iter(())  # counts the ids that share them


def timestamp(ns: int) -> str:
    """UTC in ISO 8601 with microseconds, from nanoseconds since the epoch.

    Example:
        >>> timestamp(1_700_000_000_123_456_789)
        '2023-11-14T22:13:20.123456Z'
    """
    seconds, rest = divmod(ns, _SECOND)
    last, text = _second
    if seconds != last:
        text = _to_second(seconds)
    return f"{text}{_DIGITS[rest // _MILLISECOND]}{_DIGITS[rest // 1000 % 1000]}Z"


def since_epoch(when: Any) -> int:
    """Nanoseconds of a moment that a caller names, to the microsecond.

    Args:
        when: a datetime (without a zone: local time), a date (its midnight, UTC), ISO 8601 text,
            `numpy.datetime64`, or seconds since the epoch.

    Raises:
        ValueError: it is no moment of the years 1 to 9999.
        TypeError: it is nothing that names one.

    Example:
        >>> since_epoch(1.5), since_epoch("1970-01-01T00:00:02Z")
        (1500000000, 2000000000)
    """
    if type(when) is float or type(when) is int:
        seconds = float(when)
    elif isinstance(when, dt.datetime):
        seconds = _zoned(when).timestamp()
    elif isinstance(when, dt.date):
        seconds = dt.datetime(when.year, when.month, when.day, tzinfo=dt.UTC).timestamp()
    elif isinstance(when, str):
        seconds = _zoned(dt.datetime.fromisoformat(when.strip())).timestamp()
    elif type(when).__name__ == "datetime64":
        seconds = int(when.astype("datetime64[us]").astype("int64")) / 1_000_000
    else:
        seconds = float(when)
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:  # false for NaN
        raise ValueError("no moment of the years 1 to 9999")
    return min(math.floor(seconds * 1_000_000 + 0.5), _LAST_SECOND * 1_000_000 - 1) * 1000


def _zoned(when: dt.datetime) -> dt.datetime:
    """A datetime with a zone: `timestamp()` of one without fails at the ends of the calendar."""
    if when.tzinfo is None and not 2 <= when.year <= 9998:
        return when.replace(tzinfo=dt.UTC)
    return when


def to_seconds(duration: float | dt.timedelta) -> float:
    """A duration in seconds."""
    return duration.total_seconds() if isinstance(duration, dt.timedelta) else float(duration)


def to_nanoseconds(duration: float | dt.timedelta | None) -> int | None:
    """A duration in nanoseconds; None where there is none, or where it is longer than a life.

    Example:
        >>> to_nanoseconds(0.25), to_nanoseconds(-1), to_nanoseconds(float("inf"))
        (250000000, 0, None)
    """
    if duration is None:
        return None
    seconds = to_seconds(duration)
    return max(0, round(seconds * _SECOND)) if abs(seconds) < MAX_SECONDS else None


def uuid7(ns: int) -> str:
    """A UUID of version 7 (RFC 9562, 5.7) with the microseconds in `rand_a` (6.2, method 3).

    Ids made one after the other sort in that order, which keeps look-ups by id cheap in the store. Of the other
    sixty-two bits the last twelve count, and the rest are random, anew for every 4096 ids: a process has them alone.

    Example:
        >>> uuid7(1_700_000_000_123_456_789)[:18]
        '018bcfe5-687b-774b'
    """
    return stamps(ns, 0)[0]


def stamps(now: int, before: int) -> tuple[str, str, str]:
    """What an event says of its moment: an id as `uuid7` makes them, and two timestamps, of now and of before.

    Args:
        now: when the event is made, ns since the epoch.
        before: how long before `now` the call began, ns.

    Example:
        >>> stamps(1_700_000_000_123_456_789, 1_000_000_000)[1:]
        ('2023-11-14T22:13:20.123456Z', '2023-11-14T22:13:19.123456Z')
    """
    start, identity, text = _millisecond
    rest = now - start
    if not 0 <= rest < _MILLISECOND:
        start, identity, text = _to_millisecond(now)
        rest = now - start
    micro = rest // 1000
    try:
        event_id = f"{identity}{_VERSION_7[micro]}{_block}{next(_count)}"
    except StopIteration:
        event_id = f"{identity}{_VERSION_7[micro]}{_end()}"
    if 0 <= before <= rest:
        return event_id, text + _LAST_DIGITS[micro], text + _LAST_DIGITS[(rest - before) // 1000]
    return event_id, text + _LAST_DIGITS[micro], timestamp(now - before)


def _to_second(seconds: int) -> str:
    """The text up to the fraction; that of the last second is kept, since most calls fall into it."""
    global _second  # noqa: PLW0603 - one tuple, replaced as a whole, so no lock is needed
    text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(seconds)).zfill(20)  # the year 1 has one digit
    _second = (seconds, text)
    return text


def _to_millisecond(ns: int) -> tuple[int, str, str]:
    """Where the millisecond began, its part of an id and its text; kept as those of a second are."""
    global _millisecond  # noqa: PLW0603 - one tuple, replaced as a whole, so no lock is needed
    milliseconds = ns // _MILLISECOND
    seconds, rest = divmod(milliseconds, 1000)
    last, text = _second
    if seconds != last:
        text = _to_second(seconds)
    identity = f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-"
    _millisecond = found = (milliseconds * _MILLISECOND, identity, f"{text}{_DIGITS[rest]}")
    return found


def _end() -> str:
    """The end of an id: fresh random bits, and a counter that the next ids share."""
    global _block, _count
    bits = int.from_bytes(os.urandom(7), "big")  # a service may seed `random`, and each of its copies alike
    count = iter(_COUNTS)
    block = f"-{0x8 | bits & 0x3:x}{bits >> 38 & 0xFFF:03x}-{bits >> 2 & 0xFFFFFFFFF:09x}"
    first = block + next(count)
    _block, _count = block, count
    return first


def _forget() -> None:
    """A forked child has the random bits of its parent."""
    global _count  # noqa: PLW0603 - in a child that has one thread so far
    _count = iter(())


os.register_at_fork(after_in_child=_forget)


def dumps(value: Any) -> bytes:
    """JSON of anything: what orjson refuses is made plain first, never raised.

    Example:
        >>> dumps({"a": float("nan"), 1: {1, 2} })
        b'{"a":null,"1":[1,2]}'
    """
    try:
        return orjson.dumps(value)
    except TypeError:  # a key that is no string, an integer beyond 64 bits, a lone surrogate, an unknown object
        return orjson.dumps(plain(value))
