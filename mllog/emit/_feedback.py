"""Events about a prediction that was made before: what another model would have answered, and what turned out."""

from __future__ import annotations

import math
import uuid
from typing import Any, Final

from mllog._state import STATE
from mllog.emit._mapping import mapping
from mllog.event._findings import Findings
from mllog.event._plain import plain
from mllog.event._stamps import since_epoch

_MILLISECOND: Final = 1_000_000
_LONGEST: Final = 1024


def difference(candidate: Any, live: Any) -> float | None:
    """How far two answers are apart: a number where both are numbers, else 0 or 1; None where one is missing.

    Answers of several values are compared value by value: the largest distance counts.

    Example:
        >>> live = {"p": 0.5, "late": False}
        >>> difference(0.75, 0.5), difference("late", "late"), difference({"p": 0.5, "late": True}, live)
        (0.25, 0.0, 1.0)
    """
    if live is None or candidate is None:
        return None
    ours, theirs = mapping(candidate), mapping(live)
    apart = [_apart(plain(ours.get(name)), plain(theirs.get(name))) for name in {**ours, **theirs}]
    return max(apart, key=abs, default=None)


def _apart(one: Any, other: Any) -> float:
    if _is_number(one) and _is_number(other):
        distance = float(one) - float(other)
        return distance if math.isfinite(distance) else 1.0
    return float(one != other)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def described(
    prediction_id: str, actual: Any, predicted: Any, predicted_at: Any, now: int, findings: Findings
) -> dict[str, Any]:
    """What stands under `mllog.feedback`.

    Args:
        prediction_id: of the prediction; one that mllog made tells when that was.
        actual: what turned out.
        predicted: what was answered; None where that is joined later.
        predicted_at: when, a datetime or seconds since the epoch; None where the id tells.
        now: nanoseconds since the epoch.
        findings: takes what was redacted.
    """
    said: dict[str, Any] = {"actual": _value("actual", actual, findings)}
    if predicted is not None:
        said["predicted"] = _value("predicted", predicted, findings)
        said["error"] = difference(predicted, actual)
    made = _made(prediction_id) if predicted_at is None else since_epoch(predicted_at)
    if made is not None:
        said["delay"] = max(0, now - made)
    return {name: value for name, value in said.items() if value is not None}


def _value(name: str, value: Any, findings: Findings) -> Any:
    simple = plain(value)
    if simple is None or isinstance(simple, (bool, int, float)):
        return simple
    text = simple if isinstance(simple, str) else repr(simple)
    if STATE.redactor is not None:
        text, kinds = STATE.redactor.text(text)
        if kinds:
            findings.redacted(f"feedback.{name}", kinds)
    return text[:_LONGEST]


def _made(prediction_id: str) -> int | None:
    """When an id of version 7 was made, ns since the epoch."""
    try:
        identity = uuid.UUID(prediction_id)
    except (ValueError, AttributeError, TypeError):
        return None
    return (identity.int >> 80) * _MILLISECOND if identity.version == 7 else None
