"""`redaction.toml`: the rules, names and strategies of a team, for both sides."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from mllog.errors import ConfigurationError
from mllog.redaction._pseudonyms import Pseudonyms
from mllog.redaction.rules import DEFAULT, KeyGroup, Rule, RuleSet

STRATEGIES: Final = ("mask", "remove", "last4")
FEATURE_STRATEGIES: Final = (*STRATEGIES, "hash", "keep")
"""`keep`: a free text is written and not summarised; the rules look at it all the same."""

_TABLES: Final = {"strategies", "features", "names", "rules", "keys"}
_RULE_KEYS: Final = {"name", "kind", "pattern", "guard", "match", "no_match"}
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_UNWANTED: Final = re.compile(r"\(\?P?<[A-Za-z_]|\\[gkGKZzhHRX]|\(\?[a-z]*[msxauL]|\{\d*,?\d*\}\+")
"""What Python and Logstash read differently, or would let a match run wild."""


@dataclass(frozen=True, slots=True)
class RedactionFile:
    """What a `redaction.toml` says.

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
        ConfigurationError: it cannot be read, or says something that cannot be.
    """
    file = Path(path)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from None
    if unknown := set(content) - _TABLES:
        raise ConfigurationError(
            f"{file}: unknown: {', '.join(sorted(unknown))}; known are {', '.join(sorted(_TABLES))}"
        )
    own = tuple(_rule(file, number, given) for number, given in enumerate(content.get("rules", []), 1))
    features = {str(name): str(how) for name, how in content.get("features", {}).items()}
    strategies = {str(kind): str(how) for kind, how in content.get("strategies", {}).items()}
    rules = with_names(replace(DEFAULT, shapes=(*own, *DEFAULT.shapes)), content.get("names", {}).get("words", ()))
    for what, chosen, known in (("features", features, FEATURE_STRATEGIES), ("strategies", strategies, STRATEGIES)):
        for name, how in chosen.items():
            if how not in known:
                raise ConfigurationError(f"{file}: {what}.{name}: {how!r} is none of {', '.join(known)}")
    if unknown := set(strategies) - set(rules.kinds()):
        raise ConfigurationError(f"{file}: strategies: no rule finds the kind {', '.join(sorted(unknown))}")
    key_file = content.get("keys", {}).get("file")
    if "hash" in features.values() and not key_file:
        raise ConfigurationError(f"{file}: a feature is hashed, so keys.file must name the file of the keys")
    masked = replace(rules, features=features)
    return RedactionFile(masked, strategies, features, Path(key_file) if key_file else None)


def with_names(rules: RuleSet, words: Iterable[str], group: str = "own") -> RuleSet:
    """A rule set with further names under which every value is sensitive; whole names, in any case.

    Example:
        >>> with_names(DEFAULT, ["kennwort"]).keys[-1].guard
        ('kennwort',)
    """
    names = tuple(dict.fromkeys(str(word).casefold() for word in words if str(word).strip()))
    if not names:
        return rules
    guard = tuple(re.sub("[0-9]", "0", name) for name in names)
    own = KeyGroup(group, (), (), guard, tuple(re.escape(name).replace("/", r"\/") for name in names))
    return replace(rules, keys=(*rules.keys, own))


def _rule(file: Path, number: int, given: Mapping[str, Any]) -> Rule:
    where = f"{file}: rules[{number}]"
    if unknown := set(given) - _RULE_KEYS:
        raise ConfigurationError(f"{where}: unknown: {', '.join(sorted(unknown))}")
    name, kind, pattern = (str(given.get(key, "")) for key in ("name", "kind", "pattern"))
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(kind):
        raise ConfigurationError(f"{where}: name and kind are words of a-z, 0-9 and _")
    if _UNWANTED.search(pattern):
        raise ConfigurationError(
            f"{where}: Logstash and Python must read the pattern alike: no named groups, no flags but (?i), no \\G, "
            "\\K, \\k, \\g, \\h, \\R, \\X, \\z or \\Z, and no {n,m}+"
        )
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(f"{where}: the pattern is none: {error}") from None
    match, no_match = (tuple(map(str, given.get(key, ()))) for key in ("match", "no_match"))
    if not match or not no_match:
        raise ConfigurationError(f"{where}: give texts that it must find (match) and must not (no_match)")
    guard = tuple(str(word).casefold() for word in given.get("guard", ()))
    rule = Rule(f"own_{name}", kind, pattern, guard, examples_match=match, examples_no_match=no_match)
    for text in match:
        if compiled.search(text) is None:
            raise ConfigurationError(f"{where}: does not find its own example {text!r}")
        folded = re.sub("[0-9]", "0", text.casefold())
        if guard and not any(word in folded for word in guard):
            raise ConfigurationError(f"{where}: no word of its guard stands in its own example {text!r}")
    for text in no_match:
        if compiled.search(text) is not None:
            raise ConfigurationError(f"{where}: finds {text!r}, which it must not")
    return rule
