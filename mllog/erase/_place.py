"""What every place that keeps events can do for an erasure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mllog.erase._person import Person

Progress = Callable[[int], None]
"""Is told how many more events were looked at, or erased."""


class Place(Protocol):
    """Where a person's events may be."""

    name: str
    """For people: a path, or the name of an index."""

    def look(self, person: Person, seen: Progress) -> dict[str, int]:
        """How many events of a person are there, by the part of the place that they are in; nothing is changed.

        What is found is added to what is known of the person, so a second look may find more.

        Raises:
            MllogError: it cannot be read.
        """

    def prepare(self, person: Person) -> None:
        """Write down what must not be delivered any more, before anything is taken out anywhere.

        Raises:
            MllogError: it cannot be written.
        """

    def erase(self, person: Person, done: Progress) -> None:
        """Take out what the last look found.

        Raises:
            MllogError: it could not be done, or not all of it; what was done stays done.
        """

    def reason(self) -> str:
        """Why something may be left here, or nothing."""
