"""Reads a column of any dtype into what a profile describes: numbers, booleans, times or texts.

Values go through `plain`, as in an event, so that validation sees the same ones.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mllog.emit._features import is_numeric, is_too_large
from mllog.errors import ProfileError
from mllog.event._plain import is_scalar, plain
from mllog.profile._values import is_iso_date, precision_of, seconds, text_of

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

_TEMPORAL: Final = (dt.date, dt.time, np.datetime64, pd.Period)
_PLAIN_CATEGORIES: Final = {"int64": "integer", "float64": "floating", "bool": "boolean"}
_NAMED: Final[dict[type, str]] = {
    **{kind: kind.__name__ for kind in (np.float16, np.float32, np.float64, np.int64)},
    **{kind: kind.__name__ for kind in (pd.Timestamp, pd.Timedelta)},
}
"""Types of objects that have a name of their own: an export makes them again."""

_EXACT: Final[dict[str, set[type]]] = {
    "integer": {int},
    "floating": {float},
    "boolean": {bool},
    "mixed-integer-float": {int, float},
    "date": {dt.date},
    "datetime": {dt.datetime},
    "time": {dt.time},
    "timedelta": {dt.timedelta},
    "decimal": {decimal.Decimal},
    "bytes": {bytes},
}
"""What `infer_dtype` calls objects of these types; it says the same of their subclasses."""


@dataclass(frozen=True)
class ColumnValues:
    """The values of a column; one of the last four is not None.

    Attributes:
        missing: rows without a value.
        infinite: rows with an infinity.
        numbers: finite numbers as doubles.
        exact: the same as they are: integers that a double cannot hold among them.
        booleans: truth values.
        times: seconds, by `mllog.profile._values.seconds`.
        texts: a text for each value that is neither.
        plain: values as they are written to events, where they are not numbers of a numeric dtype.
    """

    missing: Mask
    infinite: Mask
    numbers: Numbers | None = None
    exact: Any = None
    booleans: Mask | None = None
    times: Numbers | None = None
    texts: Sequence[str] | None = None
    plain: Sequence[Any] = ()

    def distinct(self) -> Collection[Any]:
        """The different values, as they are written to events; none of times."""
        return np.unique(self.exact).tolist() if isinstance(self.exact, np.ndarray) else set(self.plain)


def read(column: pd.Series[Any], holds: str) -> ColumnValues:
    """The values of a column.

    Args:
        column: of any dtype.
        holds: by `inferred_dtype`.

    Raises:
        ProfileError: it holds nested values or objects of an unknown type.

    Example:
        >>> values = read(pd.Series([1.5, None]), "")
        >>> values.numbers, values.missing
        (array([1.5]), array([False,  True]))
        >>> read(pd.Series([[1], [2]]), "mixed")
        Traceback (most recent call last):
        ...
        mllog.errors.ProfileError: row 0 holds a list, which is no single number, text, boolean or time: give each \
