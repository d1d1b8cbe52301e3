"""A person's events in a store, and in its dead letters, where an event is one text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mllog.erase._person import Person
from mllog.erase._place import Progress
from mllog.store import Store
from mllog.store._interface import PAGE
from mllog.store._selection import get_path

DEAD_LETTERS: Final = "logs-mllog.dead_letter-*"
_EVERYTHING: Final[dict[str, Any]] = {"match_all": {}}


class Stored:
    """The events of a store.

    Feedback and shadow events are deleted before the predictions that they belong to, so that a repeated run still
    finds the rest after an interruption.

    Args:
        store: the store.
        index: the data streams.
    """

    def __init__(self, store: Store, index: str) -> None:
        self.store = store
        self.name = "store"
        self._index = index
        self._direct: dict[str, list[str]] = {}
        self._dependent: dict[str, list[str]] = {}

    @property
    def indices(self) -> list[str]:
        """The indices with events of the person."""
        return sorted({*self._direct, *self._dependent})

    def look(self, person: Person, seen: Progress) -> dict[str, int]:
        """Search for the value, then for events of the same predictions, then in the dead letters."""
        self._direct, self._dependent = {}, {}
        known: set[tuple[str, str]] = set()
        for hit in self.store.scan(person.subject.query(), index=self._index):
            seen(1)
            if person.holds(hit["_source"]):
                person.events.add(hit["_id"])
                known.add(_note(self._direct, hit))
        for query in (*_among("mllog.prediction.id", person.predictions), *_ids(person.events)):
            for hit in self.store.scan(query, index=self._index):
                seen(1)
                if (hit["_index"], hit["_id"]) not in known and person.has(hit["_source"], hit["_id"]):
                    known.add(_note(self._dependent, hit))
        for hit in self.store.scan(_EVERYTHING, index=DEAD_LETTERS):
            seen(1)
            text = get_path(hit["_source"], "message")
            if (hit["_index"], hit["_id"]) not in known and person.has_text(str(text), hit["_id"]):
                known.add(_note(self._dependent, hit))
        return {index: len(self._direct.get(index, ())) + len(self._dependent.get(index, ())) for index in self.indices}

    def prepare(self, person: Person) -> None:
        """A store delivers nothing, so there is nothing to record."""

    def erase(self, person: Person, done: Progress) -> None:  # noqa: ARG002 - the last search has the ids
        """Delete by id, index after index."""
        for group in (self._dependent, self._direct):
            for index, names in group.items():
                for start in range(0, len(names), PAGE):
                    done(self._delete(index, names[start : start + PAGE]))

    def _delete(self, index: str, names: Sequence[str]) -> int:
        return self.store.delete_by_query({"ids": {"values": list(names)}}, index=index)

    def _exclude(self, index: str) -> None:
        """Exclude an index from the deletion."""
        self._direct.pop(index, None)
        self._dependent.pop(index, None)

    def reason(self) -> str:
        """See Place."""
        return ""


def _note(ids: dict[str, list[str]], hit: dict[str, Any]) -> tuple[str, str]:
    ids.setdefault(hit["_index"], []).append(hit["_id"])
    return hit["_index"], hit["_id"]


def _among(field: str, values: set[str]) -> Iterator[dict[str, Any]]:
    names = sorted(values)
    for start in range(0, len(names), PAGE):
        yield {"terms": {field: names[start : start + PAGE]}}


def _ids(values: set[str]) -> Iterator[dict[str, Any]]:
    names = sorted(values)
    for start in range(0, len(names), PAGE):
        yield {"ids": {"values": names[start : start + PAGE]}}
