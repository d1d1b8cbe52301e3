"""The redaction corpora through our own configuration, run by the embedded engine."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.redaction_judge import Stored
from support.timing import within

from mllog.pipeline import Pipeline, encode, event_from_line, load
from mllog.redaction import Redactor

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = [
    json.loads(line)
    for name in ("cases", "cases-2")
    for line in gzip.decompress((HERE.parent / "fixtures" / "redaction" / f"{name}.jsonl.gz").read_bytes()).splitlines()
]
UNDOCUMENTED = {case["name"] for case in CASES if case["note"].startswith("undocumented")}
"""Of these a careful engineer would think, but no document promises them: the best is done, and counted."""

# What fails, by name and why. The lists are exact: a case that starts to pass has to leave them.
ONLY_A_CHECKSUM_TELLS = {
    "keep/id/span-digits": "the shape of a card; only Luhn tells, and no pattern can compute it",
    "keep/id/order-16-luhn-fails": "the shape of a card; only Luhn tells",
    "keep/id/order-in-text": "the shape of a card; only Luhn tells",
    "keep/number/iban-bad-checksum": "the shape of an IBAN; only mod 97 tells",
}
ONLY_A_CHECKSUM_FINDS = {
    "new/card/pairs": "eight numbers of two digits; only Luhn tells that they are a card",
}
ONLY_DECODING_FINDS = {
    "new/email/base64-inside-text": "no pattern decodes base64",
    "new/email/base64-twice": "no pattern decodes base64",
    "new/email/base64-mime-lines": "no pattern decodes base64",
}
TOO_LONG = {"new/long/65537": "a line over the cap goes as a whole, with what was to be kept"}
OUT_OF_REACH = {
    "cards/split-in-two": "no text holds the whole number",
    "new/email/no-tld": "a name and an @ are in many things",
    "new/card/maestro-56": "the check digit is wrong",
}
KNOWN_FAILURES = {
    "pipeline": {
        **ONLY_A_CHECKSUM_TELLS,
        **ONLY_A_CHECKSUM_FINDS,
        **ONLY_DECODING_FINDS,
        **TOO_LONG,
        "cards/split-in-two": OUT_OF_REACH["cards/split-in-two"],
        "new/email/no-tld": OUT_OF_REACH["new/email/no-tld"],
        "cards/as-float": "a number with a fraction may be a measure; the service asks its name and the checksum",
        "evasions/base64/email": "no pattern decodes base64",
    },
    "process": OUT_OF_REACH,
    "both": OUT_OF_REACH,
}


REDACTOR = Redactor()
BY_LINE = {case["line"]: case for case in CASES}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    root = HERE.parents[1] / "logstash" / "pipeline"
    return load([root], environ={"MLLOG_LOGSTASH_PASSWORD": "not used here", "MLLOG_LOGSTASH_ID_KEY": "of the tests"})


def _process(line: str) -> str:
    """What the redactor in the service makes of a line: of a document by its values, of anything else as a text."""
    if not json_document(line):
        return REDACTOR.text(line)[0]
    return json.dumps(REDACTOR.value(json.loads(line))[0])


def json_document(line: str) -> bool:
    """Whether a line is one JSON document of the corpus."""
    return BY_LINE[line]["json"] is True


def _sent(line: str) -> str:
    """A line as a service with mllog sends it: redacted, and named after the rules that did so."""
    text = _process(line)
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    named = {"mllog": {"model": {"redaction": REDACTOR.digest.removeprefix("sha256:")[:12]}}}
    event = value | named if isinstance(value, dict) and "mllog" not in value else {"labels": value} | named
    return json.dumps(event, separators=(",", ":"))


def _stored(net: str, pipeline: Pipeline, line: str) -> list[Any]:
    if net == "process":
        text = _process(line)
        try:
            return [json.loads(text)]
        except ValueError:
            return [{"message": text}]
    given = _sent(line) if net == "both" else line
    return list(json.loads(encode(pipeline.filter(event_from_line(given)))))


@pytest.fixture(scope="module", params=["pipeline", "process", "both"])
def results(request: pytest.FixtureRequest, pipeline: Pipeline) -> tuple[str, dict[str, tuple[list[str], float]]]:
    """The net, and by case what is wrong, and the seconds it took."""
    judged = {}
    for case in CASES:
        begin = time.process_time()
        events = _stored(request.param, pipeline, case["line"])
        seconds = time.process_time() - begin
        stored = Stored(events)
        faults = ["leak"] if any(map(stored.leaks, case["secrets"])) else []
        faults += ["lost"] if not all(map(stored.keeps, case["keep"])) else []
        judged[case["name"]] = (faults, seconds)
    return request.param, judged


Results = tuple[str, dict[str, tuple[list[str], float]]]


def test_judge_finds_what_is_there() -> None:
    """The judge sees through escapes, entities and key paths, and knows equal numbers."""
    mail = "ann.lee77@example.com"
    assert Stored([{"m": "ann.lee77\\u0040example.com"}]).leaks(mail)
    assert Stored([{"m": "ann.lee77&#64;example.com"}]).leaks(mail)
    assert Stored([{"PIN": 4821}]).leaks('"pin":4821')
    assert not Stored([{"m": "[REDACTED:email]"}]).leaks(mail)
    assert Stored([{"x": 1.0e-7}]).keeps('"x":1e-07')
    assert not Stored([{"a": 1}]).keeps('"a":true')


def test_fails_only_where_known(results: Results) -> None:
    """Every case of the corpus passes, except those named with their reason, and those do fail."""
    net, judged = results
    assert {name for name, (faults, _) in judged.items() if faults} - UNDOCUMENTED == set(KNOWN_FAILURES[net])


def test_core_and_hard_leak_nothing(results: Results) -> None:
    """No secret of a core or hard case stays; what is lost there, a checksum alone would have told."""
    levels = {case["name"]: case["level"] for case in CASES}
    assert Counter(levels.values()) == {"core": 293, "hard": 284, "best_effort": 98}
    net, judged = results
    failed = {
        name: faults
        for name, (faults, _) in judged.items()
        if faults and levels[name] != "best_effort" and name not in UNDOCUMENTED
    }
    if net == "pipeline":
        assert {name for name, faults in failed.items() if "leak" in faults} == {
            *ONLY_A_CHECKSUM_FINDS,
            *ONLY_DECODING_FINDS,
        }
        assert {name for name, faults in failed.items() if "lost" in faults} <= {*ONLY_A_CHECKSUM_TELLS, *TOO_LONG}
    else:
        assert failed == {}


MOST_LEFT = {"process": 38, "both": 38, "pipeline": 42}


def test_the_best_effort_is_counted(results: Results) -> None:
    """What no document promises is found more often than not, and what does not leak must not be lost."""
    net, judged = results
    left = {name for name in UNDOCUMENTED if "leak" in judged[name][0]}
    assert len(UNDOCUMENTED) == 105
    assert len(left) <= MOST_LEFT[net], sorted(left)
    assert not any("lost" in judged[name][0] for name in UNDOCUMENTED)


@pytest.mark.parametrize("name", [case["name"] for case in CASES if "time budget" in case["note"]])
def test_backtracking_probes_in_time(name: str, results: Results) -> None:
    """A line made to be slow is through within its budget of one second."""
    assert results[1][name][1] < within(1.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    ["a@", "a.", "password=", '"password":[', "{", "[", '\\"', "\\\\", "eyJ", "4242 ", "+1 (", "%40", "1.", "a:", "://a:",
     "-----BEGIN PRIVATE KEY-----", "DE89 ", "\\u0061", "'password': '", "0171-", "::", "a@a.", "❞", "␛", "Basic "],
)  # fmt: skip
@pytest.mark.parametrize("opening", ["", '{"m":"', "["])
def test_linear_up_to_the_cap(piece: str, opening: str, pipeline: Pipeline) -> None:
    """A line of one repeated piece, as long as the cap lets through, does not take long and does not time out."""
    line = opening + piece * ((65_000 - len(opening)) // len(piece))
    begin = time.process_time()
    events = pipeline.filter(event_from_line(line))
    assert time.process_time() - begin < within(2.5)
    assert "_mllog_match_timeout" not in events[0].get("tags", [])


def test_bytes_that_are_no_text(pipeline: Pipeline) -> None:
    """A line that is not UTF-8 is redacted too, and kept as text."""
    event = pipeline.filter(event_from_line(b'{"mail":"ann.lee77@example.com","x":"\xff"}'))[0]
    assert "ann.lee77" not in encode([event])
    assert "_mllog_parse_failure" in event["tags"]
