"""What every filter shares: its own function, then add_field, remove_field, add_tag, remove_tag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from mllog.errors import PipelineError
from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, tag, write
from mllog.pipeline._regex_class import PatternError
from mllog.pipeline._settings import ARRAY, BOOLEAN, HASH, STRING, Setting
from mllog.pipeline._sprintf import TemplateError, fixed_path, path_template, template, value_template
from mllog.pipeline._text import java_items

Filter = Callable[[Event], bool]
"""Changes the event; False: the event is dropped."""

Action = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Spread:
    """A filter that makes several events of one, or none."""

    run: Callable[[Event], list[Event]]


COMMON: Final[dict[str, Setting]] = {
    "id": STRING, "enable_metric": BOOLEAN, "periodic_flush": BOOLEAN,
    "add_field": HASH, "remove_field": ARRAY, "add_tag": ARRAY, "remove_tag": ARRAY,
}  # fmt: skip


def listed(value: Any) -> list[Any]:
    """As Ruby's `Array()`: null is empty, a hash is its pairs.

    Example:
        >>> listed(None), listed("a"), listed({"k": 1})
        ([], ['a'], [['k', 1]])
    """
    if value is None:
        return []
    if isinstance(value, list):
        return value
    return [[key, item] for key, item in value.items()] if isinstance(value, dict) else [value]


def _add_field(reference: str, value: Any) -> Action:
    where = path_template(reference)
    items = [[key, item] for key, item in java_items(value)] if isinstance(value, dict) else listed(value)
    texts = [value_template(item) for item in items]

    def add(event: Event) -> None:
        for text in texts:
            names, filled = where(event), text(event)
            if _field.includes(event, names):
                write(event, names, [*listed(_field.get(event, names)), filled])
            else:
                write(event, names, filled)

    return add


def _remove_field(reference: str) -> Action:
    names = fixed_path(reference)
    if names is not None:
        return _field.remover(names)
    where = path_template(reference)

    def remove(event: Event) -> None:
        _field.remove(event, where(event))

    return remove


def _add_tag(text: str) -> Action:
    fill = template(text)

    def add(event: Event) -> None:
        event["tags"] = [*listed(event.get("tags")), fill(event)]  # also where it is there already

    return add


def _remove_tag(text: str) -> Action:
    fill = template(text)

    def remove(event: Event) -> None:
        tags = event.get("tags")
        if tags is not None:
            name = fill(event)
            event["tags"] = [item for item in listed(tags) if item != name]

    return remove


def matched(plugin: Plugin) -> Action | None:
    """What a filter does when it has succeeded, in Logstash's order; None: nothing.

    Raises:
        PipelineError: a placeholder is outside the embedded subset.
    """
    settings = plugin.settings
    actions = [
        *(_add_field(reference, value) for reference, value in java_items(settings.get("add_field", {}))),
        *(_remove_field(str(reference)) for reference in settings.get("remove_field", ())),
        *(_add_tag(str(text)) for text in settings.get("add_tag", ())),
        *(_remove_tag(str(text)) for text in settings.get("remove_tag", ())),
    ]
    if len(actions) <= 1:
        return actions[0] if actions else None

    def act(event: Event) -> None:
        for action in actions:
            action(event)

    return act


def tags_of(plugin: Plugin, default: str, setting: str = "tag_on_failure") -> Action:
    """Adds the tags of `tag_on_failure`."""
    names = [str(name) for name in listed(plugin.settings.get(setting, default))]

    def mark(event: Event) -> None:
        for name in names:
            tag(event, name)

    return mark


def reference(plugin: Plugin, setting: str, default: str | None = None) -> _field.Path | None:
    """The field a setting names; None: not given, or no field reference, which no field ever matches."""
    text = plugin.settings.get(setting, default)
    try:
        return None if text is None else _field.path(text)
    except _field.FieldError:
        return None


def compile_errors(plugin: Plugin, error: Exception) -> PipelineError:
    """The error of a pattern or placeholder, at the plugin."""
    return plugin.place.error(f"{plugin.name}: {error}")


COMPILE_ERRORS: Final = (TemplateError, PatternError)
"""What building a filter's functions may raise."""
