"""Every pattern of `20-redact.conf` in a real Ruby, whose engine is the elder sister of the one that Logstash runs."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.timing import within
from support.waiting import PATIENCE

from mllog.pipeline._gsub import replacer
from mllog.pipeline._regex import compiled
from mllog.redaction._escapes import unescaped
from mllog.redaction._logstash import redact_config

HERE = Path(__file__).parent
CAP, LONGEST = 65_000, 4_000
# A word of a line made to be slow, over and over.
PIECES = (
    "a", "1", "A1", "a@a.", "a:", "␛", "␛❞", "❞", "eyJ", "4242 ", "+1 (", "%40", "::", "00 ", "password=",
    '"password":[', "cookie: a;", "authorization: a ", "token: ", "-----BEGIN PRIVATE KEY-----", "DE89 ",
)  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("ruby") is None and not os.environ.get("MLLOG_REQUIRE_RUBY"), reason="needs ruby"),
]


def rules() -> list[tuple[str, str]]:
    """Each pattern with what takes its place, and those of conditions."""
    text = redact_config()
    quoted = r"""(?:'([^'\n]*)'|"((?:[^"\\\n]|\\.)*)")"""
    found = re.findall(rf"^ +\"message\", {quoted}, {quoted}", text, re.MULTILINE)
    pairs = [(a or b, c or d) for a, b, c, d in found]
    pairs += [(test.replace(r"\/", "/"), "") for test in re.findall(r"=~ /((?:[^/\\\n]|\\.)*)/", text)]
    return list(dict.fromkeys(pairs))


def in_ruby(texts: list[str], *, time: bool = False) -> list[list[Any]]:
    """What Ruby makes of each text by each rule, or the seconds that it takes."""
    given = json.dumps({"rules": rules(), "texts": texts, "time": time})
    ran = subprocess.run(
        ["ruby", str(HERE / "gsub.rb")], input=given, capture_output=True, text=True, check=False, timeout=PATIENCE,
        env={**os.environ, "LANG": "C.UTF-8"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return list(json.loads(ran.stdout))


def test_patterns_replace_the_same() -> None:
    """On every line of the corpus, and on what stage 2 makes of its escapes, each pattern gives the same text."""
    lines = gzip.decompress((HERE.parent / "fixtures" / "redaction" / "cases.jsonl.gz").read_bytes()).splitlines()
    texts = [text for line in lines if len(text := json.loads(line)["line"]) < LONGEST]
    texts += [text for given in texts if (text := unescaped(given)) != given]
    assert len(texts) > 350
    assert len(rules()) > 300
    for (pattern, replacement), given in zip(rules(), in_ruby(texts), strict=True):
        replace = replacer(compiled(pattern), replacement)
        for text, there in zip(texts, given, strict=True):
            assert replace(text) == there, (pattern, text)


def test_patterns_are_linear() -> None:
    """A line as long as the cap lets through takes two and a half times as long as half of it, and no second."""
    whole = [piece * (CAP // len(piece)) + "!" for piece in PIECES]
    half = [piece * (CAP // len(piece) // 2) + "!" for piece in PIECES]
    for (pattern, _), seconds in zip(rules(), in_ruby(whole + half, time=True), strict=True):
        for piece, long, short in zip(PIECES, seconds, seconds[len(PIECES) :], strict=False):
            assert long < within(1.0), (pattern, piece)
            assert long < 2.5 * short + within(0.02), (pattern, piece, long, short)
