"""From a finished line to the handlers of the logger `mllog`."""

from __future__ import annotations

import itertools
import logging
from random import getrandbits
from typing import Any, Final

from mllog._state import LOGGER, STATE, Sink
from mllog.errors import must_propagate
from mllog.sinks._handlers import LINE, attached

UNLOGGED_IDS: Final = map(hex, itertools.count(getrandbits(128) | 1 << 127))
"""Ids for calls that no handler takes: cheap, and unique in a process."""


def listening() -> bool:
    """Whether any sink, or any handler but a NullHandler, would take an event."""
    return STATE.sink is not None or any(type(handler) is not logging.NullHandler for handler in LOGGER.handlers)


def deliver_line(line: bytes, *, failed: bool) -> None:
    """Hand a line to mllog's sinks, and as a record to every other handler of the logger.

    Args:
        line: the event, ending in a newline.
        failed: whether other handlers get it at level ERROR and not INFO.
    """
    for sink in attached():
        sink.write(line)
    for handler in list(LOGGER.handlers):
        if isinstance(handler, Sink | logging.NullHandler) or LOGGER.disabled:
            continue
        level = logging.ERROR if failed else logging.INFO
        record = LOGGER.makeRecord(LOGGER.name, level, "", 0, line[:-1].decode(), (), None, extra={LINE: line})
        try:
            handler.handle(record)
        except BaseException as error:  # a handler of the service
            if must_propagate(error):
                raise
            count_error("a handler of the logger mllog", error)


def count_error(what: str, error: BaseException) -> None:
    """Count what could not be logged; its text may quote values, so only its type is kept."""
    STATE.counts.errors += 1
    STATE.counts.last_error = f"{what} could not be logged: {type(error).__name__}"


def notify(name: str, version: str, duration: Any, *, failed: bool) -> None:
    """Tell the observers of a call; none of them may disturb it."""
    for observer in STATE.observers:
        try:
            observer(name, version, duration, failed)
        except BaseException as error:
            if must_propagate(error):
                raise
            count_error("an observer of the predictions", error)
