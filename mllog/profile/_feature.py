"""One feature of a profile: what training showed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mllog.errors import ProfileError
from mllog.profile._bins import Bins

TYPES: Final = ("number", "category", "boolean", "text")


@dataclass(frozen=True, slots=True)
class Feature:
    """What training showed of one input or output.

    Attributes:
        name: as in the training frame.
        type: `number`, `category`, `boolean` or `text`; part of the field's path in the event.
        dtype: the type of the column in the training frame.
        holds: what a column of objects or categories holds, where that is no text: `integer`, `date` and so on, by
            `pandas.api.types.infer_dtype`; empty where the type says it.
        count: rows with a value.
        missing: rows without one.
        sensitive: named as sensitive, or found to hold identifiers: its values are not stored.
        clean: the redaction rules found nothing in any of its values.
        integer: a number without fractions.
        min: least value; of a sensitive feature the 1 % quantile, rounded.
        max: greatest value; of a sensitive feature the 99 % quantile, rounded.
        mean: arithmetic mean.
        std: standard deviation of the sample (n - 1).
        zero: rows with the value zero.
        quantiles: value by probability (`"0.5"`), linear interpolation.
        edges: n + 1 ascending edges of n bins `[edge, next)`.
        counts: rows in each bin.
        distinct: how many different values there were.
        categories: (value, rows), the most frequent first; those seen fewer than ten times are pooled.
        other: rows in the pool.
        complete: the list covers nearly all rows, so an unlisted category is noteworthy.
        true: rows that are true.
        false: rows that are not.
        length: least, greatest and mean length of a text, in characters.
    """

    name: str
    type: str
    dtype: str
    count: int
    missing: int
    sensitive: bool = False
    clean: bool = True
    integer: bool = False
    min: float | None = None
    max: float | None = None
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
    holds: str = ""

    @property
    def bins(self) -> Bins:
        """The bins of a number; none for other types."""
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
        """The feature as it stands in a profile file; only what its type has."""
        data: dict[str, Any] = {"name": self.name, "type": self.type, "dtype": self.dtype}
        if self.holds:
            data["holds"] = self.holds
        data |= {"count": self.count, "missing": self.missing, "sensitive": self.sensitive, "clean": self.clean}
        if self.type == "number":
            data |= {"integer": self.integer, "min": self.min, "max": self.max, "mean": self.mean, "std": self.std}
            data |= {"zero": self.zero, "quantiles": dict(self.quantiles)}
            data["bins"] = {"edges": list(self.edges), "counts": list(self.counts)}
        elif self.type == "category":
            data |= {"distinct": self.distinct, "other": self.other, "complete": self.complete}
            data["categories"] = [{"value": value, "count": count} for value, count in self.categories]
        elif self.type == "boolean":
            data |= {"true": self.true, "false": self.false}
        else:
            data["length"] = dict(self.length)
        return data

    @classmethod
    def from_json(cls, data: Any, where: str) -> Feature:
        """Read a feature; `where` names its place for the error.

        Raises:
            ProfileError: a member is missing or of the wrong type.
        """
        read = Reader(data, where)
        name, kind = read.text("name"), read.text("type")
        if kind not in TYPES:
            raise ProfileError(f"{where}.type: {kind!r} is none of {', '.join(TYPES)}")
        values: dict[str, Any] = {
            "dtype": read.text("dtype"),
            "holds": read.text("holds", default=""),
            "count": read.count("count"),
            "missing": read.count("missing"),
            "sensitive": read.flag("sensitive"),
            "clean": read.flag("clean"),
        }
        if kind == "number":
            values |= {key: read.number(key) for key in ("min", "max", "mean", "std")}
            values |= {"integer": read.flag("integer"), "zero": read.count("zero")}
            values["quantiles"] = read.part("quantiles").numbers()
            bins = read.part("bins")
            values |= {"edges": tuple(bins.list("edges", float)), "counts": tuple(bins.list("counts", int))}
            if values["edges"] and len(values["edges"]) != len(values["counts"]) + 1:
                raise ProfileError(f"{where}.bins: n bins have n + 1 edges")
        elif kind == "category":
            values |= {"distinct": read.count("distinct"), "other": read.count("other")}
            values["complete"] = read.flag("complete")
            values["categories"] = tuple(
                (Reader(item, f"{where}.categories[{place}]").text("value"), Reader(item, where).count("count"))
                for place, item in enumerate(read.list("categories", dict))
            )
        elif kind == "boolean":
            values |= {"true": read.count("true"), "false": read.count("false")}
        else:
            values["length"] = read.part("length").numbers()
        return cls(name=name, type=kind, **values)


class Reader:
    """Reads the members of a JSON object and says where one is wrong."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, Mapping):
            raise ProfileError(f"{where}: expected an object")
        self._data = data
        self._where = where

    def _get(self, key: str, kind: type | tuple[type, ...], what: str) -> Any:
        value = self._data.get(key)
        wrong_bool = isinstance(value, bool) and kind is not bool
        if not isinstance(value, kind) or wrong_bool:
            raise ProfileError(f"{self._where}.{key}: expected {what}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A string; a member that is not there has the default, if there is one."""
        if default is not None and key not in self._data:
            return default
        return str(self._get(key, str, "a string"))

    def flag(self, key: str) -> bool:
        """A boolean."""
        return bool(self._get(key, bool, "true or false"))

    def count(self, key: str) -> int:
        """A whole number, not below zero."""
        value = int(self._get(key, int, "a whole number"))
        if value < 0:
            raise ProfileError(f"{self._where}.{key}: expected a whole number, not below zero")
        return value

    def number(self, key: str) -> float | None:
        """A number, or None for null."""
        if self._data.get(key) is None:
            return None
        return float(self._get(key, (int, float), "a number or null"))

    def share(self, key: str) -> float:
        """A number from 0 to 1."""
        value = float(self._get(key, (int, float), "a number from 0 to 1"))
        if not 0 <= value <= 1:
            raise ProfileError(f"{self._where}.{key}: expected a number from 0 to 1")
        return value

    def list(self, key: str, kind: type) -> list[Any]:
        """An array of one kind."""
        values = self._get(key, list, "an array")
        accepted = (int, float) if kind is float else (kind,)
        for place, value in enumerate(values):
            if not isinstance(value, accepted) or isinstance(value, bool):
                raise ProfileError(f"{self._where}.{key}[{place}]: expected {kind.__name__}")
        return [float(value) for value in values] if kind is float else list(values)

    def part(self, key: str) -> Reader:
        """An object."""
        return Reader(self._data.get(key), f"{self._where}.{key}")

    def numbers(self) -> dict[str, float]:
        """The object itself, with numbers for values."""
        return {str(key): value for key in self._data if (value := self.number(key)) is not None}
