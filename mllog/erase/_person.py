"""Which events are a person's: those with the value, and the feedback and shadow predictions that belong to them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from mllog.spool._tombstones import digest
from mllog.store import Subject
from mllog.store._selection import get_path

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9 _.:@-]*")
"""A value that JSON writes without escapes, and that no number or boolean equals."""

_PARTS: Final = ("event", "service", "mllog", "error")
_IDS: Final = re.compile(r'"id":"([^"\\]{1,512})"')
_DECODER: Final = json.JSONDecoder()


@dataclass
class Person:
    """A person, and the ids of their events that are known so far.

    Attributes:
        subject: the value that identifies them.
        predictions: ids of their predictions; feedback and shadow events contain these, and not the value.
        events: ids of all their events.
        buried: digests of events that an earlier, possibly interrupted run erased.
    """

    subject: Subject
    predictions: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    buried: frozenset[bytes] = frozenset()

    def __post_init__(self) -> None:
        values = self.subject.values
        plain = all(_PLAIN.fullmatch(value) for value in values) and not _ambiguous(values)
        self._needles = tuple(value.encode() for value in values) if plain else ()

    def holds(self, event: Mapping[str, Any]) -> bool:
        """Whether the event contains the value; its prediction id is then remembered."""
        if not self.subject.holds(event):
            return False
        prediction = get_path(event, "mllog.prediction.id")
        if isinstance(prediction, str):
            self.predictions.add(prediction)
        return True

    def has(self, event: Mapping[str, Any], name: str | None = None) -> bool:
        """Whether an event is the person's, by value or by a known id; its id is then remembered.

        Args:
            event: the event.
            name: its id, if that is not its `event.id`.
        """
        event_id = name or get_path(event, "event.id")
        known = isinstance(event_id, str) and (
            event_id in self.events or (bool(self.buried) and digest(event_id) in self.buried)
        )
        if self.holds(event) or known or get_path(event, "mllog.prediction.id") in self.predictions:
            if isinstance(event_id, str):
                self.events.add(event_id)
            return True
        return False

    def has_line(self, line: bytes) -> bool:
        """The same for a line of a spool; a line that is not a JSON object belongs to no person."""
        by_value = not (self.predictions or self.events or self.buried)
        if by_value and self._needles and not any(needle in line for needle in self._needles):
            return False  # most lines, without parsing them
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        return isinstance(event, dict) and self.has(event)

    def has_text(self, text: str, name: str) -> bool:
        """The same for a dead letter, whose event is a text that may not be JSON as a whole.

        Args:
            text: the text.
            name: id of the event.
        """
        if not self.predictions.isdisjoint(_IDS.findall(text)):
            self.events.add(name)
        return self.has(_parts(text), name)


def _ambiguous(values: tuple[str, ...]) -> bool:
    """Whether a number or a boolean may equal one of the values."""
    for value in values:
        try:
            float(value)
        except ValueError:
            if value in ("true", "false"):
                return True
        else:
            return True
    return False


def _parts(text: str) -> dict[str, Any]:
    """The objects of an event, from a text that contains them one after the other."""
    objects: dict[str, Any] = {}
    place = 0
    for name in _PARTS:
        key = f'"{name}":'
        start = text.find(key, place)
        if start < 0:
            continue
        try:
            value, place = _DECODER.raw_decode(text, start + len(key))
        except ValueError:
            continue
        if isinstance(value, dict):
            objects[name] = value
    return objects
