"""The ids of a request on every event of it, and a record of each request; pure ASGI, for FastAPI and Starlette.

`BaseHTTPMiddleware` would run the endpoint in another context and so lose what is bound there. Nothing is
buffered: bodies pass through as they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mllog import _context
from mllog.integrations._http import Request

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Middleware:
    """Takes `traceparent` and `x-request-id` from a request; makes ids where they are missing or malformed.

    Every event of the request has them, its method and its path. The answer carries `x-request-id`. When the
    request is over one more event says its route, status and duration. Query strings are never logged.

    Args:
        app: the ASGI application.
        access: whether each request is logged itself; the ids are there either way.

    Example:
        >>> from fastapi import FastAPI
        >>> app = FastAPI()
        >>> app.add_middleware(Middleware)
    """

    def __init__(self, app: App, *, access: bool = True) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application with the ids of the request in force."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = dict(scope.get("headers") or ())
        request = Request(
            scope.get("method") or "",
            scope.get("path") or "",
            headers.get(b"traceparent"),
            headers.get(b"x-request-id"),
        )
        answer = _Answer(send, request)
        error: BaseException | None = None
        root = scope.get("root_path") or ""
        token = _context.request.set(request)
        try:
            await self.app(scope, receive, answer)
        except BaseException as raised:
            error = raised
            raise
        finally:
            if self.access:
                request.log(answer.status, _route(scope, root), error)
            _context.end(token, request)
            error = None  # no cycle of the exception with this frame


class _Answer:
    """What the application sends, on its way to the server.

    Attributes:
        status: of the answer; None until it begins.
    """

    __slots__ = ("_request", "_send", "status")

    def __init__(self, send: Send, request: Request) -> None:
        self._send, self._request = send, request
        self.status: int | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        """Hand a message on; the start of an answer with the request's id."""
        kind = message["type"]
        if kind == "http.response.body":
            if not message.get("more_body"):
                self._request.ended()
        elif kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            message = _named(message, self._request.id)
        elif kind == "websocket.accept":
            self.status = 101
            message = _named(message, self._request.id)
        return self._send(message)


def _named(message: Message, identity: bytes) -> Message:
    """The start of an answer with the request's id, where the application gave none."""
    headers = message.get("headers") or ()
    for name, _ in headers:
        if len(name) == 12 and bytes(name).lower() == b"x-request-id":
            return message
    return {**message, "headers": [*headers, (b"x-request-id", identity)]}


def _route(scope: Scope, root: str) -> str | None:
    """The template that matched, behind what it is mounted under."""
    path = getattr(scope.get("route"), "path", None)
    if not isinstance(path, str):
        return None
    mounted = str(scope.get("root_path") or "")
    return mounted.removeprefix(root) + path
