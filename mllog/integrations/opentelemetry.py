"""OpenTelemetry: the ids of the current span on predictions and records, so that a trace leads to its events."""

from __future__ import annotations

from typing import Any, Final

from mllog import _context
from mllog.errors import MissingExtraError

try:
    from opentelemetry import trace
except ImportError as missing:
    raise MissingExtraError("mllog.integrations.opentelemetry", "opentelemetry") from missing

_NONE: Final[dict[str, Any]] = {}


def install() -> None:
    """From now on events made inside a span have its `trace.id` and `span.id`, over those of a middleware.

    The ids are read when an event is made; where nobody calls this, nothing is paid.

    Example:
        >>> import mllog
        >>> from opentelemetry.sdk.trace import TracerProvider
        >>> install()
        >>> with mllog.testing.capture() as events, TracerProvider().get_tracer("x").start_as_current_span("ask"):
        ...     _ = mllog.model("late", "1.0").prediction({"delay": 12.5}, True)
        >>> len(events[0]["trace"]["id"]), len(events[0]["span"]["id"])
        (32, 16)
        >>> uninstall()
    """
    _context.extend(more_request=_current)


def uninstall() -> None:
    """Undo `install`."""
    _context.retract(labels_too=False)


def _current() -> dict[str, Any]:
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return _NONE
    return {
        "trace": {"id": trace.format_trace_id(span.trace_id)},
        "span": {"id": trace.format_span_id(span.span_id)},
    }
