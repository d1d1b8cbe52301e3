"""Validation on the request path: one pass sorts the inputs by type and compares each with the training data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from mllog.emit._features import Splitter, is_numeric, is_too_large, typed
from mllog.emit._mapping import mapping
from mllog.emit._shape import IDENTIFIER, Shape, Text
from mllog.event._findings import Findings
from mllog.event._plain import Unreadable, plain, single
from mllog.profile._feature import Feature
from mllog.profile._values import harmless, is_numeric_coded, is_time, precision_of, reach, text_of
from mllog.redaction import Redactor, rules_digest

_NUMBER: Final = 0
_CATEGORY: Final = 1
_BOOLEAN: Final = 2
_TEXT: Final = 3
_SENSITIVE: Final = 4
_TIME: Final = 5
_ACCEPTED: Final = {
    float: frozenset({_NUMBER}),
    int: frozenset({_NUMBER}),
    str: frozenset({_CATEGORY, _TEXT, _TIME}),
    Text: frozenset({_TEXT}),
    bool: frozenset({_BOOLEAN}),
}
"""Features that a shape may have values of these types for."""

_INFINITY: Final = float("inf")

_Spec = tuple[int, float, float, frozenset[str], frozenset[str], Feature]


def _spec(feature: Feature, *, certified: bool, redact: bool) -> _Spec:
    """How a feature is checked: code, least, greatest, values that need no scan, known values, itself."""
    known = frozenset(value for value, _ in feature.categories)
    code = {"number": _NUMBER, "category": _CATEGORY, "boolean": _BOOLEAN, "text": _TEXT}[feature.type]
    low, high = -_INFINITY, _INFINITY
    if feature.temporal:
        code = _TIME
    elif feature.min is not None and feature.max is not None:
        precision = precision_of(feature.dtype, feature.inferred_dtype)
        low, high = reach(feature.min, precision)[0], reach(feature.max, precision)[1]
    if redact and feature.sensitive:
        code = _SENSITIVE
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

    __slots__ = ("_coded", "_specs")

    def __init__(self, profile: Trained, redactor: Redactor | None, *, keep_texts: bool = False) -> None:
        super().__init__(redactor, keep_texts=keep_texts)
        # Values that training certified need no scan, as long as the rules are the same.
        certified = redactor is None or profile.rules == redactor.digest == rules_digest()
        specs: dict[Any, _Spec] = {}
        for feature in profile.inputs:
            by_name = redactor is not None and redactor.sensitive(feature.name)
            specs[feature.name] = _spec(feature, certified=certified and not by_name, redact=redactor is not None)
        self._specs = specs
        self._coded = {
            feature.name: precision_of(feature.dtype, feature.inferred_dtype)
            for feature in profile.inputs
            if is_numeric_coded(feature.inferred_dtype)
        }

    def shape(self, types: dict[str, type], long: Collection[str], large: Collection[str]) -> Shape | None:
        """How to sort values of these names and types; None if the training data has other ones."""
        specs = self._specs
        if self.leaves_texts(long):
            return None
        types = {name: Text if name in long else kind for name, kind in types.items()}
        absent = [name for name in specs if name not in types]
        for name, kind in types.items():
            if name not in specs or (kind in _ACCEPTED and specs[name][0] not in _ACCEPTED[kind]):
                return None
        gone = (*absent, *(name for name, kind in types.items() if kind not in _ACCEPTED))
        if any(not specs[name][5].missing for name in gone):
            return None
        return Shape(
            types,
            bounds={name: spec[1:3] for name, spec in specs.items()},
            large=[name for name in large if not specs[name][5].integer],
            known={name: self.known(name) for name, kind in types.items() if kind is str},
            clean=self.clean,
            text=self.long_text,
            absent=absent,
        )

    def clean(self, name: str, value: str) -> bool:
        """Whether a string needs no violation and no redaction: known or not required to be, and clean by the rules."""
        code, _, _, _, known, feature = self._specs[name]
        expected = is_time(value) if code == _TIME else value in known or not feature.complete
        return expected and super().clean(name, value)

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
                written = special[name]
                if written is not None:
                    self._check(spec, written, value, number, category, rest, findings)
                    continue
                if not self._is_harmless(name, value, findings):
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
                    self._none(feature, name, value, number, findings)
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
        value = single(value)
        if type(value) is Unreadable:
            findings.violate("unreadable", name)
            return
        simple = value if type(value) is str else plain(value, findings.budget)
        if simple is None or is_too_large(value):
            self._none(feature, name, value, number, findings)
            return
        kind = type(simple)
        if code == _SENSITIVE:
            self.sensitive(name, simple, category, findings, "sensitive")
        elif code == _NUMBER and isinstance(simple, (int, float)) and kind is not bool:
            if _less(simple, low):
                findings.violate("below_min", name)
            elif _less(high, simple):
                findings.violate("above_max", name)
            if isinstance(simple, int):
                self.integer(name, simple, number, category, findings)
            else:
                self._fraction(feature, simple, number, category, findings)
        elif code == _CATEGORY and (text := self._category(feature, simple, known)) is not None:
            if feature.complete and text not in known and plain(text) not in known:
                findings.violate("unseen_category", name)
            self.string(name, text, category, rest, findings)
        elif code == _BOOLEAN and kind is bool:
            rest.setdefault("boolean", {})[name] = simple
        elif kind is str and (code == _TEXT or (code == _TIME and is_time(simple))):
            self.string(name, simple, category, rest, findings)
        else:
            findings.violate("wrong_type", name)
            self.other(name, simple, number, category, rest, findings)

    def _none(self, feature: Feature, name: str, value: Any, number: dict[str, Any], findings: Findings) -> None:
        """Missing, NaN or an infinity: frames write what is missing as NaN, whatever type the feature has."""
        if not is_numeric(value) or (feature.type != "number" and not _is_infinite(value)):
            _missing(feature, findings)
        elif feature.infinite if _is_infinite(value) else feature.missing:
            number[name] = None
            findings.note("non_finite", name)
        else:
            self.non_finite(name, number, findings)

    def _category(self, feature: Feature, value: Any, known: frozenset[str]) -> str | None:
        """The category of a plain value; None for a value of another type than those of training."""
        if type(value) is str:
            return value
        if not isinstance(value, (int, float)):
            return None
        text = text_of(value, self._coded.get(feature.name, ""))
        if text not in known and str(value) in known:  # profiles of older versions list 1.0
            return str(value)
        return text if text in known or (feature.name in self._coded and type(value) is not bool) else None

    def _is_harmless(self, name: str, value: Any, findings: Findings) -> bool:
        """Whether a value under a sensitive name is a flag or a small count."""
        if type(value) is Unreadable or self._redactor is None:
            return False
        simple = value if type(value) is str else plain(value, findings.budget)
        return simple is not None and harmless(self._redactor, name, simple)

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
        value = single(value)
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


def _less(one: float, other: float) -> bool:
    """Whether a number is less: integers are compared exactly, a double in the precision that it has."""
    return one < other and (type(one) is type(other) is int or float(one) < float(other))


def _is_infinite(value: Any) -> bool:
    """Whether a value is an infinity, or as good as one to an event; a signalling NaN refuses to be compared."""
    try:
        return bool(abs(value) == _INFINITY) or is_too_large(value)
    except (ArithmeticError, TypeError, ValueError):
        return False
