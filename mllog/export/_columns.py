"""The columns of an export: the source of each in an event, and its dtype in the frame."""

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


class _Placeholder:
    """A placeholder for a value that is missing or not finite."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


MISSING: Final = _Placeholder("MISSING")
NOT_FINITE: Final = _Placeholder("NOT_FINITE")

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
    """Counts of values that could not be restored as they were sent, by column and reason."""

    def by_column(self) -> dict[str, dict[str, int]]:
        """The counts of each column, by reason."""
        counts: dict[str, dict[str, int]] = {}
        for (column, reason), count in sorted(self.items()):
            counts.setdefault(column, {})[reason] = count
        return counts


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the frame.

    Attributes:
        name: in the frame.
        dtype: in the frame, as in pandas.
        where: `input`, `output`, `path` or `feedback`.
        source: name of the feature, or path of the field.
        kind: expected type of the feature in the event.
        inferred_dtype: type of the values in a column of objects or categories, as in `mllog.profile.Feature`.
        infinite: training had infinities, so one is no violation in an event.
    """

    name: str
    dtype: str
    where: str
    source: str
    kind: str = ""
    inferred_dtype: str = ""
    infinite: bool = False

    def read(self, event: Event, lost: Unrestored) -> Any:
        """The value of an event, MISSING or NOT_FINITE; values that are not as they were sent are counted in `lost`."""
        if self.where in ("path", "feedback"):
            value = get_path(event, self.source)
            return MISSING if value is None else value
        typed = part(event, "mllog", self.where)
        own = part(typed, self.kind)
        if self.source in own:
            value = own[self.source]
            if value is None:
                return self._not_finite(event, lost)
        else:
            value = next((part(typed, kind)[self.source] for kind in KINDS if self.source in part(typed, kind)), None)
            if value is None and self.source in part(typed, "number"):
                return self._not_finite(event, lost)
            if value is None and self.where == "input":
                value = part(event, "mllog", "input_overflow").get(self.source)
        if value is None:
            return MISSING
        if isinstance(value, str):
            self._note(value, lost)
        return value

    def _not_finite(self, event: Event, lost: Unrestored) -> Any:
        """NaN; the value may have been an infinity where one is allowed, or the profile reported a violation."""
        quality = part(event, "mllog", "quality")
        features = quality.get("non_finite")
        if isinstance(features, list) and self.source in features and (self.infinite or quality.get("invalid")):
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


def profile_columns(profile: Profile, *, outputs: bool) -> list[Column]:
    """The columns of a training frame, in its order; outputs follow inputs, named by their path if a name is taken."""
    columns = [_feature_column(feature, "input", feature.name) for feature in profile.inputs]
    taken = {column.name for column in columns}
    for feature in profile.outputs if outputs else ():
        name = f"mllog.output.{feature.name}" if feature.name in taken else feature.name
        columns.append(_feature_column(feature, "output", name))
    return columns


def _feature_column(feature: Feature, where: str, name: str) -> Column:
    infinite = bool(feature.infinite)
    return Column(name, feature.dtype, where, feature.name, feature.type, feature.inferred_dtype, infinite)


def meta_columns(taken: Iterable[str]) -> list[Column]:
    """Time, ids, outcome and version, named by their paths."""
    names = set(taken)
    return [Column(name, dtype, "path", name) for name, dtype in META.items() if name not in names]


class Discovery:
    """The columns of events without a profile: one for each field, named by its path."""

    def __init__(self, *, below: str = "") -> None:
        self._below = below
        self._kinds: dict[str, set[str]] = {}

    def add(self, event: Event) -> None:
        """Add the fields of an event."""
        for path, value in flat(event).items():
            if path.startswith(self._below):
                self._kinds.setdefault(path, set()).add(_kind(value))

    def columns(self) -> list[Column]:
        """The columns, sorted by path; timestamps have a datetime dtype."""
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
