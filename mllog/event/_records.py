"""An application's own log records as events, with the ids and labels of the predictions beside them.

The logging module, structlog and the HTTP middlewares share this module: each passes what it knows, `to_event` gives it
the fields of ECS, redacts it, and keeps it small.
"""

from __future__ import annotations

import functools
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final

from mllog import _context
from mllog._state import STATE
from mllog.event._envelope import envelope, placement
from mllog.event._failures import error_fields
from mllog.event._findings import TEXT_LENGTH, Findings
from mllog.event._plain import plain
from mllog.event._stamps import dumps, timestamp, uuid7
from mllog.event._texts import text_of
from mllog.redaction import SENSITIVE, Redactor

DATASET: Final = "mllog.log"
"""`event.dataset` of a record; the Logstash pipeline gives it a stream of its own."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_LABELS: Final = 64
_LABEL_LENGTH: Final = 1024
_STACK_LENGTH: Final = 32_768
_FRAMES: Final = 32
_SHORT: Final = 1024

# What an application may set itself: names of ECS, with the type that the index has for them. Anything else is a label.
_ECS: Final[dict[str, type]] = {
    "error.message": str,
    "error.stack_trace": str,
    "error.type": str,
    "event.duration": int,
    "event.outcome": str,
    "http.request.id": str,
    "http.request.method": str,
    "http.response.status_code": int,
    "span.id": str,
    "trace.id": str,
    "transaction.id": str,
    "url.path": str,
    "user.id": str,
}

# What structlog puts beside its own fields where it goes through the logging module.
_STRUCTLOG: Final = frozenset({"_logger", "_name", "_record", "_from_structlog"})

_SIMPLE: Final = frozenset({str, int, bool, type(None)})

# What the logging module puts on every record by itself.
_OWN: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "mllog_line",
}


def to_event(
    message: Any,
    *,
    level: str,
    logger: str,
    ns: int | None = None,
    extra: Mapping[Any, Any] | None = None,
    error: ExcInfo | BaseException | None = None,
    stack: str | None = None,
    origin: tuple[str, int, str] | None = None,
    thread: str | None = None,
) -> dict[str, Any]:
    """One record as an ECS event, with the ids and labels of the context it is made in. Never raises on values.

    Args:
        message: of the record.
        level: `info`, `error` and so on.
        logger: name of the logger.
        ns: when, nanoseconds since the epoch; default: now.
        extra: what came along. ECS names that the index knows go to their place, all else under `labels`.
        error: an exception, or `sys.exc_info()` of one.
        stack: the stack of the call, where the application asked for it (`stack_info=True`).
        origin: file, line and function.
        thread: name of the thread.

    Example:
        >>> extra = {"gate": 7, "http": {"request": {"id": "r"}}}
        >>> made = to_event("late again", level="info", logger="app", extra=extra)
        >>> made["labels"], made["http"]
        ({'gate': '7'}, {'request': {'id': 'r'}})
    """
    findings = Findings()
    clean = functools.partial(_clean, STATE.redactor, findings)
    now = time.time_ns()
    made: dict[str, Any] = {
        **envelope(
            DATASET,
            clean("message", text_of(message), TEXT_LENGTH),
            at=timestamp(now if ns is None else ns),
            level=level,
            logger=clean("log.logger", logger, _SHORT),
            event_id=uuid7(now),
            created=timestamp(now),
        ),
        **_static(os.getpid(), tuple(STATE.service.items())),
    }
    if thread is not None:
        made["process"] = {**made["process"], "thread": {"name": clean("process.thread.name", str(thread), _SHORT)}}
    if origin is not None:
        file, line, function = origin
        made["log"]["origin"] = {"file": {"name": file, "line": line}, "function": function}
    made.update(_context.by_name(_context.request.get()))
    labels = dict(_label(name, value, clean) for name, value in _context.current_labels().items())
    for name, value in _leaves(extra or {}):
        kind = _ECS.get(name)
        if kind is int and type(value) is int and abs(value) < 1 << 63:
            _put(made, name, value)
        elif kind is str and type(value) is str:
            _put(made, name, clean(name, value, TEXT_LENGTH))
        elif value is not None and len(labels) < _LABELS:
            shown, text = _label(name, value, clean)
            labels[shown] = text
    if error is not None:
        fields = error_fields(error[1] if isinstance(error, tuple) else error)
        fields["message"] = clean("error.message", fields["message"], TEXT_LENGTH)
        fields["stack_trace"] = clean("error.stack_trace", fields["stack_trace"], _STACK_LENGTH)
        made["error"] = fields
    if stack:
        shown = made.setdefault("error", {})
        before = shown.get("stack_trace", "")
        shown["stack_trace"] = before + clean("error.stack_trace", stack, _STACK_LENGTH)
    if labels:
        made["labels"] = labels
    noted: dict[str, Any] = {}
    findings.fill_redaction(noted)
    if noted:
        made["mllog"] = noted
        STATE.counts.redacted += len(findings.redacted_kinds)
    return made


def from_log_record(record: logging.LogRecord, extra: Mapping[Any, Any] | None = None) -> dict[str, Any]:
    """The event of a record of the logging module.

    Args:
        record: the record; arguments that do not fit its message are named behind it.
        extra: what came along; default: the attributes that `extra=` put on the record.
    """
    if extra is None:
        extra = {name: value for name, value in record.__dict__.items() if name not in _OWN}
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    message = _message(record, STATE.redactor)
    level = str(record.levelname or logging.getLevelName(record.levelno or 0)).lower()
    if isinstance(record.msg, dict) and not record.args:
        fields = {**record.msg, **extra}
        said = next((name for name in ("message", "event", "msg") if fields.get(name) is not None), None)
        message = text_of(fields.pop(said)) if said is not None else ""
        if str(fields.get("level", "")).lower() == level:
            del fields["level"]
        extra = {name: value for name, value in fields.items() if name not in _STRUCTLOG}
    return to_event(
        message,
        level=level,
        logger=str(record.name),
        ns=int(record.created * 1e9),
        extra=extra,
        error=error,
        stack=record.stack_info,
        origin=(record.filename, record.lineno, record.funcName or ""),
        thread=record.threadName,
    )


def encode(event: dict[str, Any], max_bytes: int) -> bytes:
    """An event as a line of at most `max_bytes` bytes: what is too long keeps its context and loses the rest."""
    encoded = dumps(event) + b"\n"
    if len(encoded) <= max_bytes:
        return encoded
    short = {name: value for name, value in event.items() if name not in ("labels", "url", "user")}
    short["message"] = event["message"][:_SHORT]
    if "error" in event:
        short["error"] = {name: str(text)[:_SHORT] for name, text in event["error"].items()}
    short["labels"] = {"cut": f"an event of {len(encoded)} bytes was cut to its context"}
    return dumps(short) + b"\n"


def _message(record: logging.LogRecord, redactor: Redactor | None) -> str:
    try:
        given = record.args
        if redactor is not None and isinstance(given, dict) and any(redactor.sensitive(str(name)) for name in given):
            shown = {name: SENSITIVE if redactor.sensitive(str(name)) else value for name, value in given.items()}
            return str(record.msg) % shown
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - arguments that do not fit, or whose own __str__ raises
        return f"{text_of(record.msg)} [{type(error).__name__}]"


def _clean(redactor: Redactor | None, findings: Findings, name: str, text: str, max_length: int) -> str:
    """A text that is redacted first and cut then: half an address would pass for none."""
    text = text_of(text)
    if redactor is not None:
        text, kinds = redactor.text(text)
        if kinds:
            findings.redacted(name, kinds)
    if len(text) <= max_length:
        return text
    return f"{text[:max_length]}… [{len(text)} characters]"


def _label(name: str, value: Any, clean: Callable[[str, str, int], str]) -> tuple[str, str]:
    """Name and text of a label; somebody may have put a value into its name."""
    redactor, findings = clean.args  # type: ignore[attr-defined]
    if redactor is None:  # the setting `off` leaves values as they are, whatever their names
        return name, clean(name, value if type(value) is str else dumps(value).decode(), _LABEL_LENGTH)
    shown, kinds = redactor.name(name)
    if kinds:
        findings.redacted(f"labels.{shown}", kinds)
    if any(map(redactor.sensitive, name.split("."))):
        findings.redacted(f"labels.{shown}", ("key",))
        return shown, SENSITIVE
    kind = type(value)
    if kind is float or kind is bool or (kind is int and redactor.integer(value) is None):
        return shown, dumps(value).decode()  # in the text of a number the rules find a card, or nothing
    if isinstance(value, list):
        value = _masked(value, redactor, findings, shown)
    text = value if type(value) is str else dumps(value).decode()
    return shown, clean(f"labels.{shown}", text, _LABEL_LENGTH)


def _masked(value: Any, redactor: Redactor, findings: Findings, name: str) -> Any:
    """A list with the values under sensitive names masked."""
    if isinstance(value, list):
        return [_masked(item, redactor, findings, name) for item in value]
    if not isinstance(value, dict):
        return value
    if any(map(redactor.sensitive, value)):
        findings.redacted(f"labels.{name}", ("key",))
    return {
        key: SENSITIVE if redactor.sensitive(key) else _masked(item, redactor, findings, name)
        for key, item in value.items()
    }


def _leaves(extra: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Every (dotted name, scalar or list) of what came along, made plain."""
    for name, item in extra.items():
        kind = type(item)
        if type(name) is str and (kind in _SIMPLE or (kind is float and math.isfinite(item))):
            yield name, item
        else:
            yield from _flat(plain({name: item}), "")


def _flat(value: dict[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{before}{name}.")
        else:
            yield f"{before}{name}", item


def _put(made: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        made[part] = dict(made.get(part) or {})  # a copy: it may be the context's
        made = made[part]
    made[last] = value


@functools.lru_cache(4)
def _static(pid: int, service: tuple[tuple[str, str], ...]) -> dict[str, Any]:  # noqa: ARG001 - a fork has another one
    """What is the same on every record of a process; the caller copies what it adds to."""
    return placement(DATASET, dict(service))


@functools.lru_cache(1)
def placement_json(generation: int) -> bytes:  # noqa: ARG001 - it changes with the settings, and in a forked child
    """What is the same on every record of a process, as members of an event without braces."""
    return dumps(_static(os.getpid(), tuple(STATE.service.items())))[1:-1]


def current_error(given: Any) -> BaseException | None:
    """The exception that `exc_info=` means: one, True for the one being handled, or a tuple.

    Example:
        >>> current_error(True) is None
        True
    """
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple) and len(given) == 3 and isinstance(given[1], BaseException):
        return given[1]
    return sys.exc_info()[1] if given else None
