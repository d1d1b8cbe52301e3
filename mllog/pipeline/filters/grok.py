"""The grok filter: named patterns, put together, take a text apart."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import regex  # type: ignore[import-untyped]

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, tag, write
from mllog.pipeline._gsub import MATCH_SECONDS
from mllog.pipeline._regex import compiled
from mllog.pipeline._regex_class import PatternError
from mllog.pipeline._settings import ARRAY, BOOLEAN, HASH, NUMBER, STRING, Schema
from mllog.pipeline._text import java_items, ruby_text
from mllog.pipeline.filters._common import COMMON, Filter, matched, tags_of
from mllog.pipeline.filters._grok_patterns import PATTERNS

SCHEMA: Final = Schema(
    {
        **COMMON, "match": HASH, "pattern_definitions": HASH, "break_on_match": BOOLEAN, "overwrite": ARRAY,
        "keep_empty_captures": BOOLEAN, "tag_on_failure": ARRAY, "target": STRING, "ecs_compatibility": STRING,
        "named_captures_only": BOOLEAN, "timeout_millis": NUMBER, "tag_on_timeout": STRING, "timeout_scope": STRING,
        "patterns_dir": ARRAY, "patterns_files_glob": STRING,
    }
)  # fmt: skip

_USE: Final = re.compile(r"%\{([A-Za-z0-9_]+)(?::([^:}]+)(?::([a-z]+))?)?\}|\(\?<([^=!>][^>]*)>")
"""`%{NAME:field:type}`, or the beginning of a named group."""
_MOST_LEVELS: Final = 64
_TYPES: Final = {"int", "long", "float", "double", "string", "boolean"}
_WHOLE: Final = re.compile(r"\s*([+-]?\d+)", re.ASCII)
_PART: Final = re.compile(r"\s*([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)", re.ASCII)


class _Capture(NamedTuple):
    """Where a group's text goes, and as what."""

    names: _field.Path
    kind: str


class _Grok:
    """One pattern, put together."""

    def __init__(self, text: str, definitions: dict[str, str], above: _field.Path, *, named_only: bool = True) -> None:
        self._definitions = definitions
        self._above = above
        self._named_only = named_only
        self.captures: list[_Capture] = []
        self.pattern: regex.Pattern[str] = compiled(self._expanded(text, 0))

    def _expanded(self, text: str, level: int) -> str:
        if level > _MOST_LEVELS:
            raise PatternError("a pattern that names itself")
        # From left to right, so that the groups are numbered as they open.
        return _USE.sub(lambda found: self._use(found, level), text)

    def _use(self, found: re.Match[str], level: int) -> str:
        name, field, kind, group = found.groups()
        if group is not None:
            _, *names = group.split(":")  # `(?<r:int>…)` sets the field `int`
            return self._group(names[0] if names else group, names[1] if len(names) > 1 else "")
        if name not in self._definitions:
            raise PatternError(f"the pattern %{{{name}}} is not known: define it in pattern_definitions")
        if field is None and not self._named_only:
            field = name
        if field is None:
            return f"(?:{self._expanded(self._definitions[name], level + 1)})"
        if kind and kind not in _TYPES:
            raise PatternError(f"the type {kind!r} is outside the embedded subset: use int or float")
        return f"{self._group(field, kind or '')}{self._expanded(self._definitions[name], level + 1)})"

    def _group(self, field: str, kind: str) -> str:
        self.captures.append(_Capture((*self._above, *_field.path(field)), kind))
        return f"(?<c{len(self.captures) - 1}>"


def _typed(text: str, kind: str) -> Any:
    """As Ruby's `to_i` and `to_f`: what the text begins with, else 0."""
    if kind in {"int", "long"}:
        found = _WHOLE.match(text)
        return int(found[1]) if found else 0
    if kind in {"float", "double"}:
        found = _PART.match(text)
        return float(found[1]) if found else 0.0
    return text.lower() == "true" if kind == "boolean" else text


