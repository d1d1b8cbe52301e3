"""The redaction corpus through our own configuration, run by the embedded engine."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mllog.pipeline import Pipeline, encode, event_from_line, load

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in gzip.decompress((HERE.parent / "fixtures" / "redaction" / "cases.jsonl.gz").read_bytes()).splitlines()
]

# What fails, by name and why. The list is exact: a case that starts to pass has to leave it.
KNOWN_FAILURES = {
    "cards/glued-letters": "a card between letters looks like part of a hexadecimal id",
    "cards/separator/slash": "four digits between slashes are dates and paths",
    "cards/separator/nb-hyphen": "a rare separator",
    "cards/as-float": "a number with a fraction is a measure",
    "cards/split-in-two": "no text holds the whole number",
    "evasions/case/iban-lower": "a search for lower-case IBANs costs every event more than all other rules",
    "evasions/url/email-twice": "escaped twice for a URL",
    "evasions/html/decimal": "HTML entities are not decoded",
    "evasions/html/named": "HTML entities are not decoded",
    "evasions/base64/email": "base64 is not decoded",
    "evasions/invisible/card": "invisible characters within the number",
    "evasions/fullwidth/at": "a full-width @",
    "evasions/spelt/at-dot": "an address in words",
    "broken/curl-u": "credentials behind an option that many programs have",
    "keys/string/address": "postal addresses are no kind of ours",
    "keys/nesting/name-value-pairs": "the key name stands in a value of its own",
    "keep/id/span-digits": "the shape of a card; only Luhn tells, and no pattern can compute it",
    "keep/id/order-16-luhn-fails": "the shape of a card; only Luhn tells",
    "keep/id/order-in-text": "the shape of a card; only Luhn tells",
    "keep/number/iban-bad-checksum": "the shape of an IBAN; only mod 97 tells",
}


def _judge() -> Any:
    specification = importlib.util.spec_from_file_location("redaction_judge", HERE / "redaction_judge.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


Stored = _judge().Stored


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    root = HERE.parents[1] / "logstash" / "pipeline"
    return load([root], environ={"MLLOG_LOGSTASH_PASSWORD": "not used here"})


@pytest.fixture(scope="module")
def results(pipeline: Pipeline) -> dict[str, tuple[list[str], float]]:
    """By case: what is wrong, and the seconds it took."""
    judged = {}
    for case in CASES:
        begin = time.perf_counter()
        text = encode(pipeline.filter(event_from_line(case["line"])))
        seconds = time.perf_counter() - begin
        stored = Stored(json.loads(text))
        faults = ["leak"] if any(map(stored.leaks, case["secrets"])) else []
        faults += ["lost"] if not all(map(stored.keeps, case["keep"])) else []
        judged[case["name"]] = (faults, seconds)
    return judged


def test_judge_finds_what_is_there() -> None:
    """The judge sees through escapes, entities and key paths, and knows equal numbers."""
    mail = "ann.lee77@example.com"
    assert Stored([{"m": "ann.lee77\\u0040example.com"}]).leaks(mail)
    assert Stored([{"m": "ann.lee77&#64;example.com"}]).leaks(mail)
    assert Stored([{"PIN": 4821}]).leaks('"pin":4821')
    assert not Stored([{"m": "[REDACTED:email]"}]).leaks(mail)
    assert Stored([{"x": 1.0e-7}]).keeps('"x":1e-07')
    assert not Stored([{"a": 1}]).keeps('"a":true')


def test_fails_only_where_known(results: dict[str, tuple[list[str], float]]) -> None:
    """Every case of the corpus passes, except those named with their reason, and those do fail."""
    assert {name for name, (faults, _) in results.items() if faults} == set(KNOWN_FAILURES)


def test_core_is_without_fault(results: dict[str, tuple[list[str], float]]) -> None:
    """No core case leaks or loses anything, and none is excused."""
    levels = Counter(case["level"] for case in CASES)
    failed = Counter(case["level"] for case in CASES if results[case["name"]][0])
    assert levels == {"core": 225, "hard": 104, "best_effort": 19}
    assert failed == {"hard": 5, "best_effort": 15}


def test_hard_leaks_are_two(results: dict[str, tuple[list[str], float]]) -> None:
    """Of the hard cases two leak; the other failures lose a look-alike."""
    assert sorted(c["name"] for c in CASES if c["level"] == "hard" and "leak" in results[c["name"]][0]) == [
        "cards/glued-letters",
        "evasions/case/iban-lower",
    ]


@pytest.mark.parametrize("name", [case["name"] for case in CASES if "time budget" in case["note"]])
def test_backtracking_probes_in_time(name: str, results: dict[str, tuple[list[str], float]]) -> None:
    """A line made to be slow is through within its budget of one second."""
    assert results[name][1] < 1.0


@pytest.mark.parametrize(
    "piece",
    ["a@", "a.", "password=", '"password":[', "{", "[", '\\"', "\\\\", "eyJ", "4242 ", "+1 (", "%40", "1.", "a:", "://a:",
     "-----BEGIN PRIVATE KEY-----", "DE89 ", "\\u0061", "'password': '", "0171-", "::", "a@a.", "❞", "␛", "Basic "],
)  # fmt: skip
@pytest.mark.parametrize("opening", ["", '{"m":"', "["])
def test_linear_up_to_the_cap(piece: str, opening: str, pipeline: Pipeline) -> None:
    """A line of one repeated piece, as long as the cap lets through, does not take long and does not time out."""
    line = opening + piece * ((65_000 - len(opening)) // len(piece))
    begin = time.perf_counter()
    events = pipeline.filter(event_from_line(line))
    assert time.perf_counter() - begin < 2.5
    assert "_mllog_match_timeout" not in events[0].get("tags", [])


def test_bytes_that_are_no_text(pipeline: Pipeline) -> None:
    """A line that is not UTF-8 is redacted too, and kept as text."""
    event = pipeline.filter(event_from_line(b'{"mail":"ann.lee77@example.com","x":"\xff"}'))[0]
    assert "ann.lee77" not in encode([event])
    assert "_mllog_parse_failure" in event["tags"]
