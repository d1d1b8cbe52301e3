"""The erasure of a person: look everywhere, take out, look again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mllog.erase._person import Person
from mllog.erase._place import Place, Progress
from mllog.errors import MllogError
from mllog.store import Subject

UNREACHABLE: tuple[str, ...] = (
    "snapshots and backups: of the cluster, of the embedded store, of spools",
    "what is on its way: Logstash's queues and dead letter queue on disk; run it again when they are empty",
    "the logs of Logstash, Elasticsearch and Filebeat, and files that Filebeat reads",
    "spools and services on other hosts; run it there too",
    "names in the middle of a text, records without the field, and what was exported or sent as an alert",
    "the disk itself: deleted events leave it when their part of an index is merged next",
)
"""What no erasure reaches."""


@dataclass
class Erasure:
    """A person's events in several places, and what became of them.

    Nothing is changed before `run`, which may be repeated: what a run that was killed has left is found again.

    Args:
        subject: the person.
        places: where to look, those that deliver before those that are delivered to.

    Attributes:
        found: how many events there were, by place.
        left: how many are still there, by place.
        problems: what went wrong, by the name of the place.
    """

    subject: Subject
    places: Sequence[Place]
    found: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._person = Person(self.subject)

    def look(self, seen: Progress = lambda _: None) -> dict[str, int]:
        """Count the person's events in every place; nothing is changed.

        Args:
            seen: is told how many more events were looked at.

        Raises:
            MllogError: a place cannot be read.
        """
        self.found = self._look(seen)
        return self.found

    def _look(self, seen: Progress) -> dict[str, int]:
        """Again and again, until no place tells of a prediction or an event that the places before did not know."""
        person = self._person
        while True:
            before = len(person.predictions), len(person.events)
            counts: dict[str, int] = {}
            for place in self.places:
                counts |= place.look(person, seen)
            if (len(person.predictions), len(person.events)) == before:
                return counts

    def run(self, done: Progress = lambda _: None) -> dict[str, int]:
        """Take out what `look` found, and count again what is left.

        A place that fails holds up no other; but nothing is taken out before it stands everywhere what must not be
        delivered again.

        Args:
            done: is told how many more events are gone.

        Raises:
            MllogError: that could not be written, and nothing was erased; or a place cannot be read any more.
        """
        for place in self.places:
            place.prepare(self._person)
        for place in self.places:
            try:
                place.erase(self._person, done)
            except MllogError as error:
                self.problems[place.name] = str(error)
            else:
                if reason := place.reason():
                    self.problems[place.name] = reason
        self.left = self._look(lambda _: None)
        return self.left
