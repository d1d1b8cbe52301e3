"""Writes exports to files in parts, so that memory does not grow with the number of events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from mllog._files import replacing
from mllog.errors import ConfigurationError, MissingExtraError
from mllog.export._columns import Column
from mllog.export._convert import dtype_of
from mllog.export._export import Export, Progress
from mllog.export._frame import series

ROWS: Final = 10_000
"""Rows of a row group, and rows in memory."""

_OF_OBJECTS: Final = {
    "integer": "Int64",
    "floating": "float64",
    "float32": "float32",
    "float16": "float16",
    "boolean": "boolean",
    "datetime": "datetime64[us]",
    "datetime64": "datetime64[us]",
    "Timestamp": "datetime64[us]",
}
_OF_CATEGORIES: Final = ("", "integer", "floating", "boolean")


def write(export: Export, out: Path, *, seen: Progress = lambda _: None) -> int:
    """Write the events to a `.parquet` or `.csv` file, atomically; returns how many there are.

    Columns of objects are written in the type of their values, or as text.

    Args:
        export: what to export; its `lost` counts the values that are not as they were sent.
        out: the file; an existing one is replaced.
        seen: called after each part with its number of events.

    Raises:
        ConfigurationError: the file cannot be written, or is neither Parquet nor CSV.
        MissingExtraError: Parquet needs pyarrow.
        StoreError: the store cannot be read.
    """
    writer = {".parquet": _parquet, ".csv": _csv}.get(out.suffix.lower())
    if writer is None:
        raise ConfigurationError(f"{out}: exports are written as .parquet or .csv")
    columns = [_writable(column) for column in export.columns()]
    try:
        with replacing(out, suffix=".part") as partial:
            return writer(partial, _frames(export, columns, seen), columns)
    except OSError as error:
        raise ConfigurationError(f"{out}: cannot be written: {error.strerror or error}") from error


def _writable(column: Column) -> Column:
    """Objects in the type of their values, and texts for what only pandas has: files have neither."""
    dtype = column.dtype
    if dtype == "category":
        if column.inferred_dtype in _OF_CATEGORIES:
            return column
        dtype = _OF_OBJECTS.get(column.inferred_dtype, column.inferred_dtype)
        if dtype_of(dtype) is None:  # dates, decimals and the like: categories of text
            return replace(column, inferred_dtype="")
    if dtype == "object":
        dtype = _OF_OBJECTS.get(column.inferred_dtype, "str")
    found = dtype_of(dtype)
    if isinstance(found, pd.SparseDtype):
        dtype = str(found.subtype)
    elif found is None or isinstance(found, (pd.PeriodDtype, pd.IntervalDtype)):
        dtype = "str"
    elif found == np.longdouble:
        dtype = "float64"
    return replace(column, dtype=dtype)


def _frames(export: Export, columns: list[Column], seen: Progress) -> Iterator[pd.DataFrame]:
    for page in export.pages(columns, ROWS, seen):
        yield pd.DataFrame({c.name: series(c, values, export.lost) for c, values in zip(columns, page, strict=True)})


def _csv(path: Path, frames: Iterator[pd.DataFrame], columns: list[Column]) -> int:
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        pd.DataFrame(columns=[column.name for column in columns]).to_csv(file, index=False)
        for frame in frames:
            frame.to_csv(file, index=False, header=False)
            rows += len(frame)
    return rows


def _parquet(path: Path, frames: Iterator[pd.DataFrame], columns: list[Column]) -> int:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415 - the same
    except ModuleNotFoundError as error:
        raise MissingExtraError("Parquet", "parquet") from error
    from mllog.export._columns import Unrestored  # noqa: PLC0415 - only here

    empty = pd.DataFrame({column.name: series(column, [], Unrestored()) for column in columns})
    schema = pa.Schema.from_pandas(empty, preserve_index=False)
    for place, column in enumerate(columns):
        if column.dtype == "category":
            values: Any = {"integer": pa.int64(), "floating": pa.float64(), "boolean": pa.bool_()}
            kind = pa.dictionary(pa.int32(), values.get(column.inferred_dtype, pa.string()))
            schema = schema.set(place, pa.field(column.name, kind))
    rows = 0
    with pq.ParquetWriter(path, schema) as writer:
        for frame in frames:
            writer.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False))
            rows += len(frame)
    return rows
