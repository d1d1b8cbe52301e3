"""Validation on the request path: one pass sorts the inputs by type and compares each with the training data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from mllog.emit._features import Splitter, is_numeric, typed
from mllog.emit._mapping import mapping
from mllog.emit._shape import IDENTIFIER, Shape, Text
from mllog.event._findings import Findings
from mllog.event._plain import Unreadable, plain
from mllog.profile._feature import Feature
from mllog.redaction import Redactor, rules_digest

_NUMBER: Final = 0
_CATEGORY: Final = 1
_BOOLEAN: Final = 2
_TEXT: Final = 3
_SENSITIVE: Final = 4
_INFINITY: Final = float("inf")

_Spec = tuple[int, float, float, frozenset[str], frozenset[str], Feature]


def _spec(feature: Feature, *, certified: bool, redact: bool) -> _Spec:
    """How a feature is checked: code, least, greatest, values that need no scan, known values, itself."""
    known = frozenset(value for value, _ in feature.categories)
    code = {"number": _NUMBER, "category": _CATEGORY, "boolean": _BOOLEAN, "text": _TEXT}[feature.type]
    if redact and feature.sensitive:
        code = _SENSITIVE
    low = -_INFINITY if feature.min is None else feature.min
    high = _INFINITY if feature.max is None else feature.max
    return code, low, high, known if certified and feature.clean else frozenset(), known, feature


class Trained(Protocol):
    """The training data, as far as validation needs it; `Profile` implements this."""

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The input features of the model."""

    @property
    def rules(self) -> str | None:
        """Digest of the redaction rules that certified the categories."""


