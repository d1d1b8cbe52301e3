"""All events of a person: for an access request, and for those who erase them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mllog.errors import ConfigurationError
from mllog.store._interface import EVERY, PAGE, Store
from mllog.store._selection import KINDS, flat, get_path

_PARTS: Final = ("mllog.input", "mllog.output")


class KeyedHashes(Protocol):
    """Gives the pseudonyms of a value; `mllog.redaction.Pseudonyms` does."""

    def all_pseudonyms(self, kind: str, value: str) -> list[str]:
        """The pseudonyms of a value under every key."""


@dataclass(frozen=True)
class Subject:
    """A person, by a value of a field.

    Attributes:
        field: a feature's name, or the path of a field such as `user.id` or `labels.customer`.
        values: the value, and its pseudonyms under every key.

    Example:
        >>> Subject.of("customer=17")
        Subject(field='customer', values=('17',))
        >>> Subject.of("user.id=ann").paths[:2]
        ('user.id', 'mllog.input.number.user.id')
    """

    field: str
    values: tuple[str, ...]

    @classmethod
    def of(cls, text: str, pseudonyms: KeyedHashes | None = None) -> Subject:
        """A subject from `field=value`.

        Args:
            text: the field and the value.
            pseudonyms: the keyed hashes under which the value may be stored; every key is tried.

        Raises:
            ConfigurationError: there is no field or no value.
        """
        field, equals, value = text.partition("=")
        if not equals or not field.strip() or not value:
            raise ConfigurationError("not a subject: write field=value, such as customer=17 or user.id=ann")
        kinds = dict.fromkeys((field, field.rpartition(".")[2]))  # a hash is derived from the field's last name
        more = (
            []
            if pseudonyms is None
            else [hashed for kind in kinds for hashed in pseudonyms.all_pseudonyms(kind, value)]
        )
        return cls(field, (value, *more))

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the value may stand: under the field's own path, or as a feature, under any type."""
        typed = (f"{part}.{kind}.{self.field}" for part in _PARTS for kind in KINDS if kind != "text")
        return (self.field, *typed, f"mllog.input_overflow.{self.field}", f"labels.{self.field}")

    def query(self) -> dict[str, Any]:
        """Finds every event that holds one of the values, and maybe more: `holds` decides exactly."""
        some: list[dict[str, Any]] = []
        for path in self.paths:
            if ".number." in path:
                some += [{"term": {path: number}} for number in map(_number, self.values) if number is not None]
            elif ".boolean." in path:
                some += [{"term": {path: value == "true"}} for value in self.values if value in ("true", "false")]
            else:
                some.append({"terms": {path: list(self.values)}})
        some.append({"terms": {"_ignored": list(self.paths)}})  # kept, and not indexed: beyond the budget, say
        return {"bool": {"should": some, "minimum_should_match": 1}}

    def holds(self, event: Mapping[str, Any]) -> bool:
        """Whether an event has exactly one of the values in the field."""
        found = flat(event)
        for path in self.paths:
            values = found.get(path)
            if any(self._is(value) for value in (values if isinstance(values, list) else [values])):
                return True
        return False

    def _is(self, value: Any) -> bool:
        if value is None:
            return False
        if isinstance(value, bool):
            return str(value).lower() in self.values
        if isinstance(value, (int, float)):
            return any(number == value for number in map(_number, self.values) if number is not None)
        return str(value) in self.values


def subject_events(store: Store, subject: Subject, *, index: str = EVERY) -> Iterator[dict[str, Any]]:
    """Every event of a person (`_index`, `_id`, `_source`), and what belongs to their predictions: feedback, shadows.

    Args:
        store: where to look.
        subject: whose.
        index: the data streams.

    Raises:
        StoreError: the store cannot be read.
    """
    seen: set[tuple[str, str]] = set()
    ids: dict[str, None] = {}
    for hit in store.scan(subject.query(), index=index):
        if not subject.holds(hit["_source"]):
            continue
        seen.add((hit["_index"], hit["_id"]))
        prediction = get_path(hit["_source"], "mllog.prediction.id")
        if isinstance(prediction, str):
            ids[prediction] = None
        yield hit
    names = list(ids)
    for start in range(0, len(names), PAGE):
        for hit in store.scan({"terms": {"mllog.prediction.id": names[start : start + PAGE]}}, index=index):
            if (hit["_index"], hit["_id"]) not in seen:
                yield hit


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
