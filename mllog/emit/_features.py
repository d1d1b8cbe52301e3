"""Inputs and outputs of any shape become typed features: what the event holds under `mllog.input`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from mllog.emit._mapping import free_name
from mllog.emit._shape import CARD, CATEGORY_LENGTH, IDENTIFIER, MOST_FEATURES, Shape, Text, types_of
from mllog.event._findings import TEXT_LENGTH, Findings
from mllog.event._plain import TOO_MUCH, Unreadable, is_missing, plain, single
from mllog.redaction import SENSITIVE, Redactor

_INT64: Final = 2**63
TOO_LARGE: Final = (1 << 1024) - (1 << 970)
"""Integers from here on are beyond every double."""

KNOWN_VALUES: Final = 20_000
"""Strings that one splitter remembers in all."""

_LONG_TEXTS: Final = 4
"""Long texts of one call that compiled code searches; more are counted against the budget of the call."""

KNOWN_LENGTH: Final = 64
SHAPES: Final = 64
_NUMBERS: Final = (int, float)


def _worth_keeping(names: tuple[Any, ...]) -> bool:
    """Whether to remember these names: who sends them must not fill the service's memory."""
    return len(names) <= MOST_FEATURES and all(type(name) is not str or len(name) <= CATEGORY_LENGTH for name in names)


