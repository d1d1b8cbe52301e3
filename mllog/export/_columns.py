"""The columns of an export: where each finds its value in an event, and the type that it has in the frame."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mllog.profile import Feature, Profile
from mllog.store._fields import DATES
from mllog.store._selection import KINDS, flat, get_path, part

Event = Mapping[str, Any]


class _Nothing:
    """What no value is: missing, or not finite."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


MISSING: Final = _Nothing("MISSING")
NOT_FINITE: Final = _Nothing("NOT_FINITE")

TIMES: Final = "datetime64[us, UTC]"
META: Final = {
    "@timestamp": TIMES,
    "event.id": "str",
    "event.outcome": "str",
    "mllog.prediction.id": "str",
    "mllog.model.version": "str",
}
ACTUAL: Final = "mllog.feedback.actual"

_REDACTED: Final = re.compile(r"\[REDACTED:[^\]]*\]|hmac:[a-z0-9_-]{1,16}:[0-9a-f]{32}")
_SUMMARY: Final = re.compile(r"\[text: \d+ characters, \d+ words\]")
_CUT: Final = re.compile(r"\[cut: \d+ characters\]\Z")


class Unrestored(Counter[tuple[str, str]]):
    """How many values of a column could not be brought back as they were sent, by the reason."""

    def by_column(self) -> dict[str, dict[str, int]]:
        """For people and machines: reasons and counts of each column."""
        found: dict[str, dict[str, int]] = {}
        for (column, why), count in sorted(self.items()):
            found.setdefault(column, {})[why] = count
        return found


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the frame.

    Attributes:
        name: in the frame.
        dtype: in the frame, as pandas writes it.
        where: `input`, `output`, `path` or `feedback`.
        source: name of the feature, or path of the field.
        kind: type under which the event should have the feature.
        holds: what a column of objects or categories holds, by `pandas.api.types.infer_dtype`.
    """

    name: str
    dtype: str
    where: str
    source: str
    kind: str = ""
    holds: str = ""

    def read(self, event: Event, lost: Unrestored) -> Any:
        """The value of an event, MISSING or NOT_FINITE; in `lost`, what is not as it was sent."""
        if self.where in ("path", "feedback"):
            found = get_path(event, self.source)
            return MISSING if found is None else found
        typed = part(event, "mllog", self.where)
        own = part(typed, self.kind)
        if self.source in own:
            found = own[self.source]
            if found is None:
                return self._not_finite(event, lost)
        else:
            found = next((part(typed, kind)[self.source] for kind in KINDS if self.source in part(typed, kind)), None)
            if found is None and self.where == "input":
                found = part(event, "mllog", "input_overflow").get(self.source)
        if found is None:
            return MISSING
        if isinstance(found, str):
            self._note(found, lost)
        return found

    def _not_finite(self, event: Event, lost: Unrestored) -> Any:
        """NaN; if the profile objected to a value of this event, it may have been an infinity."""
        quality = part(event, "mllog", "quality")
        named = quality.get("non_finite")
        if isinstance(named, list) and self.source in named and quality.get("invalid"):
            lost[self.name, "not finite: NaN now, was NaN or an infinity"] += 1
        return NOT_FINITE

    def _note(self, text: str, lost: Unrestored) -> None:
        if "[" not in text and not text.startswith("hmac:"):
            return
        if _REDACTED.search(text) is not None:
            lost[self.name, "redacted"] += 1
        elif _SUMMARY.fullmatch(text) is not None:
            lost[self.name, "a text that is kept as a summary"] += 1
        elif _CUT.search(text) is not None:
            lost[self.name, "cut"] += 1


def of_profile(profile: Profile, *, outputs: bool) -> list[Column]:
    """The columns of a training frame, in its order; outputs after inputs, under their path where a name is taken."""
    columns = [_of_feature(feature, "input", feature.name) for feature in profile.inputs]
    taken = {column.name for column in columns}
    for feature in profile.outputs if outputs else ():
        name = f"mllog.output.{feature.name}" if feature.name in taken else feature.name
        columns.append(_of_feature(feature, "output", name))
    return columns


def _of_feature(feature: Feature, where: str, name: str) -> Column:
    return Column(name, feature.dtype, where, feature.name, feature.type, feature.holds)


def of_meta(taken: Iterable[str]) -> list[Column]:
    """When, which and whose: the fields that say so, under their paths."""
    known = set(taken)
    return [Column(name, dtype, "path", name) for name, dtype in META.items() if name not in known]


class Discovery:
    """The columns of events that no profile describes: one for each field, named by its path."""

    def __init__(self, *, below: str = "") -> None:
        self._below = below
        self._kinds: dict[str, set[str]] = {}

    def see(self, event: Event) -> None:
        """Take note of the fields of an event."""
        for path, value in flat(event).items():
            if path.startswith(self._below):
                self._kinds.setdefault(path, set()).add(_kind(value))

    def columns(self) -> list[Column]:
        """The columns, in the order of their paths; those of times are dates."""
        return [
            Column(path, TIMES if path in DATES else _dtype(kinds), "path", path)
            for path, kinds in sorted(self._kinds.items())
        ]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "Int64" if isinstance(value, int) else "float64" if isinstance(value, float) else "str"


def _dtype(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float64" if kinds == {"Int64", "float64"} else "str"
