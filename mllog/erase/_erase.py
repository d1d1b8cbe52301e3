"""The erasure of a person: search every place, erase, search again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mllog.erase._person import Person
from mllog.erase._place import Place, Progress
from mllog.errors import MllogError
from mllog.store import Subject

UNREACHABLE: tuple[str, ...] = (
    "snapshots and backups: of the cluster, of the embedded store, of spools",
    "events in transit: Logstash's queues and dead letter queue on disk; run it again when they are empty",
    "the logs of Logstash, Elasticsearch and Filebeat, and files that Filebeat reads",
    "spools and services on other hosts; run it there too",
    "names within free text, records without the field, and events that were exported or sent as an alert",
    "the disk itself: deleted events leave it at the next merge of their index segment",
)
"""What an erasure cannot reach."""


@dataclass
class Erasure:
    """A person's events in several places, and the result of erasing them.

    Nothing is changed before `run`. A run can be repeated, and completes one that was killed.

    Args:
        subject: the person.
        places: where to search, places that deliver before places that receive.

    Attributes:
        found: how many events were found, by place.
        left: how many events remain, by place.
        problems: the errors, by the name of the place.
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
            seen: called with the number of events that were searched since the last call.

        Raises:
            MllogError: a place cannot be read.
        """
        self.found = self._look(seen)
        return self.found

    def _look(self, seen: Progress) -> dict[str, int]:
        """Repeat the search until no place adds a prediction or an event that is new to the others."""
        person = self._person
        while True:
            known = len(person.predictions), len(person.events)
            counts: dict[str, int] = {}
            for place in self.places:
                counts |= place.look(person, seen)
            if (len(person.predictions), len(person.events)) == known:
                return counts

    def run(self, done: Progress = lambda _: None) -> dict[str, int]:
        """Erase the events that `look` found, and count what remains.

        An error in one place does not stop the others. Nothing is erased before every place has recorded which events
        must not be delivered again.

        Args:
            done: called with the number of events that were erased since the last call.

        Raises:
            MllogError: the record could not be written, and nothing was erased; or a place can no longer be read.
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
