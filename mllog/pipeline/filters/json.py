"""The json filter: a text becomes fields; decimals keep their digits."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final, NoReturn

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import TIMESTAMP_FAILURE, Event, now, tag, timestamp, write
from mllog.pipeline._settings import ARRAY, BOOLEAN, STRING, Schema, Setting
from mllog.pipeline._text import ruby_text
from mllog.pipeline.filters._common import COMMON, Filter, matched, reference, tags_of

SCHEMA: Final = Schema(
    {
        **COMMON,
        "source": Setting(required=True),
        "target": STRING,
        "skip_on_invalid_json": BOOLEAN,
        "tag_on_failure": ARRAY,
    },
    outside=frozenset({"ecs_compatibility"}),
)

_TYPED: Final = frozenset({"", "tags", "@metadata"})
"""Names that not every value may have."""

_DEEPEST: Final = 900
"""Levels beyond which a text counts as invalid: Logstash's parser stops at a thousand."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_BLANKS: Final = " \t\r\n"


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    return value or Decimal(abs(value))  # BigDecimal has no negative zero


_DECODER: Final = json.JSONDecoder(parse_float=_decimal, parse_constant=_no_constant)


def parsed(text: str) -> Any:
    """The value of a JSON text; blank is null.

    Raises:
        ValueError: it is no JSON, or nested too deeply.

    Example:
        >>> parsed('{"f": 1.50}')
        {'f': Decimal('1.50')}
    """
    text = text.removeprefix("\ufeff").strip(_BLANKS)
    if not text:
        return None
    value, end = None, 0
    try:
        while end < len(text):  # of several documents the last one counts
            value, end = _DECODER.raw_decode(text, end)
            while text[end : end + 1] in _BLANKS and end < len(text):
                end += 1
    except RecursionError:
        raise ValueError(f"nested more than {_DEEPEST} levels deep") from None
    return value


def _into_root(event: Event, fields: dict[str, Any]) -> None:
    """The keys are field references, as Logstash takes them.

    Raises:
        FieldError: a key is none, or `tags` is not what it must be.
    """
    given = fields.pop("@timestamp", None)
    for key, value in fields.items():
        if not key or (key not in _TYPED and "[" not in key and "]" not in key):
            event[key] = value
        else:
            write(event, _field.path(key), value)
    if given is None or given is False:
        return
    moment = timestamp(given)
    event["@timestamp"] = moment or now()
    if moment is None:
        tag(event, TIMESTAMP_FAILURE)
        event["_@timestamp"] = ruby_text(given)


def build(plugin: Plugin) -> Filter:
    """A function that parses `source` into `target` or the root of the event."""
    source, target = reference(plugin, "source"), reference(plugin, "target")
    skip = plugin.settings.get("skip_on_invalid_json", False)
    failed, done = tags_of(plugin, "_jsonparsefailure"), matched(plugin)

    def run(event: Event) -> bool:
        text = None if source is None else _field.get(event, source)
        if text is None or text is False:
            return True
        try:
            if type(text) is not str:
                raise ValueError("the source is not a string")  # noqa: TRY301 - one way out for all failures
            value = parsed(text)
        except ValueError:
            if not skip:
                failed(event)
            return True
        if target is not None:
            write(event, target, value)
        elif isinstance(value, dict):
            try:
                _into_root(event, value)
            except _field.FieldError:
                failed(event)
                return True
        else:
            failed(event)
            return True
        if done is not None:
            done(event)
        return True

    return run
