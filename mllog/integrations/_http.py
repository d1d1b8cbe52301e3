"""What the middlewares share: the ids of a request, and one record when it is over."""

from __future__ import annotations

import re
import time
from random import getrandbits
from typing import Any, Final

from mllog import _records
from mllog._handlers import deliver, listening
from mllog._settings import STATE

# W3C Trace Context, 3.2: version, trace id, parent id, flags; the all-zero ids are invalid.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_METHOD: Final = re.compile(r"[A-Za-z]{1,16}")
_LONGEST_PATH: Final = 1024


class Request:
    """One request, from its first line to its last byte.

    Args:
        method: such as `GET`; empty for a websocket.
        path: the path without the query, which is never looked at.
        traceparent: the header, as it came.
        request_id: the header `x-request-id`, as it came.

    Attributes:
        members: what stands on every event of the request.
        id: `http.request.id`.
    """

    __slots__ = ("_began", "_clock", "_ended", "id", "members", "method")

    def __init__(self, method: str, path: str, traceparent: str | None, request_id: str | None) -> None:
        self._began, self._clock = time.time_ns(), time.perf_counter_ns()
        self._ended: int | None = None
        trace = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
        known = request_id is not None and _REQUEST_ID.fullmatch(request_id)
        self.id = str(request_id) if known else f"{getrandbits(128):032x}"
        self.method = method if _METHOD.fullmatch(method) else ""
        path = path[:_LONGEST_PATH].encode("utf-8", "replace").decode()
        if STATE.redactor is not None:
            path, _ = STATE.redactor.text(path)
        self.members: dict[str, Any] = {
            "trace": {"id": trace[1] if trace else f"{getrandbits(128):032x}"},
            "http": {"request": {"id": self.id, **({"method": self.method} if self.method else {})}},
            "url": {"path": path},
        }

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
        extra: dict[str, Any] = {
            "event.duration": self._ended - self._clock,
            "event.outcome": "failure" if failed else "unknown" if status is None else "success",
            "http.response.status_code": status,
            "route": route,
        }
        if error is not None and not broken:
            extra["error.type"] = type(error).__qualname__
        place = route or self.members["url"]["path"]
        try:
            deliver(
                _records.event(
                    " ".join(filter(None, (self.method, place, str(status or "unanswered")))),
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
