"""The redactor inside the service: it sees values, not text, and so can count checksums.

It fails closed: what cannot be searched in good time, or fails, becomes a marker that says why.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any, Final

from mllog.redaction._checks import CHECKS, luhn
from mllog.redaction._escapes import TOO_DEEP, escaped, unescaped
from mllog.redaction._pseudonyms import Pseudonyms
from mllog.redaction._words import Words
from mllog.redaction.rules import DEFAULT, PSEUDONYM, Rule, RuleSet, key_rules, name_test, text_only_rule

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
_WORDS: Final = re.compile(r"[A-Za-z ,]*")
_NAMED: Final = re.compile(r"[=:'\"<&❞]|--|->| is | was |%[23]|-u ")
_DIGITS: Final = re.compile(r"[0-9][^0-9]{0,4}[0-9][^0-9]{0,4}[0-9][^0-9]{0,4}[0-9]")
_RUN: Final = re.compile(r"[A-Za-z0-9_+/.-]{12}|://|PRIVATE")
_AT: Final = re.compile(r"@|%|&#|&commat|\uff20|[\[({][Aa][Tt][\])}]")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_TOO_DEEP: Final = re.compile(TOO_DEEP)
_PSEUDONYM: Final = re.compile(PSEUDONYM)
_PLAIN_NAME: Final = re.compile(r"[a-z_]{1,24}[0-9]{0,3}(?:_[a-z]{1,8})?")
"""Names that hold no value: no token, number or address is as short and as plain."""
_ZEROS: Final = str.maketrans("123456789", "000000000")
_LEAST_CARD: Final = 10**12
_MOST_BITS: Final = 70  # of the longest card number
_PAIR_NAMES: Final = ("name", "key", "field", "header", "param", "parameter")
_PAIR_VALUES: Final = ("value", "val", "content")

Strategy = Callable[[str], str]


def _last_four(text: str) -> str:
    return "".join(character for character in text if character.isalnum())[-4:]


class _Search:
    """One rule, ready to run; its patterns are compiled when a text first comes so far, for that takes milliseconds."""

    __slots__ = ("_pattern", "_rule", "_test", "check", "guard", "kind", "more", "replacement", "strategy")

    def __init__(self, rule: Rule, more: tuple[str, ...] = (), strategy: str = "mask") -> None:
        self.kind = rule.kind
        self.guard = frozenset(rule.guard)
        self.more = more
        self._rule = rule
        self._pattern: re.Pattern[str] | None = None
        self._test: re.Pattern[str] | None = None
        self.check = CHECKS[rule.check] if rule.check else None
        self.replacement = rule.replacement
        self.strategy = strategy

    def run(self, text: str, folded: str) -> str:
        """The text with all matches replaced; a word of the guard stands in it, where there is one."""
        if self.more and not any(word in folded for word in self.more):
            return text
        if self._rule.test:
            if self._test is None:
                self._test = re.compile(self._rule.test)
            if self._test.search(text) is None:
                return text
        if self.check is None and self.strategy == "mask":
            return self.pattern.sub(self.replacement, text)
        return self.pattern.sub(self._replaced, text)

    @property
    def pattern(self) -> re.Pattern[str]:
        """The pattern of the rule."""
        if self._pattern is None:
            self._pattern = re.compile(self._rule.pattern)
        return self._pattern

    def _replaced(self, match: re.Match[str]) -> str:
        if self.check is not None and not self.check(match[0]):
            return match[0]
        new = match.expand(self.replacement)
        if self.strategy == "remove":
            return new.replace(f"[REDACTED:{self.kind}]", "")
        if self.strategy == "last4":
            return new.replace(f"[REDACTED:{self.kind}]", f"[REDACTED:{self.kind}:{_last_four(match[0])}]")
        return new


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
        self.kept = frozenset(name for name, how in chosen.features.items() if how == "keep")
        self.pseudonyms = pseudonyms
        self._keys = [
            _Search(rule, more, "mask") for group in chosen.keys for rule, more in (*key_rules(group), _plain(group))
        ]
        here = [rule for rule in chosen.shapes if rule.where != "pipeline"]
        self._first = [_Search(rule, (), how.get(rule.kind, "mask")) for rule in here if rule.first]
        self._shapes = [_Search(rule, (), how.get(rule.kind, "mask")) for rule in here if not rule.first]
        self._unguarded = [search for search in (*self._first, *self._keys, *self._shapes) if not search.guard]
        self._groups = chosen.keys
        self._sensitive = lru_cache(maxsize=_NAMES)(self._is_sensitive)
        self._known_name = lru_cache(maxsize=_NAMES)(self._clean_name)
        self._card = next((search for search in self._shapes if search.kind == "card"), None)

    @cached_property
    def _words(self) -> Words:
        """The words of all guards; made when a text first comes so far, as the patterns are."""
        return Words({word for search in (*self._first, *self._keys, *self._shapes) for word in search.guard})

    def text(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The text with what is sensitive replaced, and the kinds that were found."""
        return self.search(text) if self.suspect(text) else (text, ())

    def suspect(self, text: str) -> bool:
        """Whether a text must be searched; false for most values, and found out in a microsecond."""
        return len(text) > LONGEST or not (_is_mere_words(text) or not self._is_suspect(text))

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

    def integer(self, value: int) -> str | None:
        """The kind of a number that is an identifier in disguise, or None."""
        if -_LEAST_CARD < value < _LEAST_CARD or self._card is None or value.bit_length() > _MOST_BITS:
            return None
        digits = str(abs(value))
        return "card" if self._card.pattern.fullmatch(digits) and luhn(digits) else None

    def sensitive(self, name: str) -> bool:
        """Whether a value under this name is sensitive, whatever it looks like."""
        # A hostile name must not cost more, nor leave more behind, than its last characters.
        return name in self.features or self._sensitive(name[-_LONGEST_NAME:])

    def _is_sensitive(self, name: str) -> bool:
        return self._name_test.fullmatch(name.strip().rstrip("])")) is not None

    @cached_property
    def _name_test(self) -> re.Pattern[str]:
        return name_test(self._groups)

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
            return f"[REDACTED:key:{_last_four(str(value))}]"
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
        )

    def _searched(self, text: str) -> tuple[str, tuple[str, ...]]:
        work = unescaped(text)
        if _TOO_DEEP.search(work) is not None:
            return NESTED, ("too_deep",)
        folded = work.casefold().translate(_ZEROS)
        kinds: dict[str, None] = {}
        words = self._words.of(folded)
        searches = self._unguarded
        if words:
            keys = self._keys if _NAMED.search(work) is not None else ()
            searches = [*self._first, *keys, *self._shapes]
        for search in searches:
            if search.guard and search.guard.isdisjoint(words):
                continue
            changed = search.run(work, folded)
            if changed != work:
                work = changed
                kinds[search.kind] = None
        if kinds:
            return escaped(work) if "\\" in text else work, tuple(kinds)
        if _hidden(text) and (inner := _decoded(text)) is not None and self.text(inner)[1]:
            return ENCODED, ("encoded",)
        return text, ()

    def _value(self, value: Any, path: str, found: list[tuple[str, str]], depth: int) -> Any:
        if type(value) is str:
            text, kinds = self.text(value)
            found += ((path, kind) for kind in kinds)
            return text
        if type(value) is int:
            kind = self.integer(value)
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
            return [self._value(item, path, found, depth + 1) for item in value]
        return value

    def _members(
        self, value: Mapping[Any, Any], path: str, found: list[tuple[str, str]], depth: int
    ) -> Iterator[tuple[str, Any]]:
        named = any(name in value for name in _PAIR_NAMES) and any(
            self.sensitive(str(value[name])) for name in _PAIR_NAMES if isinstance(value.get(name), str)
        )
        for name, item in value.items():
            label, kinds = self.name(str(name))
            here = f"{path}.{label}" if path else label
            found += ((here, kind) for kind in kinds)
            by_name = self.sensitive(str(name)) or (named and name in _PAIR_VALUES)
            if by_name and item is not None and item != "" and not _is_done(item):
                found.append((here, "key"))
                new = self.instead(str(name), item)
                if new is not None:
                    yield label, new
            else:
                yield label, self._value(item, here, found, depth + 1)


