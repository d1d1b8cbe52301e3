"""Where a pattern can begin: the literal texts of which one stands at the start of every match.

Trying a pattern only there gives the same matches as trying it at every character, in a fraction of the time: the
texts are found by one pass for all of them (Aho and Corasick, 1975).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from ahocorasick_rs import AhoCorasick, Implementation

from mllog.pipeline._case import caseless_beyond_ascii, folds_to_ascii
from mllog.pipeline._gsub import MOST_PLACES
from mllog.pipeline._regex import compiled

_Texts = dict[str, bool]
"""What a piece of a pattern begins with, and whether that is all that it matches there: then the next piece follows."""

_UNKNOWN: Final[_Texts] = {"": False}
_NOTHING: Final[_Texts] = {"": True}

_MOST_TEXTS: Final = 512
_LONGEST: Final = 8
"""Characters of a start that are looked at."""
_SHORTEST: Final = 2
"""Characters that are no digits; a shorter text stands at too many places."""

_CLASS: Final = re.compile(r"\[((?:[^\\\[\]&^]|\\[^A-Za-z0-9])(?:[^\\\[\]&]|\\[^A-Za-z0-9])*)\]")
_MEMBER: Final = re.compile(r"(\\?.)(?:-(\\?.))?", re.DOTALL)
_MOST_MEMBERS: Final = 16
_QUANTIFIER: Final = re.compile(r"(?:([*+?])|\{(\d*)(,?)(\d*)\})([+?]?)")
_LOOK_AROUND: Final = ("(?=", "(?!", "(?<=", "(?<!")
_GROUP: Final = re.compile(r"\((?:\?(?:>|-?i?:))?(?!\?)")


class _UnknownError(Exception):
    """The pattern holds what is not looked into here."""


class _Reader:
    """Reads a pattern from left to right, as far as is needed to know how its matches begin."""

    def __init__(self, pattern: str, at: int) -> None:
        self._pattern = pattern
        self._at = at

    def texts(self) -> _Texts:
        found = self._alternatives()
        if self._at < len(self._pattern):
            raise _UnknownError
        return found

    def sequence(self) -> _Texts:
        """The whole pattern, which must have no alternatives outside of groups."""
        found = _NOTHING
        while self._at < len(self._pattern):
            if self._pattern[self._at] in "|)":
                raise _UnknownError
            found = _both(found, self._repeated(self._atom()))
        return found

    def _alternatives(self) -> _Texts:
        found: _Texts = {}
        branch = _NOTHING
        while self._at < len(self._pattern) and self._pattern[self._at] != ")":
            if self._pattern[self._at] == "|":
                self._at += 1
                found = _either(found, branch)
                branch = _NOTHING
                continue
            branch = _both(branch, self._repeated(self._atom()))
        return _either(found, branch)

    def _atom(self) -> _Texts:
        pattern, at = self._pattern, self._at
        character = pattern[at]
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == "\\":
            self._at += 2
            letter = pattern[at + 1]
            if letter in "zZbB":
                return _NOTHING
            if letter in "AGKRXkgpPuxcMC" or not letter.isascii():
                raise _UnknownError
            return _UNKNOWN if letter.isalnum() else {letter.lower(): True}
        if character in "*+?]":
            raise _UnknownError
        self._at += 1
        if character in "^$":
            return _NOTHING
        return _UNKNOWN if character == "." else {character.lower(): True}

    def _group(self) -> _Texts:
        around = self._pattern.startswith(_LOOK_AROUND, self._at)
        opening = None if around else _GROUP.match(self._pattern, self._at)
        if around:
            self._at += 4 if self._pattern.startswith("(?<", self._at) else 3
        elif opening is None:
            raise _UnknownError
        else:
            self._at = opening.end()
        inside = self._alternatives()
        if self._at >= len(self._pattern):
            raise _UnknownError
        self._at += 1
        return _NOTHING if around else inside

    def _class(self) -> _Texts:
        found = _CLASS.match(self._pattern, self._at)
        if found is None:
            self._at = _end_of_class(self._pattern, self._at)
            return _UNKNOWN
        self._at = found.end()
        members: _Texts = {}
        for member in _MEMBER.finditer(found[1]):
            first, last = member[1][-1], (member[2] or member[1])[-1]
            if ord(last) - ord(first) >= _MOST_MEMBERS:
                return _UNKNOWN
            members |= {chr(code).lower(): True for code in range(ord(first), ord(last) + 1)}
        return members if len(members) <= _MOST_MEMBERS else _UNKNOWN

    def _repeated(self, texts: _Texts) -> _Texts:
        found = _QUANTIFIER.match(self._pattern, self._at)
        if found is None:
            return texts
        self._at = found.end()
        if _QUANTIFIER.match(self._pattern, self._at) is not None:
            raise _UnknownError
        sign, low, comma, _, suffix = found.groups()
        if sign == "?":
            return _either(_NOTHING, texts)
        if sign == "+":
            return dict.fromkeys(texts, False)
        if sign == "*" or not low or int(low) == 0 or suffix == "?":
            return _either(_NOTHING, dict.fromkeys(texts, False))
        repeated = texts
        for _ in range(min(int(low), _LONGEST) - 1):
            repeated = _both(repeated, texts)
        exact = not comma and not suffix and int(low) <= _LONGEST
        return repeated if exact else dict.fromkeys(repeated, False)


def _end_of_class(pattern: str, at: int) -> int:
    """Behind the class that begins here, classes inside it included."""
    if pattern.startswith(("[]", "[^]"), at):
        raise _UnknownError
    depth = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "[":
            depth += 1
        elif pattern[at] == "]":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    raise _UnknownError


def _either(left: _Texts, right: _Texts) -> _Texts:
    """One of both: what cannot be continued in one of them cannot be continued."""
    return left | {text: goes_on and left.get(text, True) for text, goes_on in right.items()}


def _both(left: _Texts, right: _Texts) -> _Texts:
    """One behind the other."""
    if len(left) * len(right) > _MOST_TEXTS:
        return dict.fromkeys(left, False)
    found: _Texts = {text: False for text, goes_on in left.items() if not goes_on}
    for text, goes_on in left.items():
        if goes_on:
            longer = {(text + more)[:_LONGEST]: on and len(text + more) < _LONGEST for more, on in right.items()}
            found = _either(found, longer)
    return found


@lru_cache(maxsize=2048)
def starts(pattern: str) -> frozenset[str] | None:
    r"""Texts in lower case of which one stands at the start of every match, in some case; None where none are known.

    Args:
        pattern: in Ruby's dialect.

    Example:
        >>> sorted(starts(r"(?i)(?<![a-z])(?:basic|bear[ei]r) +[a-z]+"))
        ['basic ', 'bearer ', 'bearir ']
        >>> starts("[a-z]+@") is None
        True
    """
    folds = pattern.startswith("(?i)")
    try:
        found = _Reader(pattern, 4 if folds else 0).texts()
    except (_UnknownError, IndexError, RecursionError):
        return None
    if any(sum(not character.isdigit() for character in text) < _SHORTEST for text in found):
        return None
    return frozenset(found) if len(found) <= _MOST_TEXTS and all(map(caseless_beyond_ascii, found)) else None


_RUN: Final = re.compile(r"\(\?<!(?P<class>\[(?:\\.|[^\]\\\[])+\])\)\(\?>(?P=class)\+\)")
"""The beginning of a run of characters, which is taken as a whole."""


@lru_cache(maxsize=2048)
def _run(pattern: str) -> tuple[str, frozenset[str]] | None:
    """A class, and texts of which one stands behind the run of its characters that begins every match."""
    folds = "(?i)" if pattern.startswith("(?i)") else ""
    found = _RUN.match(pattern, len(folds))
    if found is None:
        return None
    try:
        texts = _Reader(pattern, found.end()).sequence()
    except (_UnknownError, IndexError, RecursionError):
        return None
    member = folds + found["class"]
    if not all(texts) or not all(map(caseless_beyond_ascii, texts)) or len(texts) > _MOST_TEXTS:
        return None
    # Else a run could be walked back from many places in it.
    return None if any(compiled(member).match(text) for text in texts) else (member, frozenset(texts))


class _Places:
    """The places of some texts in another; what was found last is kept, since patterns share their starts."""

    def __init__(self, texts: frozenset[str]) -> None:
        self._search = AhoCorasick(sorted(texts), implementation=Implementation.DFA)
        self._last: tuple[str, list[int]] = ("", [])

    def __call__(self, text: str) -> list[int]:
        last, found = self._last
        if last is text:
            return found
        found = sorted({start for _, start, _ in self._search.find_matches_as_indexes(text.lower(), overlapping=True)})
        self._last = (text, found)
        return found


class _RunPlaces:
    """Where the runs begin that some texts end."""

    def __init__(self, member: str, texts: frozenset[str]) -> None:
        self._member = compiled(member)
        self._ends = _places(texts)

    def __call__(self, text: str) -> list[int]:
        known: dict[str, bool] = {}
        found: list[int] = []
        ends = self._ends(text)
        if len(ends) > MOST_PLACES:
            return ends  # too many to be tried, so nobody asks where their runs begin
        for end in ends:
            at = end
            while at and self._holds(text[at - 1], known):
                at -= 1
            if at < end:
                found.append(at)
        return found

    def _holds(self, character: str, known: dict[str, bool]) -> bool:
        there = known.get(character)
        if there is None:
            there = known[character] = self._member.match(character) is not None
        return there


@lru_cache(maxsize=256)
def _places(texts: frozenset[str]) -> _Places:
    return _Places(texts)


def places_of(pattern: str) -> Callable[[str], list[int] | None] | None:
    """A function that gives the places in a text at which a pattern can match; None for a text it can not tell of.

    Example:
        >>> find = places_of("(?i)bearer +[a-z]+")
        >>> find and (find("a Bearer x"), find("\u212aelvin"))
        ([2], None)
        >>> find = places_of("(?<![a-z])(?>[a-z]+)@b")
        >>> find and find("x me@b")
        [2]
        >>> places_of("[a-z]+@") is None
        True
    """
    texts, run = starts(pattern), _run(pattern)
    if texts is not None:
        places: Callable[[str], list[int]] = _places(texts)
    elif run is not None:
        places = _RunPlaces(*run)
    else:
        return None
    return lambda text: None if folds_to_ascii(text) else places(text)
