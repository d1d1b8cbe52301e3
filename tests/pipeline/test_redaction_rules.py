"""The rules as data: the same finds in `re` and in Logstash's dialect, in linear time, and files that are current."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import regex  # type: ignore[import-untyped]
from support.timing import within
from support.waiting import PATIENCE

from mllog.pipeline import load_text
from mllog.pipeline._regex import compiled
from mllog.redaction import DEFAULT, RULES, Rule
from mllog.redaction._escapes import unescaped
from mllog.redaction._logstash import KINDS, REDACT, kinds_config, redact_config
from mllog.redaction.rules import name_rules, tail_rules, text_only_rule, unmark_rules, value_rules

ROOT = Path(__file__).parents[2]
KEY_RULES = [
    *name_rules(DEFAULT.keys),
    *tail_rules(),
    *unmark_rules(),
    *(rule for rule, _ in value_rules()),
    text_only_rule(),
]
EVERY = [*RULES, *KEY_RULES]
PIECES = (
    "1-", "4", "4242 ", "a.", "a@a.", "a@", "eyJ", "0.", "+1 (", "%40", "%25", "DE89 ", "gb29", '"', "a:", "://a:",
    "Basic ", "bearer ", "::", "a::", "1:", "password=", "password ", '"password":[', '"password":{"', "token is ",
    "secret❞:", "␛", "␛❞", "<password ", "--password ", '"name":"', "&quot;", "x" * 64 + " ",
    "-----BEGIN PRIVATE KEY-----", "[at] ", "0171-", "00 ", "(030) ", "\u00a04242", "sk-", "a" * 7, "A1", "-u a:",
)  # fmt: skip


def configured_patterns() -> list[str]:
    """Every pattern of the written filter, those of its conditions too."""
    text = redact_config()
    found = re.findall(r"""^ +"message", (?:'([^'\n]*)'|"((?:[^"\\\n]|\\.)*)"), """, text, re.MULTILINE)
    return list(
        dict.fromkeys([single or double for single, double in found] + re.findall(r"=~ /((?:[^/\\\n]|\\.)*)/", text))
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_examples_on_both_engines(rule: Rule) -> None:
    """Each example is found, with its guard and test, and each look-alike is not, by `re` and in the other dialect."""
    assert rule.examples_match
    assert rule.examples_no_match
    for compile_pattern in (re.compile, compiled):
        pattern = compile_pattern(rule.pattern)
        for text in rule.examples_match:
            folded = re.sub("[0-9]", "0", text.casefold())
            assert pattern.search(text), text
            assert not rule.guard or any(word in folded for word in rule.guard), text
            assert not rule.test or compile_pattern(rule.test).search(text), text
        for text in rule.examples_no_match:
            assert not pattern.search(text), text


def test_names_are_unique() -> None:
    """A rule's name is the id of a plugin, so no two share one."""
    names = [rule.name for rule in EVERY]
    assert len(set(names)) == len(names)


def test_files_are_current() -> None:
    """What is in the folder is what the rules write."""
    folder = ROOT / "logstash" / "pipeline"
    assert (folder / REDACT).read_text(encoding="utf-8") == redact_config(), "run `mllog pipeline build`"
    assert (folder / KINDS).read_text(encoding="utf-8") == kinds_config(), "run `mllog pipeline build`"


def test_every_rule_is_in_the_filter() -> None:
    """No rule is left out of the filter, and each has the id that its name gives."""
    text = redact_config()
    assert len(EVERY) > 80
    harmless = [rule.name for rule in (*tail_rules(), *unmark_rules())]  # one plugin
    for rule in EVERY:
        if rule.where != "process" and rule.name not in harmless:
            assert f'id => "redact_{rule.name}"' in text


def test_patterns_are_written_so_that_no_engine_runs_wild() -> None:
    """No `{n,m}+`, which is not possessive in Logstash, and no recursion."""
    patterns = configured_patterns()
    assert len(patterns) > 300
    for pattern in patterns:
        assert not re.search(r"\{[0-9]*,?[0-9]*\}\+", pattern), pattern
        assert "\\g<" not in pattern, pattern


@pytest.mark.slow
def test_patterns_compile_at_once() -> None:
    """Every pattern is compiled within a second."""
    patterns = configured_patterns()
    assert len(patterns) > 300
    for pattern in patterns:
        regex.purge()
        began = time.process_time()
        compiled.__wrapped__(pattern)
        assert time.process_time() - began < within(1.0), pattern


def _seconds(pattern: regex.Pattern[str], text: str) -> float:
    best = PATIENCE
    for _ in range(3):
        began = time.process_time()
        pattern.sub("", text, timeout=PATIENCE)
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.slow
@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.name)
def test_linear_time(rule: Rule) -> None:
    """Twice the text takes at most two and a half times as long, whatever it is full of."""
    pattern = compiled(rule.pattern)
    for piece in PIECES:
        long = piece * (65_000 // len(piece))
        slow = _seconds(pattern, long + "!")
        half = 0.0 if slow < within(0.02) else _seconds(pattern, long[: len(long) // 2] + "!")
        assert slow < max(within(0.02), 2.5 * half + within(0.01)), (rule.name, piece, half, slow)


def test_unescapes_as_the_filter_does() -> None:
    """The service and the filter make the same characters of escapes: one of each, in pairs, and nested."""
    steps = redact_config()
    end = steps.index("\n  # 3.")
    pipeline = load_text(steps[:end] + "}\n", environ={"MLLOG_LOGSTASH_ID_KEY": "k"})
    texts = [
        r"a\\b\"c\n\r\t\b\f\/",
        r"\u0041\u0022\u005c\u00e9\u2028",
        r"\\\\\\n",
        "\\" * 7 + '"',
        "␛❞␊",
        r"\\u0040x\\\\u0041",
    ]
    texts += [f"\\u00{code:02x}" for code in range(0x20, 0x7F)] + [f"%{code:02X}" for code in range(0x20, 0x80)]
    texts += [f"\\u00{code:02X} %25{code:02x}" for code in range(0x20, 0x7F)]
    for text in texts:
        assert pipeline.filter({"message": text})[0]["message"] == unescaped(text), text


def test_the_rules_are_the_same_in_every_process() -> None:
    """The digest and the filter do not depend on the order in which a set gives its members."""
    code = (
        "from mllog.redaction import rules_digest; from mllog.redaction._logstash import redact_config; import zlib; "
        "print(rules_digest(), zlib.crc32(redact_config().encode()))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True, timeout=PATIENCE,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(told) == 1
