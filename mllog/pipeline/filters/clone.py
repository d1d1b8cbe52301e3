"""The clone filter: copies of the event, named by a tag, go on beside it."""

from __future__ import annotations

import copy
from typing import Final

from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, tag
from mllog.pipeline._settings import STRING, Schema, Setting
from mllog.pipeline.filters._common import COMMON, Spread, matched

SCHEMA: Final = Schema({**COMMON, "clones": Setting("array", required=True), "ecs_compatibility": STRING})


def build(plugin: Plugin) -> Spread:
    """A function that gives the event and its copies; what the filter adds goes to the copies."""
    names = [str(name) for name in plugin.settings["clones"]]
    by_type = plugin.settings.get("ecs_compatibility") == "disabled"
    done = matched(plugin)

    def spread(event: Event) -> list[Event]:
        events = [event]
        for name in names:
            other = copy.deepcopy(event)
            if by_type:
                other["type"] = name
            else:
                tag(other, name)
            if done is not None:
                done(other)
            events.append(other)
        return events

    return Spread(spread)
