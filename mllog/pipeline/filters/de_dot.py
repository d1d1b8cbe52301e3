"""The de_dot filter: fields with dots in their names get another separator, or become nested."""

from __future__ import annotations

from typing import Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, write
from mllog.pipeline._settings import ARRAY, BOOLEAN, STRING, Schema
from mllog.pipeline.filters._common import COMMON, Filter, matched

SCHEMA: Final = Schema(
    {**COMMON, "separator": STRING, "nested": BOOLEAN, "fields": ARRAY}, outside=frozenset({"recursive"})
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
    done = matched(plugin)

    def rename(event: Event, names: _field.Path) -> None:
        *above, last = names
        if "." not in last or not _field.includes(event, names):
            return
        parts = last.split(".") if nested else [last.replace(".", separator)]
        value = _field.get(event, names)
        write(event, (*above, *parts), value)
        _field.remove(event, names)

    def run(event: Event) -> bool:
        for names in named if named is not None else [(name,) for name in list(event)]:
            rename(event, names)
        if done is not None:
            done(event)
        return True

    return run