class Splitter:
    """Sorts features by type and redacts them; one for the inputs and one for the outputs of a model.

    Features that share names share a plan: which names are sensitive and which cannot be written is
    found out once for each set of names.
    """

    __slots__ = ("_keep_texts", "_known", "_large", "_plans", "_redactor", "_room", "_shapes")

    def __init__(self, redactor: Redactor | None, *, keep_texts: bool = False) -> None:
        self._redactor = redactor
        self._keep_texts = keep_texts
        self._plans: dict[tuple[Any, ...], dict[Any, str | None]] = {}
        self._shapes: dict[tuple[Any, ...], Shape | None] = {}
        self._large: set[str] = set()
        self._known: dict[str, set[str]] = {}
        self._room = KNOWN_VALUES

    def remember(self, values: dict[Any, Any]) -> None:
        """Strings that passed `split` without a note pass it again: the rules look at nothing else.

        Only short strings, up to a number: beyond it, new ones are scanned each time.
        """
        if self.shape_of(values) is None:
            return
        for name, value in values.items():
            if type(value) is str and len(value) <= KNOWN_LENGTH and self._room > 0:
                self._learn(name, value)

    def _learn(self, name: str, value: str) -> None:
        known = self.known(name)
        if value not in known:
            known.add(value)
            self._room -= 1

    def clean(self, name: str, value: str) -> bool:
        """Whether a string that is not known is a category that the rules let pass; it is known from then on."""
        if len(value) > CATEGORY_LENGTH or (self._redactor is not None and self._redactor.text(value)[1]):
            return False
        if len(value) <= KNOWN_LENGTH and self._room > 0:
            self._learn(name, value)
        return True

    def known(self, name: str) -> set[str]:
        """Values of a feature that need no further look."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self.certified(name)
        return found

    def certified(self, name: str) -> set[str]:  # noqa: ARG002 - training knows some, where there is a profile
        """Values that need no look from the start."""
        return set()

    def shape_of(self, values: dict[Any, Any]) -> Shape | None:
        """The shape of values, made where these names and types come for the first time; None where there is none."""
        long = tuple(name for name, value in values.items() if type(value) is str and len(value) > CATEGORY_LENGTH)
        self._large.update(name for name, value in values.items() if type(value) is float and abs(value) >= IDENTIFIER)
        large = tuple(name for name in values if name in self._large)
        key = (tuple(values), tuple(map(type, values.values())), long, large)
        try:
            return self._shapes[key]
        except KeyError:
            if not _worth_keeping(key[0]):
                return None
            types = None if self.plan(key[0]) else types_of(values)
            shape = None if types is None else self.shape(types, long, large)
            if len(self._shapes) >= SHAPES:  # what was known is forgotten with them: names may be endless
                self._shapes, self._known, self._room = {}, {}, KNOWN_VALUES
                self._large = set(large)
                shape = None if types is None else self.shape(types, long, large)
            self._shapes[key] = shape
            return shape

    def shape(self, types: dict[str, type], long: Collection[str], large: Collection[str]) -> Shape | None:
        """How to sort values of these names and types; None where each needs a look of its own.

        Args:
            types: by name.
            long: names of the strings that are no categories any more.
            large: names of the numbers that were as large as identifiers are.
        """
        if self.leaves_texts(long):
            return None
        kinds = {name: Text if name in long else kind for name, kind in types.items()}
        looked_at = self._redactor is not None
        known = {name: self.known(name) for name, kind in kinds.items() if kind is str and looked_at}
        return Shape(kinds, large=large, known=known, clean=self.clean, text=self.long_text)

    def leaves_texts(self, long: Collection[str]) -> bool:
        """Whether long texts need the general way: too many of them, or one that is kept as it is."""
        kept = frozenset() if self._redactor is None else self._redactor.kept
        return len(long) > _LONG_TEXTS or not kept.isdisjoint(long)

    def long_text(self, value: str) -> str | None:
        """What is written of a string that is long enough to be a text; None where the rules catch something."""
        return self.clean_text(value) if CATEGORY_LENGTH < len(value) <= 2 * TEXT_LENGTH else None

    def clean_text(self, value: str) -> str | None:
        """What is written of a text; None where the rules catch something."""
        if self._redactor is not None and self._redactor.text(value)[1]:
            return None
        return cut(value) if self._keep_texts else summary(value)

    def plan(self, shape: tuple[Any, ...]) -> dict[Any, str | None]:
        """What is special about some of these names: None for a sensitive one, else the name to write."""
        plan = self._plans.get(shape)
        if plan is None:
            plan = {}
            written: set[str] = set()
            for name in shape:
                text = name if type(name) is str else str(plain(name))
                sensitive = self._redactor is not None and self._redactor.sensitive(text)
                if not text.strip():  # a store refuses a blank name, and with it the whole event
                    text = f"[blank {len(text)}]"
                elif self._redactor is not None and not sensitive:
                    text = self._redactor.name(text)[0]
                if text in written:  # two names that are written alike
                    text = free_name(text, written, shape)
                written.add(text)
                if sensitive:
                    plan[name] = None
                elif type(name) is not str or text != name:
                    plan[name] = text
            if len(self._plans) >= SHAPES:
                self._plans.clear()
            if _worth_keeping(shape):
                self._plans[shape] = plan
        return plan

    def split(self, values: Mapping[Any, Any], findings: Findings) -> dict[str, dict[str, Any]]:
        """Features by type: number, category, boolean, text, and `overflow` for what is none of them."""
        special = self.plan(tuple(values))
        number: dict[str, Any] = {}
        category: dict[str, Any] = {}
        rest: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            if special and name in special:
                self._special(special[name], name, value, number, category, rest, findings)
                continue
            kind = type(value)
            if kind is float:
                if -CARD < value < CARD:  # false for NaN
                    number[name] = value
                else:
                    self.large(name, value, number, category, findings)
            elif kind is str:
                self.string(name, value, category, rest, findings)
            elif kind is int:
                self.integer(name, value, number, category, findings)
            elif value is None:
                findings.note("missing", name)
            else:
                self.other(name, value, number, category, rest, findings)
        return typed(number, category, rest)

    def _special(
        self,
        written: str | None,
        name: Any,
        value: Any,
        number: dict[str, Any],
        category: dict[str, Any],
        rest: dict[str, dict[str, Any]],
        findings: Findings,
    ) -> None:
        name = self.name(name, findings)
        if written is not None:
            self.other(written, value, number, category, rest, findings)
        elif value is None:
            findings.note("missing", name)
        elif self._is_harmless(name, value, findings):
            self.other(name, value, number, category, rest, findings)
        else:
            self.sensitive(name, value, category, findings)

    def _is_harmless(self, name: str, value: Any, findings: Findings) -> bool:
        """Whether a value under a sensitive name is a flag or a small count."""
        if type(value) is Unreadable or self._redactor is None:
            return False
        return self._redactor.harmless(name, plain(value, findings.budget))

    def name(self, name: Any, findings: Findings) -> str:
        """The name to write: a name may itself contain a sensitive value."""
        text = name if type(name) is str else str(plain(name))
        if self._redactor is not None:
            text, kinds = self._redactor.name(text)
            if kinds:
                findings.redacted(text, kinds)
        return text

    def sensitive(self, name: str, value: Any, category: dict[str, Any], findings: Findings, kind: str = "key") -> None:
        """A value whose name is sensitive."""
        redactor = self._redactor
        instead = SENSITIVE if redactor is None else redactor.instead(name, plain(value, findings.budget))
        if instead is not None:
            category[name] = instead if instead != SENSITIVE else f"[REDACTED:{kind}]"
        findings.redacted(name, (kind,))

    def non_finite(self, name: str, number: dict[str, Any], findings: Findings) -> None:
        """NaN or an infinity: null, and named."""
        number[name] = None
        findings.violate("non_finite", name)

    def large(
        self, name: str, value: float, number: dict[str, Any], category: dict[str, Any], findings: Findings
    ) -> None:
        """A float that is large or not finite: a number, unless it is a whole number that is a card."""
        if value - value != 0.0:  # NaN and the infinities
            self.non_finite(name, number, findings)
            return
        kind = None if self._redactor is None else self._redactor.number(name, value)
        if kind is None:
            number[name] = value
        else:
            category[name] = f"[REDACTED:{kind}]"
            findings.redacted(name, (kind,))

    def integer(
        self, name: str, value: int, number: dict[str, Any], category: dict[str, Any], findings: Findings
    ) -> None:
        """An integer: a number, unless it is an identifier in disguise."""
        if -IDENTIFIER < value < IDENTIFIER:
            number[name] = value
            return
        kind = self._redactor.integer(value) if self._redactor is not None else None
        if kind is not None:
            category[name] = f"[REDACTED:{kind}]"
            findings.redacted(name, (kind,))
        elif -_INT64 <= value < _INT64:
            number[name] = value
        elif -TOO_LARGE < value < TOO_LARGE:
            number[name] = plain(value)
        else:
            self.non_finite(name, number, findings)

    def string(
        self, name: str, value: str, category: dict[str, Any], rest: dict[str, dict[str, Any]], findings: Findings
    ) -> None:
        """A string: redacted, then a category or, when long, a text."""
        value = self.searched(name, value, findings)
        if len(value) <= CATEGORY_LENGTH:
            category[name] = value
        else:
            self.text(name, value, rest)

    def searched(self, name: str, value: str, findings: Findings) -> str:
        """A string without what is sensitive; a marker where the call has had its share of the time."""
        redactor = self._redactor
        if redactor is None or not redactor.suspect(value):
            return value
        if not findings.budget.read(len(value)):
            return TOO_MUCH
        value, kinds = redactor.search(value)
        if kinds:
            findings.redacted(name, kinds)
        return value

    def text(self, name: str, value: str, rest: dict[str, dict[str, Any]]) -> None:
        """A free text, as a summary, or cut where it is very long. The caller has redacted it."""
        kept = self._keep_texts or (self._redactor is not None and name in self._redactor.kept)
        rest.setdefault("text", {})[name] = cut(value) if kept else summary(value)

    def other(
        self,
        name: str,
        value: Any,
        number: dict[str, Any],
        category: dict[str, Any],
        rest: dict[str, dict[str, Any]],
        findings: Findings,
    ) -> None:
        """Anything that is no plain Python scalar: booleans, numpy, dates, nested values, unknown objects."""
        if value is True or value is False:
            rest.setdefault("boolean", {})[name] = value
            return
        value = single(value)
        if type(value) is Unreadable:
            findings.violate("unreadable", name)
            return
        simple = value if is_too_large(value) else plain(value, findings.budget)
        kind = type(simple)
        if kind is str:
            self.string(name, simple, category, rest, findings)
        elif kind is bool:
            rest.setdefault("boolean", {})[name] = simple
        elif kind is int:
            self.integer(name, simple, number, category, findings)
        elif kind is float:
            self.large(name, simple, number, category, findings)
        elif simple is None:
            if is_numeric(value):
                self.non_finite(name, number, findings)
            else:
                findings.note("missing", name)
        else:
            rest.setdefault("overflow", {})[name] = self.nested(name, simple, findings)

    def nested(self, name: str, value: Any, findings: Findings) -> Any:
        """A nested value with every string in it redacted, whatever its depth."""
        redactor = self._redactor
        if redactor is None:
            return value
        clean, found = redactor.value(value)
        for _, kind in found:
            findings.redacted(name, (kind,))
        return clean


def is_too_large(value: Any) -> bool:
    """Whether an integer is beyond the numbers of an event.

    Example:
        >>> is_too_large(10**400), is_too_large(10**300)
        (True, False)
    """
    return type(value) is int and not -TOO_LARGE < value < TOO_LARGE


def is_numeric(value: Any) -> bool:
    """Whether a value that JSON has no number for is a number all the same: NaN or an infinity of some type.

    Example:
        >>> import decimal, numpy as np
        >>> is_numeric(decimal.Decimal("NaN")), is_numeric(np.float32("inf")), is_numeric(np.ma.masked)
        (True, True, False)
    """
    if isinstance(value, _NUMBERS):
        return True
    return not is_missing(value) and (hasattr(value, "is_nan") or hasattr(value, "dtype"))


def summary(text: str) -> str:
    """What is written of a free text unless it is kept.

    Example:
        >>> summary("it was late " * 30)
        '[text: 360 characters, 90 words]'
    """
    inner = text.strip()
    words = inner.count(" ") + inner.count("\n") + bool(inner)  # to split it would cost more than the rest of an event
    return f"[text: {len(text)} characters, {words} words]"


def cut(text: str) -> str:
    """A text of at most `TEXT_LENGTH` characters, which says how many it had."""
    return text if len(text) <= TEXT_LENGTH else f"{text[:TEXT_LENGTH]} [cut: {len(text)} characters]"


def typed(
    number: dict[str, Any], category: dict[str, Any], rest: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The typed objects that are not empty."""
    if number:
        rest["number"] = number
    if category:
        rest["category"] = category
    return rest
