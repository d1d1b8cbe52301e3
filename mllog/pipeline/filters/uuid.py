"""The uuid filter: a random UUID (version 4) in a field."""

from __future__ import annotations

import uuid
from typing import Final

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, write
from mllog.pipeline._settings import BOOLEAN, Schema, Setting
from mllog.pipeline._sprintf import path_template
from mllog.pipeline.filters._common import COMMON, Filter, matched

SCHEMA: Final = Schema({**COMMON, "target": Setting(required=True), "overwrite": BOOLEAN})


def build(plugin: Plugin) -> Filter:
    """A function that sets the field where it is not there, or always."""
    where = path_template(str(plugin.settings["target"]))
    overwrite = plugin.settings.get("overwrite", False)
    done = matched(plugin)

    def run(event: Event) -> bool:
        names = where(event)
        if overwrite or _field.get(event, names) is None:
            write(event, names, str(uuid.uuid4()))
        if done is not None:
            done(event)
        return True

    return run
