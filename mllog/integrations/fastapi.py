"""Trace and request ids of a request on every event that it causes; pure ASGI, for FastAPI and Starlette.

`BaseHTTPMiddleware` would run the endpoint in another context and so lose what is bound there.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from random import getrandbits
from typing import Any, Final

from mllog import _context

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# W3C Trace Context, 3.2: version, trace id, parent id, flags; the all-zero ids are invalid.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
)
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Middleware:
    """Takes `traceparent` and `x-request-id` from a request; makes ids where they are missing or malformed.

    Args:
        app: the ASGI application.

    Example:
        >>> from fastapi import FastAPI
        >>> app = FastAPI()
        >>> app.add_middleware(Middleware)
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application with the ids of the request in force."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        token = _context.request.set(_ids(scope.get("headers") or ()))
        try:
            await self.app(scope, receive, send)
        finally:
            _context.request.reset(token)


def _ids(headers: Any) -> dict[str, Any]:
    trace: bytes | None = None
    request: bytes | None = None
    for name, value in headers:
        if name == b"traceparent":
            match = _TRACEPARENT.fullmatch(value)
            trace = match[1] if match else None
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request = value
    return {
        "trace": {"id": trace.decode() if trace else f"{getrandbits(128):032x}"},
        "http": {"request": {"id": request.decode() if request else f"{getrandbits(128):032x}"}},
    }
