"""Features by name, out of whatever a service passes to its model: frames, arrays, dataclasses, numbers of numpy."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mllog.errors import must_propagate
from mllog.event._plain import Unreadable, fields_of, read, single

MOST_NAMES: Final = 10_000
"""Features of one call; more would slow the service down."""

MOST_OUTPUTS: Final = 64
"""Values of an unnamed output that become features of their own; a longer array is summarised."""


def mapping(values: Any, names: tuple[str, ...] = (), *, numbered: bool = False) -> dict[Any, Any]:
    """Features by name out of whatever a service passes to its model.

    What cannot be read is `Unreadable`, under its name where that is known, else under `value`.

    Args:
        values: a mapping, dataclass, named tuple, pydantic model, one-row frame (pandas, Polars, Arrow), Series,
            array, one-row matrix (dense or sparse) or sequence (with `names`), or a scalar, which is called `value`.
        names: names for the values of an array, in order.
        numbered: whether a short array without names becomes `value_0`, `value_1` and so on.

    Example:
        >>> mapping([1.5, "UA"], names=("delay", "carrier"))
        {'delay': 1.5, 'carrier': 'UA'}
        >>> mapping(0.25), mapping([[0.1, 0.9]], numbered=True)
        ({'value': 0.25}, {'value_0': 0.1, 'value_1': 0.9})
    """
    if type(values) is dict:
        return values
    if values is None:
        return {}
    try:
        return _mapping(values, names, numbered=numbered)
    except BaseException as error:
        if must_propagate(error):
            raise
        return {"value": Unreadable(error)}


def _mapping(values: Any, names: tuple[str, ...], *, numbered: bool) -> dict[Any, Any]:
    if isinstance(values, Mapping):
        return _items(values)
    row = _frame_row(values, names)
    if row is not None:
        return row
    kind = type(values)
    if getattr(kind, "__pydantic_root_model__", False):
        return mapping(read(values, "root"), names, numbered=numbered)
    fields = fields_of(values)
    if fields is not None:
        return _of_itertuples(fields, names) if kind.__name__ == "Pandas" and isinstance(values, tuple) else fields
    if callable(getattr(kind, "model_dump", None)):
        return dict(values.model_dump())
    cells = _cells(values)
    if cells is None:
        return {"value": single(values)}
    if len(cells) == len(names):
        return dict(zip(names, cells, strict=True))
    if len(cells) == 1:
        return {"value": cells[0]}
    if (
        numbered
        and len(cells) <= MOST_OUTPUTS
        and not any(isinstance(cell, Sequence | Mapping) and type(cell) is not str for cell in cells)
    ):
        return {f"value_{place}": cell for place, cell in enumerate(cells)}
    return {"value": values}


def _items(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """The items of a mapping that is no plain dictionary: it may be endless, and each item may fail by itself."""
    if isinstance(values, dict):
        try:
            return dict(itertools.islice(values.items(), MOST_NAMES + 1))
        except BaseException as error:
            if must_propagate(error):
                raise
            return dict(itertools.islice(dict.items(values), MOST_NAMES + 1))
    found: dict[Any, Any] = {}
    keys = itertools.islice(iter(values), MOST_NAMES + 1)
    while True:
        try:
            key = next(keys)
        except StopIteration:
            return found
        except BaseException as error:
            if must_propagate(error):
                raise
            found.setdefault("value", Unreadable(error))
            return found
        try:
            found[key] = values[key]
        except BaseException as error:
            if must_propagate(error):
                raise
            found[key] = Unreadable(error)


def _of_itertuples(fields: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """A row of `DataFrame.itertuples`: without the frame's index, and under the names that are no identifiers.

    pandas calls such a column by its place in the row, `_2`. It gets its name back where the columns are those of
    the profile, in the same order.
    """
    first = int(bool(names) and next(iter(fields), None) == "Index" and "Index" not in names)
    columns = list(fields.items())[first:]
    if len(columns) == len(names) and all(
        field in (name, f"_{place}") for place, ((field, _), name) in enumerate(zip(columns, names, strict=True), first)
    ):
        return dict(zip(names, (value for _, value in columns), strict=True))
    return dict(columns)


def _frame_row(values: Any, names: tuple[str, ...]) -> dict[Any, Any] | None:
    """The one row of a frame, or a Series as a row; None where it is neither, or has another number of rows."""
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        if isinstance(values, pandas.DataFrame):
            if len(values) != 1:  # many rows are no one prediction: summarised
                return {"value": values}
            try:
                row = values.iloc[0]
            except Exception:  # noqa: BLE001 - Arrow makes no row of a large integer beside a fraction
                row = pandas.Series([column.array[0] for _, column in values.items()], values.columns, dtype=object)
            if row.dtype != object:  # numbers only: of an integer beside a fraction `iloc` has made a float
                cells = values.to_numpy(dtype=object)[0].tolist()
                return _none_for_missing(row.index.tolist(), cells, row, pandas)
            values = row
        if isinstance(values, pandas.Series):
            if len(values) == 1 and isinstance(values.index, pandas.RangeIndex):  # the index names nothing
                name = names[0] if len(names) == 1 else "value"
                return _none_for_missing([name], list(values.array), values, pandas)
            return _none_for_missing(values.index.tolist(), list(values.array), values, pandas)
    polars = sys.modules.get("polars")
    if polars is not None:
        if isinstance(values, polars.LazyFrame):
            return {"value": repr(type(values))}
        if isinstance(values, polars.DataFrame):
            return dict(zip(values.columns, values.row(0), strict=True)) if values.height == 1 else {"value": values}
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(values, arrow.Table | arrow.RecordBatch):
        if values.num_rows != 1:
            return {"value": f"[{type(values).__name__}: {values.num_rows} rows]"}
        return unique(values.schema.names, [column[0].as_py() for column in values.columns])
    return None


def _cells(values: Any) -> Sequence[Any] | None:
    """The values of one row: of a sequence, an array, or a matrix of one row; None where it is none of them."""
    kind = type(values)
    if kind in (list, tuple):
        if len(values) == 1 and isinstance(values[0], list | tuple):
            return values[0]
        return values  # type: ignore[no-any-return]
    shape = getattr(values, "shape", None)
    if callable(getattr(kind, "toarray", None)) and isinstance(shape, tuple):  # scipy's sparse matrices
        if len(shape) == 1 or (len(shape) == 2 and shape[0] == 1 and shape[1] <= MOST_NAMES):
            return values.toarray().ravel().tolist()  # type: ignore[no-any-return]
        return None
    pandas, polars, arrow = (sys.modules.get(name) for name in ("pandas", "polars", "pyarrow"))
    if pandas is not None and isinstance(values, pandas.api.extensions.ExtensionArray):
        gaps = pandas.isna(values)
        return (
            [None if gone else cell for cell, gone in zip(values, gaps, strict=True)]
            if len(gaps) <= MOST_NAMES
            else None
        )
    if polars is not None and isinstance(values, polars.Series):
        return values.to_list() if len(values) <= MOST_NAMES else None
    if arrow is not None and isinstance(values, arrow.Array | arrow.ChunkedArray):
        return values.to_pylist() if len(values) <= MOST_NAMES else None
    if not callable(getattr(kind, "__array__", None)) or not isinstance(shape, tuple):
        return None
    if len(shape) == 1 or (len(shape) == 2 and shape[0] == 1):
        if shape[-1] > MOST_NAMES:
            return None
        array = values if callable(getattr(values, "tolist", None)) and hasattr(values, "mask") else values.__array__()
        return array.reshape(-1).tolist()  # type: ignore[no-any-return]
    return None


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


def unique(names: Iterable[Any], cells: Iterable[Any]) -> dict[Any, Any]:
    """Cells by name; a name that comes again is numbered, so that no value is lost.

    Example:
        >>> unique(["a", "a", "b"], [1, 2, 3])
        {'a': 1, 'a_2': 2, 'b': 3}
    """
    names = list(names)
    taken = set(names)
    if len(taken) == len(names):
        return dict(zip(names, cells, strict=True))
    found: dict[Any, Any] = {}
    for name, cell in zip(names, cells, strict=True):
        found[free_name(name, found, taken) if name in found else name] = cell
    return found


def free_name(name: Any, used: Iterable[Any], taken: Iterable[Any] = ()) -> str:
    """A name with the first number behind it that is not in use."""
    return next(
        text for text in (f"{name}_{number}" for number in itertools.count(2)) if text not in used and text not in taken
    )


def _none_for_missing(names: list[Any], cells: list[Any], values: Any, pandas: Any) -> dict[Any, Any]:
    """A row of pandas, for whom NaN, NaT and NA are how to say missing."""
    missing = pandas.isna(values.to_numpy())
    if missing.any():
        cells = [None if gone else cell for cell, gone in zip(cells, missing, strict=True)]
    return unique(names, cells)
