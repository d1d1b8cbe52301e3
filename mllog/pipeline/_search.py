"""Searching quickly: what can be told about a pattern before the engine is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_CHARACTER: Final = r"(?:[^\\\[\](){}.*+?^$|#]|\\[\[\](){}.*+?^$|#])"
_WORDS: Final = re.compile(rf"(\(\?i\))?({_CHARACTER}+(?:\|{_CHARACTER}+)*)")


def word_test(pattern: str) -> Callable[[str], bool | None] | None:
    """A quick search for a pattern of plain words (`(?i)pass|secret`): whether one is there, None to ask the engine.

    A guard of thirty words costs hundreds of microseconds as a pattern and ten as plain searches. Without regard to
    case, folding finds at least what the engine finds, and in ASCII exactly that.

    Example:
        >>> test = word_test("(?i)pass|secret")
        >>> test and (test("a SECRET"), test("none"), test("secret é"))
        (True, False, None)
        >>> word_test("a+") is None
        True
    """
    found = _WORDS.fullmatch(pattern)
    if found is None:
        return None
    words = tuple(word.replace("\\", "") for word in re.split(r"(?<!\\)\|", found[2]))
    fold = found[1] is not None
    if fold:
        words = tuple(word.casefold() for word in words)

    def test(text: str) -> bool | None:
        same = text.casefold() if fold else text
        for word in words:
            if word in same:
                return True if not fold or text.isascii() else None
        return False

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
