"""Whether a rule will do in Logstash, which has no time limit for a match."""

from __future__ import annotations

import time
from typing import Final

from mllog.pipeline._regex import compiled
from mllog.pipeline._regex_class import PatternError
from mllog.redaction.rules import Rule

CAP: Final = 65_000
"""Characters; the pipeline searches no longer line."""
GROWTH: Final = 2.5
"""How many times as long twice the text may take; twice is what a linear pattern needs."""
_NOTICED: Final = 0.02
_PIECES: Final = ("a", "1", "a1", "1-", "a.", "a@", "a ", "1 ", "-", ".", "aA", "\\", '"', "a=", "a:", "/a")
_SECONDS: Final = 20.0


def _seconds(pattern: object, text: str) -> float:
    best = _SECONDS
    for _ in range(3):
        began = time.process_time()
        try:
            pattern.sub("", text, timeout=_SECONDS)  # type: ignore[attr-defined]
        except TimeoutError:
            return _SECONDS
        best = min(best, time.process_time() - began)
    return best


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
    for piece in (*_PIECES, *(text for text in rule.examples_match)):
        long = piece * (CAP // len(piece))
        slow = _seconds(pattern, long + "!")
        half = _seconds(pattern, long[: len(long) // 2] + "!") if slow > _NOTICED else slow
        if slow > GROWTH * half + _NOTICED / 2:
            faults.append(f"{rule.name}: on {piece!r}, twice the text takes {slow / half:.1f} times as long")
    return faults
