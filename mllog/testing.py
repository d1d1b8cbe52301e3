"""For the tests of services: see what would have been logged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import orjson

from mllog._handlers import EventHandler
from mllog._settings import LOGGER, STATE


class MemoryHandler(EventHandler):
    """Keeps events in memory, parsed.

    Attributes:
        events: what was logged, oldest first.
    """

    target = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []

    def write(self, line: bytes) -> bool:
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
