"""For the tests of services: see what would have been logged.

With pytest the fixture `mllog_events` is there without an import.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import orjson

from mllog._state import LOGGER, STATE
from mllog.sinks._handlers import EventHandler

__all__ = ["MemoryHandler", "capture"]


class MemoryHandler(EventHandler):
    """A sink that keeps events in memory, parsed. It has no bound: it is for tests.

    Attributes:
        events: what was logged, oldest first.

    Example:
        >>> import logging
        >>> handler = MemoryHandler()
        >>> logger = logging.getLogger("shop")
        >>> logger.addHandler(handler)
        >>> logger.error("out of stock")
        >>> handler.events[0]["message"]
        'out of stock'
        >>> logger.removeHandler(handler)
    """

    target = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []

    def write(self, line: bytes | bytearray) -> bool:
        """Keep an event."""
        self.events.append(orjson.loads(line))
        self._accepted += 1
        return True


@contextlib.contextmanager
def capture() -> Iterator[list[dict[str, Any]]]:
    """The events of a `with` block as a list of dictionaries; no other sink sees them.

    Example:
        >>> import mllog
        >>> with mllog.testing.capture() as events:
        ...     _ = mllog.model("late", "1.0").prediction({"delay": float("nan")}, 0.5)
        >>> events[0]["mllog"]["quality"]
        {'non_finite': ['delay'], 'invalid': 1}
    """
    handler = MemoryHandler()
    before, handlers = STATE.sink, LOGGER.handlers[:]
    LOGGER.handlers[:] = [handler]
    STATE.sink = None
    try:
        yield handler.events
    finally:
        LOGGER.handlers[:] = handlers
        STATE.sink = before
