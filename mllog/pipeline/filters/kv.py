"""The kv filter: `key=value` pairs of a text become fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import regex  # type: ignore[import-untyped]

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, write
from mllog.pipeline._gsub import MATCH_SECONDS
from mllog.pipeline._regex import compiled
from mllog.pipeline._regex_class import PatternError
from mllog.pipeline._settings import ARRAY, BOOLEAN, HASH, NUMBER, STRING, Schema, Setting
from mllog.pipeline._sprintf import template
from mllog.pipeline.filters._common import COMMON, Filter, compile_errors, matched, reference, tags_of

_TRANSFORM: Final = Setting(choices=("lowercase", "uppercase", "capitalize"))
SCHEMA: Final = Schema(
    {
        **COMMON, "source": STRING, "target": STRING, "prefix": STRING, "field_split": STRING, "value_split": STRING,
        "field_split_pattern": STRING, "value_split_pattern": STRING, "trim_key": STRING, "trim_value": STRING,
        "remove_char_key": STRING, "remove_char_value": STRING, "transform_key": _TRANSFORM,
        "transform_value": _TRANSFORM, "include_keys": ARRAY, "exclude_keys": ARRAY, "default_keys": HASH,
        "allow_duplicate_values": BOOLEAN, "allow_empty_values": BOOLEAN, "include_brackets": BOOLEAN,
        "recursive": BOOLEAN, "whitespace": Setting(choices=("lenient", "strict")), "tag_on_failure": ARRAY,
        "ecs_compatibility": STRING, "timeout_millis": NUMBER, "tag_on_timeout": STRING,
    }
)  # fmt: skip

_CHANGES: Final[dict[str, Callable[[str], str]]] = {
    "lowercase": str.lower,
    "uppercase": str.upper,
    "capitalize": str.capitalize,
}


def _run(stops: str) -> str:
    """A run of characters that are none of a class, or that stand behind a backslash."""
    return rf"((?:\\.|[^{stops}])+)"


def _until(stops: list[str]) -> str:
    """A run of characters up to one of the patterns; what stands behind a backslash does not end it."""
    union = "|".join(f"(?:{stop})" for stop in stops)
    return rf"((?:\\.|(?!{union}).)+)"


def _scanner(plugin: Plugin) -> tuple[regex.Pattern[str], regex.Pattern[str]]:
    """The pattern of a pair, and of what stands between a key and its value."""
    settings = plugin.settings
    field_class, value_class = settings.get("field_split", " "), settings.get("value_split", "=")
    fields = settings.get("field_split_pattern", f"[{field_class}]")
    values = settings.get("value_split_pattern", f"[{value_class}]")
    by_pattern = "field_split_pattern" in settings or "value_split_pattern" in settings
    if settings.get("whitespace", "lenient") == "lenient":
        values = f" *{values} *"
    key = _until([values, fields]) if by_pattern else _run(value_class + field_class)
    plain = _until([fields]) if "field_split_pattern" in settings else _run(field_class)
    wrapped = [('"', '"'), ("'", "'")]
    if settings.get("include_brackets", True):
        wrapped += [(r"\(", r"\)"), (r"\[", r"\]"), ("<", ">")]
    options = [rf"{begin}{_run(end)}?{end}" for begin, end in wrapped] + [plain]
    return compiled(f"{key}{values}(?:{'|'.join(options)})?(?:{fields}|$)"), compiled(values)


class _Names:
    """What becomes of a key and of a value before they are set."""

    def __init__(self, plugin: Plugin, what: str) -> None:
        settings = plugin.settings
        trim, remove = settings.get(f"trim_{what}"), settings.get(f"remove_char_{what}")
        self._trim = None if trim is None else compiled(f"^[{trim}]+|[{trim}]+$")
        self._remove = None if remove is None else compiled(f"[{remove}]")
        self._change = _CHANGES.get(str(settings.get(f"transform_{what}")))

    def __call__(self, text: str) -> str:
        if self._trim is not None:
            text = self._trim.sub("", text)
        if self._remove is not None:
            text = self._remove.sub("", text)
        return text if self._change is None else self._change(text)


def build(plugin: Plugin) -> Filter:
    """A function that sets a field for each pair.

    Raises:
        PipelineError: a pattern is none.
    """
    settings = plugin.settings
    for name in ("field_split_pattern", "value_split_pattern"):
        if settings.get(name) == "":
            raise plugin.setting_place(name).error(f"{name} must be a non-empty string")
    if "target" in settings and reference(plugin, "target") is None:
        raise plugin.setting_place("target").error(f"target must be a field reference, not {settings['target']!r}")
    try:
        scan, between = _scanner(plugin)
        key_of, value_of = _Names(plugin, "key"), _Names(plugin, "value")
    except (PatternError, re.error, regex.error) as error:
        raise compile_errors(plugin, error) from None
    source, target = reference(plugin, "source", "message"), reference(plugin, "target")
    prefix = template(str(settings.get("prefix", "")))
    included = [template(str(name)) for name in settings.get("include_keys", ())]
    excluded = [template(str(name)) for name in settings.get("exclude_keys", ())]
    empties, twice = settings.get("allow_empty_values", False), settings.get("allow_duplicate_values", True)
    recursive = settings.get("recursive", False)
    defaults = settings.get("default_keys", {})
    failed, done = tags_of(plugin, "_kv_filter_error"), matched(plugin)

    def pairs(text: str) -> Iterator[tuple[str, str]]:
        for found in scan.finditer(text, timeout=MATCH_SECONDS):
            key, *values = found.groups()
            value = next((item for item in values if item is not None), "")
            if value or empties:
                yield key_of(key), value

    def parse(event: Event, text: str, into: dict[str, Any]) -> dict[str, Any]:
        if between.search(text, timeout=MATCH_SECONDS) is None:
            return into
        wanted, unwanted = {name(event) for name in included}, {name(event) for name in excluded}
        for key, raw in pairs(text):
            name = prefix(event) + key
            if (wanted and key not in wanted) or key in unwanted:
                continue
            value: Any = value_of(raw)
            if recursive and (inner := parse(event, value, {})):
                value = inner
            if name not in into:
                into[name] = value
            elif not twice and type(value) is str and value in into[name]:
                continue  # of a text each part counts as there already
            elif isinstance(into[name], list):
                into[name].append(value)
            else:
                into[name] = [into[name], value]
        return into

    def run(event: Event) -> bool:
        value = None if source is None else _field.get(event, source)
        found: dict[str, Any] = {}
        try:
            for text in value if isinstance(value, list) else [value]:
                if type(text) is str:
                    parse(event, text, found)
                elif isinstance(value, list):
                    raise ValueError("kv takes texts only")  # noqa: TRY301 - one way out for all failures
            found = {**defaults, **found}
            if not found:
                return True
            if target is not None:
                write(event, target, found)
            else:
                for name, item in found.items():
                    write(event, _field.path(name), item)
        except (_field.FieldError, ValueError, TimeoutError):
            failed(event)
            return True
        if done is not None:
            done(event)
        return True

    return run
