"""What Logstash makes of an incoming object: `@timestamp`, `@version`, `tags`, and the way back to JSON."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Self

import orjson

from mllog.pipeline import _field

Event = dict[str, Any]

TIMESTAMP_FAILURE: Final = "_timestampparsefailure"
TAGS_FAILURE: Final = "_tagsparsefailure"

_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_SHOWN: Final = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{3}(?:(?:\d{3}(?<!000))(?:\d{3}(?<!000))?)?Z", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Timestamp(str):
    """A point in time: a text in events and JSON, of which nanoseconds since the epoch can be asked.

    Example:
        >>> Timestamp.at(1_577_934_245_500_000_000)
        '2020-01-02T03:04:05.500Z'
    """

    __slots__ = ()

    @classmethod
    def at(cls, nanoseconds: int) -> Self:
        """The point in time so long after the epoch."""
        seconds, fraction = divmod(nanoseconds, 1_000_000_000)
        digits = f"{fraction:09d}"
        shown = digits[:3] if digits.endswith("000000") else digits[:6] if digits.endswith("000") else digits
        return cls(f"{_second(seconds)}.{shown}Z")

    @property
    def nanoseconds(self) -> int:
        """Since the epoch."""
        whole = datetime.fromisoformat(self[:19] + "Z") - _EPOCH
        return (whole.days * 86_400 + whole.seconds) * 1_000_000_000 + int(self[20:-1].ljust(9, "0"))

    def datetime(self) -> datetime:
        """The same point in UTC, to the microsecond."""
        return _EPOCH + timedelta(microseconds=self.nanoseconds // 1000)


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    """The text of a second; events come many to a second."""
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def now() -> Timestamp:
    """The present."""
    return Timestamp.at(time.time_ns())


def timestamp(value: Any) -> Timestamp | None:
    """The point in time an ISO 8601 text names, None if it names none.

    Example:
        >>> timestamp("2020-01-02T03:04:05.5+02:00")
        '2020-01-02T01:04:05.500Z'
        >>> timestamp(1577934245) is None
        True
    """
    if isinstance(value, Timestamp):
        return value
    if not isinstance(value, str):
        return None
    if _SHOWN.fullmatch(value) is not None:
        # As it would be shown: nothing to compute, only to see that there is such a day.
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return None
        return Timestamp(value)
    found = _ISO.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=offset(zone)
        )
        since = moment - _EPOCH
    except (ValueError, OverflowError):
        return None
    return Timestamp.at((since.days * 86_400 + since.seconds) * 1_000_000_000 + int((fraction or "").ljust(9, "0")))


def offset(zone: str | None) -> timezone:
    """The zone of `Z`, `+02`, `+0200` or `+02:00`; none is UTC.

    Raises:
        ValueError: it is a day or more.
    """
    if not zone or zone == "Z":
        return UTC
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-size if zone[0] == "-" else size)


def legal_tags(value: Any) -> bool:
    """Whether `tags` may hold this: a text or an array of texts."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def tag(event: Event, name: str) -> None:
    """Add a tag, once.

    Example:
        >>> event = {"tags": "a"}
        >>> tag(event, "b")
        >>> event
        {'tags': ['a', 'b']}
    """
    tags = event.get("tags")
    if tags is None:
        event["tags"] = [name]
    elif isinstance(tags, list):
        if name not in tags:
            tags.append(name)
    else:
        event["tags"] = [tags] if tags == name else [tags, name]


_GUARDED: Final = frozenset({("@timestamp",), ("@metadata",), ("tags",)})
"""Fields that do not take every value."""


def write(event: Event, names: _field.Path, value: Any) -> None:
    """Write a field as a filter does: `@timestamp` and `tags` keep to their types.

    Raises:
        FieldError: the value is not one for that field, or the field cannot be reached.
    """
    if names == ("@timestamp",) and not isinstance(value, Timestamp):
        raise _field.FieldError("@timestamp takes a time only")
    if names == ("@metadata",) and not isinstance(value, dict):
        raise _field.FieldError("@metadata takes an object only")
    if names == ("tags",) and not legal_tags(value):
        raise _field.FieldError("tags takes texts only")
    _field.put(event, names, value)


def writer(names: _field.Path) -> Callable[[Event, Any], None]:
    """A function that writes one field: as `write`, short for short paths.

    Example:
        >>> event = {}
        >>> writer(("a", "b"))(event, 1)
        >>> event
        {'a': {'b': 1}}
    """
    if len(names) > 2 or names in _GUARDED:
        return lambda event, value: write(event, names, value)
    if len(names) == 1:
        only = names[0]

        def put(event: Event, value: Any) -> None:
            event[only] = value

        return put
    first, second = names

    def put_below(event: Event, value: Any) -> None:
        holder = event.get(first)
        if type(holder) is dict:
            holder[second] = value
        else:
            _field.put(event, names, value)

    return put_below


