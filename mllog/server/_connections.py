"""Connections of the embedded server: how many, and for how long each may leave its request half-sent."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS: Final = 256
HEAD_SECONDS: Final = 10.0
"""Longest time from the first byte of a request, or from the connection, to the end of its headers."""

REQUEST_SECONDS: Final = 300.0
"""Longest time from the headers of a request to the end of its response: a client may not read it."""

_BACKLOG: Final = 128
_SETTLED_SECONDS: Final = 30.0


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 that gives up on half-sent requests.

    When there are too many connections, the one that has been waiting longest for the rest of its request makes way
    for the new one, so a flood of half-sent requests does not keep a whole one out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.since = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, if need be in place of another one."""
        super().connection_made(transport)
        self._restart(HEAD_SECONDS)
        if len(self.connections) > MOST_CONNECTIONS:
            self._oldest().close_now()

    def _oldest(self) -> BoundedProtocol:
        bounded = [other for other in self.connections if isinstance(other, BoundedProtocol)]
        settled = time.monotonic() - _SETTLED_SECONDS
        waiting = [other for other in bounded if other.waits or other.since < settled]
        return min(waiting or [self], key=lambda other: other.since)

    @property
    def waits(self) -> bool:
        """Whether it waits for the rest of a request."""
        return self._between or bool(self.cycle.more_body)

    @property
    def _between(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the time for the headers begins with the first of them."""
        before = self.cycle
        if self._between and self._timer is None:
            self._restart(HEAD_SECONDS)
        super().data_received(data)
        if self.cycle is not before:  # the headers are complete
            self._restart(REQUEST_SECONDS)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._cancel()
        self.since = time.monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._cancel()
        super().connection_lost(exc)

    def close_now(self) -> None:
        """Close the connection, whatever it is doing."""
        self._cancel()
        self.connections.discard(self)
        self.transport.abort()

    def _restart(self, seconds: float) -> None:
        self._cancel()
        self.since = time.monotonic()
        self._timer = self.loop.call_later(seconds, self.close_now)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def configured(app: FastAPI) -> uvicorn.Config:
    """The settings of the server for an application."""
    return uvicorn.Config(app, log_level="warning", access_log=False, http=BoundedProtocol, ws="none", backlog=_BACKLOG)
