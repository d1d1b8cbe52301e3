"""What counts as sensitive: the service's redactor and Logstash's `20-redact.conf` are both made of this."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mllog.redaction.rules._keys import (
    IS,
    MARKS,
    NUMBER,
    UNMARK,
    YES,
    name_rules,
    tail_rules,
    text_only_rule,
    unmark_rules,
    value_rules,
)
from mllog.redaction.rules._names import (
    ABOUT,
    COUNT_FIRST,
    FLAGS,
    GROUPS,
    PLURALS,
    KeyGroup,
    Names,
    counts,
    measures,
    names_of,
    words_of,
)
from mllog.redaction.rules._numbers import CARD_NUMBER
from mllog.redaction.rules._rule import MARKER, PSEUDONYM, Check, Rule, Where
from mllog.redaction.rules._shapes import SHAPES

__all__ = [
    "ABOUT",
    "CARD_NUMBER",
    "COUNT_FIRST",
    "DEFAULT",
    "FLAGS",
    "GROUPS",
    "IS",
    "MARKER",
    "MARKS",
    "NUMBER",
    "PLURALS",
    "PSEUDONYM",
    "RULES",
    "UNMARK",
    "YES",
    "Check",
    "KeyGroup",
    "Names",
    "Rule",
    "RuleSet",
    "Where",
    "counts",
    "measures",
    "name_rules",
    "names_of",
    "rules_digest",
    "tail_rules",
    "text_only_rule",
    "unmark_rules",
    "value_rules",
    "words_of",
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

    def kept(self) -> frozenset[str]:
        """The features that are kept whatever their names sound like."""
        return frozenset(name for name, how in self.features.items() if how == "keep")

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
        marks = name_rules(self.keys)
        for rule in (
            *marks,
            *tail_rules(),
            *unmark_rules(self.kept()),
            *(rule for rule, _ in value_rules()),
            text_only_rule(),
        ):
            yield json.dumps([rule.pattern, rule.replacement])
        yield json.dumps(self.features, sort_keys=True)


DEFAULT: Final = RuleSet()


def rules_digest() -> str:
    """Digest of the rules that come with this version."""
    return DEFAULT.digest()
