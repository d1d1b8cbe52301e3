"""One feature of a profile: what the training data contained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mllog.profile._bins import Bins


@dataclass(frozen=True, slots=True)
class Feature:
    """What the training data contained of one input or output.

    Attributes:
        name: as in the training frame.
        type: `number`, `category`, `boolean` or `text`; part of the field's path in the event.
        dtype: the type of the column in the training frame.
        inferred_dtype: type of the values in a column of objects or categories that is not text: `integer`, `date`
            and so on, by `pandas.api.types.infer_dtype`, or the dtype of the categories (`datetime64[us]`) where that
            says more; empty for other columns.
        count: rows with a value.
        missing: rows without one.
        sensitive: named as sensitive, or contains identifiers: its values are not stored.
        clean: the redaction rules found nothing in any of its values.
        integer: a number without fractions.
        min: least value, an int only beyond 2**53; of a sensitive feature the 1 % quantile, rounded.
        max: greatest value; of a sensitive feature the 99 % quantile, rounded.
        mean: arithmetic mean.
        std: standard deviation of the sample (n - 1).
        zero: rows with the value zero.
        quantiles: value by probability (`"0.5"`), linear interpolation.
        edges: n + 1 ascending edges of n bins `[edge, next)`.
        counts: rows in each bin.
        distinct: number of distinct values.
        categories: (value, rows), the most frequent first; those seen fewer than ten times are pooled.
        other: rows in the pool.
        complete: the list covers nearly all rows, so an unlisted category is noteworthy.
        true: rows that are true.
        false: rows that are not.
        length: least, greatest and mean length of a text, in characters.
        temporal: a category of dates, datetimes, times or periods. It has no list of values, as time goes on; `min`,
            `max`, `edges` and `counts` are seconds (since 1970 in UTC, of a time since midnight).
        infinite: rows that are an infinity.
    """

    name: str
    type: str
    dtype: str
    count: int
    missing: int
    sensitive: bool = False
    clean: bool = True
    integer: bool = False
    min: float | int | None = None
    max: float | int | None = None
    mean: float | None = None
    std: float | None = None
    zero: int = 0
    quantiles: Mapping[str, float] = field(default_factory=dict)
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    distinct: int | None = None
    categories: tuple[tuple[str, int], ...] = ()
    other: int = 0
    complete: bool = False
    true: int = 0
    false: int = 0
    length: Mapping[str, float] = field(default_factory=dict)
    inferred_dtype: str = ""
    temporal: bool = False
    infinite: int = 0

    @property
    def bins(self) -> Bins:
        """The bins of a number, or of a temporal feature in seconds; none for other types."""
        return Bins(self.edges, self.counts)

    @property
    def rows(self) -> int:
        """All rows, with and without a value."""
        return self.count + self.missing

    @property
    def missing_share(self) -> float:
        """Share of rows without a value, 0 to 1."""
        return self.missing / self.rows if self.rows else 0.0

    def to_json(self) -> dict[str, Any]:
        """The feature as a member of a profile file, with the members of its type."""
        data: dict[str, Any] = {"name": self.name, "type": self.type, "dtype": self.dtype}
        if self.inferred_dtype:
            data["holds"] = self.inferred_dtype
        data |= {"count": self.count, "missing": self.missing, "sensitive": self.sensitive, "clean": self.clean}
        if self.infinite:
            data["infinite"] = self.infinite
        if self.type == "number":
            data |= {"integer": self.integer, "min": self.min, "max": self.max, "mean": self.mean, "std": self.std}
            data |= {"zero": self.zero, "quantiles": dict(self.quantiles)}
            data["bins"] = {"edges": list(self.edges), "counts": list(self.counts)}
        elif self.type == "category":
            data |= {"distinct": self.distinct, "other": self.other, "complete": self.complete}
            data["categories"] = [{"value": value, "count": count} for value, count in self.categories]
            if self.temporal:
                bins = {"edges": list(self.edges), "counts": list(self.counts)}
                data["time"] = {"min": self.min, "max": self.max, "bins": bins}
        elif self.type == "boolean":
            data |= {"true": self.true, "false": self.false}
        else:
            data["length"] = dict(self.length)
        return data
