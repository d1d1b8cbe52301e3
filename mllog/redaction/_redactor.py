"""The redactor inside the service: it sees values, not text, and so can count checksums.

It fails closed: what cannot be searched in good time, or fails, becomes a marker that says why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any, Final

from mllog.redaction._checks import luhn
from mllog.redaction._escapes import TOO_DEEP, escaped, unescaped
from mllog.redaction._looks import decoded, is_done, is_mere_words
from mllog.redaction._pseudonyms import Pseudonyms
from mllog.redaction._search import Search, last_four
from mllog.redaction._words import Words
from mllog.redaction.rules import (
    ABOUT,
    COUNT_FIRST,
    DEFAULT,
    FLAGS,
    IS,
    MARKS,
    NUMBER,
    PLURALS,
    UNMARK,
    YES,
    Rule,
    RuleSet,
    counts,
    measures,
    name_rules,
    names_of,
    tail_rules,
    text_only_rule,
    unmark_rules,
    value_rules,
    words_of,
)

_NAMES: Final = 4096
_LONGEST_NAME: Final = 128
LONGEST: Final = 1 << 16
"""Characters of a text that are searched; a longer one is replaced as a whole."""
DEEPEST: Final = 64
"""Levels of a nested value that are looked into; what lies deeper is replaced."""

TOO_LONG: Final = "[REDACTED:too_long]"
NESTED: Final = "[REDACTED:too_deep]"
ENCODED: Final = "[REDACTED:encoded]"
FAILED: Final = "[REDACTED:error]"
SENSITIVE: Final = "[REDACTED:key]"
"""What stands in place of a value whose name says that it is sensitive."""

# Looks that most values are done with, in the order of their cost: only words; no sign of a name with a value, no four
# digits near each other, no run that could be a token, no address.
_NAMED: Final = re.compile(r"[=:'\"<&❞]|-[A-Za-z-]|->| is | was |%[23]|-u ")
_DIGITS: Final = re.compile(r"[0-9][^0-9]{0,4}[0-9][^0-9]{0,4}[0-9][^0-9]{0,4}[0-9]")
_RUN: Final = re.compile(r"[A-Za-z0-9_+/.-]{12}|://|PRIVATE|Private")
_AT: Final = re.compile(r"@|%|&#|&commat|\\x|\uff20|[\[({][Aa][Tt][\])}]")
_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}(?:(?:\r?\n[A-Za-z0-9+/]{4,})+)?={0,2}")
_MARKED: Final = re.compile(MARKS)
_NAME_BACKWARDS: Final = re.compile(r"[A-Za-z0-9_. '\[\]()-]*")
_NAME_LENGTH: Final = 64
_VALUE_YES: Final = re.compile(f"(?i){IS}{YES}")
_VALUE_NUMBER: Final = re.compile(f"(?i){IS}{NUMBER}")
_OTHER_DIGITS: Final = re.compile(r"(?![0-9])\d")
_TOO_DEEP: Final = re.compile(TOO_DEEP)
_PLAIN_NAME: Final = re.compile(
    r"_?[A-Za-z]{1,15}+(?:[_.][A-Za-z]{1,15}+){0,4}+(?:_?[0-9]{1,2}(?![0-9]))?+(?:[_.][A-Za-z]{1,15}+){0,4}+"
    r"(?:_?[0-9]{1,4})?+(?:_[A-Za-z]{1,15}+)?+"
)
"""Names that hold no value: short words, and fewer digits than any number that is looked for has."""
_ZEROS: Final = str.maketrans("123456789", "000000000")
_LEAST_CARD: Final = 10**12
_PLAIN_WORD: Final = re.compile("[a-z_. ]{0,40}")
_JWK: Final = frozenset(("d", "p", "q", "dp", "dq", "qi", "k"))
_EXACT_FLOATS: Final = 2**63
_LIST_PAIR: Final = 2
_PEM_BEGIN: Final = re.compile("(?i)-{4,5} ?BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY")
_PEM_END: Final = re.compile("(?i)-{4,5} ?END ")
_MOST_BITS: Final = 70  # of the longest card number
_PAIR_NAMES: Final = ("name", "key", "field", "header", "param", "parameter")
_PAIR_VALUES: Final = ("value", "values", "val", "content")
_LEAST_BASE64: Final = 20

Strategy = Callable[[str], str]


class Redactor:
    """Replaces sensitive values by markers such as `[REDACTED:email]`.

    Args:
        rules: what is searched; a tuple of shapes, or a whole set with names and features.
        strategies: by kind: `mask` (the default), `remove`, or `last4`, which keeps the last four characters.
        pseudonyms: keyed hashes for features that are to be counted but not known.

    Example:
        >>> Redactor().text("call +49 30 23125939 or mail ann@example.com")
        ('call [REDACTED:phone] or mail [REDACTED:email]', ('email', 'phone'))
        >>> Redactor().text('retry with password="Fake4now"')
        ('retry with password="[REDACTED:key]"', ('key',))
    """

    def __init__(
        self,
        rules: tuple[Rule, ...] | RuleSet = DEFAULT,
        *,
        strategies: Mapping[str, str] | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        chosen = rules if isinstance(rules, RuleSet) else RuleSet(shapes=rules)
        how = strategies or {}
        self.digest = chosen.digest()
        self.features = {name: how for name, how in chosen.features.items() if how != "keep"}
        self.kept = chosen.kept()
        self.pseudonyms = pseudonyms
        self._marks = [Search(rule) for rule in name_rules(chosen.keys)]
        self._tails = [Search(rule) for rule in tail_rules()]
        self._kept_name = Search(unmark_rules(self.kept)[-1]) if self.kept else None
        self._keys = [Search(rule, more) for rule, more in (*value_rules(), (text_only_rule(), ('"',)))]
        here = [rule for rule in chosen.shapes if rule.where != "pipeline"]
        self._first = [Search(rule, (), how.get(rule.kind, "mask")) for rule in here if rule.first]
        self._shapes = [Search(rule, (), how.get(rule.kind, "mask")) for rule in here if not rule.first]
        self._unguarded = [search for search in (*self._first, *self._shapes) if not search.guard]
        self._names = names_of(chosen.keys)
        self._sensitive = lru_cache(maxsize=_NAMES)(self._is_sensitive)
        self._known_name = lru_cache(maxsize=_NAMES)(self._clean_name)
        self._card = next((search for search in self._shapes if search.kind == "card"), None)

    @cached_property
    def _words(self) -> Words:
        """The words of all guards; made when a text first comes so far, as the patterns are."""
        return Words({word for search in (*self._first, *self._marks, *self._shapes) for word in search.guard})

    def text(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The text with what is sensitive replaced, and the kinds that were found."""
        return self.search(text) if self.suspect(text) else (text, ())

    def suspect(self, text: str) -> bool:
        """Whether a text must be searched; false for most values, and found out in a microsecond."""
        return len(text) > LONGEST or not (is_mere_words(text) or not self._is_suspect(text))

    def search(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The same as `text`, of one that is suspect."""
        if len(text) > LONGEST:
            return TOO_LONG, ("too_long",)
        try:
            return self._searched(text)
        except Exception:  # noqa: BLE001 - fails closed: what was not searched is not stored
            return FAILED, ("error",)

    def value(self, value: Any) -> tuple[Any, list[tuple[str, str]]]:
        """Any JSON-like value with what is sensitive replaced, and path and kind of each find.

        Example:
            >>> Redactor().value({"user": {"pin": 4821, "to": "ann@example.com"}})
            ({'user': {'pin': '[REDACTED:key]', 'to': '[REDACTED:email]'}}, [('user.pin', 'key'), ('user.to', 'email')])
        """
        found: list[tuple[str, str]] = []
        return self._value(value, "", found, 0), found

    def number(self, name: str, value: float) -> str | None:
        """The kind of a number that is an identifier in disguise, or None.

        A float counts where it is whole, for frames make floats of integers, unless its name says that it measures.

        Example:
            >>> redactor = Redactor()
            >>> redactor.number("ref", 4111111111111111.0), redactor.number("flops", 4111111111111111.0)
            ('card', None)
        """
        if type(value) is int:
            return self.integer(value)
        if not _LEAST_CARD <= abs(value) < _EXACT_FLOATS or not float(value).is_integer():
            return None
        kind = self.integer(int(value))
        return None if kind is None or measures(name) else kind

    def integer(self, value: int) -> str | None:
        """The kind of an integer that is an identifier in disguise, or None."""
        if -_LEAST_CARD < value < _LEAST_CARD or self._card is None or value.bit_length() > _MOST_BITS:
            return None
        digits = str(abs(value))
        return "card" if self._card.pattern.fullmatch(digits) and luhn(digits) else None

    def sensitive(self, name: str) -> bool:
        """Whether a value under this name is sensitive, unless it is `harmless`.

        Example:
            >>> [Redactor().sensitive(name) for name in ("passwordOld", "x-api-key", "tokens", "phone_model")]
            [True, True, False, False]
        """
        # A hostile name must not cost more, nor leave more behind, than its last characters.
        return name in self.features or (name not in self.kept and self._sensitive(name[-_LONGEST_NAME:]))

    def harmless(self, name: str, value: Any) -> bool:
        """Whether a value under a sensitive name only says whether there is something, or how much of it.

        Args:
            name: is `sensitive`.
            value: a plain value.

        Example:
            >>> redactor = Redactor()
            >>> redactor.harmless("has_phone", True), redactor.harmless("n_cookies", 3), redactor.harmless("pin", 4821)
            (True, True, False)
        """
        return name not in self.features and counts(name[-_LONGEST_NAME:], value)

    def _is_sensitive(self, name: str) -> bool:
        return self._names.sensitive(name)

    def name(self, name: str) -> tuple[str, tuple[str, ...]]:
        """The same as `text`, of a name: most are seen again and again."""
        if _PLAIN_NAME.fullmatch(name) is not None:
            return name, ()
        if len(name) > _LONGEST_NAME:
            return self.text(name)
        try:
            self._known_name(name)
        except ValueError:
            return self.text(name)
        return name, ()

    def _clean_name(self, name: str) -> None:
        """Raises ValueError where something is found in a name, or the search fails; that is not remembered."""
        if self.text(name)[1]:
            raise ValueError(SENSITIVE)

    def instead(self, name: str, value: Any) -> str | None:
        """What stands in place of a value that its name makes sensitive; None: nothing does.

        Example:
            >>> Redactor(RuleSet(features={"badge": "last4"})).instead("badge", "B-123456")
            '[REDACTED:key:3456]'
        """
        how = self.features.get(name, "mask")
        if how == "remove":
            return None
        if how == "last4":
            return f"[REDACTED:key:{last_four(str(value))}]"
        if how == "hash" and self.pseudonyms is not None:
            return self.pseudonyms.pseudonym(name, str(value))
        return SENSITIVE

    def _is_suspect(self, text: str) -> bool:
        """Whether any rule could find anything; false for most values, and cheap for those."""
        return (
            _NAMED.search(text) is not None
            or _DIGITS.search(text) is not None
            or _RUN.search(text) is not None
            or _AT.search(text) is not None
            or (not text.isascii() and _OTHER_DIGITS.search(text) is not None)
        )

    def _searched(self, text: str) -> tuple[str, tuple[str, ...]]:
        work = unescaped(text)
        if not work.isascii():
            work = _OTHER_DIGITS.sub(lambda found: str(unicodedata.decimal(found[0])), work)
        if _TOO_DEEP.search(work) is not None:
            return NESTED, ("too_deep",)
        folded = work.casefold().translate(_ZEROS)
        kinds: dict[str, None] = {}
        words = self._words.of(folded)
        if words:
            work = self._run(self._first, work, folded, words, kinds)
            if _NAMED.search(work) is not None:
                work = self._named(work, folded, words, kinds)
            work = self._run(self._shapes, work, folded, words, kinds)
        else:
            work = self._run(self._unguarded, work, folded, words, kinds)
        if kinds:
            text = escaped(work) if "\\" in text else work
        clean = self._without_base64(text)
        if clean != text:
            return clean, (*kinds, "encoded")
        return text, tuple(kinds)

    @staticmethod
    def _run(searches: list[Search], text: str, folded: str, words: set[str], kinds: dict[str, None]) -> str:
        for search in searches:
            if search.guard and search.guard.isdisjoint(words):
                continue
            changed = search.run(text, folded)
            if changed != text:
                text = changed
                kinds[search.kind] = None
        return text

    def _named(self, text: str, folded: str, words: set[str], kinds: dict[str, None]) -> str:
        """The text with the values behind sensitive names replaced."""
        marks = [search for search in self._marks if not search.guard.isdisjoint(words)]
        if not marks:
            return text
        marked = _MARKED.sub("", text)
        for search in marks:
            marked = search.run(marked, folded)
        if _MARKED.search(marked) is None:
            return text
        for search in self._tails:
            marked = search.run(marked, folded)
        if self._kept_name is not None:
            marked = self._kept_name.run(marked, folded)
        marked = _MARKED.sub(self._mark_kept, marked)
        if _MARKED.search(marked) is None:
            return text
        found: dict[str, None] = {}
        changed = self._run(self._keys, marked, folded, words, found)
        if not found:
            return text
        kinds |= found
        return _MARKED.sub(UNMARK.replacement, changed)

    def _mark_kept(self, mark: re.Match[str]) -> str:
        """The mark behind a name, or nothing where it only sounds sensitive: what `unmark_rules` do in a filter."""
        text, end = mark.string, mark.start()
        name = text[max(0, end - _NAME_LENGTH) : end]
        if name.rfind("[REDACTED:") > name.rfind("]"):
            return ""
        name = _NAME_BACKWARDS.match(name[::-1])[0][::-1]  # type: ignore[index]
        words = words_of(name)
        if not words or words[-1] in ABOUT:
            return ""
        if _VALUE_YES.match(text, end + 1) and (words == ["mobile"] or not FLAGS.isdisjoint(words)):
            return ""
        counted = words[-1] in PLURALS or not COUNT_FIRST.isdisjoint(words_of(name.split()[-1])[:1])
        return "" if counted and _VALUE_NUMBER.match(text, end + 1) else mark[0]

    def _without_base64(self, text: str) -> str:
        """The text with those runs of base64 replaced that hold something sensitive."""
        # No base64 of a text is in small letters alone.
        return text if len(text) < _LEAST_BASE64 or text.islower() else _BASE64.sub(self._encoded, text)

    def _encoded(self, found: re.Match[str]) -> str:
        inner = decoded("".join(found[0].split()))
        return found[0] if inner is None or not self.text(inner)[1] else ENCODED

    def _value(self, value: Any, path: str, found: list[tuple[str, str]], depth: int) -> Any:
        if type(value) is str:
            text, kinds = self.text(value)
            found += ((path, kind) for kind in kinds)
            return text
        if type(value) is int or type(value) is float:
            kind = self.number(path, value)
            if kind is None:
                return value
            found.append((path, kind))
            return f"[REDACTED:{kind}]"
        if isinstance(value, Mapping | list | tuple) and depth >= DEEPEST:
            found.append((path, "too_deep"))
            return NESTED
        if isinstance(value, Mapping):
            return dict(self._members(value, path, found, depth))
        if isinstance(value, list | tuple):
            return list(self._items(value, path, found, depth))
        return value

    def _items(
        self, value: list[Any] | tuple[Any, ...], path: str, found: list[tuple[str, str]], depth: int
    ) -> Iterator[Any]:
        # A header as a pair, `["x-api-key", "…"]`; and the lines of a private key, one by one.
        pair = len(value) == _LIST_PAIR and type(value[0]) is str and type(value[1]) is str
        if pair and self.sensitive(value[0]) and _PLAIN_WORD.fullmatch(value[1]) is None and not is_done(value[1]):
            found.append((path, "key"))
            yield from (self._value(value[0], path, found, depth + 1), SENSITIVE)
            return
        inside = False
        for item in value:
            if inside and type(item) is str:
                inside = _PEM_END.search(item) is None
                yield "[REDACTED:private_key]"
                continue
            inside = type(item) is str and _PEM_BEGIN.search(item) is not None and _PEM_END.search(item) is None
            yield self._value(item, path, found, depth + 1)

    def _members(
        self, value: Mapping[Any, Any], path: str, found: list[tuple[str, str]], depth: int
    ) -> Iterator[tuple[str, Any]]:
        labels = [name for name in value if type(name) is str and name.lower() in _PAIR_NAMES] if len(value) > 1 else ()
        named = any(self.sensitive(value[name]) for name in labels if type(value[name]) is str)
        for name, item in value.items():
            label, kinds = self.name(str(name))
            here = f"{path}.{label}" if path else label
            found += ((here, kind) for kind in kinds)
            by_name = self.sensitive(str(name)) or (named and str(name).lower() in _PAIR_VALUES)
            by_name = by_name or (name in _JWK and "kty" in value and type(item) is str)
            if by_name and item is not None and item != "" and not is_done(item) and not self.harmless(str(name), item):
                found.append((here, "key"))
                new = self.instead(str(name), item)
                if new is not None:
                    yield label, new
            else:
                yield label, self._value(item, here, found, depth + 1)
