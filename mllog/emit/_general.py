"""The general way from a call to a line: every value is looked at by itself, and may fail by itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Protocol

from mllog._state import STATE
from mllog.emit._arguments import given_error, given_id, moment, nanoseconds
from mllog.emit._compiled import CompiledModel, Model, compile_model, template
from mllog.emit._delivery import UNLOGGED_IDS, count_error, deliver_line, listening
from mllog.emit._members import body_and_members, encode_by_value
from mllog.emit._sampling import Sampler
from mllog.errors import must_propagate
from mllog.event._findings import Findings
from mllog.event._stamps import stamps
from mllog.sinks._handlers import EVENT_BYTES


class Loggable(Model, Protocol):
    """A model with what was compiled for it; a `ModelLogger` is one."""

    sampler: Sampler
    compiled: CompiledModel | None


def current(model: Loggable) -> CompiledModel:
    """What is compiled for the settings in force."""
    compiled = model.compiled
    if compiled is None or compiled.generation != STATE.generation:
        compiled = model.compiled = compile_model(model)
    return compiled


def id_or_new(prediction_id: Any) -> str:
    """The id that a caller gave, or one of its own, where nothing is logged."""
    return given_id(prediction_id, Findings()) or next(UNLOGGED_IDS)


def log_by_value(
    model: Loggable,
    inputs: Any,
    outputs: Any,
    duration: Any,
    prediction_id: Any,
    timestamp: Any,
    error: Any,
    labels: Any,
    stamped: tuple[str, str, str] | None = None,
) -> str:
    """Log a call that no compiled code takes: every value is looked at by itself, and may fail by itself."""
    identity: str | None = None
    try:
        compiled = current(model)
        findings = Findings()
        took = nanoseconds(duration, findings)
        now = time_ns()
        began = moment(timestamp, findings)
        if stamped is None:
            stamped = stamps(now, (took or 0) if began is None else now - began)
        identity = given_id(prediction_id, findings) or stamped[0]
        encoded = encode_by_value(compiled, model.sampler, inputs, outputs, error, labels, findings)
        if encoded is not None:  # else not in the sample
            failed = error is not None
            line = compiled.template.render(stamped, identity, took, failed, *encoded, _max_bytes())
            deliver_line(line, failed=failed)
    except BaseException as failure:
        if must_propagate(failure):
            raise
        count_error(f"prediction() of {model.name!r}", failure)
    return identity or next(UNLOGGED_IDS)


def log_later(
    model: Loggable,
    describe: Callable[[CompiledModel, Findings], dict[str, Any]],
    prediction_id: str,
    *,
    role: str = "live",
    action: str = "prediction",
    timestamp: dt.datetime | float | None = None,
    duration: float | dt.timedelta | None = None,
    error: BaseException | str | None = None,
    labels: Mapping[str, Any] | None = None,
) -> str:
    """Write an event about a prediction that was made before."""
    identity: str | None = None
    try:
        findings, error = Findings(), given_error(error)
        identity = given_id(prediction_id, findings)
        if STATE.sink is None and not listening():
            return identity or next(UNLOGGED_IDS)
        compiled = current(model)
        rendered = compiled.other.get((role, action))
        if rendered is None:
            rendered = compiled.other[role, action] = template(model, role=role, action=action)
        now = time_ns()
        began = moment(timestamp, findings)
        stamped = stamps(now, 0 if began is None else now - began)
        identity = identity or stamped[0]
        took, failed = nanoseconds(duration, findings), error is not None
        body, context = body_and_members(describe(compiled, findings), findings, error, labels)
        deliver_line(rendered.render(stamped, identity, took, failed, body, context, _max_bytes()), failed=failed)
    except BaseException as failure:
        if must_propagate(failure):
            raise
        count_error(f"{action} ({role}) of {model.name!r}", failure)
    return identity or next(UNLOGGED_IDS)


def _max_bytes() -> int:
    sink = STATE.sink
    return EVENT_BYTES if sink is None else sink.max_bytes
