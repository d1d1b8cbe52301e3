"""From the values of events back to the columns of a training frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from mllog.export._columns import MISSING, NOT_FINITE, Column, Unrestored
from mllog.export._convert import OF_OBJECTS, boolean, converter, dtype_of, integer_within, text

_NO_FIT: Final = "does not fit the column's type"
_EXACT: Final = 2**53
_BEYOND: Final = "an integer of more than 64 bits: to the digits of a double"
_AS_JSON: Final = "objects of a type that events do not keep: as JSON has them"
_NULLABLE: Final = {
    **{f"int{bits}": f"Int{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UInt{bits}" for bits in (8, 16, 32, 64)},
    "bool": "boolean",
}
_AS_THEY_ARE: Final = ("", "mixed-integer-float")
"""Objects that JSON has as they were: texts and numbers."""

_DTYPES: Final = ("float16", "float32", "float64", "int64")


def series(column: Column, values: Sequence[Any], lost: Unrestored) -> pd.Series[Any]:
    """The values of a column in its dtype.

    Missing values are those of the dtype. Integers and booleans with missing values get the nullable dtype (`Int64`,
    `boolean`). A value that does not fit is missing, and counted in `lost`, as are the values of a column whose dtype
    could not be restored.
    """
    fitted = _Fitting(column, lost)
    if column.dtype == "category":
        return _categories(column, values, fitted)
    if column.dtype == "object":
        return _objects(column, values, fitted)
    if column.dtype in _NULLABLE:
        return _whole(column, values, fitted)
    dtype = dtype_of(column.dtype)
    dense = dtype.subtype if isinstance(dtype, pd.SparseDtype) else dtype
    convert = None if dense is None else converter(dense)
    if convert is None:
        return fitted.as_they_are(values)
    not_finite = np.nan if getattr(dense, "kind", "O") == "f" else None
    return fitted.of_dtype(fitted.each(values, convert, not_finite=not_finite), dtype)


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
                made = convert(value)
                out.append(made)
                if isinstance(value, float) and isinstance(made, int) and abs(value) > _EXACT:
                    self._lost[self._column.name, _BEYOND] += 1
            except (ValueError, TypeError, KeyError, OverflowError, ArithmeticError, AttributeError):
                out.append(None)
                self._lost[self._column.name, _NO_FIT] += 1
        return out

    def of_dtype(self, values: list[Any], dtype: Any) -> pd.Series[Any]:
        """Converted values in a dtype; objects where it has no room for them, which is counted."""
        try:
            made: pd.Series[Any] = pd.Series(values, dtype=dtype, name=self._column.name)
        except Exception:  # noqa: BLE001 - pandas, numpy and Arrow each refuse in their own way
            return self.as_they_are(values)
        return made

    def as_they_are(self, values: Sequence[Any]) -> pd.Series[Any]:
        """Objects, of a dtype that could not be restored."""
        kept = self.each(values, lambda value: value, not_finite=np.nan)
        if kept:
            reason = f"the column was of type {self._column.dtype}, which could not be restored"
            self._lost[self._column.name, reason] += len(kept)
        return pd.Series(kept, dtype=object, name=self._column.name)

    def note(self, reason: str, values: Sequence[Any]) -> None:
        """Count the values that are there."""
        count = sum(not _is_gap(value) for value in values)
        if count:
            self._lost[self._column.name, reason] += count


def _is_gap(value: Any) -> bool:
    return value is None or (isinstance(value, float) and bool(np.isnan(value)))


def _objects(column: Column, values: Sequence[Any], fitted: _Fitting) -> pd.Series[Any]:
    convert = OF_OBJECTS.get(column.inferred_dtype)
    found = fitted.each(values, convert or (lambda value: value), not_finite=np.nan)
    if convert is None and column.inferred_dtype not in _AS_THEY_ARE:
        fitted.note(_AS_JSON, found)
    return pd.Series(found, dtype=object, name=column.name)


def _whole(column: Column, values: Sequence[Any], fitted: _Fitting) -> pd.Series[Any]:
    """Integers or booleans of numpy, which has no missing ones."""
    nullable = _NULLABLE[column.dtype]
    converted = fitted.each(values, boolean if nullable == "boolean" else integer_within(column.dtype))
    complete = not any(value is None for value in converted)
    return pd.Series(converted, dtype=column.dtype if complete else nullable, name=column.name)


def _categories(column: Column, values: Sequence[Any], fitted: _Fitting) -> pd.Series[Any]:
    """The categories that occur, sorted; events contain neither unused categories nor an order."""
    holds = column.inferred_dtype
    if not holds:
        return pd.Series(pd.Categorical(fitted.each(values, text)), name=column.name)
    if holds in OF_OBJECTS and holds not in _DTYPES:  # of categories, they are dtypes
        return pd.Series(pd.Categorical(fitted.each(values, OF_OBJECTS[holds])), name=column.name)
    dtype = dtype_of(holds)
    convert = None if dtype is None else converter(dtype)
    if convert is None:
        found = fitted.each(values, lambda value: value)
        fitted.note(_AS_JSON, found)
        return pd.Series(pd.Categorical(found), name=column.name)
    found = fitted.each(values, _of_category(dtype, convert))
    made: pd.Series[Any] = fitted.of_dtype(found, dtype).astype("category")
    return made


def _of_category(dtype: Any, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Categories are texts in events: a number is read from its digits first."""
    kind = getattr(dtype, "kind", "O")
    if kind in "iu":
        return lambda value: convert(int(value))
    return (lambda value: convert(float(value))) if kind == "f" else convert
