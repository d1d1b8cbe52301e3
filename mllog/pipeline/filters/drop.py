"""The drop filter: the event ends here."""

from __future__ import annotations

from typing import Final

from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event
from mllog.pipeline._settings import Schema
from mllog.pipeline.filters._common import COMMON, Filter

# Dropping a random share of the events cannot be compared with a recording, and mllog samples at the source.
SCHEMA: Final = Schema(COMMON, outside=frozenset({"percentage"}))


def build(_: Plugin) -> Filter:
    """A function that drops every event."""

    def run(_: Event) -> bool:
        return False

    return run
