"""Replacing all matches as Ruby's `String#gsub` does, within a time limit."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import regex  # type: ignore[import-untyped]

MATCH_SECONDS: Final = 1.0
"""Logstash sets no limit; a hostile line must not hold up the embedded runner."""

MOST_PLACES: Final = 32
"""Of a pattern in a text, for which trying each pays: a try may look through all the rest for what must come."""

TIMED_OUT: Final = "[REDACTED:timeout]"
"""Takes the place of a text that could not be searched in time: what was not searched must not be stored."""

TIMEOUT_TAG: Final = "_mllog_match_timeout"

_ESCAPE: Final = re.compile(r"\\(?:k<([^>]*)>|([0-9&`'+\\]))")
_Part = str | Callable[[regex.Match[str]], str]


class ReplacementError(Exception):
    """A replacement names a group that the pattern has not."""


def _part(found: re.Match[str], pattern: regex.Pattern[str]) -> _Part:
    name, code = found[1], found[2]
    if name is not None:
        if name not in pattern.groupindex:
            raise ReplacementError(f"undefined name <{name}> reference")
        return lambda match: match[name] or ""
    if code == "\\":
        return "\\"
    if code in "0&":
        return lambda match: match[0]
    if code == "`":
        return lambda match: match.string[: match.start()]
    if code == "'":
        return lambda match: match.string[match.end() :]
    if code == "+":
        return lambda match: next((group for group in reversed(match.groups()) if group is not None), "")
    # Beside named groups the numbers are turned off.
    number = int(code)
    if pattern.groupindex or number > pattern.groups:
        return ""
    return lambda match: match[number] or ""


@lru_cache(maxsize=1024)
def _replacement(text: str, pattern: regex.Pattern[str]) -> str | Callable[[regex.Match[str]], str]:
    """A text without references (escaped for `regex`), or a function of the match."""
    parts: list[_Part] = []
    position = 0
    for found in _ESCAPE.finditer(text):
        parts += [text[position : found.start()], _part(found, pattern)]
        position = found.end()
    parts.append(text[position:])
    if all(isinstance(part, str) for part in parts):
        return "".join(str(part) for part in parts).replace("\\", "\\\\")
    return lambda match: "".join(part if isinstance(part, str) else part(match) for part in parts)


def _always(_: str) -> float | None:
    return MATCH_SECONDS


def replacer(
    pattern: regex.Pattern[str],
    replacement: str,
    seconds: Callable[[str], float | None] = _always,
    places: Callable[[str], list[int] | None] | None = None,
) -> Callable[[str], str]:
    r"""A function that replaces all matches in a text.

    Args:
        pattern: what is replaced.
        replacement: in Ruby's syntax.
        seconds: the time limit by the text; None where none is needed.
        places: where in a text the pattern can match at all; None of a text of which that is not known.

    Raises:
        ReplacementError: the replacement names a group that the pattern has not.

    Example:
        >>> replacer(regex.compile("(b)"), r"[\1]")("abc")
        'a[b]c'
    """
    new = _replacement(replacement, pattern)
    substitute = pattern.sub

    def replace(text: str) -> str:
        limit = seconds(text)
        if places is not None and (found := places(text)) is not None and len(found) <= MOST_PLACES:
            return _replaced(text, pattern, new, found, limit) if found else text
        changed: str = substitute(new, text) if limit is None else substitute(new, text, timeout=limit)
        # What is known of a text (its words) is known by its identity.
        return text if changed == text else changed

    return replace


def _replaced(
    text: str,
    pattern: regex.Pattern[str],
    new: str | Callable[[regex.Match[str]], str],
    places: list[int],
    limit: float | None,
) -> str:
    """The text after trying the pattern at these places alone."""
    parts: list[str] = []
    done, end = 0, None if limit is None else time.monotonic() + limit
    for place in places:
        if place < done:
            continue
        match = pattern.match(text, place) if limit is None else pattern.match(text, place, timeout=limit)
        if match is not None:
            parts += (text[done:place], match.expand(new) if isinstance(new, str) else new(match))
            done = match.end()
        if end is not None and time.monotonic() > end:
            raise TimeoutError
    return "".join((*parts, text[done:])) if parts else text
