"""structlog: processors that make mllog's records, a logger that writes them into mllog's sink, labels both ways."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from mllog import _context
from mllog.errors import MissingExtraError
from mllog.event import _records
from mllog.event._stamps import dumps
from mllog.sinks._handlers import deliver, listening

try:
    import structlog
except ImportError as missing:
    raise MissingExtraError("mllog.integrations.structlog", "structlog") from missing

EventDict = MutableMapping[str, Any]


def ecs(logger: Any, method: str, event: EventDict) -> dict[str, Any]:
    """A processor: what structlog collected as an ECS event, redacted, with the ids and labels of the context.

    `event` becomes the message, `exc_info` `error.*`, `logger` the logger's name; other keys go where ECS has a
    place that the index knows, else under `labels`.

    Example:
        >>> ecs(None, "info", {"event": "late again", "gate": 7})["labels"]
        {'gate': '7'}
    """
    rest = dict(event)
    name = rest.pop("logger", None) or getattr(logger, "name", None) or "structlog"
    level = str(rest.pop("level", method))
    return _records.to_event(
        rest.pop("event", ""),
        level={"warn": "warning", "exception": "error"}.get(level, level),
        logger=str(name),
        error=_records.current_error(rest.pop("exc_info", None)),
        stack=rest.pop("stack", None),
        extra=rest,
    )


def render(logger: Any, method: str, event: EventDict) -> bytes:  # noqa: ARG001 - structlog's signature
    """A processor, the last one: the event as a line of JSON, without its newline.

    Example:
        >>> render(None, "info", {"message": "late again"})
        b'{"message":"late again"}'
    """
    return dumps(event)


def processors() -> list[Callable[[Any, str, Any], Any]]:
    """The whole chain: contextvars, level, ECS with ids and redaction, JSON as bytes.

    Any logger that takes bytes fits behind it (`structlog.BytesLoggerFactory`). Put your own processors in front.

    Example:
        >>> import structlog
        >>> structlog.configure(processors=processors(), logger_factory=structlog.BytesLoggerFactory())
        >>> structlog.reset_defaults()
    """
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
        ecs,
        render,
    ]


class SinkLogger:
    """The logger at the end of structlog's chain: hands an event to mllog's sink.

    Args:
        name: name of the logger.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    def msg(self, **event: Any) -> None:
        """Write an event."""
        deliver(event)

    debug = info = warning = warn = error = exception = critical = fatal = log = msg


def _drop_unheard(logger: Any, method: str, event: EventDict) -> EventDict:  # noqa: ARG001 - structlog's signature
    if not listening():
        raise structlog.DropEvent
    return event


def configure(*, level: int = logging.INFO, labels: bool = True) -> None:
    """Let structlog write into mllog's sink: one spool, one trace id.

    Args:
        level: what is below it is not made.
        labels: whether what `structlog.contextvars.bind_contextvars` bound is on the predictions too, as labels.
            That costs each about half as much again; without this call nothing is paid.

    Example:
        >>> import mllog, structlog
        >>> configure()
        >>> with mllog.testing.capture() as events, structlog.contextvars.bound_contextvars(tenant=7):
        ...     structlog.get_logger("shop").info("asked", gate=3)
        ...     _ = mllog.model("late", "1.0").prediction({"delay": 12.5}, True)
        >>> events[0]["message"], events[0]["labels"], events[1]["labels"]
        ('asked', {'tenant': '7', 'gate': '3'}, {'tenant': '7'})
        >>> reset()
    """
    structlog.configure(
        processors=[_drop_unheard, *processors()[:-1]],  # each sink encodes, and knows how long a line may be
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=SinkLogger,
        cache_logger_on_first_use=True,
    )
    if labels:
        _context.extend(more_labels=_bound_in_structlog)


def reset() -> None:
    """Undo `configure`."""
    structlog.reset_defaults()
    _context.retract(request_too=False)


def _bound_in_structlog() -> dict[str, str]:
    bound = structlog.contextvars.get_contextvars()
    return {_context.label(name): _context.label(value) for name, value in bound.items() if value is not None}


@contextlib.contextmanager
def bound(**labels: Any) -> Iterator[None]:
    """Bind in structlog and in mllog for a `with` block, for those who do without `configure(labels=True)`.

    Example:
        >>> import structlog
        >>> with bound(tenant=7):
        ...     structlog.contextvars.get_contextvars()
        {'tenant': 7}
    """
    with structlog.contextvars.bound_contextvars(**labels), _context.bound(**labels):
        yield
