"""The truncate filter: texts to a number of bytes, never inside a character."""

from __future__ import annotations

from typing import Any, Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event
from mllog.pipeline._settings import ARRAY, Schema, Setting
from mllog.pipeline.filters._common import COMMON, Filter, matched

SCHEMA: Final = Schema({**COMMON, "fields": ARRAY, "length_bytes": Setting("number", required=True)})


def cut(text: str, size: int) -> str:
    """The longest beginning of a text that fits into a number of bytes.

    Example:
        >>> cut("ab😀c", 4)
        'ab'
    """
    if len(text) <= size // 4:
        return text
    return text.encode("utf-8", "surrogatepass")[:size].decode("utf-8", "ignore")


def build(plugin: Plugin) -> Filter:
    """A function that cuts the fields, all of them where none are named; it has matched when it cut something."""
    size = int(plugin.settings["length_bytes"])
    given = plugin.settings.get("fields")
    fields = None if given is None else [_field.path(str(reference)) for reference in given]
    done = matched(plugin)

    def shorter(value: Any) -> Any:
        if isinstance(value, list):
            return [cut(item, size) if type(item) is str else item for item in value]
        return cut(value, size) if type(value) is str else value

    def every(value: Any) -> Any:
        """All texts within a value, whatever its depth."""
        if isinstance(value, dict):
            return {name: every(item) for name, item in value.items()}
        return [every(item) for item in value] if isinstance(value, list) else shorter(value)

    def run(event: Event) -> bool:
        changed = False
        if fields is None:
            for name in [name for name in event if name != "@metadata"]:
                old = event[name]
                event[name] = every(old)
                changed = changed or event[name] != old
        for names in fields or ():
            old = _field.get(event, names)
            new = shorter(old)
            if new != old:
                _field.put(event, names, new)
                changed = True
        if changed and done is not None:
            done(event)
        return True

    return run
