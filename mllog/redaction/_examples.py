"""Writes the examples of the rules as cases, so that a real Logstash can be asked as well (`mllog pipeline test`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from mllog.redaction._redactor import Redactor
from mllog.redaction.rules import DEFAULT, RuleSet

_HEAD: Final = """\
# The examples of each rule, and each way in which a sensitive name and its value are written. Every value is made up.
#
# Written by `mllog pipeline build` from mllog/redaction/rules; what is expected is what the redactor in a service makes
# of the same text. Change the rules, not this file.
"""
NAMED: Final = {
    "password": "db_password",
    "secret": "api_key",
    "token": "access_token",
    "header": "cookie",
    "identity": "passport_number",
    "contact": "phone_number",
    "finance": "account_number",
}
"""A name of each group."""
_WRITTEN: Final = {
    "escaped": '{"%s": "quiet", "n": 5}',
    "header line": "%s: quiet words; more",
    "in single quotes": "{'%s': 'quiet', 'n': 5}",
    "text": "a=1 %s=quiet n=5",
    "html": "&quot;%s&quot;: &quot;quiet&quot;",
    "an element": "<%s>quiet</%s>",
    "an option": "run --%s quiet -v",
    "url-encoded": "a%%3D1%%26%s%%3Dquiet",
    "said": "the %s is now: Fake4now!",
    "harmless": "what the %s of a thing was",
}
_OF_DOCUMENTS: Final = ("street", "private_key_lines")
"""Rules for members of a document, which a text in a document does not have; redaction.yml has their cases."""
_TEXTS: Final = {"in double quotes": '%s="quiet words" n=5', "alone": "what a %s of ours was"}


def _line(name: str, given: Any, wanted: Any) -> dict[str, Any]:
    return {"name": name, "line": json.dumps(given, ensure_ascii=False), "events": [wanted]}


def _cases(rules: RuleSet) -> Iterator[dict[str, Any]]:
    redactor = Redactor(rules)
    for rule in rules.shapes:
        if rule.where == "process" or rule.name in _OF_DOCUMENTS:
            continue
        for number, text in enumerate((*rule.examples_match, *rule.examples_no_match), 1):
            clean, kinds = redactor.text(text)
            if rule.where == "pipeline":
                clean, kinds = re.sub(rule.pattern, rule.replacement, text), (rule.kind,)
            # What only a checksum tells apart is masked by the pipeline alone.
            if kinds or not any(re.search(other.pattern, text) for other in rules.shapes if other.check):
                yield _line(f"{rule.name} {number}", {"note": text}, {"note": clean})
    for group in rules.keys:
        for phrase in {phrase[0]: phrase for phrase in group.phrases}.values():
            word = phrase.replace(" ", "_")
            yield _line(f"{group.name}: {phrase}", {f"my_{word}_old": "quiet"}, {f"my_{word}_old": "[REDACTED:key]"})
        name = NAMED.get(group.name) or group.names[0]
        yield _line(f"{group.name} as a member", {name: "quiet", "n": 5}, {name: "[REDACTED:key]", "n": 5})
        yield _line(
            f"{group.name} as name and value",
            {"name": name, "value": "quiet"},
            {"name": name, "value": "[REDACTED:key]"},
        )
        for how, pattern in _WRITTEN.items():
            text = pattern.replace("%s", name).replace("%%", "%")
            yield _line(f"{group.name} {how}", {"note": text}, {"note": redactor.text(text)[0]})
        for how, pattern in _TEXTS.items():
            text = pattern.replace("%s", name)
            yield {"name": f"{group.name} {how}", "line": text, "events": [{"message": redactor.text(text)[0]}]}


def examples_text(rules: RuleSet = DEFAULT) -> str:
    """The text of `cases/rules.yml`.

    Example:
        >>> examples_text().startswith("# The examples of each rule")
        True
    """
    shown = yaml.safe_dump({"cases": list(_cases(rules))}, sort_keys=False, allow_unicode=True, width=10_000)
    return _HEAD + shown
