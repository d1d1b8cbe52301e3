"""Date patterns in Joda's letters: writing (`%{+yyyy.MM.dd}`) and reading (the date filter)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mllog.pipeline._event import offset

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOKEN: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+", re.DOTALL)
_KNOWN: Final = frozenset("GCYxweEyDdMaKhHkmsSzZ")

Writer = Callable[[datetime], str]


class DatePatternError(Exception):
    """A date pattern has a letter that is none of Joda's, or one outside the embedded subset."""


def _tokens(pattern: str) -> list[tuple[str, int, str]]:
    """(letter, how often, "") or ("", 0, literal text)."""
    tokens, position = [], 0
    while position < len(pattern):
        found = _TOKEN.match(pattern, position)
        if found is None:
            raise DatePatternError(f"an open quote in {pattern!r}")
        position, text, letter = found.end(), found[0], found[2]
        if letter is None:
            literal = "'" if text == "''" else found[1].replace("''", "'") if text[0] == "'" else text
            tokens.append(("", 0, literal))
        elif letter not in _KNOWN:
            raise DatePatternError(f"illegal pattern component: {text}")
        else:
            tokens.append((letter, len(text), ""))
    return tokens


def _two(number: int, count: int) -> str:
    return f"{number % 100:02d}" if count == 2 else f"{number:0{count}d}"


def _name(names: tuple[str, ...], index: int, count: int) -> str:
    return names[index] if count >= 4 else names[index][:3]


def _offset_text(moment: datetime, count: int) -> str:
    if count >= 3:
        return "UTC"
    text = moment.strftime("%z")
    return text if count == 1 else f"{text[:3]}:{text[3:]}"


_WRITERS: Final[dict[str, Callable[[datetime, int], str]]] = {
    "G": lambda _, __: "AD",
    "C": lambda t, n: f"{t.year // 100:0{n}d}",
    "Y": lambda t, n: _two(t.year, n),
    "y": lambda t, n: _two(t.year, n),
    "x": lambda t, n: _two(t.isocalendar().year, n),
    "w": lambda t, n: f"{t.isocalendar().week:0{n}d}",
    "e": lambda t, n: f"{t.isoweekday():0{n}d}",
    "E": lambda t, n: _name(DAYS, t.weekday(), n),
    "D": lambda t, n: f"{t.timetuple().tm_yday:0{n}d}",
    "d": lambda t, n: f"{t.day:0{n}d}",
    "M": lambda t, n: _name(MONTHS, t.month - 1, n) if n >= 3 else f"{t.month:0{n}d}",
    "a": lambda t, _: "AM" if t.hour < 12 else "PM",
    "K": lambda t, n: f"{t.hour % 12:0{n}d}",
    "h": lambda t, n: f"{t.hour % 12 or 12:0{n}d}",
    "H": lambda t, n: f"{t.hour:0{n}d}",
    "k": lambda t, n: f"{t.hour or 24:0{n}d}",
    "m": lambda t, n: f"{t.minute:0{n}d}",
    "s": lambda t, n: f"{t.second:0{n}d}",
    "S": lambda t, n: f"{t.microsecond // 1000:03d}".ljust(n, "0")[:n],
    "z": lambda _, __: "UTC",
    "Z": _offset_text,
}


