"""The ids, moments and durations of a call; what cannot be read is named in the event and never raised."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import math
import os
import re
from collections.abc import Callable
from typing import Any, Final

from mllog._state import STATE
from mllog.errors import must_propagate
from mllog.event._findings import Findings
from mllog.event._plain import is_missing, plain
from mllog.event._stamps import since_epoch, to_nanoseconds

MAX_ID: Final = 512
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_HASHED: Final = re.compile(r"id:[0-9a-f]{32}")
_SALT: Final = b"mllog.prediction.id"


def moment(value: Any, findings: Findings, name: str = "timestamp") -> int | None:
    """Nanoseconds since the epoch of a time; None where there is none, or none that is understood.

    Args:
        value: a datetime, date, ISO 8601 text, `numpy.datetime64`, or seconds since the epoch.
        findings: takes the name of an argument that was not understood.
        name: of the argument.

    Example:
        >>> moment("1970-01-01T00:00:01Z", Findings())
        1000000000
    """
    return _tolerant(_since_epoch, value, findings, name)


def nanoseconds(value: Any, findings: Findings) -> int | None:
    """A duration; None where there is none, or none that is understood."""
    return _tolerant(_nanoseconds, value, findings, "duration")


def given_error(error: Any) -> Any:
    """What ended a call, as it was given; None where that says that nothing did: missing, False, 0 or no text.

    Example:
        >>> given_error(float("nan")), given_error(""), given_error("timeout")
        (None, None, 'timeout')
    """
    try:
        if isinstance(error, BaseException):
            return error
        if is_missing(error) or (type(error) in (bool, int, str) and not error):
            return None
        return None if type(error) is float and (math.isnan(error) or not error) else error
    except BaseException as failure:  # an object that lies about its class
        if must_propagate(failure):
            raise
        return f"[{type(error).__qualname__}: {type(failure).__name__}]"


def _since_epoch(value: Any) -> int | None:
    if is_missing(value):
        return None
    if isinstance(value, bool):
        raise TypeError("a time is no truth value")
    return since_epoch(value)


def _nanoseconds(value: Any) -> int | None:
    if is_missing(value):
        return None
    found = to_nanoseconds(value if isinstance(value, dt.timedelta) else float(value))
    if found is None:
        raise ValueError("longer than a life")
    return found


def _tolerant[T](read: Callable[[Any], T], value: Any, findings: Findings, name: str) -> T | None:
    try:
        return read(value)
    except BaseException as error:
        if must_propagate(error):
            raise
        findings.argument(name)
        return None


def given_id(value: Any, findings: Findings) -> str | None:
    """The id that a caller gave, as it is written; None where there is none, or none that is understood.

    An id that contains something sensitive is replaced by its keyed digest, the same for live, shadow and feedback,
    so that what belongs together stays together. `MLLOG_ID_KEY` is the key; services that share predictions share it.

    Args:
        value: a string, a number, a UUID, or an array of one of these.
        findings: takes what was redacted, or that the argument was not understood.

    Example:
        >>> given_id("order-17", Findings()), given_id(float("nan"), Findings())
        ('order-17', None)
    """
    if type(value) is not str:
        value = _tolerant(_id_text, value, findings, "prediction_id")
    if value is None or not value.strip():
        return None
    kinds = _sensitive(value)
    if not kinds:
        return value if value.isascii() else str(value.encode("utf-8", "replace").decode())
    findings.redacted("prediction.id", kinds)
    key = os.environ.get("MLLOG_ID_KEY", "").encode() or _SALT
    return "id:" + hmac.new(key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def _id_text(value: Any) -> str | None:
    """The text of an id that is no string; None for a missing value."""
    if callable(getattr(type(value), "tolist", None)):
        value = value.tolist()
    while isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    text = plain(value)
    if text is None:
        return None
    if isinstance(text, list | dict) or (isinstance(text, str) and text.startswith("[") and not isinstance(value, str)):
        raise TypeError("an id is a string, a number or a UUID")
    return str(text)


def _sensitive(text: str) -> tuple[str, ...]:
    """The kinds of what is sensitive in an id; an id that is too long to be one counts."""
    if len(text) > MAX_ID:
        return ("too_long",)
    if STATE.redactor is None or _UUID.fullmatch(text) is not None or _HASHED.fullmatch(text) is not None:
        return ()
    return STATE.redactor.text(text)[1]
