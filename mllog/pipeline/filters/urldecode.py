"""The urldecode filter: `%41` becomes `A` in a field, or in all of them."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote_to_bytes

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, Timestamp, decoded_bytes, write
from mllog.pipeline._settings import ARRAY, BOOLEAN, STRING, Schema, Setting
from mllog.pipeline.filters._common import COMMON, Filter, matched, reference, tags_of

SCHEMA: Final = Schema(
    {
        **COMMON, "field": STRING, "all_fields": BOOLEAN, "charset": Setting(choices=("UTF-8",)),
        "tag_on_failure": ARRAY,
    }
)  # fmt: skip


def decoded(value: Any) -> Any:
    """Every text within a value decoded, whatever its depth; a plus stays one, and bytes that are no UTF-8 are escaped.

    Example:
        >>> decoded({"a": ["%41+b", 5]})
        {'a': ['A+b', 5]}
    """
    if isinstance(value, dict):
        return {key: decoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if type(value) is not str or "%" not in value:
        return value
    return decoded_bytes(unquote_to_bytes(value))


def build(plugin: Plugin) -> Filter:
    """A function that decodes the field; one that is not there becomes null, as in Logstash."""
    source = reference(plugin, "field", "message")
    every = plugin.settings.get("all_fields", False)
    done, failed = matched(plugin), tags_of(plugin, "_urldecodefailure")

    def run(event: Event) -> bool:
        try:
            if every:
                for name, value in event.items():
                    if name != "@metadata" and not isinstance(value, Timestamp):
                        event[name] = decoded(value)
            elif source is not None:
                write(event, source, decoded(_field.get(event, source)))
        except (ValueError, _field.FieldError):
            failed(event)
            return True
        if done is not None:
            done(event)
        return True

    return run
