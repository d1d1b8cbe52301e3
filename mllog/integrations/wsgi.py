"""The ids of a request on every event of it, and a record of each request; for Flask and any WSGI application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import Token
from typing import Any

from mllog import _context
from mllog.integrations._http import Request

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class Middleware:
    """Takes `traceparent` and `x-request-id` from a request; makes ids where they are missing or malformed.

    The same events as of the middleware for FastAPI. The body passes through chunk by chunk, and the request
    lasts until the server closes it.

    Args:
        app: the WSGI application.
        access: whether each request is logged itself; the ids are there either way.

    Example:
        >>> import flask
        >>> app = flask.Flask("shop")
        >>> app.wsgi_app = Middleware(app.wsgi_app)
    """

    def __init__(self, app: App, *, access: bool = True) -> None:
        self.app = app
        self.access = access

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Run the application with the ids of the request in force."""
        request = Request(
            environ.get("REQUEST_METHOD") or "",
            _path(environ),
            _header(environ, "HTTP_TRACEPARENT"),
            _header(environ, "HTTP_X_REQUEST_ID"),
        )
        answer = _Answer(request, access=self.access)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            answer.status = int(status[:3]) if status[:3].isdigit() else None
            answer.route = _route(environ)
            if not any(name.lower() == "x-request-id" for name, _ in headers):
                headers = [*headers, ("x-request-id", request.id.decode())]
            return start_response(status, headers) if exc_info is None else start_response(status, headers, exc_info)

        answer.token = _context.request.set(request)
        answer.labels_token = _context.labels.set(_context.labels.get())  # servers use their threads again
        try:
            answer.body = self.app(environ, start)
        except BaseException as error:
            answer.end(error)
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(answer.body, wrapper):
            answer.end(None)  # the server sends the file by itself, and knows it by its type
            return answer.body
        return answer


def _header(environ: Environ, name: str) -> bytes | None:
    value = environ.get(name)
    return None if value is None else str(value).encode("latin-1", "replace")


def _path(environ: Environ) -> str:
    # PEP 3333: bytes in the disguise of latin-1.
    path = str(environ.get("SCRIPT_NAME") or "") + str(environ.get("PATH_INFO") or "")
    return path.encode("latin-1", "replace").decode("utf-8", "replace")


class _Answer:
    """The body of an answer, handed on as it comes; the request ends when the server closes it."""

    def __init__(self, request: Request, *, access: bool) -> None:
        self.status: int | None = None
        self.route: str | None = None
        self.body: Iterable[bytes] = ()
        self.token: Token[Any] | None = None
        self.labels_token: Token[Any] | None = None
        self._request, self._access = request, access
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self.body
        except Exception as error:
            self._error = error
            raise

    def close(self) -> None:
        """Close what the application gave, then end the request."""
        try:
            close = getattr(self.body, "close", None)
            if close is not None:
                close()
        finally:
            self.end(self._error)

    def end(self, error: BaseException | None) -> None:
        """Log the request once, and give its context up."""
        token, self.token = self.token, None
        if token is None:
            return
        if self._access:
            self._request.log(self.status, self.route, error)
        try:
            _context.request.reset(token)
            if self.labels_token is not None:
                _context.labels.reset(self.labels_token)
        except ValueError:  # closed in another context than it was begun in: nothing to reset there
            return


def _route(environ: Environ) -> str | None:
    """The rule that matched, where werkzeug's request tells it; Flask takes it away before the body is sent."""
    rule = getattr(getattr(environ.get("werkzeug.request"), "url_rule", None), "rule", None)
    return rule if isinstance(rule, str) else None
