"""`redaction.toml`: the rules, names and strategies of a team, for both sides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from mllog._decode import load_toml
from mllog.errors import ConfigurationError
from mllog.redaction._pseudonyms import Pseudonyms
from mllog.redaction.rules import DEFAULT, KeyGroup, Rule, RuleSet

Strategy = Literal["mask", "remove", "last4"]
FeatureStrategy = Literal["mask", "remove", "last4", "hash", "keep"]
"""`keep`: a free text is logged in full, not summarised; the rules still apply to it."""

_Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,40}$", description="a name of a-z, 0-9 and _")]
_Examples = Annotated[tuple[str, ...], Meta(min_length=1, description="one or more example texts")]
_UNPORTABLE: Final = re.compile(r"\(\?P?<[A-Za-z_]|\\[gkGKZzhHRX]|\(\?[a-z]*[msxauL]|\{\d*,?\d*\}\+")
"""Syntax that Python and Logstash interpret differently, or that can make a match explode."""


class Keys(Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of the pseudonyms."""

    file: str = ""


class Names(Struct, frozen=True, forbid_unknown_fields=True):
    """Further names under which every value is sensitive."""

    words: tuple[str, ...] = ()


class RuleTable(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of a team.

    Attributes:
        name: of the rule.
        kind: of what it finds.
        pattern: a regular expression that Python and Logstash interpret alike.
        match: texts that it must find.
        no_match: texts that it must not find.
        guard: words of which one occurs in every match, for speed.
    """

    name: _Name
    kind: _Name
    pattern: str
    match: _Examples
    no_match: _Examples
    guard: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if _UNPORTABLE.search(self.pattern):
            raise ValueError(
                "pattern: Logstash and Python must interpret it alike: no named groups, no flags but (?i), no \\G, "
                "\\K, \\k, \\g, \\h, \\R, \\X, \\z or \\Z, and no {n,m}+"
            )
        try:
            compiled = re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"pattern: not a regular expression: {error}") from None
        for text in self.match:
            if compiled.search(text) is None:
                raise ValueError(f"match: the pattern does not find {text!r}")
            folded = re.sub("[0-9]", "0", text.casefold())
            if self.guard and not any(word.casefold() in folded for word in self.guard):
                raise ValueError(f"guard: none of its words is in the example {text!r}")
        for text in self.no_match:
            if compiled.search(text) is not None:
                raise ValueError(f"no_match: the pattern finds {text!r}, which it must not")

    def rule(self) -> Rule:
        """The rule for both engines."""
        guard = tuple(word.casefold() for word in self.guard)
        return Rule(
            f"own_{self.name}",
            self.kind,
            self.pattern,
            guard,
            examples_match=self.match,
            examples_no_match=self.no_match,
        )


class Tables(Struct, frozen=True, forbid_unknown_fields=True):
    """The tables of a `redaction.toml`."""

    strategies: dict[str, Strategy] = {}
    features: dict[str, FeatureStrategy] = {}
    names: Names = Names()
    rules: tuple[RuleTable, ...] = ()
    keys: Keys = Keys()

    def __post_init__(self) -> None:
        if "hash" in self.features.values() and not self.keys.file:
            raise ValueError("keys.file: must name the file of the keys, since a feature is hashed")


@dataclass(frozen=True, slots=True)
class RedactionFile:
    """The contents of a `redaction.toml`.

    Attributes:
        rules: the shipped rules with those of the file, its names among the keys.
        strategies: by kind, where a match is not masked.
        features: by name of a feature, what happens to its value.
        key_file: of the pseudonyms, or None.
    """

    rules: RuleSet = DEFAULT
    strategies: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[str, str] = field(default_factory=dict)
    key_file: Path | None = None

    def pseudonyms(self, environment: str = "") -> Pseudonyms | None:
        """The keyed hashes, if a key file is named.

        Raises:
            ConfigurationError: the keys cannot be read.
        """
        return None if self.key_file is None else Pseudonyms.load(self.key_file, environment=environment)


def load_file(path: str | Path) -> RedactionFile:
    """Read a `redaction.toml`.

    Raises:
        ConfigurationError: it cannot be read, or has an unknown key or an invalid value.
    """
    tables = load_toml(path, Tables)
    own = tuple(table.rule() for table in tables.rules)
    rules = with_names(replace(DEFAULT, shapes=(*own, *DEFAULT.shapes)), tables.names.words)
    if unknown := set(tables.strategies) - set(rules.kinds()):
        raise ConfigurationError(f"{path}: $.strategies: no rule finds the kind {', '.join(sorted(unknown))}")
    key_file = Path(tables.keys.file) if tables.keys.file else None
    features: dict[str, str] = {**tables.features}
    return RedactionFile(replace(rules, features=features), tables.strategies, features, key_file)


def with_names(rules: RuleSet, words: Iterable[str], group: str = "own") -> RuleSet:
    """A rule set with further names under which every value is sensitive, in any case.

    Args:
        rules: the set.
        words: the names.
        group: `own` for words, which count wherever they stand in a name; any other for whole names.

    Example:
        >>> with_names(DEFAULT, ["Patient"]).keys[-1].names
        ('patient',)
    """
    names = tuple(dict.fromkeys(str(word).casefold() for word in words if str(word).strip()))
    if not names:
        return rules
    own = KeyGroup(group, (), names=names, whole=group != "own")
    return replace(rules, keys=(*rules.keys, own))
