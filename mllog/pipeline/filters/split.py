"""The split filter: an event for each element of an array, or each part of a text."""

from __future__ import annotations

import copy
from typing import Any, Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, tag, write
from mllog.pipeline._settings import STRING, Schema
from mllog.pipeline.filters._common import COMMON, Spread, matched, reference

SCHEMA: Final = Schema({**COMMON, "field": STRING, "terminator": STRING, "target": STRING})
FAILURE: Final = "_split_type_failure"


def build(plugin: Plugin) -> Spread:
    """A function that gives the parts as events of their own; a text of one part stays as it is."""
    source = reference(plugin, "field", "message")
    target = reference(plugin, "target") or source
    terminator = str(plugin.settings.get("terminator", "\n"))
    done = matched(plugin)

    def spread(event: Event) -> list[Event]:
        value = None if source is None else _field.get(event, source)
        parts: list[Any]
        if type(value) is str:
            # Ruby's `split`: one blank stands for any white space.
            parts = value.split() if terminator == " " else value.split(terminator) if terminator else list(value)
            if len(parts) == 1 and value:
                return [event]
        elif isinstance(value, list):
            parts = value
        else:
            tag(event, FAILURE)
            return [event]
        events = []
        for part in parts:
            if part is None or part == "":
                continue
            other = copy.deepcopy(event)
            assert target is not None
            write(other, target, copy.deepcopy(part))
            if done is not None:
                done(other)
            events.append(other)
        return events

    return Spread(spread)