def event_from_json(fields: Mapping[str, Any]) -> Event:
    """The event that a codec makes of a JSON object.

    Example:
        >>> event = event_from_json({"@timestamp": "2020-01-02", "tags": 5})
        >>> event["@timestamp"], event["tags"], event["_tags"]
        ('2020-01-02T00:00:00.000Z', ['_tagsparsefailure'], [5])
    """
    event: Event = {"@version": "1", "@timestamp": None}
    event.update(fields)
    given = event["@timestamp"]
    moment = timestamp(given)
    event["@timestamp"] = moment or now()
    if "tags" in event and not legal_tags(event["tags"]):
        event["_tags"] = [event.pop("tags")]
        tag(event, TAGS_FAILURE)
    if given is not None and moment is None:
        event["_@timestamp"] = given
        tag(event, TIMESTAMP_FAILURE)
    metadata = event.get("@metadata")
    if metadata is not None and not isinstance(metadata, dict):
        del event["@metadata"]
    return event


def event_from_line(line: str | bytes) -> Event:
    r"""The event that the line codec makes of a line, its line feed taken off.

    Bytes that are not UTF-8 are kept as the codec keeps them: each as `\xHH`.

    Example:
        >>> event_from_line(b"caf\xe9")["message"]
        'caf\\xE9'
    """
    if isinstance(line, bytes):
        line = decoded_bytes(line)
    return {"@version": "1", "@timestamp": now(), "message": line, "event": {"original": line}}


def decoded_bytes(line: bytes) -> str:
    r"""The text of bytes; those that are not UTF-8 are kept as `\xHH`."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return _escaped(line)


_INSPECTED: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e", "\b": "\\b"}


def _escaped(line: bytes) -> str:
    """As Ruby's `inspect` shows such a string, without the quotes: that is what the codec keeps."""
    shown = []
    for character in line.decode("utf-8", "surrogateescape"):
        if "\udc80" <= character <= "\udcff":
            shown.append(f"\\x{ord(character) - 0xDC00:02X}")
        elif character < " " and character not in _INSPECTED:
            shown.append(f"\\u{ord(character):04X}")
        else:
            shown.append(_INSPECTED.get(character, character))
    return re.sub(r"#(?=[{$@])", r"\\#", "".join(shown))


def _raw_number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(decimal_text(value))
    raise TypeError(type(value).__name__)


def decimal_text(value: Decimal) -> str:
    """A decimal as Java's BigDecimal prints it; Python's `str` follows the same rule.

    Example:
        >>> decimal_text(Decimal("1.50")), decimal_text(Decimal("1e3"))
        ('1.50', '1E+3')
    """
    return str(value)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text of the output itself, between values."""

    text: str


def _exact(root: Any) -> str:
    """JSON text of what orjson refuses: large integers, lone surrogates, hundreds of levels. A stack, no recursion."""
    parts: list[str] = []
    stack: list[Any] = [root]
    while stack:
        value = stack.pop()
        if isinstance(value, _Piece):
            parts.append(value.text)
        elif isinstance(value, dict):
            stack.append(_Piece("}"))
            for index, (key, item) in enumerate(reversed(value.items())):
                comma = "," if index < len(value) - 1 else ""
                stack += (item, _Piece(f"{comma}{json.dumps(str(key))}:"))
            stack.append(_Piece("{"))
        elif isinstance(value, list | tuple):
            stack.append(_Piece("]"))
            for index, item in enumerate(reversed(value)):
                stack.append(item)
                if index < len(value) - 1:
                    stack.append(_Piece(","))
            stack.append(_Piece("["))
        elif isinstance(value, Decimal):
            parts.append(decimal_text(value))
        else:
            parts.append(json.dumps(value))
    return "".join(parts)


def encode(events: Iterable[Event] | Event) -> str:
    """Events as JSON text, numbers as they came: `1.50` stays `1.50`, `1E+400` stays a number.

    An empty `@metadata` is left out.

    Example:
        >>> encode([{"a": Decimal("1.50"), "@metadata": {}}])
        '[{"a":1.50}]'
    """
    return encode_bytes(events).decode()


def encode_bytes(events: Iterable[Event] | Event) -> bytes:
    """The same in UTF-8."""
    value = _shown(events) if isinstance(events, dict) else [_shown(event) for event in events]
    try:
        return orjson.dumps(value, default=_raw_number)
    except (TypeError, orjson.JSONEncodeError):
        return _exact(value).encode()


def _shown(event: Event) -> Event:
    if event.get("@metadata") == {}:
        return {key: value for key, value in event.items() if key != "@metadata"}
    return event
