"""The dissect filter: fields between the delimiters of a text, without patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, tag, write
from mllog.pipeline._settings import ARRAY, HASH, Schema
from mllog.pipeline._text import java_items, java_json
from mllog.pipeline.filters._common import COMMON, Filter, matched, tags_of

SCHEMA: Final = Schema({**COMMON, "mapping": HASH, "convert_datatype": HASH, "tag_on_failure": ARRAY})

_FIELD: Final = re.compile(r"%\{([^}]*)\}")
_NAME: Final = re.compile(r"([+?&]?)(.*?)(?:/([0-9]{1,2}))?(->)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Part:
    """One field of a mapping: what it does with its text, and the delimiters around it."""

    kind: str
    name: str
    place: int
    padded: bool
    before: str
    after: str


class _DelimiterError(Exception):
    """The text has not the delimiters of the mapping."""


def _parts(mapping: str) -> list[_Part]:
    found = list(_FIELD.finditer(mapping))
    parts = []
    for index, one in enumerate(found):
        before = mapping[found[index - 1].end() if index else 0 : one.start()]
        after = mapping[one.end() : found[index + 1].start() if index + 1 < len(found) else len(mapping)]
        shape = _NAME.fullmatch(one[1])
        assert shape is not None
        parts.append(_Part(shape[1], shape[2], int(shape[3] or 0), shape[4] is not None, before, after))
    return parts


def _texts(parts: list[_Part], text: str) -> list[str]:
    """The text of each part.

    Raises:
        _DelimiterError: a delimiter is not there.
    """
    position = 0
    first = parts[0].before
    if not text.startswith(first):
        raise _DelimiterError
    position = len(first)
    texts = []
    for place, part in enumerate(parts):
        if not part.after and place < len(parts) - 1:  # nothing tells where the one ends and the next begins
            raise _DelimiterError
        end = text.find(part.after, position) if part.after else len(text)
        if end < 0:
            raise _DelimiterError
        texts.append(text[position:end])
        if end == 0 and part.after and not part.padded:
            continue  # Logstash does not step over a delimiter that the text begins with
        position = end + len(part.after)
        while part.padded and part.after and text.startswith(part.after, position):
            position += len(part.after)
    return texts


def _fields(parts: list[_Part], texts: list[str]) -> dict[str, str]:
    """What each name gets: appended parts in the order of their numbers, names from values last."""
    values: dict[str, str] = {}
    keys: dict[str, str] = {}
    appended: dict[str, list[tuple[int, int, str, str]]] = {}
    for index, (part, text) in enumerate(zip(parts, texts, strict=True)):
        if part.kind == "?":
            keys[part.name] = text
        elif part.kind == "+":
            appended.setdefault(part.name, []).append((part.place, index, part.before, text))
        elif part.kind == "" and part.name:
            values[part.name] = keys[part.name] = text
    for name, pieces in appended.items():
        ordered = sorted(pieces)
        begin = values.get(name)
        joined = begin if begin is not None else ordered.pop(0)[3]
        values[name] = joined + "".join((before or " ") + text for _, _, before, text in ordered)
    for part, text in zip(parts, texts, strict=True):
        if part.kind == "&" and keys.get(part.name):
            values[keys[part.name]] = text
    return values


def _number(text: Any, kind: str) -> Any:
    try:
        value = Decimal(text) if isinstance(text, str) else Decimal(str(text))
    except InvalidOperation:
        return None
    if not value.is_finite():
        return None
    return int(value) if kind == "int" else value


def build(plugin: Plugin) -> Filter:
    """A function that takes the texts of the mapping apart; nothing is set where one does not fit.

    Raises:
        PipelineError: a mapping has no field, or a type is neither int nor float.
    """
    mappings = [
        (_field.path(source), _parts(str(mapping)))
        for source, mapping in java_items(plugin.settings.get("mapping", {}))
    ]
    for source, parts in mappings:
        if not parts:
            raise plugin.setting_place("mapping").error(f"the mapping of {'.'.join(source)} has no %{{field}}")
        for part in parts:
            if part.kind in {"+", "&"} and part.name[:1] in {"+", "&"}:
                raise plugin.setting_place("mapping").error(f"a field cannot have both + and &: {part.kind}{part.name}")
    conversions = java_items(plugin.settings.get("convert_datatype", {}))
    for name, kind in conversions:
        if kind not in {"int", "float"}:
            raise plugin.setting_place("convert_datatype").error(f"{name} can become int or float, not {kind!r}")
    failed, done = tags_of(plugin, "_dissectfailure"), matched(plugin)

    def dissect(event: Event, source: _field.Path, parts: list[_Part]) -> bool:
        value = _field.get(event, source)
        if isinstance(value, list | dict):
            value = java_json(value)
        if type(value) is not str or not value:
            raise _DelimiterError
        for name, text in _fields(parts, _texts(parts, value)).items():
            write(event, _field.path(name), text)
        return True

    def convert(event: Event) -> None:
        for name, kind in conversions:
            names = _field.path(name)
            value = _field.get(event, names)
            if value is None:
                tag(event, f"_dataconversionnullvalue_{name}_{kind}")
                continue
            number = _number(value, kind)
            if number is None:
                tag(event, f"_dataconversionuncoercible_{name}_{kind}")
            else:
                write(event, names, number)

    def run(event: Event) -> bool:
        changed = broken = False
        for source, parts in mappings:
            if not _field.includes(event, source):
                continue
            try:
                changed = dissect(event, source, parts)
            except (_DelimiterError, _field.FieldError):
                failed(event)
                broken = True
        if changed or broken or not mappings:
            convert(event)
        if changed and not broken and done is not None:
            done(event)
        return True

    return run
