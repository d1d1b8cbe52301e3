"""Learns a profile from a DataFrame. The redaction rules scan every value before it is kept."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from mllog.emit._shape import CATEGORY_LENGTH
from mllog.errors import ProfileError
from mllog.profile._bins import Bins
from mllog.profile._feature import Feature
from mllog.redaction import Redactor

QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
CATEGORIES: Final = 1000
"""With more distinct values than this, the feature is not `complete`, and only its head is kept."""

HEAD: Final = 100
RARE: Final = 10
"""Values that occur fewer times could identify a person: they are pooled."""

COVERED: Final = 0.9
"""Least share of rows that the listed categories must cover for an unlisted one to be noteworthy."""

_IDENTIFIER: Final = 10**8
_WORDS: Final = 3
_DIGITS: Final = 3

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


def learn(
    frame: pd.DataFrame, outputs: pd.DataFrame | None, sensitive: tuple[str, ...], slices: tuple[str, ...]
) -> tuple[tuple[Feature, ...], tuple[Feature, ...], float, str]:
    """The input and output features, the share of rows that they would report as invalid, and the digest of the rules.

    Raises:
        ProfileError: the frame is empty, or a name is not a column.
    """
    _check(frame, outputs, sensitive, slices)
    redactor = Redactor()
    invalid: Mask = np.zeros(len(frame), dtype=bool)
    inputs = []
    for name in frame.columns:
        feature, outside = _feature(name, frame[name], name in sensitive or redactor.sensitive(name), redactor)
        inputs.append(feature)
        invalid |= outside
    learnt = [] if outputs is None else [_feature(n, outputs[n], n in sensitive, redactor)[0] for n in outputs.columns]
    return tuple(inputs), tuple(learnt), float(invalid.mean()), redactor.digest


def _check(
    frame: pd.DataFrame, outputs: pd.DataFrame | None, sensitive: tuple[str, ...], slices: tuple[str, ...]
) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise ProfileError(f"learn() takes a pandas DataFrame, not {type(frame).__name__}")
    if frame.empty:
        raise ProfileError(
            "the training frame has no rows or no columns: learn from the frame that the model was trained on"
        )
    for part in (frame, outputs):
        if part is None:
            continue
        for name in part.columns:
            if not isinstance(name, str) or not name.strip():
                raise ProfileError(f"column {name!r}: a feature name must be a string that is not blank")
        if not part.columns.is_unique:
            raise ProfileError(
                f"columns {sorted(part.columns[part.columns.duplicated()])} occur twice: rename one of them"
            )
    if outputs is not None and len(outputs) != len(frame):
        raise ProfileError(f"{len(outputs)} rows of outputs for {len(frame)} rows of inputs")
    for what, names in (("sensitive", sensitive), ("slices", slices)):
        known = [*frame.columns, *(outputs.columns if outputs is not None else ())]
        for name in names:
            if name not in known:
                raise ProfileError(f"{what}: {name!r} is not a column of the frame")


def _feature(name: str, column: pd.Series[Any], sensitive: bool, redactor: Redactor) -> tuple[Feature, Mask]:
    """A feature, and the rows that its own validation would reject."""
    missing: Mask = column.isna().to_numpy(dtype=bool)
    common: dict[str, Any] = {
        "name": name,
        "dtype": str(column.dtype),
        "inferred_dtype": _inferred_dtype(column),
        "count": int((~missing).sum()),
        "missing": int(missing.sum()),
        "sensitive": sensitive,
    }
    values = column[~missing]
    if len(values) and all(isinstance(value, (bool, np.bool_)) for value in values.unique()):
        true = int(values.astype(bool).sum())
        return Feature(**common, type="boolean", true=true, false=len(values) - true), np.zeros(len(column), dtype=bool)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_complex_dtype(values):
        return _number(common, column, missing, redactor)
    return _strings(common, column, missing, redactor)


def _number(common: dict[str, Any], column: pd.Series[Any], missing: Mask, redactor: Redactor) -> tuple[Feature, Mask]:
    numbers: Numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    outside = ~missing & ~np.isfinite(numbers)
    values = numbers[np.isfinite(numbers)]
    integer = bool(np.equal(np.mod(values, 1), 0).all()) if len(values) else False
    clean = True
    if integer and len(values) and np.abs(values).max() >= _IDENTIFIER:
        large = np.unique(values[np.abs(values) >= _IDENTIFIER])
        clean = not any(redactor.integer(int(value)) for value in large)
    if not len(values):
        return Feature(**common, type="number", integer=integer, clean=clean), outside
    with np.errstate(over="ignore", invalid="ignore"):  # values near the limits of a double
        mean, std = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
        quantiles = np.quantile(values, QUANTILES)
        bins = Bins.learn(values, integer=integer)
    low, high = float(values.min()), float(values.max())
    if common["sensitive"] or not clean:  # any figure could be the value of one person: only rounded quantiles are kept
        common["sensitive"] = True
        quantiles = np.array([_rounded(float(quantile)) for quantile in quantiles])
        low, high = float(quantiles[0]), float(quantiles[-1])
        bins = Bins((low, float(np.nextafter(high, np.inf))), (len(values),))
        outside |= np.isfinite(numbers) & ((numbers < low) | (numbers > high))
    feature = Feature(
        **common,
        type="number",
        clean=clean,
        integer=integer,
        min=low,
        max=high,
        mean=_finite(mean),
        std=_finite(std),
        zero=int((values == 0).sum()),
        quantiles={str(p): float(q) for p, q in zip(QUANTILES, quantiles, strict=True) if np.isfinite(q)},
        edges=bins.edges,
        counts=bins.counts,
    )
    return feature, outside


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _strings(common: dict[str, Any], column: pd.Series[Any], missing: Mask, redactor: Redactor) -> tuple[Feature, Mask]:
    texts = column[~missing].map(_as_text)
    tally = texts.value_counts()
    accepted: Mask = np.zeros(len(column), dtype=bool)
    clean = not any(redactor.text(str(value))[1] for value in tally.index)
    if _is_text(tally):
        lengths = texts.str.len()
        length = {"min": float(lengths.min()), "max": float(lengths.max()), "mean": float(lengths.mean())}
        return Feature(**common, type="text", clean=clean, length=length), accepted
    complete = len(tally) <= CATEGORIES
    listed = tally[tally >= RARE].sort_index().sort_values(ascending=False, kind="stable")
    if not complete:
        listed = listed.head(HEAD)
    if common["sensitive"]:
        listed, complete = listed.head(0), False
    categories = tuple((str(v), int(n)) for v, n in listed.items() if not redactor.text(str(v))[1])
    kept = sum(n for _, n in categories)
    complete = complete and kept >= COVERED * len(texts)
    feature = Feature(
        **common,
        type="category",
        clean=clean,
        distinct=len(tally),
        categories=categories,
        other=int(tally.sum()) - kept,
        complete=complete,
    )
    if not complete:
        return feature, accepted
    known = {value for value, _ in categories}
    outside = accepted.copy()
    outside[~missing] = ~texts.isin(known).to_numpy()
    return feature, outside


def _inferred_dtype(column: pd.Series[Any]) -> str:
    """The type of the values of objects or categories, unless they are text; empty for other columns."""
    name = str(column.dtype)
    if name not in ("object", "category"):
        return ""
    kind = pd.api.types.infer_dtype(column.cat.categories if name == "category" else column, skipna=True)
    return "" if kind in ("string", "empty") else str(kind)


def _as_text(value: Any) -> str:
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return pd.Timestamp(value).isoformat()
    return str(value)


def _is_text(tally: pd.Series[Any]) -> bool:
    """Free text: long values, or mostly different ones of several words."""
    if not len(tally):
        return False
    values = [str(value) for value in tally.index]
    if max(map(len, values)) > CATEGORY_LENGTH:
        return True
    return len(values) > HEAD and sum(len(value.split()) >= _WORDS for value in values) > len(values) / 2