def writer(pattern: str) -> Writer:
    """A function that writes a UTC time by a pattern.

    Raises:
        DatePatternError: the pattern is none.

    Example:
        >>> writer("xxxx.ww")(datetime(2021, 1, 3, tzinfo=UTC))
        '2020.53'
    """
    tokens = _tokens(pattern)

    def write(moment: datetime) -> str:
        return "".join(_WRITERS[letter](moment, count) if letter else text for letter, count, text in tokens)

    return write


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The time zone of a name (`Europe/Paris`, `UTC`) or an offset (`+02:00`).

    Raises:
        ValueError: there is none of that name.
    """
    if name in {"Z", "UTC", "GMT"}:
        return UTC
    if re.fullmatch(r"[+-]\d\d:?\d\d", name):
        return offset(name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


# What each letter reads: (pattern for its length, name of the part).
_PARTS: Final = {
    "y": "year", "Y": "year", "M": "month", "d": "day", "D": "yearday", "E": "weekday", "a": "half",
    "K": "hour12_0", "h": "hour12", "H": "hour", "k": "hour24", "m": "minute", "s": "second", "S": "fraction",
    "z": "zone", "Z": "zone", "x": "weekyear", "w": "week", "e": "isoday",
}  # fmt: skip


def _names_pattern(names: tuple[str, ...]) -> str:
    return "|".join(f"{name}|{name[:3]}" for name in names)


def _part_pattern(letter: str, count: int, adjacent: bool) -> str:
    if letter == "E":
        return _names_pattern(DAYS)
    if letter == "M" and count >= 3:
        return _names_pattern(MONTHS)
    if letter == "a":
        return "AM|PM"
    if letter in "zZ":
        return r"[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)*" if count >= 3 else r"Z|[+-]\d\d(?::?\d\d)?"
    if letter in "yYx":
        return r"\d{2}" if count == 2 else rf"\d{{{count}}}" if adjacent else r"[+-]?\d{1,9}"
    if letter == "S":
        return rf"\d{{1,{count}}}"
    most = 3 if letter == "D" else 2
    return rf"\d{{{count}}}" if adjacent else rf"\d{{1,{max(most, count)}}}"


def reader(pattern: str) -> Callable[[str, tzinfo, datetime], datetime]:
    """A function that reads a time by a pattern: text, the zone where the text has none, the present.

    Raises:
        DatePatternError: the pattern is none, or has a letter that can only be written.

    Example:
        >>> reader("dd/MMM/yyyy:HH:mm:ss Z")("02/jan/2020:03:04:05 +0100", UTC, datetime.now(UTC)).isoformat()
        '2020-01-02T02:04:05+00:00'
    """
    tokens = _tokens(pattern)
    parts, names = [], []
    for index, (letter, count, text) in enumerate(tokens):
        if not letter:
            parts.append(re.escape(text))
            continue
        if letter not in _PARTS or _PARTS[letter] in names:
            raise DatePatternError(f"{letter * count!r} is outside the embedded subset")
        following = tokens[index + 1][0] if index + 1 < len(tokens) else ""
        adjacent = bool(following) and following not in "EazZ"
        name = _PARTS[letter]
        names.append(name)
        parts.append(f"(?P<{name}>{_part_pattern(letter, count, adjacent)})")
    compiled = re.compile("".join(parts), re.IGNORECASE | re.ASCII)
    short_year = any(letter in "yY" and count == 2 for letter, count, _ in tokens)

    def read(text: str, default_zone: tzinfo, present: datetime) -> datetime:
        found = compiled.fullmatch(text)
        if found is None:
            raise ValueError("the text does not fit the pattern")
        return _assemble(found.groupdict(), short_year, default_zone, present)

    return read


def _hour(given: dict[str, str]) -> int:
    if "hour" in given:
        return int(given["hour"])
    if "hour24" in given:
        return int(given["hour24"]) % 24
    twelve = int(given.get("hour12_0", given.get("hour12", "0")))
    if twelve > 12:
        raise ValueError("an hour of twelve is at most twelve")
    return twelve % 12 + (12 if given.get("half", "").upper() == "PM" else 0)


def _year(given: dict[str, str], short: bool, present: datetime, month: int) -> int:
    if "year" in given:
        year = int(given["year"])
        if not short:
            return year
        first = present.year - 80  # Joda's pivot: eighty years back, twenty ahead
        return first + (year - first) % 100
    # A log line without a year: December read in January is of last year, and the other way round.
    return present.year + (1 if (month, present.month) == (1, 12) else -1 if (month, present.month) == (12, 1) else 0)


def _assemble(found: dict[str, str | None], short_year: bool, default_zone: tzinfo, present: datetime) -> datetime:
    given = {name: text for name, text in found.items() if text is not None}
    month_text = given.get("month", "1")
    month = int(month_text) if month_text.isdigit() else _index(MONTHS, month_text) + 1
    day = datetime(_year(given, short_year, present, month), month, int(given.get("day", "1")))  # noqa: DTZ001 - the zone follows
    if "week" in given or "isoday" in given:
        day = _of_week(given, day, present)
    if "yearday" in given:
        year = day.year
        day = datetime(year, 1, 1) + timedelta(days=int(given["yearday"]) - 1)  # noqa: DTZ001
        if day.year != year:
            raise ValueError("the year has no such day")
    if "weekday" in given:
        day += timedelta(days=_index(DAYS, given["weekday"]) - day.weekday())
    milliseconds = int(given.get("fraction", "").ljust(3, "0")[:3])
    local = day.replace(
        hour=_hour(given), minute=int(given.get("minute", "0")), second=int(given.get("second", "0")),
        microsecond=milliseconds * 1000,
    )  # fmt: skip
    return in_zone(local, zone_of(given["zone"]) if "zone" in given else default_zone)


def _of_week(given: dict[str, str], day: datetime, present: datetime) -> datetime:
    """The day of an ISO week; without a year among the letters it is moved into the present one, as Logstash does."""
    year = int(given.get("weekyear", day.isocalendar().year))
    found = datetime.fromisocalendar(year, int(given.get("week", "1")), int(given.get("isoday", "1")))
    return found if "year" in given else found.replace(year=present.year)


def zone_of(text: str) -> tzinfo:
    """The zone that a text gives as an offset or a name."""
    return offset(text) if text in "zZ" or text[0] in "+-" else zone(text)


def _index(names: tuple[str, ...], text: str) -> int:
    return next(index for index, name in enumerate(names) if name[:3].lower() == text[:3].lower())


def in_zone(local: datetime, where: tzinfo) -> datetime:
    """A local time in UTC; of two that are the same the earlier.

    Raises:
        ValueError: the clocks skipped it.
    """
    result = local.replace(tzinfo=where, fold=0).astimezone(UTC)
    if result.astimezone(where).replace(tzinfo=None) != local:
        raise ValueError("the clocks skipped this local time")
    return result
