"""From a value of an event back to the value of a training frame, by the type that it had there."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

Convert = Callable[[Any], Any]
"""Raises ValueError, TypeError, KeyError, OverflowError or ArithmeticError for a value that does not fit."""

_INTERVAL: Final = re.compile(r"([\[(])(.+), (.+)([\])])")
_CLOSED: Final = {"[]": "both", "[)": "left", "(]": "right", "()": "neither"}


def text(value: Any) -> str:
    """A text; JSON of what is none."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def number(value: Any) -> float:
    """A number as a double."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    return float(value)


def integer(value: Any) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise TypeError
    return int(value)


def integer_within(dtype: str) -> Convert:
    """Whole numbers inside the range of a dtype such as `int8`."""
    bounds = np.iinfo(dtype)
    low, high = int(bounds.min), int(bounds.max)

    def inside(value: Any) -> int:
        found = integer(value)
        if not low <= found <= high:
            raise OverflowError
        return found

    return inside


def boolean(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def moment(value: Any) -> pd.Timestamp:
    """A text in ISO 8601, or nanoseconds since the epoch, as older events of numpy have them."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError
    return pd.Timestamp(value)


def moment_in(zone: Any) -> Convert:
    """Moments in a time zone; in none where it is None."""

    def placed(value: Any) -> pd.Timestamp:
        found = moment(value)
        if zone is None:
            return found if found.tz is None else found.tz_convert("UTC").tz_localize(None)
        return (found.tz_localize("UTC") if found.tz is None else found).tz_convert(zone)

    return placed


def duration(value: Any) -> pd.Timedelta:
    """Seconds, or what pandas prints."""
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str):
        return pd.Timedelta(value)
    micros = round(value * 1e6)
    if micros / 1e6 == value:  # as a fraction of a second it would lose the last of them
        return pd.Timedelta(micros, unit="us")
    return pd.Timedelta(round(value * 1e9), unit="ns")


def _nothing(value: Any) -> None:
    """Nothing fits a dtype of missing values only."""
    raise TypeError(value)


def day(value: Any) -> dt.date:
    """A date, also of a date and time."""
    return dt.date.fromisoformat(value[:10])


def period_of(freq: Any) -> Convert:
    """Periods of a frequency; None takes that of the text."""
    return lambda value: pd.Period(str(value).partition("/")[0], freq=freq)


def interval_of(bound: Convert) -> Convert:
    """Intervals whose bounds are made by `bound`.

    Example:
        >>> interval_of(int)("(0, 10]")
        Interval(0, 10, closed='right')
    """

    def made(value: Any) -> Any:
        match = _INTERVAL.fullmatch(value)
        if match is None:
            raise ValueError
        closed: Any = _CLOSED[match[1] + match[4]]
        return pd.Interval(bound(match[2]), bound(match[3]), closed=closed)

    return made


def _bound(value: str) -> Any:
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return pd.Timestamp(value)


OF_OBJECTS: Final[dict[str, Convert]] = {
    "integer": int,
    "floating": float,
    **{kind.__name__: kind for kind in (np.float16, np.float32, np.float64, np.int64, pd.Timestamp)},
    "boolean": lambda value: {"True": True, "False": False}[str(value)],
    "date": day,
    "datetime": dt.datetime.fromisoformat,
    "datetime64": np.datetime64,
    "time": dt.time.fromisoformat,
    "timedelta": lambda value: dt.timedelta(seconds=value),
    "Timedelta": duration,
    "timedelta64": lambda value: duration(value).to_timedelta64(),
    "decimal": lambda value: decimal.Decimal(str(value)),
    "bytes": lambda value: text(value).encode(),
    "period": period_of(None),
    "interval": interval_of(_bound),
}
"""How objects are made, by what `pandas.api.types.infer_dtype` calls them."""

