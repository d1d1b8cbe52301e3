"""Searching quickly: what can be told about a pattern before the engine is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from ahocorasick_rs import BytesAhoCorasick, Implementation

from mllog.pipeline._case import caseless_beyond_ascii, folds_to_ascii

_CHARACTER: Final = re.compile(r"[^\\\[\](){}.*+?^$|#]|\\[\[\](){}.*+?^$|#/t]")
_CLASS: Final = re.compile(r"\[((?:0-9|-(?!.-)|&(?!&)|[^\\\[\]^&-]|\\[\[\]^t])+)\]")
_MEMBER: Final = re.compile(r"0-9|\\?.", re.DOTALL)
_TIMES: Final = re.compile(r"\{([0-9]{1,2})\}")
_DIGITS: Final = re.compile(r"\[0-9\](?:\{([0-9]+)\})?")
_FOLD: Final = bytes(range(256)).translate(
    bytes.maketrans(bytes(range(65, 91)) + b"123456789", bytes(range(97, 123)) + b"000000000")
)
_MOST_WORDS: Final = 10_000


def _folded(text: str) -> bytes:
    """A text with ASCII in lower case and with `0` for every digit."""
    return text.encode("utf-8", "surrogatepass").translate(_FOLD)


_Found = tuple[frozenset[int], frozenset[int], frozenset[int]]
_NONE: Final[frozenset[int]] = frozenset()
_NOTHING: Final = (_NONE, _NONE, _NONE)


class _Index:
    """Which of many words stand in a text, by one pass over it (Aho and Corasick, 1975).

    A configuration asks a hundred times whether one text holds one of a few words: the words of all conditions are
    searched together, once for each text.
    """

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._search: BytesAhoCorasick | None = None
        self._last: tuple[str, _Found] = ("", _NOTHING)
        self._caseless = True

    def numbers(self, words: Iterable[bytes]) -> frozenset[int] | None:
        """The numbers of words, new ones taken up; None where there are too many already."""
        wanted = list(words)
        if len(self._numbers) + len(wanted) > _MOST_WORDS:
            return None
        known = len(self._numbers)
        self._caseless = self._caseless and all(
            caseless_beyond_ascii(word.decode("utf-8", "replace")) for word in wanted
        )
        found = frozenset(self._numbers.setdefault(word, len(self._numbers)) for word in wanted)
        if len(self._numbers) > known:
            self._search, self._last = None, ("", _NOTHING)
        return found

    def present(self, text: str) -> _Found:
        """The numbers of the words that stand in a text, of those that may (letters beyond ASCII fold), and of both."""
        last, found = self._last
        if last is text:
            return found
        sure = self._in(text)
        plain = text.isascii() or (self._caseless and not folds_to_ascii(text))
        maybe = _NONE if plain else self._in(text.casefold()) - sure
        found = (sure, maybe, sure | maybe if maybe else sure)
        self._last = (text, found)
        return found

    def _in(self, text: str) -> frozenset[int]:
        if self._search is None:
            self._search = BytesAhoCorasick(list(self._numbers), implementation=Implementation.DFA)
        found = self._search.find_matches_as_indexes(_folded(text), overlapping=True)
        return frozenset([number for number, _, _ in found])


_INDEX: Final = _Index()


class _NoWordsError(Exception):
    """The pattern is more than words."""


def _parts(pattern: str) -> list[str] | None:
    """The words of a pattern that is nothing else, be they written one by one or with common beginnings; or None."""
    try:
        found, at = _alternatives(pattern, 4 if pattern.startswith("(?i)") else 0)
    except _NoWordsError:
        return None
    return found if at == len(pattern) and all(found) else None


def _alternatives(pattern: str, at: int) -> tuple[list[str], int]:
    """All words up to a closing parenthesis or the end, and where that is."""
    found: list[str] = []
    current = [""]
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            found, current, at = [*found, *current], [""], at + 1
            continue
        next_parts, at = _one(pattern, at)
        current = [word + part for word in current for part in next_parts]
        if len(found) + len(current) > _MOST_WORDS:
            raise _NoWordsError
    return [*found, *current], at


def _one(pattern: str, at: int) -> tuple[list[str], int]:
    """What the next piece stands for, as parts of words; `[0-9]` stays as it is."""
    if pattern.startswith("(?:", at):
        found, end = _alternatives(pattern, at + 3)
        if not pattern.startswith(")", end):
            raise _NoWordsError
        return found, end + 1
    members = _CLASS.match(pattern, at)
    if members is not None:
        if "-" in members[1].replace("0-9", "")[1:-1]:  # a range of letters is no list of words
            raise _NoWordsError
        parts = [_member(member[0]) for member in _MEMBER.finditer(members[1])]
        times = _TIMES.match(pattern, members.end())
        if times is None:
            return parts, members.end()
        if len(parts) > 1:
            raise _NoWordsError
        return [parts[0] * int(times[1])], times.end()
    character = _CHARACTER.match(pattern, at)
    if character is None:
        raise _NoWordsError
    return [character[0]], character.end()


def _member(text: str) -> str:
    if text == "0-9":
        return "[0-9]"
    return "\\" + text if text in "(){}.*+?$|#" else text


def _signs(parts: list[str]) -> bool:
    return all(len(part) == 1 and not part.isalpha() for part in parts)


def _numbers(parts: list[str]) -> frozenset[int] | None:
    words = [_DIGITS.sub(lambda n: "0" * int(n[1] or 1), part) for part in parts]
    return _INDEX.numbers(_folded(word.replace("\\t", "\t").replace("\\", "")) for word in words)


def word_numbers(pattern: str) -> frozenset[int] | None:
    """What `words_in` gives at least one of, where a pattern of plain words matches; None if it is no such pattern.

    Example:
        >>> numbers = word_numbers("(?i)pass|secret")
        >>> numbers.isdisjoint(words_in("a SECRET")), numbers.isdisjoint(words_in("none")), word_numbers("a+")
        (False, True, None)
    """
    parts = _parts(pattern)
    return None if parts is None or _signs(parts) else _numbers(parts)


def words_in(text: str) -> frozenset[int]:
    """The numbers of all words that stand, or may stand, in a text."""
    return _INDEX.present(text)[2]


def word_test(pattern: str) -> Callable[[str], bool | None] | None:
    r"""A quick search for a pattern of plain words (`(?i)pass|secret`): whether one is there, None to ask the engine.

    Words are letters, signs and `[0-9]`. A guard of thirty words costs hundreds of microseconds as a pattern.

    Example:
        >>> test = word_test("(?i)pass|secret")
        >>> test and (test("a SECRET"), test("none"), test("\u017fecret"))
        (True, False, None)
        >>> word_test("a+") is None
        True
    """
    parts = _parts(pattern)
    if parts is None:
        return None
    if _signs(parts):
        # A sign that stands in most texts is found at once, and many times.
        return lambda text: any(sign in text for sign in parts)
    numbers = _numbers(parts)
    if numbers is None:
        return None
    # A word is found by its folded form alone where nothing was folded in it: no digit, and no letter but in any case.
    folded = re.compile("[0-9]" if pattern.startswith("(?i)") else "[0-9A-Za-z]")
    exact = not any(folded.search(_DIGITS.sub("", part)) for part in parts)
    present = _INDEX.present

    def test(text: str) -> bool | None:
        sure, maybe, _ = present(text)
        if not numbers.isdisjoint(sure):
            return True if exact else None
        return False if numbers.isdisjoint(maybe) else None

    return test


_OPEN_ENDED: Final = re.compile(r"[*+]|\{\d+,\}|\{\d*,\d{2,}\}")
_NOT_REPEATING: Final = re.compile(r"\\.|\[(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])+\]")
_REPEATED_GROUP: Final = re.compile(r"\)(?:[*+]|\{)")
_SHORT: Final = 4096
"""Characters; one open-ended repetition of a single character over so many takes milliseconds at worst."""


def may_run_long(pattern: str) -> bool:
    """Whether a pattern needs the time limit on short texts too.

    It does if it repeats a group, which may fit in many ways, or more than one thing without end, or refers back.

    The limit itself costs two microseconds, more than most searches take.

    Example:
        >>> may_run_long("[a-z]+@"), may_run_long("(a|aa)+b")
        (False, True)
    """
    bare = _NOT_REPEATING.sub("x", pattern)
    if len(_OPEN_ENDED.findall(bare)) > 1 or _REPEATED_GROUP.search(bare) is not None:
        return True
    return "\\g" in pattern or "\\k" in pattern


def seconds_for(pattern: str, limit: float) -> Callable[[str], float | None]:
    """The time limit of a match by the text that it searches; None where none is needed."""
    if may_run_long(pattern):
        return lambda _: limit
    return lambda text: limit if len(text) > _SHORT else None