def _from_files(folders: Iterable[str], names: str) -> dict[str, str]:
    """The patterns of files: a name, blanks and the pattern on each line; a later one replaces an earlier one.

    Raises:
        OSError: a file cannot be read.
        UnicodeDecodeError: it is no UTF-8.
    """
    found: dict[str, str] = {}
    for folder in folders:
        where = os.path.join(folder, names) if os.path.isdir(folder) else folder  # noqa: PTH112, PTH118 - as Dir.glob
        for file in sorted(glob.glob(where)):  # noqa: PTH207 - the setting is a pattern itself
            if not os.path.isfile(file):  # noqa: PTH113 - as above
                continue
            for line in Path(file).read_text(encoding="utf-8").split("\n"):
                name, *rest = line.strip("\r").lstrip().split(None, 1) or [""]
                if rest and not name.startswith("#"):
                    found[name] = rest[0]
    return found


def build(plugin: Plugin) -> Filter:
    """A function that sets the named parts of the first pattern that fits, or of all.

    Raises:
        PipelineError: a pattern is unknown, or is none.
    """
    settings = plugin.settings
    try:
        files = _from_files(map(str, settings.get("patterns_dir", ())), str(settings.get("patterns_files_glob", "*")))
    except (OSError, UnicodeDecodeError) as error:
        raise plugin.setting_place("patterns_dir").error(f"grok: a file of patterns cannot be read: {error}") from None
    own = {name: str(text) for name, text in settings.get("pattern_definitions", {}).items()}
    definitions = {**PATTERNS, **files, **own}
    above = _field.path(str(settings["target"])) if "target" in settings else ()
    named_only = settings.get("named_captures_only", True)
    fields: list[tuple[_field.Path, list[_Grok]]] = []
    for source, texts in java_items(settings.get("match", {})):
        try:
            groks = [
                _Grok(str(text), definitions, above, named_only=named_only)
                for text in (texts if isinstance(texts, list) else [texts])
            ]
        except (PatternError, _field.FieldError) as error:
            raise plugin.setting_place("match").error(f"grok: {error}") from None
        fields.append((_field.path(source), groks))
    overwrite = {_field.path(str(name)) for name in settings.get("overwrite", ())}
    stop, empties = settings.get("break_on_match", True), settings.get("keep_empty_captures", False)
    failed, done = tags_of(plugin, "_grokparsefailure"), matched(plugin)
    late = str(settings.get("tag_on_timeout", "_groktimeout"))

    def put(event: Event, capture: _Capture, text: str | None) -> None:
        value = None if text is None else _typed(text, capture.kind)
        if (value is None or value == "") and not empties:
            return
        if capture.names in overwrite or not _field.includes(event, capture.names):
            write(event, capture.names, value)
            return
        old = _field.get(event, capture.names)
        if isinstance(old, list | str):  # to any other value Logstash adds nothing
            write(event, capture.names, [*old, value] if isinstance(old, list) else [old, value])

    def one(event: Event, groks: list[_Grok], text: str) -> bool:
        there = False
        for grok in groks:
            found = grok.pattern.search(text, timeout=MATCH_SECONDS)
            there = found is not None  # without break_on_match the last pattern decides
            if found is None:
                continue
            fresh: set[_field.Path] = set()
            for capture, part in zip(grok.captures, found.groups(), strict=True):
                if capture.names in overwrite and capture.names in fresh:
                    continue
                fresh.add(capture.names)
                put(event, capture, part)
            if stop:
                break
        return there

    def run(event: Event) -> bool:
        there = False
        try:
            for source, groks in fields:
                value = _field.get(event, source)
                if value is None:
                    continue
                texts = [ruby_text(item) for item in (value if isinstance(value, list) else [value])]
                hits = [one(event, groks, text) for text in texts]
                there = there or any(hits)
                if there and stop:
                    break
        except TimeoutError:
            tag(event, late)
            return True
        except _field.FieldError:
            there = False
        if not there:
            failed(event)
        elif done is not None:
            done(event)
        return True

    return run
