"""Whether a rule will do in Logstash, which has no time limit for a match."""

from __future__ import annotations

import time
from typing import Final

import regex  # type: ignore[import-untyped]

from mllog.pipeline._regex import compiled
from mllog.pipeline._regex_class import PatternError
from mllog.redaction.rules import Rule

CAP: Final = 65_000
"""Characters; the pipeline searches no longer line."""
GROWTH: Final = 2.5
"""How many times as long twice the text may take; twice is what a linear pattern needs."""
_NOTICED: Final = 0.02
_PIECES: Final = ("a", "1", "a1", "1-", "a.", "a@", "a ", "1 ", "-", ".", "aA", "\\", '"', "a=", "a:", "/a")
_SECONDS: Final = 1.0
"""The most that a search of a line at the cap may take."""


def _seconds(pattern: regex.Pattern[str], text: str) -> float:
    """The best of three.

    Raises:
        TimeoutError: it takes longer than it may.
    """
    best = _SECONDS
    for _ in range(3):
        began = time.process_time()
        pattern.sub("", text, timeout=_SECONDS)
        best = min(best, time.process_time() - began)
    return best


def _growth(pattern: regex.Pattern[str], piece: str) -> str:
    """How a text of one piece, over and over, takes too long; empty if it does not."""
    long = piece * (CAP // len(piece))
    try:
        slow = _seconds(pattern, long + "!")
    except TimeoutError:
        return f"a line of {piece!r} takes more than {_SECONDS:.0f} s"
    if slow < _NOTICED:
        return ""
    half = _seconds(pattern, long[: len(long) // 2] + "!")
    if slow < GROWTH * half + _NOTICED / 2:
        return ""
    return f"on {piece!r}, twice the text takes {slow / half:.1f} times as long"


def lint(rule: Rule) -> list[str]:
    """What is wrong with a rule: it is none in Logstash's dialect, finds something else there, or grows too fast.

    Example:
        >>> lint(Rule("badge", "badge", r"B-[0-9]{6}", examples_match=("B-123456",)))
        []
    """
    try:
        pattern = compiled(rule.pattern)
    except PatternError as error:
        return [f"{rule.name}: no pattern in Logstash: {error}"]
    faults = [
        f"{rule.name}: Logstash does not find {text!r}" for text in rule.examples_match if not pattern.search(text)
    ]
    faults += [f"{rule.name}: Logstash finds {text!r}" for text in rule.examples_no_match if pattern.search(text)]
    for piece in (*_PIECES, *rule.examples_match):
        if growth := _growth(pattern, piece):
            return [*faults, f"{rule.name}: {growth}"]
    return faults
