"""Keeps sensitive values out of storage: the rules, and the redactor inside the service."""

from __future__ import annotations

from mllog.redaction._pseudonyms import Pseudonyms, write_key
from mllog.redaction._redactor import SENSITIVE, Redactor
from mllog.redaction.rules import DEFAULT, RULES, KeyGroup, Rule, RuleSet, rules_digest

__all__ = [
    "DEFAULT",
    "RULES",
    "SENSITIVE",
    "KeyGroup",
    "Pseudonyms",
    "Redactor",
    "Rule",
    "RuleSet",
    "rules_digest",
    "write_key",
]
