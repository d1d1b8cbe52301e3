"""One rule that is ready to run over texts."""

from __future__ import annotations

import re
from typing import Final

from mllog.redaction._checks import CHECKS
from mllog.redaction.rules import Rule

_SHORTER: Final = re.compile(r"(.{13,}?)([^0-9]{1,6}[0-9]{1,3})")


def last_four(text: str) -> str:
    return "".join(character for character in text if character.isalnum())[-4:]


class Search:
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
        rest = ""
        if self.check is not None and not self.check(match[0]):
            # A card with another number behind it: `4242 4242 4242 4242 12/29`.
            shorter = _SHORTER.fullmatch(match[0]) if self.kind == "card" else None
            if shorter is None or not self.check(shorter[1]):
                return match[0]
            rest = shorter[2]
        new = match.expand(self.replacement) + rest
        if self.strategy == "remove":
            return new.replace(f"[REDACTED:{self.kind}]", "")
        if self.strategy == "last4":
            return new.replace(f"[REDACTED:{self.kind}]", f"[REDACTED:{self.kind}:{last_four(match[0])}]")
        return new
