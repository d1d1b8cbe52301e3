"""What counts as sensitive: the service's redactor and Logstash's `20-redact.conf` are both made of this."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mllog.redaction.rules._keys import GROUPS, KeyGroup, key_pattern, key_rules, name_test, text_only_rule
from mllog.redaction.rules._numbers import CARD_NUMBER
from mllog.redaction.rules._rule import MARKER, PSEUDONYM, Check, Rule, Where
from mllog.redaction.rules._shapes import SHAPES

__all__ = [
    "CARD_NUMBER",
    "DEFAULT",
    "GROUPS",
    "MARKER",
    "PSEUDONYM",
    "RULES",
    "Check",
    "KeyGroup",
    "Rule",
    "RuleSet",
    "Where",
    "key_pattern",
    "key_rules",
    "name_test",
    "rules_digest",
    "text_only_rule",
]

RULES: Final[tuple[Rule, ...]] = SHAPES
"""What is found by its shape."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All that is redacted: shapes, and the names under which every value is sensitive.

    Attributes:
        shapes: in the order in which they apply.
        keys: groups of names.
        features: names of features whose value is removed whatever they look like, with what happens to each.

    Example:
        >>> len(DEFAULT.keys), DEFAULT.shapes[0].kind
        (7, 'private_key')
    """

    shapes: tuple[Rule, ...] = SHAPES
    keys: tuple[KeyGroup, ...] = GROUPS
    features: dict[str, str] = field(default_factory=dict)

    def kinds(self) -> tuple[str, ...]:
        """The kinds that can be found, in order."""
        return tuple(dict.fromkeys(("key", *(rule.kind for rule in self.shapes))))

    def digest(self) -> str:
        """Digest of what is redacted: a profile that was certified under other rules is scanned again.

        Example:
            >>> DEFAULT.digest()[:7], len(DEFAULT.digest())
            ('sha256:', 71)
        """
        return "sha256:" + hashlib.sha256("\n".join(self._lines()).encode()).hexdigest()

    def _lines(self) -> Iterator[str]:
        for rule in self.shapes:
            yield json.dumps([rule.kind, rule.pattern, rule.replacement, rule.check])
        for group in self.keys:
            for rule, _ in key_rules(group):
                yield json.dumps([rule.pattern, rule.replacement])
        yield json.dumps(self.features, sort_keys=True)


DEFAULT: Final = RuleSet()


def rules_digest() -> str:
    """Digest of the rules that come with this version."""
    return DEFAULT.digest()
