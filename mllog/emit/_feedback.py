"""Events about an earlier prediction: the outputs of a shadow model, and the ground truth."""

from __future__ import annotations

import inspect
import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mllog._state import STATE
from mllog.emit._arguments import given_id, moment
from mllog.emit._call import Call
from mllog.emit._compiled import CompiledModel, sort_by_value
from mllog.emit._mapping import mapping
from mllog.event._findings import Findings
from mllog.event._plain import is_missing, plain, read, single

_MILLISECOND: Final = 1_000_000
_MAX_LENGTH: Final = 1024


def difference(candidate: Any, live: Any) -> float | None:
    """How far two output_values are apart: a number where both are numbers, else 0 or 1; None where one is missing.

    Answers of several values are compared value by value: the largest distance counts.

    Example:
        >>> live = {"p": 0.5, "late": False}
        >>> difference(0.75, 0.5), difference("late", "late"), difference({"p": 0.5, "late": True}, live)
        (0.25, 0.0, 1.0)
    """
    candidate, live = known(candidate), known(live)
    if live is None or candidate is None:
        return None
    ours, theirs = mapping(candidate, numbered=True), mapping(live, numbered=True)
    apart = [_apart(plain(ours.get(name)), plain(theirs.get(name))) for name in {**ours, **theirs}]
    return max(apart, key=abs, default=None)


def known(value: Any) -> Any:
    """An answer or a ground truth as one value; None where it is missing, in pandas' sense: NaN too.

    Example:
        >>> import pandas as pd
        >>> known(float("nan")), known([0.5]), known("late"), known(pd.Series(["on"], index=["a"]))
        (None, 0.5, 'late', 'on')
    """
    if isinstance(value, str | bool | int):
        return value
    cells = mapping(value)
    if len(cells) == 1 and ("value" in cells or _has_one_cell(value)):
        (value,) = map(single, cells.values())
    if is_missing(value):
        return None
    simple = plain(value)
    return None if simple is None else value


def _has_one_cell(value: Any) -> bool:
    """Whether it is a Series or frame of one value, whose name then says nothing of its own."""
    shape = read(value, "shape")
    return isinstance(shape, tuple) and math.prod(shape) == 1


def _apart(one: Any, other: Any) -> float:
    if _is_number(one) and _is_number(other):
        distance = float(one) - float(other)
        return distance if math.isfinite(distance) else 1.0
    return float(one != other)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def shadow_body(
    compiled: CompiledModel, call: Call | str, inputs: Any, outputs: Any, findings: Findings
) -> dict[str, Any]:
    """What stands under `mllog` in the event of a shadow model.

    Args:
        compiled: of the candidate.
        call: the live call, or its prediction id.
        inputs: of the candidate; None for those of the live call.
        outputs: of the candidate.
        findings: takes what was noticed.
    """
    live = call if type(call) is Call else None
    given = inputs if inputs is not None or live is None else live.inputs
    body = sort_by_value(compiled, given() if inspect.isfunction(given) else given, outputs, findings)
    body["shadow"] = {}
    if live is not None:
        body["shadow"]["of"] = f"{live.logger.name} {live.logger.version}"
        apart = difference(outputs, live.outputs)
        if apart is not None:
            body["shadow"]["difference"] = apart
    return body


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of a call of `ModelLogger.feedback`.

    Attributes:
        prediction_id: of the prediction; one that mllog made tells when that was.
        actual: the ground truth.
        predicted: the prediction; None where it is joined later.
        predicted_at: when it was made, a datetime or seconds since the epoch; None where the id tells.
        slices: features by which quality is broken down.
    """

    prediction_id: str
    actual: Any
    predicted: Any = None
    predicted_at: Any = None
    slices: Mapping[str, Any] | None = None


def feedback_body(compiled: CompiledModel, given: Given, findings: Findings) -> dict[str, Any]:
    """What stands under `mllog` in a feedback event.

    Args:
        compiled: of the model.
        given: to `feedback`.
        findings: takes what was noticed.
    """
    actual, predicted = known(given.actual), known(given.predicted)
    fields: dict[str, Any] = {"actual": _value("actual", actual, findings)}
    if predicted is not None:
        fields["predicted"] = _value("predicted", predicted, findings)
        if not findings.redacted_fields:
            fields["error"] = difference(predicted, actual)
    made = moment(given.predicted_at, findings, "predicted_at")
    if made is None:
        made = _made(given_id(given.prediction_id, Findings()))
    if made is not None:
        fields["delay"] = max(0, time.time_ns() - made)
    body: dict[str, Any] = {"feedback": {name: value for name, value in fields.items() if value is not None}}
    typed_slices = compiled.outputs.split(mapping(given.slices), findings)
    typed_slices.pop("overflow", None)
    if typed_slices:
        body["input"] = typed_slices
    return body


def _value(name: str, value: Any, findings: Findings) -> Any:
    simple, redactor = plain(value), STATE.redactor
    if simple is None or isinstance(simple, bool):
        return simple
    if isinstance(simple, (int, float)):
        kind = None if redactor is None else redactor.number(name, simple)
        if kind is None:
            return simple
        findings.redacted(f"feedback.{name}", (kind,))
        return f"[REDACTED:{kind}]"
    text = simple if isinstance(simple, str) else repr(simple)
    if redactor is not None:
        text, kinds = redactor.text(text)
        if kinds:
            findings.redacted(f"feedback.{name}", kinds)
    return text[:_MAX_LENGTH]


def _made(prediction_id: str | None) -> int | None:
    """When an id of version 7 was made, ns since the epoch."""
    try:
        identity = uuid.UUID(prediction_id)
    except (ValueError, AttributeError, TypeError):  # None, or an id of the caller
        return None
    return (identity.int >> 80) * _MILLISECOND if identity.version == 7 else None
