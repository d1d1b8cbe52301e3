"""Learns a profile from a DataFrame. The redaction rules scan every value before it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mllog.errors import ProfileError
from mllog.profile._column import ColumnValues, Mask, inferred_dtype, read
from mllog.profile._describe import Described, describe
from mllog.profile._feature import Feature
from mllog.profile._values import harmless
from mllog.redaction import Redactor

Outputs = (
    pd.DataFrame
    | pd.Series
    | pd.Index
    | pd.api.extensions.ExtensionArray
    | np.ndarray[tuple[int, ...], np.dtype[Any]]
    | Sequence[Any]
)
"""What `learn` takes as outputs."""


def learn(
    frame: pd.DataFrame, outputs: Outputs | None, sensitive: tuple[str, ...], slices: tuple[str, ...]
) -> tuple[tuple[Feature, ...], tuple[Feature, ...], float, str]:
    """The input and output features, the share of rows that they would report as invalid, and the digest of the rules.

    Raises:
        ProfileError: the frame is empty, a name is not a column, or a column cannot be learnt.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ProfileError(
            f"learn() takes a pandas DataFrame, not {_type(frame)}: convert it, for example with"
            " pandas.DataFrame(...) or .to_pandas()"
        )
    answers = None if outputs is None else output_frame(outputs)
    _check(frame, answers, sensitive, slices)
    redactor = Redactor()
    invalid: Mask = np.zeros(len(frame), dtype=bool)
    inputs = []
    for name in frame.columns:
        feature, outside = _feature(name, frame[name], redactor, named=name in sensitive)
        inputs.append(feature)
        invalid |= outside
    columns = () if answers is None else answers.columns
    learnt = [_feature(name, answers[name], redactor, named=name in sensitive)[0] for name in columns]  # type: ignore[index]
    return tuple(inputs), tuple(learnt), float(invalid.mean()), redactor.digest


def output_frame(outputs: Outputs) -> pd.DataFrame:
    """Outputs as a frame, with the names that an event gives them.

    Args:
        outputs: a frame; a Series; an array or list of one value a row, or an array of several.

    Raises:
        ProfileError: it is none of them.

    Example:
        >>> output_frame(pd.Series([1, 2], name="late")).columns.tolist()
        ['late']
        >>> output_frame([0.1, 0.9]).columns.tolist(), output_frame(np.ones((2, 3))).columns.tolist()
        (['value'], ['value_0', 'value_1', 'value_2'])
    """
    if isinstance(outputs, pd.DataFrame):
        return outputs
    if isinstance(outputs, pd.Series):
        named = isinstance(outputs.name, str) and outputs.name.strip()
        return outputs.to_frame(outputs.name if named else "value")
    if isinstance(outputs, (pd.Index, pd.api.extensions.ExtensionArray)):
        return pd.DataFrame({"value": outputs})
    if isinstance(outputs, (list, tuple)) and not any(isinstance(row, (list, tuple, np.ndarray)) for row in outputs):
        return pd.DataFrame({"value": list(outputs)})
    try:
        array = np.asarray(outputs)
    except Exception as error:
        raise ProfileError(
            f"outputs: {type(outputs).__name__} is no table of one row for each input: give a DataFrame"
        ) from error
    if array.ndim == 1 and not array.dtype.names:
        return pd.DataFrame({"value": array})
    if array.ndim == 2:
        width = array.shape[1]
        return pd.DataFrame(array, columns=["value"] if width == 1 else [f"value_{place}" for place in range(width)])
    raise ProfileError(
        f"outputs: {type(outputs).__name__} of shape {array.shape} is no table of one row for each input: give a"
        " DataFrame, a Series or an array of one or two dimensions"
    )


def _check(
    frame: pd.DataFrame, outputs: pd.DataFrame | None, sensitive: tuple[str, ...], slices: tuple[str, ...]
) -> None:
    if frame.empty:
        raise ProfileError(
            "the training frame has no rows or no columns: learn from the frame that the model was trained on"
        )
    for part in (frame, outputs):
        if part is None:
            continue
        for name in part.columns:
            if not isinstance(name, str) or not name.strip() or not _is_unicode(name):
                raise ProfileError(
                    f"column {name!r}: a feature name must be a string that is not blank: rename it, for example with"
                    " frame.columns = [...]"
                )
        if not part.columns.is_unique:
            raise ProfileError(
                f"columns {sorted(set(part.columns[part.columns.duplicated()]))} occur twice: rename one of them"
            )
    if outputs is not None and len(outputs) != len(frame):
        raise ProfileError(f"{len(outputs)} rows of outputs for {len(frame)} rows of inputs")
    for what, names in (("sensitive", sensitive), ("slices", slices)):
        known = [*frame.columns, *(outputs.columns if outputs is not None else ())]
        for name in names:
            if name not in known:
                raise ProfileError(f"{what}: {name!r} is not a column of the frame")


def _type(value: object) -> str:
    """The type's name with its module, since polars has a DataFrame too."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _all_harmless(name: str, values: ColumnValues, redactor: Redactor) -> bool:
    """Whether all values under a sensitive name are such that the rules let them pass: flags and small counts."""
    distinct = values.distinct()
    return bool(distinct) and all(harmless(redactor, name, value) for value in distinct)


def _feature(name: str, column: pd.Series[Any], redactor: Redactor, *, named: bool) -> Described:
    """A feature of the inputs or outputs; the same rules hold for both.

    Args:
        name: of the column.
        column: its values.
        redactor: has the rules.
        named: the caller says that it is sensitive.
    """
    try:
        holds = inferred_dtype(column)
        values = read(column, holds)
        by_name = redactor.sensitive(name) and not _all_harmless(name, values, redactor)
        common = {"name": name, "dtype": str(column.dtype), "inferred_dtype": holds, "sensitive": named or by_name}
        return describe(common, values, redactor)
    except ProfileError as error:
        raise ProfileError(f"column {name!r}: {error}") from None
    except Exception as error:
        what = (str(error).splitlines() or [""])[0]
        raise ProfileError(
            f"column {name!r}: its values of type {column.dtype} cannot be learnt ({type(error).__name__}: {what}):"
            " convert it to numbers, booleans, times or text, or drop it"
        ) from error
