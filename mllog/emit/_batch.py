"""Many predictions at once: frames, columns, arrays and lists become rows without a loop over their cells."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

Rows = list[Any]


def rows(values: Any, names: Sequence[str] = ()) -> Rows:
    """The rows of a batch: dictionaries where the columns have names, else one value each.

    Args:
        values: a DataFrame, a Series, a mapping of columns, an array of one or two dimensions, or a list of rows.
        names: of the columns of an array.

    Raises:
        TypeError: it is no batch.
        ValueError: columns differ in length, or an array has other columns than `names`.

    Example:
        >>> rows({"delay": [1.5, 2.5], "carrier": ["UA", "AA"]})
        [{'delay': 1.5, 'carrier': 'UA'}, {'delay': 2.5, 'carrier': 'AA'}]
        >>> rows([0.1, 0.9])
        [0.1, 0.9]
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        if isinstance(values, pandas.DataFrame):
            columns = [_cells(values.iloc[:, place]) for place in range(values.shape[1])]
            return _named(list(values.columns), columns, len(values))
        if isinstance(values, pandas.Series):
            return _cells(values)
    if isinstance(values, Mapping):
        columns = [rows(column) for column in values.values()]
        return _named(list(values), columns, len(columns[0]) if columns else 0)
    dimensions = getattr(values, "ndim", None)
    if dimensions is not None and callable(getattr(values, "tolist", None)):
        listed: Rows = values.tolist()
        if dimensions == 1:
            return listed
        if dimensions == 2 and len(names) == values.shape[1]:
            return [dict(zip(names, row, strict=True)) for row in listed]
        raise ValueError(f"an array of shape {values.shape} has no names for its columns")
    if isinstance(values, (list, tuple)):
        return list(values)
    raise TypeError(f"{type(values).__name__} is no batch: give a frame, columns, an array or a list of rows")


def paired(
    inputs: Any, outputs: Any, ids: Sequence[str] | None, names: Sequence[str]
) -> list[tuple[Any, Any, str | None]]:
    """Each row of the inputs with its answer and its id; None where there are none.

    Raises:
        TypeError, ValueError: as for `rows`, or they differ in number.
    """
    input_rows = rows(inputs, names)
    nothing = [None] * len(input_rows)
    output_values = nothing if outputs is None else rows(outputs)
    return list(zip(input_rows, output_values, nothing if ids is None else ids, strict=True))


def _cells(series: Any) -> Rows:
    """The values of a column as Python's own; what pandas calls missing is None."""
    missing = series.isna()
    cells: Rows = series.astype(object).where(~missing, None).tolist() if missing.any() else series.tolist()
    return cells


def _named(names: Sequence[Any], columns: Sequence[Rows], count: int) -> Rows:
    if not columns:
        return [{} for _ in range(count)]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
