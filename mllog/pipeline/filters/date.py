"""The date filter: a text or a number becomes a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, Timestamp, offset
from mllog.pipeline._joda import DatePatternError, in_zone, reader, zone
from mllog.pipeline._settings import ARRAY, STRING, Schema, Setting
from mllog.pipeline._sprintf import is_static, template
from mllog.pipeline.filters._common import COMMON, Filter, matched, reference, tags_of

SCHEMA: Final = Schema(
    {
        **COMMON, "match": Setting("array", required=True), "target": STRING, "timezone": STRING, "locale": STRING,
        "tag_on_failure": ARRAY,
    }
)  # fmt: skip

_SECONDS: Final = re.compile(r"([+-]?\d+)(?:\.(\d+)Z?)?", re.ASCII)
_LAST_SECOND: Final = 2**31 - 1

_Parser = Callable[[Any, tzinfo], int]
"""From a value and the zone to milliseconds since the epoch.

Raises:
    ValueError: the value is none of its kind.
"""

_ISO: Final = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:([T ])(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?)?)?"
    r"(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)


_ISO_DAY: Final = re.compile(
    r"(?P<year>\d{4})-(?:W(?P<week>\d\d)(?:-(?P<weekday>[1-7]))?|(?P<day>\d{3}))(?P<rest>(?:T.*)?)"
)


def _day_of(found: re.Match[str]) -> date:
    """The day of an ISO week date (`2020-W01-4`) or an ordinal date (`2020-002`)."""
    year = int(found["year"])
    if found["week"] is not None:
        return date.fromisocalendar(year, int(found["week"]), int(found["weekday"] or 1))
    day = date(year, 1, 1) + timedelta(days=int(found["day"]) - 1)
    if day.year != year or found["day"] == "000":
        raise ValueError("the year has no such day")
    return day


def _milliseconds(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _iso8601(value: Any, default: tzinfo) -> int:
    found = _ISO.fullmatch(value) if type(value) is str else None
    if found is None and type(value) is str and (other := _ISO_DAY.fullmatch(value)) is not None:
        return _iso8601(f"{_day_of(other).isoformat()}{other['rest']}", default)
    if found is None:
        raise ValueError("no ISO 8601 text")
    *parts, fraction, where = found.groups()
    if parts.pop(3) == " " and fraction is None:  # a blank in place of T only before a fraction
        raise ValueError("no ISO 8601 text")
    year, month, day, hour, minute, second = (int(part) if part else None for part in parts)
    local = datetime(  # noqa: DTZ001 - the zone follows
        year or 0,
        month or 1,
        day or 1,
        hour or 0,
        minute or 0,
        second or 0,
        int((fraction or "").ljust(3, "0")[:3]) * 1000,
    )
    return _milliseconds(in_zone(local, offset(where) if where else default))


def _unix(value: Any, _: tzinfo) -> int:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        milliseconds = int(Decimal(str(value)) * 1000)
    elif type(value) is str and (found := _SECONDS.fullmatch(value)) is not None:
        # The fraction is added whatever the sign: -2.25 is a quarter of a second after two seconds before 1970.
        milliseconds = int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0")[:3])
    else:
        raise ValueError("no seconds")
    if milliseconds // 1000 > _LAST_SECOND:
        raise ValueError("seconds after 2038")
    return milliseconds


def _unix_ms(value: Any, _: tzinfo) -> int:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return int(value)
    if type(value) is str and re.fullmatch(r"[+-]?\d+", value, re.ASCII):
        return int(value)
    raise ValueError("no milliseconds")


def _by_pattern(pattern: str) -> _Parser:
    read = reader(pattern)

    def parse(value: Any, default: tzinfo) -> int:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError("no text")  # noqa: TRY004 - all failures are one
        return _milliseconds(read(str(value), default, datetime.now(UTC)))

    return parse


_NAMED: Final[dict[str, _Parser]] = {"ISO8601": _iso8601, "UNIX": _unix, "UNIX_MS": _unix_ms}


def build(plugin: Plugin) -> Filter:
    """A function that reads the time by the first pattern that fits.

    Raises:
        PipelineError: `match` has no pattern, or one that is none.
    """
    match = [str(item) for item in plugin.settings["match"]]
    place = plugin.setting_place("match")
    if len(match) < 2:
        raise place.error("match needs a field and at least one date pattern")
    if plugin.settings.get("locale", "en").split("-")[0].split("_")[0] != "en":
        raise plugin.setting_place("locale").error("a locale other than en is outside the embedded subset")
    try:
        parsers = [_NAMED.get(pattern) or _by_pattern(pattern) for pattern in match[1:]]
    except DatePatternError as error:
        raise place.error(str(error)) from None
    source = _field.path(match[0])
    target = reference(plugin, "target", "@timestamp")
    where = str(plugin.settings.get("timezone", "UTC"))
    if is_static(where):
        try:
            zone(where)
        except ValueError as error:
            raise plugin.setting_place("timezone").error(str(error)) from None
    zone_name = template(where)
    failed, done = tags_of(plugin, "_dateparsefailure"), matched(plugin)

    def read(event: Event, value: Any) -> int | None:
        for parser in parsers:
            try:
                return parser(value, zone(zone_name(event)))
            except (ValueError, OverflowError, ArithmeticError):
                continue
        return None

    def run(event: Event) -> bool:
        value = _field.get(event, source)
        if value is None:
            return True
        milliseconds = read(event, value)
        if milliseconds is None or abs(milliseconds) > _FURTHEST or target is None:
            failed(event)
            return True
        _field.put(event, target, Timestamp.at(milliseconds * 1_000_000))
        if done is not None:
            done(event)
        return True

    return run


_FURTHEST: Final = 62_000_000_000_000
"""Milliseconds either way from 1970 that a calendar of four-digit years holds."""
