"""What was noticed about the values of one event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from mllog.event._budget import Budget

TEXT_LENGTH: Final = 8192
"""Characters of a text that are kept; a longer text is cut and marked."""


class Findings:
    """What was noticed about the features of one event; goes to `mllog.quality` and `mllog.redaction`."""

    __slots__ = ("budget", "quality", "redacted_fields", "redacted_kinds", "violations")

    def __init__(self) -> None:
        self.budget = Budget()
        self.quality: dict[str, list[str]] = {}
        self.violations: list[tuple[str, str]] = []
        self.redacted_fields: list[str] = []
        self.redacted_kinds: list[str] = []

    def note(self, what: str, name: str) -> None:
        """Name a feature under `mllog.quality.<what>`."""
        self.quality.setdefault(what, []).append(name)

    def violate(self, what: str, name: str) -> None:
        """The same for what the profile does not allow."""
        self.quality.setdefault(what, []).append(name)
        self.violations.append((what, name))

    def argument(self, name: str) -> None:
        """Name an argument of the call that could not be read."""
        self.note("unreadable_arguments", name)

    def redacted(self, name: str, kinds: Iterable[str]) -> None:
        """Record a redacted field and the kinds of sensitive value in it."""
        self.redacted_fields.append(name)
        self.redacted_kinds.extend(kinds)

    def fill(self, body: dict[str, Any]) -> None:
        """Put the two objects on an event, without what is empty."""
        body["quality"] = {**self.quality, "invalid": 1 if self.violations else 0}
        self.fill_redaction(body)

    def fill_redaction(self, body: dict[str, Any]) -> None:
        """Only what was redacted, if anything."""
        if self.redacted_fields:
            body["redaction"] = {
                "fields": sorted(set(self.redacted_fields)),
                "kinds": sorted(set(self.redacted_kinds)),
                "count": len(self.redacted_kinds),
            }
