"""Date patterns of java.time (`%{{yyyy-MM-dd}}`), as DateTimeFormatter writes a time in UTC, in English."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from mllog.pipeline._joda import DAYS, MONTHS, DatePatternError

JavaWriter = Callable[[datetime, int], str]
"""From a time in UTC and its nanoseconds within the second to a text."""

_TOKEN: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z'{}#]", re.DOTALL)


def _padded(number: int, count: int) -> str:
    return f"{number:0{count}d}"


def _year(number: int, count: int) -> str:
    return _padded(number % 100, 2) if count == 2 else _padded(number, count)


def _named(names: tuple[str, ...], index: int, count: int) -> str:
    """Abbreviated, in full, or its first letter."""
    return names[index][:3] if count <= 3 else names[index] if count == 4 else names[index][:1]


def _week_of(moment: datetime) -> tuple[int, int]:
    """Year and week as the United States count them: from Sunday, and the first of January is in week 1."""
    first = moment.replace(month=1, day=1)
    week = (moment.timetuple().tm_yday - 1 + first.isoweekday() % 7) // 7 + 1
    following = moment.replace(year=moment.year + 1, month=1, day=1) if moment.year < 9999 else None
    if following is not None and (following - moment).days <= following.isoweekday() % 7 and moment.month == 12:
        return moment.year + 1, 1
    return moment.year, week


def _sunday_first(moment: datetime) -> int:
    return moment.isoweekday() % 7 + 1


_NUMBERS: Final[dict[str, Callable[[datetime, int], int]]] = {
    "D": lambda t, _: t.timetuple().tm_yday,
    "d": lambda t, _: t.day,
    "w": lambda t, _: _week_of(t)[1],
    "W": lambda t, _: (t.day - 1 + t.replace(day=1).isoweekday() % 7) // 7 + 1,
    "F": lambda t, _: (t.day - 1) // 7 + 1,
    "h": lambda t, _: t.hour % 12 or 12,
    "K": lambda t, _: t.hour % 12,
    "H": lambda t, _: t.hour,
    "k": lambda t, _: t.hour or 24,
    "m": lambda t, _: t.minute,
    "s": lambda t, _: t.second,
    "n": lambda _, nanoseconds: nanoseconds,
    "A": lambda t, ns: ((t.hour * 60 + t.minute) * 60 + t.second) * 1000 + ns // 1_000_000,
    "N": lambda t, ns: ((t.hour * 60 + t.minute) * 60 + t.second) * 1_000_000_000 + ns,
}


def _written(letter: str, count: int, moment: datetime, nanoseconds: int) -> str:
    if letter in _NUMBERS:
        return _padded(_NUMBERS[letter](moment, nanoseconds), count)
    match letter:
        case "y" | "u":
            return _year(moment.year, count)
        case "Y":
            return _year(_week_of(moment)[0], count)
        case "G":
            return "Anno Domini" if count == 4 else "A" if count == 5 else "AD"
        case "M" | "L":
            return _padded(moment.month, count) if count <= 2 else _named(MONTHS, moment.month - 1, count)
        case "Q" | "q":
            quarter = (moment.month - 1) // 3 + 1
            return (
                _padded(quarter, count)
                if count <= 2
                else f"Q{quarter}"
                if count == 3
                else f"{quarter}{_ORDINAL[quarter]} quarter"
            )
        case "E":
            return _named(DAYS, moment.weekday(), count)
        case "e" | "c":
            return _padded(_sunday_first(moment), count) if count <= 2 else _named(DAYS, moment.weekday(), count)
        case "a":
            return "AM" if moment.hour < 12 else "PM"
        case "S":
            return f"{nanoseconds:09d}"[:count].ljust(count, "0")
        case "X":
            return "Z"
        case "x":
            return ("+00", "+0000", "+00:00", "+0000", "+00:00")[count - 1]
        case "Z":
            return "+0000" if count <= 3 else "GMT" if count == 4 else "Z"
        case "O":
            return "GMT"
        case "z":
            return "UTC" if count <= 3 else "Coordinated Universal Time"
        case _:  # V
            return "UTC"


_ORDINAL: Final = {1: "st", 2: "nd", 3: "rd", 4: "th"}
_KNOWN: Final = frozenset({*_NUMBERS, *"yuYGMLQqEecaSXxZOzV"})


def java_writer(pattern: str) -> JavaWriter:
    """A function that writes a time by a pattern.

    Raises:
        DatePatternError: the pattern is none, or has a letter or a bracket outside the embedded subset.

    Example:
        >>> from datetime import UTC
        >>> java_writer("yyyy-MM-dd'T'HH:mm:ss.SSSX")(datetime(2024, 3, 5, 6, 7, 8, tzinfo=UTC), 123_000_000)
        '2024-03-05T06:07:08.123Z'
    """
    tokens: list[tuple[str, int, str]] = []
    position = 0
    while position < len(pattern):
        found = _TOKEN.match(pattern, position)
        if found is None or found[0] in "[]":
            raise DatePatternError(f"{pattern[position:]!r} is outside the embedded subset")
        position, text, letter = found.end(), found[0], found[2]
        if letter is None:
            literal = "'" if text == "''" else found[1].replace("''", "'") if text[0] == "'" else text
            tokens.append(("", 0, literal))
        elif letter not in _KNOWN or len(text) > 9:
            raise DatePatternError(f"{text!r} is outside the embedded subset")
        else:
            tokens.append((letter, len(text), ""))

    def write(moment: datetime, nanoseconds: int) -> str:
        return "".join(
            _written(letter, count, moment, nanoseconds) if letter else text for letter, count, text in tokens
        )

    return write
