"""What holds for any line: what is planted stays nowhere, and what is clean comes through."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.redaction_judge import Stored
from support.timing import within

import mllog
from mllog.demo._sender import bodies
from mllog.pipeline import Pipeline, encode, event_from_json, event_from_line, load
from mllog.redaction import DEFAULT, Redactor

ROOT = Path(__file__).parents[2] / "logstash"
ENVIRON = {"MLLOG_LOGSTASH_PASSWORD": "not used here", "MLLOG_LOGSTASH_ID_KEY": "of the tests"}

# The pipeline cannot count checksums, so here nobody does.
WITHOUT_CHECKSUMS = Redactor(replace(DEFAULT, shapes=tuple(replace(rule, check="") for rule in DEFAULT.shapes)))

# `message` and `tags` have a meaning of their own at the root; brackets in a name there are a field reference.
NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=2, max_size=10).map("f_{}".format)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)
SECRETS = (
    "ann.lee77@example.com", "4242 4242 4242 4242", "4242424242424242", "DE89370400440532013000", "+493023125939",
    "536-22-1234", "ghp_FAKEJ3x5g16kE0Z89k7SCXk0IYcDU1du4pVy", "password=Fake4nowX", "203.0.113.77",
    "postgres://svc:Fake4now@db.example.org/x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJl",
)  # fmt: skip
PARTS = {"password=Fake4nowX": "Fake4nowX", "postgres://svc:Fake4now@db.example.org/x": "Fake4now"}
SETTINGS = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def opened(folder: str) -> Pipeline:
    return load([ROOT / folder], environ=ENVIRON)


PIPELINE, DEAD_LETTERS = opened("pipeline"), opened("dead_letter")


def exact(text: str) -> Any:
    """JSON with numbers by value."""
    return json.loads(
        text, parse_float=lambda digits: Decimal(digits).normalize(), parse_int=lambda n: Decimal(n).normalize()
    )


@SETTINGS
@given(OBJECTS, st.booleans(), st.booleans())
def test_what_is_clean_comes_through(event: dict[str, Any], ascii_only: bool, compact: bool) -> None:
    """A JSON line without secrets is the same values after the pipeline, whatever its strings and numbers are."""
    line = json.dumps(event, ensure_ascii=ascii_only, separators=(",", ":") if compact else None)
    assume(not WITHOUT_CHECKSUMS.value(event)[1])
    assume(not WITHOUT_CHECKSUMS.text(line)[1])
    (stored,) = exact(encode(PIPELINE.filter(event_from_line(line))))
    sent = exact(line)
    assert {name: stored.get(name) for name in sent} == sent


def planted(value: Any, path: list[int], secret: str, how: str) -> Any:
    """The value with a secret at the place that the path leads to: in a text, as an item, as a name, or inside JSON."""
    if isinstance(value, list) and value and path:
        place = path[0] % len(value)
        return [planted(item, path[1:], secret, how) if n == place else item for n, item in enumerate(value)]
    if isinstance(value, dict) and value and path:
        chosen = list(value)[path[0] % len(value)]
        return {name: planted(item, path[1:], secret, how) if name == chosen else item for name, item in value.items()}
    if how == "name":
        return {secret: value}
    if how == "json":
        return json.dumps({"x": secret, "n": 5})
    return f"{value} {secret}" if how == "text" and isinstance(value, str) else secret


@SETTINGS
@given(
    OBJECTS, st.lists(st.integers(0, 9), min_size=1, max_size=5), st.sampled_from(SECRETS),
    st.sampled_from(["text", "item", "name", "json"]), st.booleans(), st.sampled_from(["", " ", ",", "}", "]"]),
)  # fmt: skip
def test_what_is_planted_never_stays(
    event: dict[str, Any], path: list[int], secret: str, how: str, ascii_only: bool, cut: str
) -> None:
    """At no path of any event: not in what is stored, in its dead letter, or in a log; be the line whole or broken."""
    line = json.dumps(planted(event, path, secret, how), ensure_ascii=ascii_only)
    line = line[:-1] if cut == "}" else line + cut
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        events = json.loads(encode(PIPELINE.filter(event_from_line(line))))
        letters = []
        for stored in events:
            reason = f"Could not index event: failed to parse field of type [long]: {json.dumps(stored)}"
            refused = stored | {"@metadata": {"dead_letter_queue": {"reason": reason}}}
            letters += json.loads(encode(DEAD_LETTERS.filter(event_from_json(refused))))
    finally:
        logging.getLogger().removeHandler(handler)
    found = Stored([events, letters, [record.getMessage() for record in records]])
    assert not found.leaks(PARTS.get(secret, secret)), line


@pytest.mark.parametrize(
    "line",
    [
        b'{"mail":"ann.lee77@example.com","x":"\xff"}',
        b'{"mail":"ann.lee77@example.com","password":' + b"[" * 200_000,
        b'{"mail":"ann.lee77@example.com","note":"' + b"word " * 2_000_000 + b'"}',
        b'{"password":{"a":["ann.lee77@example.com","b',
        b'4242","mail":"ann.lee77@example.com"}',
    ],
    ids=["no UTF-8", "200,000 brackets", "ten megabytes", "the first half", "the second half"],
)
def test_hostile_lines_are_through_at_once(line: bytes) -> None:
    """Within a second, as an event that holds nothing of it."""
    began = time.process_time()
    (event,) = PIPELINE.filter(event_from_line(line))
    assert time.process_time() - began < within(1.0)
    assert "ann.lee77" not in encode([event])
    assert len(encode([event])) < 2_000
    assert "_mllog_parse_failure" in event["tags"]


def test_predictions_come_through_byte_for_byte(tmp_path: Path) -> None:
    """Real flights that mllog logged are, value for value and digit for digit, what is stored."""
    path = tmp_path / "events.ndjson"
    mllog.configure(service="gate", environment="test", sink=path)
    try:
        log = mllog.model("flights_delay", "1.0")
        for body in bodies(400):
            log.prediction(body["inputs"], {"probability": 0.4242424242424242, "late": False}, duration=0.001)
    finally:
        mllog.shutdown()
    lines = path.read_bytes().splitlines()
    assert len(lines) == 400
    for line in lines:
        (stored,) = json.loads(encode(PIPELINE.filter(event_from_line(line))), parse_float=str)
        sent = json.loads(line, parse_float=str)
        # Logstash writes a time without the zeros at its end.
        assert dt.datetime.fromisoformat(stored.pop("@timestamp")) == dt.datetime.fromisoformat(sent.pop("@timestamp"))
        del stored["@metadata"]
        assert stored == sent
