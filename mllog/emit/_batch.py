"""Many predictions at once: frames, columns, arrays and lists become rows without a loop over their cells."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mllog.emit._mapping import unique
from mllog.errors import must_propagate
from mllog.event._plain import Unreadable

Rows = list[Any]


def rows(values: Any, names: Sequence[str] = (), *, numbered: bool = False) -> Rows:
    """The rows of a batch: dictionaries where the columns have names, else one value each.

    Args:
        values: a frame or Series (pandas, Polars), an Arrow table or array, a mapping of columns, an array of one or
            two dimensions, a sparse matrix, or a list of rows.
        names: of the columns of an array.
        numbered: whether the columns of an array without names become `value_0`, `value_1` and so on.

    Raises:
        TypeError: it is no batch.
        ValueError: columns differ in length, or an array has other columns than `names`.

    Example:
        >>> rows({"delay": [1.5, 2.5], "carrier": ["UA", "AA"]})
        [{'delay': 1.5, 'carrier': 'UA'}, {'delay': 2.5, 'carrier': 'AA'}]
        >>> rows([0.1, 0.9])
        [0.1, 0.9]
    """
    found = _of_frame(values)
    if found is not None:
        return found
    if isinstance(values, Mapping):
        columns = [rows(column) for column in values.values()]
        return _named(list(values), columns, len(columns[0]) if columns else 0)
    shape = getattr(values, "shape", None)
    if callable(getattr(values, "toarray", None)) and isinstance(shape, tuple):  # scipy's sparse matrices
        return _of_matrix([row.toarray().ravel().tolist() for row in values], shape, names, numbered=True)
    if isinstance(shape, tuple) and not callable(getattr(values, "tolist", None)):
        values = values.__array__()  # jax, tensorflow
    if isinstance(shape, tuple):
        listed: Rows = values.tolist()
        if len(shape) == 1:
            return listed
        if len(shape) == 2:
            return _of_matrix(listed, shape, names, numbered=numbered)
        raise ValueError(f"an array of shape {shape} is no batch of rows")
    if isinstance(values, (list, tuple)):
        return list(values)
    raise TypeError(f"{type(values).__name__} is no batch: give a frame, columns, an array or a list of rows")


def _of_frame(values: Any) -> Rows | None:
    """The rows of a frame or a Series of pandas, Polars or Arrow; None for anything else."""
    pandas, polars, arrow = (sys.modules.get(name) for name in ("pandas", "polars", "pyarrow"))
    if pandas is not None:
        if isinstance(values, pandas.DataFrame):
            columns = [_cells(values.iloc[:, place]) for place in range(values.shape[1])]
            return _named(list(values.columns), columns, len(values))
        if isinstance(values, pandas.Series | pandas.Index):
            return _cells(values if isinstance(values, pandas.Series) else values.to_series())
        if isinstance(values, pandas.api.extensions.ExtensionArray):
            return _cells(pandas.Series(values))
    if polars is not None:
        if isinstance(values, polars.LazyFrame):
            values = values.collect()
        if isinstance(values, polars.DataFrame):
            return list(values.iter_rows(named=True))
        if isinstance(values, polars.Series):
            return list(values.to_list())
    if arrow is not None:
        if isinstance(values, arrow.Table | arrow.RecordBatch):
            return _named(values.schema.names, [column.to_pylist() for column in values.columns], values.num_rows)
        if isinstance(values, arrow.Array | arrow.ChunkedArray):
            return list(values.to_pylist())
    return None


def _of_matrix(listed: Rows, shape: tuple[int, ...], names: Sequence[str], *, numbered: bool) -> Rows:
    width = shape[-1]
    if len(names) == width:
        return [dict(zip(names, row, strict=True)) for row in listed]
    if width == 1:
        return [row[0] for row in listed]
    if numbered:
        names = [f"value_{place}" for place in range(width)]
        return [dict(zip(names, row, strict=True)) for row in listed]
    raise ValueError(f"an array of shape {shape} has no names for its columns")


def paired(
    inputs: Any, outputs: Any, ids: Any, names: Sequence[str], output_names: Sequence[str]
) -> list[tuple[Any, Any, Any]]:
    """Each row of the inputs with its answer and its id; `Unreadable` where there is not one of them for each row.

    Args:
        inputs: of the batch.
        outputs: one answer a row, or None.
        ids: one a row, or None.
        names: of the columns of an array of inputs.
        output_names: the same for outputs.

    Raises:
        TypeError, ValueError: the inputs are no batch, as for `rows`.

    Example:
        >>> paired([1.5, 2.5], [True, False], None, (), ())
        [(1.5, True, None), (2.5, False, None)]
    """
    input_rows = rows(inputs, names, numbered=True)
    count = len(input_rows)
    output_rows = [None] * count if outputs is None else _named_gaps(_fitting(outputs, output_names, count))
    id_rows = [None] * count if ids is None else _fitting(ids, (), count)
    return list(zip(input_rows, output_rows, id_rows, strict=True))


def _fitting(values: Any, names: Sequence[str], count: int) -> Rows:
    """The rows of an argument; `Unreadable` for each where there is not one for each row of the inputs."""
    try:
        found = rows(values, names, numbered=True)
        if len(found) == count:
            return found
        failure: BaseException = ValueError(f"{len(found)} for {count} rows")
    except BaseException as error:  # an object of the caller's may raise anything
        if must_propagate(error):
            raise
        failure = error
    return [Unreadable(failure)] * count


def _named_gaps(answers: Rows) -> Rows:
    """Answers of which a missing one has the names of the others, so that the event says what is missing."""
    names = next((answer for answer in answers if type(answer) is dict), ("value",))
    return [dict.fromkeys(names) if answer is None else answer for answer in answers]


def _cells(series: Any) -> Rows:
    """The values of a column as Python's own; what pandas calls missing is None."""
    missing = series.isna()
    cells: Rows = series.astype(object).where(~missing, None).tolist() if missing.any() else series.tolist()
    return cells


def _named(names: Sequence[Any], columns: Sequence[Rows], count: int) -> Rows:
    if not columns:
        return [{} for _ in range(count)]
    if len(set(names)) < len(names):
        names = list(unique(names, names))
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
