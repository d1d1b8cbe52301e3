"""Features by name, out of whatever a service passes to its model: frames, arrays, dataclasses, numbers of numpy."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Mapping
from typing import Any, Final

MOST_NAMES: Final = 10_000
"""Features of one call; more would slow the service down."""


def mapping(values: Any, names: tuple[str, ...] = ()) -> dict[Any, Any]:
    """Features by name out of whatever a service passes to its model.

    Args:
        values: a mapping, dataclass, named tuple, pydantic model, one-row DataFrame, Series, array or
            sequence (with `names`), or a scalar, which is called `value`.
        names: names for the values of an array, in order.

    Example:
        >>> mapping([1.5, "UA"], names=("delay", "carrier"))
        {'delay': 1.5, 'carrier': 'UA'}
        >>> mapping(0.25)
        {'value': 0.25}
    """
    if isinstance(values, Mapping):  # one that is no dictionary may have any number of items, whatever it says
        return values if type(values) is dict else dict(itertools.islice(values.items(), MOST_NAMES + 1))
    if values is None:
        return {}
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        if isinstance(values, pandas.DataFrame):
            if len(values) != 1:  # many rows are no one prediction: summarised
                return {"value": values}
            row = values.iloc[0]
            if row.dtype != object:  # numbers only: of an integer beside a fraction `iloc` has made a float
                cells = values.to_numpy(dtype=object)[0].tolist()
                return _none_for_missing(dict(zip(row.index.tolist(), cells, strict=True)), row, pandas)
            values = row
        if isinstance(values, pandas.Series):
            return _none_for_missing(values.to_dict(), values, pandas)
    kind = type(values)
    if callable(getattr(kind, "model_dump", None)):
        return dict(values.model_dump())
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(values, name) for name in kind.__dataclass_fields__}
    if callable(getattr(kind, "_asdict", None)):
        return dict(values._asdict())
    if callable(getattr(kind, "__array__", None)) and getattr(values, "ndim", 0) == 1:
        values = values.__array__().ravel().tolist()
        kind = list
    if kind in (list, tuple):
        if len(values) == len(names):
            return dict(zip(names, values, strict=True))
        return {"value": values[0] if len(values) == 1 else values}
    return {"value": values}


def native(values: Any) -> Any:
    """A scalar of numpy, or those in a dictionary, as Python's own number, which compiled code takes.

    Example:
        >>> import numpy as np
        >>> native(np.float32(0.5)), native({"legs": np.int64(2), "carrier": "UA"})
        (0.5, {'legs': 2, 'carrier': 'UA'})
    """
    if "numpy" not in sys.modules:
        return values
    numbers = _numpy_numbers()
    if type(values) in numbers:
        return values.item()
    if type(values) is not dict or numbers.isdisjoint(map(type, values.values())):
        return values
    return {name: value.item() if type(value) in numbers else value for name, value in values.items()}


@functools.lru_cache(1)
def _numpy_numbers() -> frozenset[type]:
    """The types of numpy whose values are numbers or booleans of Python."""
    numpy = sys.modules["numpy"]
    numbers = [kind for kind in numpy.sctypeDict.values() if numpy.dtype(kind).kind in "biuf"]
    return frozenset(kind for kind in numbers if kind is not numpy.longdouble)  # of which `item` makes the same


def _none_for_missing(row: dict[Any, Any], values: Any, pandas: Any) -> dict[Any, Any]:
    """A row of pandas, for whom NaN, NaT and NA are how to say missing."""
    missing = pandas.isna(values.to_numpy())
    if not missing.any():
        return row
    if len(row) != len(missing):  # a name comes twice
        return {name: None if pandas.api.types.is_scalar(v) and pandas.isna(v) else v for name, v in row.items()}
    return {name: None if gone else value for (name, value), gone in zip(row.items(), missing, strict=True)}