def _is_mere_words(text: str) -> bool:
    """Nothing but words, and none that begins a token or says what something is."""
    return (
        _WORDS.fullmatch(text) is not None
        and " is " not in text  # asked one by one: a pattern of all takes twice as long, and so does a loop
        and "AKIA" not in text
        and "ASIA" not in text
        and "ABIA" not in text
        and "ACCA" not in text
        and "AIza" not in text
    )


def _plain(group: Any) -> tuple[Rule, tuple[str, ...]]:
    return text_only_rule(group), ('"',)


def _is_done(item: Any) -> bool:
    """A marker or a pseudonym, as a whole."""
    return type(item) is str and (
        (item.startswith("[REDACTED:") and item.endswith("]") and item.count("]") == 1)
        or _PSEUDONYM.fullmatch(item) is not None
    )


def _hidden(text: str) -> bool:
    return len(text) >= 20 and _BASE64.fullmatch(text) is not None


def _decoded(text: str) -> str | None:
    """What base64 stands for, if that is a text."""
    try:
        raw = base64.b64decode(
            text + "=" * (-len(text) % 4), altchars=b"-_" if set("-_") & set(text) else None, validate=True
        )
        inner = raw.decode()
    except (binascii.Error, ValueError):
        return None
    return inner if inner.isprintable() or "\n" in inner else None
