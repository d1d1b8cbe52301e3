"""Keeps sensitive values out of storage: the rules, and the redactor inside the service."""

from __future__ import annotations

from mllog.redaction._redactor import SENSITIVE, Redactor
from mllog.redaction.rules import RULES, SENSITIVE_KEYS, Rule, rules_digest

__all__ = ["RULES", "SENSITIVE", "SENSITIVE_KEYS", "Redactor", "Rule", "rules_digest"]
