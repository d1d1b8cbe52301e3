"""The de_dot filter: fields with dots in their names get another separator, or become nested."""

from __future__ import annotations

from typing import Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, write
from mllog.pipeline._settings import ARRAY, BOOLEAN, STRING, Schema
from mllog.pipeline.filters._common import COMMON, Filter, matched, tags_of

SCHEMA: Final = Schema(
    {**COMMON, "separator": STRING, "nested": BOOLEAN, "fields": ARRAY, "tag_on_failure": ARRAY},
    outside=frozenset({"recursive"}),
)


def build(plugin: Plugin) -> Filter:
    """A function that renames the fields at the root, or those that are named.

    Raises:
        PipelineError: the separator holds a dot.
    """
    separator = str(plugin.settings.get("separator", "_"))
    nested = plugin.settings.get("nested", False)
    if "." in separator:
        raise plugin.setting_place("separator").error("the separator of de_dot must not hold a dot")
    given = plugin.settings.get("fields")
    named = None if given is None else [_field.path(str(name)) for name in given]
    failed, done = tags_of(plugin, "_de_dot_error"), matched(plugin)

    def renamed(name: str) -> list[str]:
        return name.split(".") if nested else [name.replace(".", separator)]

    def rename(event: Event, names: _field.Path) -> None:
        if not any("." in name for name in names) or not _field.includes(event, names):
            return
        value = _field.get(event, names)
        write(event, tuple(part for name in names for part in renamed(name)), value)
        _field.remove(event, names)
        for depth in range(len(names) - 1, 0, -1):  # what is left above goes with it, where its own name changes
            if "." in names[depth - 1]:
                _field.remove(event, names[:depth])

    def run(event: Event) -> bool:
        try:
            for names in named if named is not None else [(name,) for name in list(event)]:
                rename(event, names)
        except _field.FieldError:
            failed(event)
            return True
        if done is not None:
            done(event)
        return True

    return run
