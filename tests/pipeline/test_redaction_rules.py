"""The rules as data: the same finds with Python's `re` and with Logstash's dialect, in linear time."""

from __future__ import annotations

import re
import time

import pytest

from mllog.pipeline._regex import compiled
from mllog.redaction.rules import RULES, Rule, rules_digest

IDS = [f"{rule.kind}-{index}" for index, rule in enumerate(RULES)]
PIECES = (
    "1-",
    "4",
    "a.",
    "a@a.",
    "eyJ",
    "0.",
    "+1 (",
    "%40",
    "DE89 ",
    "4242 ",
    "a@",
    '"',
    "a:",
    "://a",
    "Basic ",
    "::",
)


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_examples_on_both_engines(rule: Rule) -> None:
    """Each example is found, with its guard, and each look-alike is not, by `re` and by the translated pattern."""
    for engine in (re.compile(rule.pattern), compiled(rule.pattern)):
        for text in rule.examples_match:
            assert engine.search(text), text
            assert not rule.guard or any(word in text for word in rule.guard), text
        for text in rule.examples_no_match:
            assert not engine.search(text), text


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_linear_time(rule: Rule) -> None:
    """Sixteen times the text takes at most about sixteen times as long: far below the square of it."""
    pattern = re.compile(rule.pattern)
    for piece in PIECES:
        seconds = []
        for size in (8_000, 128_000):
            text = piece * (size // len(piece)) + "!"
            begin = time.perf_counter()
            pattern.sub("", text)
            seconds.append(time.perf_counter() - begin)
        assert seconds[1] < 100 * max(seconds[0], 0.0005), piece


def test_digest_is_stable_within_a_version() -> None:
    """The digest is that of the rules, so it does not change from call to call."""
    assert rules_digest() == rules_digest()
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", rules_digest())
