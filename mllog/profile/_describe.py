"""Describes the values of a column: what a profile keeps of numbers, times and categories."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import numpy as np

from mllog.emit._shape import CATEGORY_LENGTH
from mllog.profile._bins import Bins
from mllog.profile._column import ColumnValues, Mask, Numbers
from mllog.profile._feature import Feature
from mllog.profile._values import least_from, precision_of, reach, shortest
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
_DIGITS: Final = 3
_EXACT: Final = 2**53
_INT64: Final = range(-(2**63), 2**64)

Described = tuple[Feature, Mask]
"""A feature, and the rows that its own validation would call invalid."""


def describe(common: dict[str, Any], values: ColumnValues, redactor: Redactor) -> Described:
    """The feature of a column.

    Args:
        common: name, dtypes, and whether it is sensitive by its name.
        values: of the column.
        redactor: scans whatever is kept.
    """
    common |= {
        "count": int((~values.missing).sum()),
        "missing": int(values.missing.sum()),
        "infinite": int(values.infinite.sum()),
    }
    nothing: Mask = np.zeros(len(values.missing), dtype=bool)
    if values.booleans is not None:
        true = int(values.booleans.sum())
        return Feature(**common, type="boolean", true=true, false=len(values.booleans) - true), nothing
    if values.numbers is not None:
        return _number(common, values, values.numbers, redactor)
    if values.times is not None:
        return _times(common, values.times), nothing
    return _strings(common, values, redactor)


def _number(common: dict[str, Any], values: ColumnValues, numbers: Numbers, redactor: Redactor) -> Described:
    outside: Mask = np.zeros(len(values.missing), dtype=bool)
    integer = bool(np.equal(np.mod(numbers, 1), 0).all()) if len(numbers) else False
    if not len(numbers):
        return Feature(**common, type="number", integer=integer), outside
    exact = values.exact if isinstance(values.exact, np.ndarray) else np.array(values.exact, dtype=object)
    least, most = exact.min(), exact.max()
    clean = True
    if integer and (least <= -_IDENTIFIER or most >= _IDENTIFIER):
        clean = not any(redactor.integer(int(value)) for value in values.distinct())
    precision = precision_of(common["dtype"], common["inferred_dtype"])
    with np.errstate(over="ignore", invalid="ignore"):  # values near the limits of a double
        mean, std = float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0
        quantiles = np.quantile(numbers, QUANTILES)
        bins = _bins(numbers, precision, integer=integer)
    low, high = _bound(least), _bound(most)
    if precision:
        low, high = min(low, shortest(low, precision)), max(high, shortest(high, precision))
    if common["sensitive"] or not clean:  # any figure could be the value of one person: only rounded quantiles are kept
        common["sensitive"] = True
        quantiles = np.array([_rounded(float(quantile)) for quantile in quantiles])
        low, high = float(quantiles[0]), float(quantiles[-1])
        bins = Bins((low, float(np.nextafter(high, np.inf))), (len(numbers),))
        least, most = reach(low, precision)[0], reach(high, precision)[1]
        outside[~(values.missing | values.infinite)] = (numbers < least) | (numbers > most)
    feature = Feature(
        **common,
        type="number",
        clean=clean,
        integer=integer,
        min=low,
        max=high,
        mean=_finite(mean),
        std=_finite(std),
        zero=int((numbers == 0).sum()),
        quantiles={str(p): float(q) for p, q in zip(QUANTILES, quantiles, strict=True) if np.isfinite(q)},
        edges=bins.edges,
        counts=bins.counts,
    )
    return feature, outside


def _bound(value: Any) -> float | int:
    """A bound as the file has it: an integer only where a double would be another number."""
    if isinstance(value, (int, np.integer)) and abs(int(value)) > _EXACT and int(value) in _INT64:
        return int(value)
    return float(value)


def _bins(numbers: Numbers, precision: str, *, integer: bool) -> Bins:
    """Bins in which every double that is a training value in its precision is counted where that value is."""
    bins = Bins.learn(numbers, integer=integer)
    if not precision or integer:
        return bins
    edges = sorted({least_from(edge, precision) for edge in bins.edges[:-1]})
    last = max(bins.edges[-1], float(np.nextafter(reach(float(numbers.max()), precision)[1], np.inf)))
    counts, _ = np.histogram(numbers, bins=[*edges, last])
    return Bins((*edges, last), tuple(int(count) for count in counts))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _times(common: dict[str, Any], times: Numbers) -> Feature:
    """No list of values and no limits: time goes on. Range and bins only inform."""
    own: dict[str, Any] = {
        "type": "category",
        "temporal": True,
        "distinct": len(np.unique(times)),
        "other": common["count"],
    }
    if not len(times) or common["sensitive"]:
        return Feature(**common, **own)
    bins = Bins.learn(times, integer=bool(np.equal(np.mod(times, 1), 0).all()))
    return Feature(
        **common, **own, min=float(times.min()), max=float(times.max()), edges=bins.edges, counts=bins.counts
    )


def _strings(common: dict[str, Any], values: ColumnValues, redactor: Redactor) -> Described:
    texts = values.texts or ()
    tally = Counter(texts)
    outside: Mask = np.zeros(len(values.missing), dtype=bool)
    clean = not any(redactor.text(value)[1] for value in tally)
    if tally and max(map(len, tally)) > CATEGORY_LENGTH:
        lengths = [len(text) for text in texts]
        length = {"min": float(min(lengths)), "max": float(max(lengths)), "mean": sum(lengths) / len(lengths)}
        return Feature(**common, type="text", clean=clean, length=length), outside
    complete = len(tally) <= CATEGORIES
    listed = sorted(((value, n) for value, n in tally.items() if n >= RARE), key=lambda pair: (-pair[1], pair[0]))
    if not complete:
        listed = listed[:HEAD]
    if common["sensitive"]:
        listed, complete = [], False
    categories = tuple((value, n) for value, n in listed if not redactor.text(value)[1])
    kept = sum(n for _, n in categories)
    complete = complete and kept >= COVERED * len(texts)
    feature = Feature(
        **common,
        type="category",
        clean=clean,
        distinct=len(tally),
        categories=categories,
        other=len(texts) - kept,
        complete=complete,
    )
    if complete:
        known = {value for value, _ in categories}
        outside[~(values.missing | values.infinite)] = [text not in known for text in texts]
    return feature, outside