class Validator(Splitter):
    """A splitter that validates against the training data.

    Args:
        profile: describes the training data.
        redactor: replaces sensitive values; None if redaction is off.
        keep_texts: write free texts instead of a summary.
    """

    __slots__ = ("_specs",)

    def __init__(self, profile: Trained, redactor: Redactor | None, *, keep_texts: bool = False) -> None:
        super().__init__(redactor, keep_texts=keep_texts)
        # Values that training certified need no scan, as long as the rules are the same.
        certified = redactor is None or profile.rules == redactor.digest == rules_digest()
        specs: dict[Any, _Spec] = {}
        for feature in profile.inputs:
            by_name = redactor is not None and redactor.sensitive(feature.name)
            specs[feature.name] = _spec(feature, certified=certified and not by_name, redact=redactor is not None)
        self._specs = specs

    def shape(self, types: dict[str, type], long: Collection[str], large: Collection[str]) -> Shape | None:
        """How to sort values of these names and types; None if the training data has other ones."""
        specs = self._specs
        codes = {float: _NUMBER, int: _NUMBER, str: _CATEGORY, Text: _TEXT, bool: _BOOLEAN}
        types = {name: Text if kind is str and self._is_text(name) else kind for name, kind in types.items()}
        if any(types[name] is not Text for name in long):  # no category is that long
            return None
        absent = [name for name in specs if name not in types]
        for name, kind in types.items():
            if name not in specs or (kind in codes and codes[kind] != specs[name][0]):
                return None
        if any(
            not specs[name][5].missing for name in (*absent, *(n for n, kind in types.items() if kind not in codes))
        ):
            return None
        return Shape(
            types,
            bounds={name: spec[1:3] for name, spec in specs.items()},
            large=[name for name in large if not specs[name][5].integer],
            known={name: self.known(name) for name, kind in types.items() if kind is str},
            clean=self.clean,
            text=self.clean_text,
            absent=absent,
        )

    def _is_text(self, name: str) -> bool:
        return name in self._specs and self._specs[name][0] == _TEXT

    def clean(self, name: str, value: str) -> bool:
        """Whether a string needs no violation and no redaction: known or not required to be, and clean by the rules."""
        _, _, _, _, known, feature = self._specs[name]
        return (value in known or not feature.complete) and super().clean(name, value)

    def certified(self, name: str) -> set[str]:
        """The categories that need no scan, because the same rules scanned them during training."""
        return set(self._specs[name][3])

    def violations(self, inputs: Any) -> dict[str, list[str]]:
        """Feature names by kind of violation."""
        findings = Findings()
        self.split(mapping(inputs, tuple(self._specs)), findings)
        violations: dict[str, list[str]] = {}
        for kind, name in findings.violations:
            violations.setdefault(kind, []).append(name)
        return violations

    def split(self, values: Mapping[Any, Any], findings: Findings) -> dict[str, dict[str, Any]]:
        """The features by type; differences from the training data are added to `findings`."""
        number: dict[str, Any] = {}
        category: dict[str, Any] = {}
        rest: dict[str, dict[str, Any]] = {}
        special = self.plan(tuple(values))
        specs = self._specs
        known_names = 0
        for name, value in values.items():
            spec = specs.get(name)
            if spec is None:
                self._unexpected(special.get(name, name), name, value, category, rest, findings)
                continue
            known_names += 1
            if special and name in special:
                self._named_sensitive(spec[5], value, category, findings)
                continue
            code, low, high, certified, _, feature = spec
            kind = type(value)
            if code == _NUMBER and (kind is float or kind is int) and low <= value <= high:
                if -IDENTIFIER < value < IDENTIFIER:
                    number[name] = value
                elif kind is int:
                    self.integer(name, value, number, category, findings)
                elif value - value != 0.0:  # an infinity, where training knew no bounds
                    self.non_finite(name, number, findings)
                else:
                    self._fraction(feature, value, number, category, findings)
            elif code == _CATEGORY and kind is str and value in certified:
                category[name] = value
            else:
                self._check(spec, name, value, number, category, rest, findings)
        if known_names < len(specs):
            for name, spec in specs.items():
                if name not in values:
                    _missing(spec[5], findings)
        return typed(number, category, rest)

    def _check(
        self,
        spec: _Spec,
        name: str,
        value: Any,
        number: dict[str, Any],
        category: dict[str, Any],
        rest: dict[str, dict[str, Any]],
        findings: Findings,
    ) -> None:
        """All cases except the common, valid one."""
        code, low, high, _, known, feature = spec
        if type(value) is Unreadable:
            findings.violate("unreadable", name)
            return
        simple = value if type(value) is str else plain(value, findings.budget)
        if simple is None:
            if not is_numeric(value):
                _missing(feature, findings)
            elif (
                feature.missing and abs(value) != _INFINITY
            ):  # frames write missing values as NaN, and the training data has some
                number[name] = None
                findings.note("non_finite", name)
            else:
                self.non_finite(name, number, findings)
            return
        kind = type(simple)
        if code == _SENSITIVE:
            self.sensitive(name, simple, category, findings, "sensitive")
        elif code == _NUMBER and isinstance(simple, (int, float)) and kind is not bool:
            if simple < low:
                findings.violate("below_min", name)
            elif simple > high:
                findings.violate("above_max", name)
            if isinstance(simple, int):
                self.integer(name, simple, number, category, findings)
            else:
                self._fraction(feature, simple, number, category, findings)
        elif code == _CATEGORY and (kind is str or (kind in (int, float, bool) and str(simple) in known)):
            text = str(simple)
            if text not in known and feature.complete:
                findings.violate("unseen_category", name)
            self.string(name, text, category, rest, findings)
        elif code == _BOOLEAN and kind is bool:
            rest.setdefault("boolean", {})[name] = simple
        elif code == _TEXT and kind is str:
            self.text(name, self.searched(name, simple, findings), rest)
        else:
            findings.violate("wrong_type", name)
            self.other(name, simple, number, category, rest, findings)

    def _fraction(
        self, feature: Feature, value: float, number: dict[str, Any], category: dict[str, Any], findings: Findings
    ) -> None:
        """A float; it may be an integer from a column that also has missing values."""
        if feature.integer and value.is_integer() and not -IDENTIFIER < value < IDENTIFIER:
            self.integer(feature.name, int(value), number, category, findings)
        else:
            number[feature.name] = value

    def _named_sensitive(self, feature: Feature, value: Any, category: dict[str, Any], findings: Findings) -> None:
        if value is None:
            _missing(feature, findings)
        else:
            self.sensitive(feature.name, value, category, findings)

    def _unexpected(
        self,
        written: str | None,
        name: Any,
        value: Any,
        category: dict[str, Any],
        rest: dict[str, dict[str, Any]],
        findings: Findings,
    ) -> None:
        """A feature that the training data does not have goes to the overflow: searchable, but not mapped."""
        text = self.name(name, findings)
        text = text if written is None else written
        findings.violate("unexpected", text)
        if value is None:
            findings.note("missing", text)
        elif type(value) is Unreadable:
            findings.violate("unreadable", text)
        elif written is None:
            self.sensitive(text, value, category, findings)
        else:
            rest.setdefault("overflow", {})[text] = self.nested(text, plain(value, findings.budget), findings)


def _missing(feature: Feature, findings: Findings) -> None:
    if feature.missing:
        findings.note("missing", feature.name)
    else:
        findings.violate("missing", feature.name)
