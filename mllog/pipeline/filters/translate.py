"""The translate filter: a value is looked up in a dictionary."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, write
from mllog.pipeline._gsub import MATCH_SECONDS
from mllog.pipeline._regex import compiled
from mllog.pipeline._regex_class import PatternError
from mllog.pipeline._settings import BOOLEAN, HASH, NUMBER, STRING, Schema, Setting
from mllog.pipeline._sprintf import Template, template
from mllog.pipeline._text import ruby_text
from mllog.pipeline.filters._common import COMMON, Filter, matched
from mllog.pipeline.filters._dictionary import REFRESH_SECONDS, DictionaryFile

SCHEMA: Final = Schema(
    {
        **COMMON, "source": STRING, "field": STRING, "target": STRING, "destination": STRING, "dictionary": HASH,
        "override": BOOLEAN, "exact": BOOLEAN, "regex": BOOLEAN, "fallback": STRING, "iterate_on": STRING,
        "ecs_compatibility": STRING, "dictionary_path": STRING, "refresh_interval": NUMBER,
        "refresh_behaviour": Setting(choices=("merge", "replace")),
    },
    outside=frozenset({"yaml_dictionary_code_point_limit", "yaml_load_strategy"}),
)  # fmt: skip

_MISSING: Final = object()
_LookUp = Callable[[str], Any]


def _look_up(plugin: Plugin) -> _LookUp:
    if "dictionary_path" not in plugin.settings:
        return _look_up_in(plugin, plugin.settings.get("dictionary", {}))
    place = plugin.setting_place("dictionary_path")
    if "dictionary" in plugin.settings:
        raise place.error("dictionary and dictionary_path exclude each other: keep one")
    path = Path(plugin.settings["dictionary_path"])
    interval = float(plugin.settings.get("refresh_interval", REFRESH_SECONDS))
    try:
        file = DictionaryFile(path, interval, plugin.settings.get("refresh_behaviour", "merge"))
    except (OSError, ValueError) as error:
        raise place.error(f"the dictionary {path} cannot be read: {error}") from None
    find = _look_up_in(plugin, file.entries)

    def look_up(text: str) -> Any:
        nonlocal find
        if file.refreshed():
            find = _look_up_in(plugin, file.entries)
        return find(text)

    return look_up


def _look_up_in(plugin: Plugin, dictionary: Mapping[str, Any]) -> _LookUp:
    if not plugin.settings.get("exact", True):
        words = sorted(dictionary, key=list(dictionary).index)
        union = re.compile("|".join(map(re.escape, words)) if words else r"(?!)")

        def replaced(text: str) -> Any:
            new = union.sub(lambda found: ruby_text(dictionary[found[0]]), text)
            return _MISSING if new == text else new

        return replaced
    if plugin.settings.get("regex", False):
        try:
            patterns = [(compiled(pattern), value) for pattern, value in dictionary.items()]
        except PatternError as error:
            raise plugin.setting_place("dictionary").error(f"{error}") from None

        def first(text: str) -> Any:
            for pattern, value in patterns:
                if pattern.search(text, timeout=MATCH_SECONDS):
                    return value
            return _MISSING

        return first
    return lambda text: dictionary.get(text, _MISSING)


def _one_of(plugin: Plugin, name: str, older: str) -> str | None:
    """A setting, or what it was called before."""
    if name in plugin.settings and older in plugin.settings:
        raise plugin.setting_place(older).error(f"{older} is an older name of {name}: keep {name}")
    value = plugin.settings.get(name, plugin.settings.get(older))
    return None if value is None else str(value)


def build(plugin: Plugin) -> Filter:
    """A function that sets the target to what stands in the dictionary for the source.

    Raises:
        PipelineError: a pattern of the dictionary is none, or its file cannot be read.
    """
    settings = plugin.settings
    find = _look_up(plugin)
    source = _one_of(plugin, "source", "field")
    if source is None:
        raise plugin.place.error("missing the required setting 'source' of translate")
    target = _one_of(plugin, "target", "destination")
    if target is None:
        target = "translation" if settings.get("ecs_compatibility") == "disabled" else source
    override = settings.get("override", target == source and settings.get("ecs_compatibility") != "disabled")
    fallback: Template | None = template(str(settings["fallback"])) if "fallback" in settings else None
    done = matched(plugin)

    def found(event: Event, value: Any) -> Any:
        one = value[0] if isinstance(value, list) and value else value
        answer = find(ruby_text(one))
        if answer is _MISSING:
            return _MISSING if fallback is None else fallback(event)
        return copy.deepcopy(answer)

    change = _once(source, target, found, override=override)
    if "iterate_on" in settings:
        change = _each(str(settings["iterate_on"]), source, target, found, override=override)

    def run(event: Event) -> bool:
        try:
            changed = change(event)
        except TimeoutError:
            changed = False
        if changed and done is not None:
            done(event)
        return True

    return run


_Found = Callable[[Event, Any], Any]


def _once(source: str, target: str, found: _Found, *, override: bool) -> Callable[[Event], bool]:
    where, there = _field.path(source), _field.path(target)

    def change(event: Event) -> bool:
        if not _field.includes(event, where) or (not override and _field.includes(event, there)):
            return False
        answer = found(event, _field.get(event, where))
        if answer is _MISSING:
            return False
        write(event, there, answer)
        return True

    return change


def _each(over: str, source: str, target: str, found: _Found, *, override: bool) -> Callable[[Event], bool]:
    """For each element: of a list of values the target is a list; of objects, source and target are theirs."""
    where, there = _field.path(over), _field.path(target)
    inside, beside = _field.path(source), _field.path(target)

    def change(event: Event) -> bool:
        values = _field.get(event, where)
        if values is None or (over == source and not override and _field.includes(event, there)):
            return False
        items = values if isinstance(values, list) else [values]
        if over == source:
            answers = [found(event, item) for item in items]
            write(event, there, [None if answer is _MISSING else answer for answer in answers])
            return any(answer is not _MISSING for answer in answers)
        changed = False
        for item in items:
            if not isinstance(item, dict) or not _field.includes(item, inside):
                continue
            if not override and _field.includes(item, beside):
                continue
            answer = found(event, _field.get(item, inside))
            if answer is not _MISSING:
                _field.put(item, beside, answer)
                changed = True
        return changed

    return change
