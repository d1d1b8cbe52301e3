"""The json_encode filter: a field becomes its JSON text."""

from __future__ import annotations

from typing import Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, write
from mllog.pipeline._settings import STRING, Schema, Setting
from mllog.pipeline._text import java_json
from mllog.pipeline.filters._common import COMMON, Filter, matched, tags_of

SCHEMA: Final = Schema({**COMMON, "source": Setting(required=True), "target": STRING})


def build(plugin: Plugin) -> Filter:
    """A function that writes the text; of a field that is not there, `null`, as in Logstash."""
    source = _field.path(plugin.settings["source"])
    target = _field.path(plugin.settings.get("target", plugin.settings["source"]))
    done, failed = matched(plugin), tags_of(plugin, "_jsongeneratefailure")

    def run(event: Event) -> bool:
        try:
            write(event, target, java_json(_field.get(event, source)))
        except _field.FieldError:
            failed(event)
            return True
        if done is not None:
            done(event)
        return True

    return run