_ARROW_TEXTS: Final = ("string", "large_string", "string_view")
_ARROW_DECIMAL: Final = re.compile(r"(decimal\d+)\((\d+), (-?\d+)\)")
_ARROW_DICTIONARY: Final = re.compile(r"dictionary<values=(\w+), indices=(\w+), ordered=([01])>")


def dtype_of(name: str) -> Any:
    """The dtype of a name as `str(dtype)` gives it; None where pandas or Arrow has none of this name.

    Example:
        >>> dtype_of("period[M]"), dtype_of("gone")
        (period[M], None)
    """
    try:
        return _arrow_dtype(name.removesuffix("[pyarrow]")) if name.endswith("[pyarrow]") else _pandas_dtype(name)
    except (ImportError, TypeError, ValueError, NotImplementedError, AttributeError):
        return None


def _pandas_dtype(name: str) -> Any:
    found: Any = pd.api.types.pandas_dtype(name)
    if isinstance(found, np.dtype) and found.kind not in "biufcmM":  # of numpy's texts and bytes pandas has no columns
        raise TypeError(name)
    return found


def _arrow_dtype(name: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - an extra

    if name in _ARROW_TEXTS:
        return pd.ArrowDtype(getattr(pa, name)())
    decimals = _ARROW_DECIMAL.fullmatch(name)
    if decimals is not None:
        return pd.ArrowDtype(getattr(pa, decimals[1])(int(decimals[2]), int(decimals[3])))
    encoded = _ARROW_DICTIONARY.fullmatch(name)
    if encoded is not None:
        values, indices = (pa.type_for_alias(encoded[place]) for place in (1, 2))
        return pd.ArrowDtype(pa.dictionary(indices, values, ordered=encoded[3] == "1"))
    return _pandas_dtype(f"{name}[pyarrow]")


def converter(dtype: Any) -> Convert | None:
    """How the values of a dtype are made; None for a dtype that events have no values of.

    Example:
        >>> make = converter(pd.api.types.pandas_dtype("datetime64[us, UTC]"))
        >>> make("2026-05-04T12:00:00"), converter(pd.api.types.pandas_dtype("complex128"))
        (Timestamp('2026-05-04 12:00:00+0000', tz='UTC'), None)
    """
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow_converter(dtype.pyarrow_dtype)
    if isinstance(dtype, pd.StringDtype):
        return text
    if isinstance(dtype, pd.PeriodDtype):
        return period_of(dtype.freq)
    if isinstance(dtype, pd.IntervalDtype):
        subtype: Any = dtype.subtype
        return interval_of({"i": int, "u": int, "f": float}.get(getattr(subtype, "kind", "M"), pd.Timestamp))
    kind = getattr(dtype, "kind", "O")
    if kind in "iu":
        return integer_within(getattr(dtype, "numpy_dtype", dtype).name)
    simple: dict[str, Convert] = {"f": number, "b": boolean, "m": duration, "M": moment_in(getattr(dtype, "tz", None))}
    return simple.get(kind)


def _arrow_converter(kind: Any) -> Convert | None:
    import pyarrow.types as is_  # noqa: PLC0415 - an extra

    if is_.is_integer(kind):
        return integer_within(str(kind))
    if is_.is_timestamp(kind):
        return moment_in(kind.tz)
    if is_.is_dictionary(kind):
        return _arrow_converter(kind.value_type)
    tests: tuple[tuple[Callable[[Any], bool], Convert], ...] = (
        (is_.is_null, _nothing),
        (is_.is_floating, number),
        (is_.is_boolean, boolean),
        (is_.is_date, day),
        (is_.is_time, dt.time.fromisoformat),
        (is_.is_duration, duration),
        (is_.is_decimal, OF_OBJECTS["decimal"]),
        (lambda kind: is_.is_string(kind) or is_.is_large_string(kind) or is_.is_string_view(kind), text),
        (lambda kind: is_.is_binary(kind) or is_.is_large_binary(kind), OF_OBJECTS["bytes"]),
    )
    return next((convert for test, convert in tests if test(kind)), None)
