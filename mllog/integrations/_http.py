"""What the middlewares share: the ids of a request, and one record when it is over."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from random import getrandbits
from time import perf_counter_ns, time_ns
from typing import Any, Final

from mllog import _context
from mllog._state import STATE
from mllog.event import _records
from mllog.event._envelope import envelope
from mllog.event._stamps import dumps, stamps
from mllog.sinks._handlers import deliver, listening

# W3C Trace Context, 3.2: version, trace id, parent id, flags; the all-zero ids are invalid.
_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
)
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_MAX_PATH: Final = 1024


class Request(_context.Members):
    """One request, from its first line to its last byte; its ids and members are on every event of it.

    Args:
        method: such as `GET`; empty for a websocket.
        path: the path without the query, which is never looked at.
        traceparent: the header, as it came.
        request_id: the header `x-request-id`, as it came.

    Attributes:
        id: `http.request.id`, in ASCII.
    """

    __slots__ = ("_began", "_clock", "_ended", "_request_line", "_trace", "id")

    def __init__(self, method: str, path: str, traceparent: bytes | None, request_id: bytes | None) -> None:
        self._began, self._clock = time_ns(), perf_counter_ns()
        self._ended: int | None = None
        match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
        self._trace = trace = match[1] if match else b"%032x" % getrandbits(128)
        known = request_id and _REQUEST_ID.fullmatch(request_id)
        self.id = identity = request_id if known and request_id else b"%032x" % getrandbits(128)
        self._request_line = line = _request_line(STATE.generation, method, path[:_MAX_PATH])
        # Once for all events of the request: ids and method were checked, so they need no escapes.
        self.json = b',"trace":{"id":"%b"},"http":{"request":{"id":"%b"%b' % (trace, identity, line.after_id)

    def ended(self) -> None:
        """The last byte was sent; what the application does after it does not count."""
        if self._ended is None:
            self._ended = perf_counter_ns()

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
        sink = STATE.sink
        if error is None and status is not None and sink is not None and not _context.current_labels():
            sink.write(self._line(status, route))  # the common end of a request
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
                _records.to_event(
                    _message(self._request_line.method, route or self._request_line.path, status),
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

    def _line(self, status: int, route: str | None) -> bytes:
        """The record of a request that was answered, as `_records.to_event` would make it."""
        assert self._ended is not None
        line = self._request_line
        answered = _answered(STATE.generation, line.method, route or line.path, status, routed=route is not None)
        now = time_ns()
        event_id, created, began = stamps(now, now - self._began)
        return (
            b'{"@timestamp":"%b%b%b","created":"%b","duration":%d%b%b"},"http":{"request":{"id":"%b"%b%b},'
            b'"url":{"path":%b}%b}\n'
            % (
                began.encode(),
                answered.after_timestamp,
                event_id.encode(),
                created.encode(),
                self._ended - self._clock,
                answered.after_duration,
                self._trace,
                self.id,
                line.method_json,
                answered.response,
                line.path_json,
                answered.labels,
            )
        )


@dataclass(frozen=True, slots=True)
class _RequestLine:
    """Method and path of requests, and the same as JSON.

    Attributes:
        method: empty where it is none.
        path: without what is sensitive.
        method_json: as a member that follows another.
        path_json: as a value.
        after_id: what follows the id of a request in its events.
    """

    method: str
    path: str
    method_json: bytes
    path_json: bytes
    after_id: bytes


@functools.lru_cache(256)
def _request_line(generation: int, method: str, path: str) -> _RequestLine:  # noqa: ARG001 - another redactor, another answer
    method = method if re.fullmatch("[A-Za-z]{1,16}", method) else ""
    path = path.encode("utf-8", "replace").decode()
    if STATE.redactor is not None:
        path, _ = STATE.redactor.text(path)
    method_json, path_json = b',"method":"%b"' % method.encode() if method else b"", dumps(path)
    return _RequestLine(method, path, method_json, path_json, b'%b}},"url":{"path":%b}' % (method_json, path_json))


def _message(method: str, named: str, status: int | None) -> str:
    return " ".join(filter(None, (method, named, str(status or "unanswered"))))


@dataclass(frozen=True, slots=True)
class _Answered:
    """What the records of requests with the same answer have in common, as JSON.

    Attributes:
        after_timestamp: from the quote that ends it to the one that begins the id.
        after_duration: to the quote that begins the trace's id.
        response: after the closed `http.request`; closes `http`.
        labels: the route, where there is one.
    """

    after_timestamp: bytes
    after_duration: bytes
    response: bytes
    labels: bytes


@functools.lru_cache(256)
def _answered(generation: int, method: str, named: str, status: int, *, routed: bool) -> _Answered:
    failed = status >= 500
    level, outcome = ("error", b"failure") if failed else ("info", b"success")
    head = dumps(
        envelope(
            _records.DATASET,
            _message(method, named, status),
            at="",
            level=level,
            logger="mllog.request",
            event_id="",
        )
    )
    return _Answered(
        head.removeprefix(b'{"@timestamp":"').removesuffix(b'"}}'),
        b',"outcome":"%b"},%b,"trace":{"id":"' % (outcome, _records.placement_json(generation)),
        b'},"response":{"status_code":%d}' % status,
        b',"labels":{"route":%b}' % dumps(named) if routed else b"",
    )
