"""Columns of every dtype that a training frame may have, as strategies of hypothesis."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

ROWS = 6
Build = Callable[[list[Any]], pd.Series]


class Cabin(enum.Enum):
    """An enumeration of texts."""

    ECONOMY = "economy"
    FIRST = "first"


class Level(enum.IntEnum):
    """An enumeration of numbers."""

    LOW = 1
    HIGH = 7


def typed(dtype: Any) -> Build:
    """A Series of this dtype."""
    return lambda values: pd.Series(values, dtype=dtype)


def arrow(kind: Any) -> Build:
    """A Series on Arrow."""
    return typed(pd.ArrowDtype(kind))


def categorical(build: Build) -> Build:
    """A category of the values of another dtype."""
    return lambda values: build(values).astype("category")


def sparse(fill: Any) -> Build:
    """A sparse Series."""
    return lambda values: pd.Series(pd.arrays.SparseArray(values, fill_value=fill))


objects = typed(object)


def of(values: st.SearchStrategy[Any], build: Build, *, gaps: bool = True) -> st.SearchStrategy[pd.Series]:
    """Columns of these values, with gaps where the dtype has them."""
    cells = st.one_of(values, values, values, st.none()) if gaps else values
    return st.lists(cells, min_size=ROWS, max_size=ROWS).map(build)


def whole(dtype: str) -> st.SearchStrategy[int]:
    """Integers of a dtype; its ends often."""
    bounds = np.iinfo(dtype)
    low, high = int(bounds.min), int(bounds.max)
    near = [value for value in (low, low + 1, high - 1, high, 2**53, 2**53 + 1, 0, 1, 2) if low <= value <= high]
    return st.integers(low, high) | st.sampled_from(near)


def fractions(width: int) -> st.SearchStrategy[float]:
    """Floats of a width, NaN and infinities too, and those that decimals only come near."""
    common = st.sampled_from([0.1, 0.3, 0.7, 0.9, -2.7]).map(
        lambda value: float(np.dtype(f"f{width // 8}").type(value))
    )
    return st.floats(width=width) | common  # type: ignore[arg-type]


MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))
AWARE = st.datetimes(
    dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.timezone(dt.timedelta(hours=2)))
)
ANY_MOMENTS = st.datetimes() | AWARE | st.dates()
SPANS = st.timedeltas(dt.timedelta(days=-40_000), dt.timedelta(days=40_000))
DECIMALS = st.decimals(allow_nan=False, places=2, min_value=-(10**20), max_value=10**20) | st.decimals()
TEXTS = st.text(max_size=12) | st.sampled_from(["UA", "AA", "1", "1.0", "True", "", "two words", "a" * 256])
NUMBERS = st.integers(-5, 5) | st.sampled_from([0.5, 1.0, 2.0, -0.0, 0.1])
MIXED = st.one_of(NUMBERS, TEXTS, st.booleans(), st.dates(), DECIMALS, st.sampled_from(Cabin), SPANS)
SURROGATES = st.text(st.characters(), max_size=5)

COLUMNS: Final[dict[str, st.SearchStrategy[pd.Series]]] = {
    **{name: of(whole(name), typed(name), gaps=False) for name in ("int8", "int32", "int64", "uint8", "uint64")},
    **{name: of(whole(name.lower()), typed(name)) for name in ("Int8", "Int64", "UInt64")},
    "int64[pyarrow]": of(whole("int64"), arrow(pa.int64())),
    "uint64[pyarrow]": of(whole("uint64"), arrow(pa.uint64())),
    **{f"float{width}": of(fractions(width), typed(f"float{width}")) for width in (16, 32, 64)},
    "Float32": of(fractions(32), typed("Float32")),
    "Float64": of(fractions(64), typed("Float64")),
    "longdouble": of(fractions(64), typed("longdouble")),
    "float[pyarrow]": of(fractions(32), arrow(pa.float32())),
    "double[pyarrow]": of(fractions(64), arrow(pa.float64())),
    "bool": of(st.booleans(), typed("bool"), gaps=False),
    "boolean": of(st.booleans(), typed("boolean")),
    "bool[pyarrow]": of(st.booleans(), arrow(pa.bool_())),
    "object of bool": of(st.booleans(), objects),
    "str": of(TEXTS, typed("str")),
    "string": of(TEXTS, typed("string")),
    "string[pyarrow]": of(TEXTS, arrow(pa.string())),
    "object of str": of(TEXTS, objects),
    "object of surrogates": of(SURROGATES, objects),
    "long text": of(TEXTS | st.text(min_size=257, max_size=400), objects),
    "iso dates": of(st.dates().map(str) | st.datetimes().map(str), typed("str")),
    **{f"datetime64[{unit}]": of(MOMENTS, typed(f"datetime64[{unit}]")) for unit in ("s", "ms", "us", "ns")},
    "datetime64[us, zone]": of(
        AWARE, lambda values: pd.Series(pd.to_datetime(values, utc=True)).dt.tz_convert("Europe/Prague")
    ),
    "timestamp[pyarrow]": of(MOMENTS, arrow(pa.timestamp("us"))),
    "timestamp[zone][pyarrow]": of(AWARE, arrow(pa.timestamp("us", "UTC"))),
    "date32[pyarrow]": of(st.dates(), arrow(pa.date32())),
    "time64[pyarrow]": of(st.times(), arrow(pa.time64("us"))),
    "object of datetime": of(ANY_MOMENTS, objects),
    "object of Timestamp": of(MOMENTS.map(pd.Timestamp), objects),
    "object of datetime64": of(MOMENTS.map(lambda value: np.datetime64(value, "ns")), objects),
    "object of time": of(st.times(), objects),
    **{f"timedelta64[{unit}]": of(SPANS, typed(f"timedelta64[{unit}]")) for unit in ("s", "us", "ns")},
    "duration[pyarrow]": of(SPANS, arrow(pa.duration("us"))),
    "object of timedelta": of(SPANS, objects),
    "object of timedelta64": of(SPANS.map(lambda value: np.timedelta64(value, "us")), objects),
    "object of Decimal": of(DECIMALS, objects),
    "decimal128[pyarrow]": of(
        st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-9999, max_value=9999),
        arrow(pa.decimal128(8, 2)),
    ),
    "object of int": of(st.integers() | st.sampled_from([2**53 + 1, 2**63, 2**64, 2**70 + 1, 10**400]), objects),
    "object of float32": of(fractions(32).map(np.float32), objects),
    "object of Enum": of(st.sampled_from(Cabin), objects),
    "object of IntEnum": of(st.sampled_from(Level), objects),
    "object of bytes": of(st.binary(max_size=6), objects),
    "binary[pyarrow]": of(st.text(max_size=6).map(str.encode), arrow(pa.binary())),
    "object of UUID": of(st.uuids(), objects),
    "object of anything": of(MIXED, objects),
    **{
        f"period[{freq}]": of(MOMENTS, lambda values, freq=freq: pd.Series(pd.to_datetime(values)).dt.to_period(freq))
        for freq in ("Y", "Q", "M", "W", "D", "h")
    },
    "interval": of(
        st.integers(0, 5),
        lambda values: pd.Series(
            pd.arrays.IntervalArray.from_tuples([None if value is None else (value, value + 1) for value in values])
        ),
    ),
    "interval of datetimes": of(
        st.integers(0, 5),
        lambda values: pd.Series(
            pd.arrays.IntervalArray.from_tuples(
                [
                    None if value is None else (pd.Timestamp(value, unit="D"), pd.Timestamp(value + 1, unit="D"))
                    for value in values
                ]
            )
        ),
    ),
    "complex128": of(st.complex_numbers(), typed("complex128")),
    "object of tuple": of(st.tuples(st.integers(), st.text()), objects),
    "object of list": of(st.lists(st.integers()), objects),
    "object of dict": of(st.dictionaries(st.text(), st.integers()), objects),
    "list[pyarrow]": of(st.lists(st.integers(0, 9)), arrow(pa.list_(pa.int64()))),
    "Sparse[int]": of(whole("int64"), sparse(0), gaps=False),
    "Sparse[float]": of(fractions(64), lambda values: sparse(np.nan)(np.array(values, dtype=float))),
    "Sparse[bool]": of(st.booleans(), sparse(fill=False), gaps=False),
    "category of str": of(TEXTS, categorical(typed("str"))),
    "category of int": of(whole("int64"), categorical(typed("Int64"))),
    "category of int64": of(st.integers(-3, 3), categorical(typed("int64")), gaps=False),
    "category of float": of(fractions(64), categorical(typed("float64"))),
    "category of float32": of(fractions(32), categorical(typed("float32"))),
    "category of bool": of(st.booleans(), categorical(objects)),
    "category of datetime": of(MOMENTS, categorical(typed("datetime64[us]"))),
    "category of date": of(st.dates(), categorical(objects)),
    "category of Decimal": of(DECIMALS.filter(lambda value: not value.is_snan()), categorical(objects)),
    "category of Interval": of(
        st.integers(0, 99), lambda values: pd.cut(pd.Series(values, dtype="float64"), [0, 10, 50, 99])
    ),
    "category of Period": of(MOMENTS, categorical(lambda values: pd.Series(pd.to_datetime(values)).dt.to_period("M"))),
    "category of bytes": of(st.text(max_size=6).map(str.encode), categorical(objects)),
    "category of Arrow": of(whole("int64"), categorical(arrow(pa.int64()))),
    "category of mixed": of(st.integers(-3, 3) | st.text(max_size=3) | st.booleans(), categorical(objects)),
    **{
        f"missing {name}": of(st.none(), typed(name))
        for name in (
            "object",
            "float64",
            "Int64",
            "boolean",
            "str",
            "string",
            "category",
            "datetime64[ns]",
            "timedelta64[ns]",
            "period[M]",
            "interval[float64, right]",
            "null[pyarrow]",
            "date32[day][pyarrow]",
            "bool[pyarrow]",
            "duration[us][pyarrow]",
        )
    },
}
