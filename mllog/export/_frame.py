"""From the values of events back to the types of a training frame."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from mllog.export._columns import MISSING, NOT_FINITE, Column, Unrestored

_NO_FIT: Final = "does not fit the column's type"
_NULLABLE: Final = {
    **{f"int{bits}": f"Int{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UInt{bits}" for bits in (8, 16, 32, 64)},
    "bool": "boolean",
}
_BACK: Final[dict[str, Callable[[Any], Any]]] = {
    "integer": int,
    "floating": float,
    "boolean": lambda value: {"True": True, "False": False}[str(value)],
    "date": lambda value: dt.date.fromisoformat(value[:10]),
    "datetime": dt.datetime.fromisoformat,
    "decimal": lambda value: decimal.Decimal(str(value)),
}


def series(column: Column, values: Sequence[Any], lost: Unrestored) -> pd.Series[Any]:
    """The values of a column in its dtype.

    Missing values are those of the dtype. Integers and booleans with missing values get the nullable dtype (`Int64`,
    `boolean`). A value that does not fit is missing, and counted in `lost`.
    """
    fitted = _Fitting(column, lost)
    name = column.dtype
    if name in ("str", "string") or name.startswith("string["):
        return pd.Series(fitted.each(values, _text), dtype=name, name=column.name)
    if name == "category":
        return _categories(column, fitted.each(values, _BACK.get(column.inferred_dtype, _text)))
    if name.startswith("datetime64"):
        return _times(column, fitted.each(values, _moment))
    if name.startswith("timedelta64"):
        return pd.Series(fitted.each(values, _duration), dtype=name, name=column.name)
    if name.lower() in _NULLABLE or name in _NULLABLE.values():
        return _whole(column, values, fitted)
    if name.lower().startswith("float"):
        return pd.Series(fitted.each(values, _number, not_finite=np.nan), dtype=name, name=column.name)
    back = _BACK.get(column.inferred_dtype, lambda value: value)
    return pd.Series(fitted.each(values, back, not_finite=np.nan), dtype=object, name=column.name)


class _Fitting:
    """Converts values one by one, and counts those that do not fit the type."""

    def __init__(self, column: Column, lost: Unrestored) -> None:
        self._column = column
        self._lost = lost

    def each(self, values: Sequence[Any], convert: Callable[[Any], Any], *, not_finite: Any = None) -> list[Any]:
        """The converted values; None where there is none."""
        out: list[Any] = []
        for value in values:
            if value is MISSING or value is NOT_FINITE:
                out.append(None if value is MISSING else not_finite)
                continue
            try:
                out.append(convert(value))
            except (ValueError, TypeError, KeyError, OverflowError, ArithmeticError):
                out.append(None)
                self._lost[self._column.name, _NO_FIT] += 1
        return out


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    return float(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise TypeError
    return int(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _moment(value: Any) -> pd.Timestamp:
    """A text in ISO 8601, or nanoseconds since the epoch, which is what numpy gives."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError
    return pd.Timestamp(value)


def _duration(value: Any) -> pd.Timedelta:
    """Seconds, or what pandas prints."""
    if isinstance(value, bool):
        raise TypeError
    return pd.Timedelta(value) if isinstance(value, str) else pd.Timedelta(value, unit="s")


def _whole(column: Column, values: Sequence[Any], fitted: _Fitting) -> pd.Series[Any]:
    """Integers or booleans."""
    nullable = _NULLABLE.get(column.dtype, column.dtype)
    if nullable == "boolean":
        converted = fitted.each(values, _boolean)
    else:
        bounds = np.iinfo(nullable.lower())
        low, high = int(bounds.min), int(bounds.max)

        def inside(value: Any) -> int:
            number = _integer(value)
            if not low <= number <= high:
                raise OverflowError
            return number

        converted = fitted.each(values, inside)
    complete = not any(value is None for value in converted)
    return pd.Series(converted, dtype=column.dtype if complete else nullable, name=column.name)


def _times(column: Column, moments: list[pd.Timestamp | None]) -> pd.Series[Any]:
    """Dates of a zone, or of none."""
    zone = getattr(pd.api.types.pandas_dtype(column.dtype), "tz", None)
    placed = [
        None
        if moment is None
        else (moment.tz_localize("UTC") if moment.tz is None else moment).tz_convert(zone)
        if zone is not None
        else moment
        if moment.tz is None
        else moment.tz_convert("UTC").tz_localize(None)
        for moment in moments
    ]
    return pd.Series(placed, dtype=column.dtype, name=column.name)


def _categories(column: Column, values: list[Any]) -> pd.Series[Any]:
    """The categories that occur, sorted; events contain neither unused categories nor an order."""
    return pd.Series(pd.Categorical(values), name=column.name)
