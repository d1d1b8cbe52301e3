"""The interface of a place that keeps events, for an erasure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mllog.erase._person import Person

Progress = Callable[[int], None]
"""Called with the number of events that were searched, or erased, since the last call."""


class Place(Protocol):
    """A place that may contain a person's events."""

    name: str
    """For people: a path, or the name of an index."""

    def look(self, person: Person, seen: Progress) -> dict[str, int]:
        """Count a person's events, by part of the place; nothing is changed.

        The ids that are found are added to `person`, so a second search may find more.

        Raises:
            MllogError: it cannot be read.
        """

    def prepare(self, person: Person) -> None:
        """Record which events must no longer be delivered, before anything is erased anywhere.

        Raises:
            MllogError: it cannot be written.
        """

    def erase(self, person: Person, done: Progress) -> None:
        """Erase the events that the last search found.

        Raises:
            MllogError: some events could not be erased; the others stay erased.
        """

    def reason(self) -> str:
        """Why events may remain here; empty if there is no reason."""