element a column of its own, turn it into a text, or drop the column
    """
    if pd.api.types.is_complex_dtype(column.dtype):
        raise ProfileError("complex numbers: make a column of the real and one of the imaginary part")
    if isinstance(column.dtype, pd.SparseDtype):
        column = pd.Series(column.array.to_dense())
    missing: Mask = column.isna().to_numpy(dtype=bool)
    if not isinstance(column.dtype, pd.CategoricalDtype):
        if pd.api.types.is_integer_dtype(column.dtype) or pd.api.types.is_float_dtype(column.dtype):
            return _numeric(column, missing)
        if pd.api.types.is_datetime64_any_dtype(column.dtype) and not isinstance(column.dtype, pd.ArrowDtype):
            return _datetimes(column, missing)
    return _objects(column, missing, holds)


def inferred_dtype(column: pd.Series[Any]) -> str:
    """The type of the values of objects or categories, unless they are text; empty for other columns.

    Example:
        >>> inferred_dtype(pd.Series([1, None], dtype=object)), inferred_dtype(pd.Series(pd.Categorical(["a"])))
        ('integer', '')
        >>> inferred_dtype(pd.Series(pd.to_datetime(["2026-05-04"])).astype("category"))
        'datetime64[us]'
    """
    values: Any = column
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = column.cat.categories
        if values.dtype != object:
            name = str(values.dtype)
            return "" if name in ("str", "string") else _PLAIN_CATEGORIES.get(name, name)
    elif column.dtype != object:
        return ""
    kind = str(pd.api.types.infer_dtype(values, skipna=True))
    if kind in ("string", "empty"):
        return ""
    kinds = {type(value) for value in values if not _is_gap(value)}
    if len(kinds) == 1 and (own := _NAMED.get(next(iter(kinds)))) is not None:
        return own
    return kind if kind not in _EXACT or kinds <= _EXACT[kind] else "mixed"


def _is_gap(value: Any) -> bool:
    return pd.api.types.is_scalar(value) and bool(pd.isna(value))


def _numeric(column: pd.Series[Any], missing: Mask) -> ColumnValues:
    with np.errstate(over="ignore"):
        numbers: Numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    missing = missing | np.isnan(numbers)
    infinite = np.isinf(numbers)
    numbers = numbers[~(missing | infinite)]
    exact: Any = numbers
    if pd.api.types.is_integer_dtype(column.dtype):
        native: Any = column.dtype
        exact = column[~missing].to_numpy(dtype=getattr(native, "numpy_dtype", native))
    return ColumnValues(missing, infinite, numbers=numbers, exact=exact)


def _datetimes(column: pd.Series[Any], missing: Mask) -> ColumnValues:
    values = column[~missing]
    if values.dt.tz is not None:
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    moments = values.to_numpy()
    unit: Any = np.datetime_data(moments.dtype)[0]
    times = moments.astype(np.int64) / (np.timedelta64(1, "s") / np.timedelta64(1, unit))
    return ColumnValues(missing, np.zeros(len(column), dtype=bool), times=times)


def _objects(column: pd.Series[Any], missing: Mask, holds: str) -> ColumnValues:
    """Objects, texts, categories and whatever else pandas has no arithmetic for."""
    is_category = isinstance(column.dtype, pd.CategoricalDtype)
    rows = np.flatnonzero(~missing)
    if is_category:
        originals = column.cat.categories.tolist()
        places = column.cat.codes.to_numpy()[rows].tolist()
    else:
        originals = column[~missing].tolist()
        places = list(range(len(originals)))
    simple = [value if _is_simple(value) else None if is_too_large(value) else plain(value) for value in originals]
    _refuse_nested(originals, simple, rows if not is_category else None)
    infinite: Mask = np.zeros(len(column), dtype=bool)
    missing = missing.copy()
    if None in simple:
        for row, place in zip(rows.tolist(), places, strict=True):
            if simple[place] is None:
                (infinite if _is_infinite(originals[place]) else missing)[row] = True
        places = [place for place in places if simple[place] is not None]
    used = sorted(set(places)) if is_category else places
    values = [simple[place] for place in places]
    kinds = {type(simple[place]) for place in used}
    if kinds == {bool} or (not kinds and _is_boolean(column.dtype)):
        return ColumnValues(missing, infinite, booleans=np.array(values, dtype=bool), plain=values)
    if (kinds and kinds <= {int, float} and not is_category) or (not kinds and _is_quantity(column.dtype)):
        return ColumnValues(missing, infinite, numbers=np.array(values, dtype=np.float64), exact=values, plain=values)
    whole = originals if is_category and not used else [originals[place] for place in used]
    if _is_temporal_dtype(column.dtype) or (whole and all(_is_temporal(value) for value in whole)):
        by_place = {place: _seconds(originals[place]) for place in used}
        times = np.array([by_place[place] for place in places], dtype=np.float64)
        return ColumnValues(missing, infinite, times=times[np.isfinite(times)])
    precision = precision_of(str(column.dtype), holds)
    texts = {place: text_of(simple[place], precision) for place in used}
    return ColumnValues(missing, infinite, texts=[texts[place] for place in places], plain=values)


def _is_simple(value: Any) -> bool:
    return type(value) is bool or (type(value) is str and value.isascii() and len(value) < 1000)


def _refuse_nested(originals: list[Any], simple: list[Any], rows: Any) -> None:
    """Lists, dictionaries, arrays, and objects that an event has only a `repr` of."""
    samples = {type(value): value for value in originals}
    unknown = {kind for kind, value in samples.items() if not is_scalar(value)}
    if not unknown and {type(value) for value in simple}.isdisjoint((dict, list)):
        return
    for place, (original, value) in enumerate(zip(originals, simple, strict=True)):
        is_nested = isinstance(value, (dict, list))
        if is_nested or type(original) in unknown:
            where = "a category is" if rows is None else f"row {rows[place]} holds"
            raise ProfileError(f"{where} {_refusal(original, is_nested=is_nested)}")


def _refusal(value: Any, *, is_nested: bool) -> str:
    """What a value is, and what to do about it."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes that are no UTF-8 text: decode them, or drop the column"
    kind = type(value).__name__.removeprefix("nd")
    what = f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}, which is no single number, text, boolean or time"
    if is_nested:
        return f"{what}: give each element a column of its own, turn it into a text, or drop the column"
    return f"{what}: turn it into numbers or a text, or drop the column"


def _is_infinite(value: Any) -> bool:
    """Whether a value that JSON has no number for is an infinity or too large an integer, and not NaN."""
    return is_too_large(value) or (is_numeric(value) and bool(value == value) and bool(abs(value) == float("inf")))  # noqa: PLR0124 - NaN


def _is_boolean(dtype: Any) -> bool:
    return not isinstance(dtype, pd.CategoricalDtype) and bool(pd.api.types.is_bool_dtype(dtype))


def _is_quantity(dtype: Any) -> bool:
    """Whether only numbers or durations can be in a column."""
    return bool(pd.api.types.is_numeric_dtype(dtype)) or getattr(dtype, "kind", "O") == "m"


def _is_temporal_dtype(dtype: Any) -> bool:
    """Whether only times can be in a column, also where it has no values."""
    if isinstance(dtype, pd.PeriodDtype):
        return True
    return isinstance(dtype, pd.ArrowDtype) and dtype.kind == "M"


def _is_temporal(value: Any) -> bool:
    if isinstance(value, pd.Interval):
        return isinstance(value.left, pd.Timestamp)
    return is_iso_date(value) if isinstance(value, str) else isinstance(value, _TEMPORAL)


def _seconds(value: Any) -> float:
    """Seconds of a temporal value; NaN where they are out of reach."""
    if isinstance(value, pd.Interval):
        value = value.left
    try:
        if isinstance(value, pd.Period):
            value = value.start_time
        if isinstance(value, np.datetime64):
            return float(value.astype("datetime64[s]").astype(np.int64))
        return float(value.timestamp()) if isinstance(value, pd.Timestamp) else seconds(value)
    except (OverflowError, ValueError):
        return float("nan")
