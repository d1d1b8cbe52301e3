"""What the middlewares share: the ids of a request, and one record when it is over."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterable
from random import getrandbits
from typing import Any, Final

from mllog import _context, _records
from mllog._event import dumps, timestamp, uuid7
from mllog._handlers import deliver, listening
from mllog._settings import STATE

# W3C Trace Context, 3.2: version, trace id, parent id, flags; the all-zero ids are invalid.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
)
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_LONGEST_PATH: Final = 1024


class Request(_context.Members):
    """One request, from its first line to its last byte; what stands on every event of it.

    Args:
        method: such as `GET`; empty for a websocket.
        path: the path without the query, which is never looked at.
        traceparent: the header, as it came.
        request_id: the header `x-request-id`, as it came.

    Attributes:
        id: `http.request.id`, in ASCII.
    """

    __slots__ = ("_before", "_began", "_clock", "_ended", "_method", "_path", "_trace", "_written", "id")

    def __init__(self, method: str, path: str, traceparent: bytes | None, request_id: bytes | None) -> None:
        self._began, self._clock = time.time_ns(), time.perf_counter_ns()
        self._ended: int | None = None
        match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
        self._trace = match[1] if match else b"%032x" % getrandbits(128)
        known = request_id and _REQUEST_ID.fullmatch(request_id)
        self.id = request_id if known and request_id else b"%032x" % getrandbits(128)
        self._method, asked = _method(method)
        self._path, self._written = _path(STATE.generation, path[:_LONGEST_PATH])
        # Once for all events of the request: ids and method were checked, so they need no escapes.
        self._before = b',"trace":{"id":"%b"},"http":{"request":{"id":"%b"%b}' % (self._trace, self.id, asked)
        self.json = b'%b},"url":{"path":%b}' % (self._before, self._written)

    def keys(self) -> Iterable[str]:
        """Names of the members."""
        return ("trace", "http", "url")

    def __getitem__(self, name: str) -> dict[str, Any]:
        if name == "trace":
            return {"id": self._trace.decode()}
        if name == "url":
            return {"path": self._path}
        return {"request": {"id": self.id.decode(), **({"method": self._method} if self._method else {})}}

    def ended(self) -> None:
        """The last byte has gone; what the server still does behind it is not the request's."""
        if self._ended is None:
            self._ended = time.perf_counter_ns()

    def log(self, status: int | None, route: str | None, error: BaseException | None) -> None:
        """Write the request's own record. Never raises.

        Args:
            status: of the answer; None where none was begun.
            route: the template that matched, such as `/items/{item_id}`.
            error: what ended the request early.
        """
        if not listening():
            return
        self.ended()
        assert self._ended is not None
        broken = isinstance(error, Exception)  # a cancellation is none: the client has gone
        if status is None and broken:
            status = 500  # what the server answers in place of the application
        failed = broken or (status or 0) >= 500
        outcome = "failure" if failed else "unknown" if status is None else "success"
        message = " ".join(filter(None, (self._method, route or self._path, str(status or "unanswered"))))
        sink = STATE.sink
        if error is None and status is not None and sink is not None and not _context.labels.get():
            sink.write(self._line(message, status, route, outcome))  # the common end of a request
            return
        extra: dict[str, Any] = {
            "event.duration": self._ended - self._clock,
            "event.outcome": outcome,
            "http.response.status_code": status,
            "route": route,
        }
        if error is not None and not broken:
            extra["error.type"] = type(error).__qualname__
        try:
            deliver(
                _records.event(
                    message,
                    level="error" if failed else "info",
                    logger="mllog.request",
                    ns=self._began,
                    extra=extra,
                    error=error if broken else None,
                )
            )
        except Exception as failure:  # noqa: BLE001 - logging must never disturb the service
            STATE.counts.errors += 1
            STATE.counts.last_error = f"a request could not be logged: {type(failure).__name__}"

    def _line(self, message: str, status: int, route: str | None, outcome: str) -> bytes:
        """The record of a request that was answered, as `_records.event` would make it."""
        now = time.time_ns()
        assert self._ended is not None
        return b"".join(
            (
                b'{"@timestamp":"%b","message":' % timestamp(self._began).encode(),
                dumps(message),
                b',"log":{"level":"error","logger":"mllog.request"}'
                if outcome == "failure"
                else b',"log":{"level":"info","logger":"mllog.request"}',
                b',"event":{"kind":"event","dataset":"mllog.log","id":"%b","created":"%b","duration":%d,"outcome":"%b"}'
                % (uuid7(now).encode(), timestamp(now).encode(), self._ended - self._clock, outcome.encode()),
                _records.static(STATE.generation),
                self._before,
                b',"response":{"status_code":%d}' % status,
                b'},"url":{"path":%b}' % self._written,
                b"" if route is None else b',"labels":{"route":%b}' % dumps(route),
                b"}\n",
            )
        )


@functools.lru_cache(64)
def _method(method: str) -> tuple[str, bytes]:
    """A method that is one, and the same as a member of JSON."""
    method = method if re.fullmatch("[A-Za-z]{1,16}", method) else ""
    return method, b',"method":"%b"' % method.encode() if method else b""


@functools.lru_cache(256)
def _path(generation: int, path: str) -> tuple[str, bytes]:  # noqa: ARG001 - another redactor, another answer
    """A path without what is sensitive, and the same as JSON."""
    path = path.encode("utf-8", "replace").decode()
    if STATE.redactor is not None:
        path, _ = STATE.redactor.text(path)
    return path, dumps(path)
