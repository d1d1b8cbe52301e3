"""The mutate filter: its operations run in a fixed order, whatever the order in the file."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, tag, write, writer
from mllog.pipeline._gsub import MATCH_SECONDS, TIMED_OUT, TIMEOUT_TAG, ReplacementError, replacer
from mllog.pipeline._regex import compiled
from mllog.pipeline._regex_class import PatternError
from mllog.pipeline._search import seconds_for
from mllog.pipeline._settings import ARRAY, HASH, Schema
from mllog.pipeline._sprintf import fixed_path, is_static, path_template, template, value_template
from mllog.pipeline._starts import places_of
from mllog.pipeline._text import java_items, ruby_text
from mllog.pipeline.filters._common import COMMON, Action, Filter, listed, matched, tags_of
from mllog.pipeline.filters._convert import CONVERSIONS, ConvertError

SCHEMA: Final = Schema(
    {
        **COMMON, "coerce": HASH, "rename": HASH, "update": HASH, "replace": HASH, "convert": HASH, "gsub": ARRAY,
        "uppercase": ARRAY, "capitalize": ARRAY, "lowercase": ARRAY, "strip": ARRAY, "split": HASH, "join": HASH,
        "merge": HASH, "copy": HASH, "tag_on_failure": ARRAY,
    }
)  # fmt: skip

_Build = Callable[[Plugin], list[Action]]


def _coerce(plugin: Plugin) -> list[Action]:
    def one(reference: str, default: Any) -> Action:
        names, fill = _field.path(reference), value_template(default)

        def act(event: Event) -> None:
            if _field.get(event, names) is None and _field.includes(event, names):
                write(event, names, fill(event))

        return act

    return [one(name, value) for name, value in java_items(plugin.settings["coerce"])]


def _rename(plugin: Plugin) -> list[Action]:
    def one(old: str, new: Any) -> Action:
        source, target = path_template(old), path_template(ruby_text(new))
        known = fixed_path(old), fixed_path(ruby_text(new))
        if known[0] is not None and known[1] is not None:
            return _rename_fixed(known[0], known[1])

        def act(event: Event) -> None:
            names = source(event)
            if _field.includes(event, names):
                write(event, target(event), _field.remove(event, names))

        return act

    return [one(name, value) for name, value in java_items(plugin.settings["rename"])]


def _rename_fixed(old: _field.Path, new: _field.Path) -> Action:
    read, take, put = _field.reader(old), _field.remover(old), writer(new)

    def act(event: Event) -> None:
        if read(event) is not _field.MISSING:
            put(event, take(event))

    return act


def _update(plugin: Plugin) -> list[Action]:
    def one(reference: str, value: Any) -> Action:
        names, fill = _field.path(reference), value_template(value)

        def act(event: Event) -> None:
            if _field.includes(event, names):
                write(event, names, fill(event))

        return act

    return [one(name, value) for name, value in java_items(plugin.settings["update"])]


def _replace(plugin: Plugin) -> list[Action]:
    def one(reference: str, value: Any) -> Action:
        put, fill = writer(_field.path(reference)), value_template(value)

        def act(event: Event) -> None:
            put(event, fill(event))

        return act

    return [one(name, value) for name, value in java_items(plugin.settings["replace"])]


def _convert(plugin: Plugin) -> list[Action]:
    def one(reference: str, kind: str) -> Action:
        if kind not in CONVERSIONS:
            raise plugin.setting_place("convert").error(f"convert knows {', '.join(CONVERSIONS)}, not {kind!r}")
        names, change = _field.path(reference), CONVERSIONS[kind]

        def act(event: Event) -> None:
            value = _field.get(event, names)
            if isinstance(value, list):
                write(event, names, [item if item is None else change(item) for item in value])
            elif value is not None and not isinstance(value, dict):
                write(event, names, change(value))

        return act

    return [one(name, str(value)) for name, value in java_items(plugin.settings["convert"])]


def _gsub(plugin: Plugin) -> list[Action]:
    items = plugin.settings["gsub"]
    if len(items) % 3:
        raise plugin.setting_place("gsub").error("gsub needs a field, a pattern and a replacement each time")
    actions = []
    for index in range(0, len(items), 3):
        reference, pattern, replacement = (ruby_text(item) for item in items[index : index + 3])
        try:
            actions.append(_gsub_one(_field.path(reference), pattern, replacement))
        except (PatternError, ReplacementError) as error:
            raise plugin.setting_place("gsub").error(f"{error}: /{pattern}/") from None
    return actions


def _gsub_one(names: _field.Path, pattern: str, replacement: str) -> Action:
    if is_static(pattern) and is_static(replacement):
        fixed = replacer(compiled(pattern), replacement, seconds_for(pattern, MATCH_SECONDS), places_of(pattern))
        return _on_texts(names, lambda _: fixed)
    needle, new = template(pattern), template(replacement)
    if is_static(pattern):
        known = compiled(pattern)
        return _on_texts(names, lambda event: replacer(known, new(event)))
    return _on_texts(names, lambda event: replacer(compiled(needle(event)), new(event)))


def _on_texts(names: _field.Path, replace: Callable[[Event], Callable[[str], str]]) -> Action:
    """Texts and the texts of an array; everything else stays."""
    read, put = _field.getter(names), writer(names)

    def act(event: Event) -> None:
        value = read(event)
        if type(value) is str:
            change = replace(event)
        elif isinstance(value, list):
            inner = replace(event)

            def change(values: Any) -> Any:
                return [inner(item) if type(item) is str else item for item in values]
        else:
            return
        try:
            new = change(value)
        except TimeoutError:
            _field.put(event, names, TIMED_OUT)
            tag(event, TIMEOUT_TAG)
            return
        if new is not value:
            put(event, new)

    return act


def _strip(text: str) -> str:
    return text.strip(" \t\n\v\f\r\0")


def _lower(text: str) -> str:
    """Lower case letter by letter: a sigma at the end of a word is a sigma."""
    return text.lower() if text.isascii() else "".join(letter.lower() for letter in text)


def _case(setting: str, change: Callable[[str], str], *, texts_only: bool = False) -> _Build:
    def all_of(plugin: Plugin) -> list[Action]:
        def one(reference: str) -> Action:
            names = _field.path(reference)

            def act(event: Event) -> None:
                value = _field.get(event, names)
                if type(value) is str:
                    write(event, names, change(value))
                elif isinstance(value, list):
                    if texts_only and not all(type(item) is str for item in value):
                        raise ConvertError(f"{setting} takes texts only")
                    write(event, names, [change(item) if type(item) is str else item for item in value])

            return act

        return [one(str(reference)) for reference in plugin.settings[setting]]

    return all_of


def _parts(text: str, separator: str) -> list[str]:
    """`String#split`: a blank splits at white space, nothing into characters, empty ends are dropped."""
    if separator == " ":
        return text.split()
    parts = text.split(separator) if separator else list(text)
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _split(plugin: Plugin) -> list[Action]:
    def one(reference: str, separator: str) -> Action:
        names = _field.path(reference)

        def act(event: Event) -> None:
            value = _field.get(event, names)
            if type(value) is str:
                write(event, names, _parts(value, separator))

        return act

    return [one(name, ruby_text(value)) for name, value in java_items(plugin.settings["split"])]


def _joined(values: list[Any], separator: str) -> str:
    return separator.join(_joined(item, separator) if isinstance(item, list) else ruby_text(item) for item in values)


def _join(plugin: Plugin) -> list[Action]:
    def one(reference: str, separator: str) -> Action:
        names = _field.path(reference)

        def act(event: Event) -> None:
            value = _field.get(event, names)
            if isinstance(value, list):
                write(event, names, _joined(value, separator))

        return act

    return [one(name, ruby_text(value)) for name, value in java_items(plugin.settings["join"])]


def _copied(value: Any) -> Any:
    """A copy that shares nothing; texts are most of what is copied, and can not change."""
    if isinstance(value, dict | list) and not (type(value) is list and all(type(item) is str for item in value)):
        return copy.deepcopy(value)
    return list(value) if type(value) is list else value


def _merge(plugin: Plugin) -> list[Action]:
    def one(reference: str, sources: list[str]) -> Action:
        names, added = _field.path(reference), [_field.path(source) for source in sources]

        def act(event: Event) -> None:
            old = _field.get(event, names)
            for source in added:
                more = _field.get(event, source)
                if isinstance(old, dict) is not isinstance(more, dict):
                    continue
                if isinstance(old, dict):
                    write(event, names, {**old, **more})
                    continue
                merged = [*listed(old), *_copied(listed(more))]
                write(event, names, merged)
                # An array grows from source to source; Logstash begins anew with everything else.
                old = merged if isinstance(old, list) else old

        return act

    return [one(name, [str(s) for s in listed(value)]) for name, value in java_items(plugin.settings["merge"])]


def _copy(plugin: Plugin) -> list[Action]:
    def one(source: str, target: str) -> Action:
        read, put = _field.getter(_field.path(source)), writer(_field.path(target))

        def act(event: Event) -> None:
            value = read(event)
            if value is not None:
                put(event, _copied(value))

        return act

    return [one(name, str(value)) for name, value in java_items(plugin.settings["copy"])]


_OPERATIONS: Final[dict[str, _Build]] = {
    "coerce": _coerce,
    "rename": _rename,
    "update": _update,
    "replace": _replace,
    "convert": _convert,
    "gsub": _gsub,
    "uppercase": _case("uppercase", str.upper),
    "capitalize": _case("capitalize", str.capitalize),
    "lowercase": _case("lowercase", _lower),
    "strip": _case("strip", _strip, texts_only=True),
    "split": _split,
    "join": _join,
    "merge": _merge,
    "copy": _copy,
}
"""In Logstash's order."""


def build(plugin: Plugin) -> Filter:
    """A function that runs the operations; the first failure ends them and tags the event.

    Raises:
        PipelineError: a pattern or a setting is wrong.
    """
    actions = [action for name, make in _OPERATIONS.items() if name in plugin.settings for action in make(plugin)]
    done = matched(plugin)
    if done is not None:
        actions.append(done)
    failed = tags_of(plugin, "_mutate_error")

    def run(event: Event) -> bool:
        try:
            for action in actions:
                action(event)
        except (_field.FieldError, ConvertError, PatternError, ReplacementError, ArithmeticError, ValueError):
            failed(event)
        return True

    return run
