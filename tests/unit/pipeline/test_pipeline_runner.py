"""The runner: loading, refusals, time limits, hostile events, outputs, and JSON that keeps its numbers."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllog.pipeline import (
    PipelineError,
    Timestamp,
    check,
    encode,
    evaluate,
    event_from_json,
    event_from_line,
    load,
    load_text,
)
from mllog.pipeline._cases import differences, run_cases
from mllog.pipeline._gsub import TIMED_OUT

ROOT = Path(__file__).parents[3] / "logstash"
KEY = {"MLLOG_LOGSTASH_ID_KEY": "of the tests"}
OURS = load([ROOT / "pipeline", ROOT / "index"], environ=KEY)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["event", "mllog", "data_stream", "tags", "@timestamp", "@metadata", "message", "[a][b]", "[a", "error", "labels"]
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("filter { geoip { } }", "1:10: the filter 'geoip' is outside the embedded subset"),
        ("filter { mutate { nosuch => 1 } }", "1:19: unknown setting 'nosuch' for mutate"),
        ("filter {\n  json { target => 'a' }\n}", "2:3: missing the required setting 'source' of json"),
        (
            "filter { drop { percentage => 40 } }",
            "1:17: the setting 'percentage' of drop is outside the embedded subset",
        ),
        ('filter { mutate { gsub => ["a", "(?P<n>a)", "b"] } }', "1:19: undefined group option: /(?P<n>a)/"),
        ('filter { mutate { gsub => ["a", "(?<n>a)", "\\k<m>"] } }', "1:19: undefined name <m> reference"),
        ("filter { if [a] =~ /(?<=a+)b/ { } }", "1:20: invalid pattern in look-behind"),
        ("filter { if ff(1) { drop { } } }", "1:13: a function call in a condition is outside the embedded subset"),
        ('filter { if [a] == "${B}" { drop { } } }', "1:20: the variable ${B} is not set and has no default"),
        ("filter { fingerprint { method => UUID } }", "1:24: the method UUID is random"),
        ('filter { date { match => ["a", "ISO8601"] locale => "de" } }', "1:43: a locale other than en"),
        ('filter { mutate { add_field => { "aa" => "%{{p}}" } } }', "1:10: mutate: %{{p}}: 'p' is outside"),
        ('filter { drop { add_field => { "aa" => "%{[b}" } } }', "1:17: %{[b} is no field reference"),
        ("input { kafka { } }", "1:9: the input 'kafka' is unknown or outside the embedded subset"),
        ("output { elasticsearch { codec => protobuf } }", "1:26: the codec 'protobuf' is unknown"),
        ("input { if [a] { stdin { } } }", "1:9: a condition in the input section is outside the embedded subset"),
        ("filter { mutate { convert => { aa => colour } } }", "1:19: convert knows integer, float"),
    ],
)
def test_refuses_with_place_and_reason(text: str, fault: str) -> None:
    """What is wrong or outside the subset is refused when it is loaded, with line, column and reason."""
    with pytest.raises(PipelineError) as caught:
        load_text(text, name="a.conf", environ={})
    assert str(caught.value).startswith(f"a.conf:{fault}")


def test_missing_path_is_one_line() -> None:
    """A path that does not exist is reported as one line."""
    with pytest.raises(PipelineError, match=r"^nowhere\.conf:0:0: cannot be read: .*") as caught:
        load(["nowhere.conf"])
    assert "\n" not in str(caught.value)


def test_check_counts() -> None:
    """A configuration inside the subset is summed up in one line."""
    said = check([ROOT / "pipeline"], environ=KEY)
    assert said == "the configuration is inside the embedded subset: 8 files, 2 inputs, 1 output"


def test_password_has_no_default() -> None:
    """Logstash refuses to start where nobody set the password; the embedded server binds the input and needs none."""
    settings = (ROOT / "pipeline" / "10-input.conf").read_text()
    assert "${MLLOG_LOGSTASH_PASSWORD}" in settings
    assert "${MLLOG_LOGSTASH_PASSWORD:" not in settings
    assert len(load([ROOT / "pipeline"], environ=KEY).inputs) == 2


def test_dead_letter_pipeline_loads() -> None:
    """The pipeline of dead letters is inside the subset and keeps an event as one text."""
    pipeline = load([ROOT / "dead_letter"], environ={})
    event = event_from_json({"event": {"id": "i1"}, "mllog": {"x": 1}, "data_stream": {"dataset": "mllog.m"}})
    out = pipeline.filter(event)[0]
    assert '"mllog":{"x":1}' in out["message"]
    assert pipeline.destinations(out)[0].settings["document_id"] == "i1"
    assert "mllog" not in out


@given(st.dictionaries(NAMES | st.text(max_size=10), JSON, max_size=6))
def test_no_event_raises_or_picks_its_index(fields: dict[str, Any]) -> None:
    """Whatever JSON a sender sends: nothing is raised, what comes out is JSON, and its stream is a checked name."""
    events = OURS.filter(event_from_line(json.dumps(fields)))
    assert len(json.loads(encode(events))) == 1
    handed, place = OURS.destinations(events[0])
    assert handed.plugin == "pipeline"
    kind, model, environment = place.settings["index"].rsplit("-", 2)
    assert (kind, model) == ("logs", "mllog.unknown")
    assert re.fullmatch(r"[a-z0-9_.]+", environment)
    assert "%{" not in place.settings["document_id"]


@given(st.text())
def test_no_line_raises(line: str) -> None:
    """Any text goes through and comes out as one event."""
    assert len(OURS.filter(event_from_line(line))) == 1


@given(JSON)
def test_encode_is_json(value: Any) -> None:
    """Whatever an event holds is written as JSON that reads back the same."""
    assert json.loads(encode([{"a": value}])) == [{"a": value}]


def test_numbers_keep_their_digits() -> None:
    """Decimals, large exponents and integers of any size are written as they came."""
    pipeline = load_text('filter { json { source => "message" target => "d" } }')
    line = '{"a":1.50,"b":1e400,"c":123456789012345678901234567890,"d":0.1}'
    event = pipeline.filter(event_from_line(line))[0]
    assert encode({"d": event["d"]}) == '{"d":{"a":1.50,"b":1E+400,"c":123456789012345678901234567890,"d":0.1}}'


def test_deep_documents_are_written() -> None:
    """Hundreds of levels, beyond what orjson writes, come out as they went in."""
    text = '{"a":' * 400 + "1.50" + "}" * 400
    event = load_text('filter { json { source => "message" target => "d" } }').filter(event_from_line(text))[0]
    assert encode({"d": event["d"]}) == f'{{"d":{text}}}'


@pytest.mark.parametrize(
    "config",
    ['filter { mutate { gsub => ["message", "(a|aa)+$", ""] } }', "filter { if [message] =~ /(a|aa)+$/ { drop { } } }"],
)
def test_slow_match_fails_closed(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A match over its time limit leaves a marker in place of the text, and a tag; it never hangs."""
    monkeypatch.setattr("mllog.pipeline._gsub.MATCH_SECONDS", 0.05)
    monkeypatch.setattr("mllog.pipeline._condition.MATCH_SECONDS", 0.05)
    monkeypatch.setattr("mllog.pipeline.filters.mutate.MATCH_SECONDS", 0.05)
    (event,) = load_text(config).filter(event_from_line("a" * 64 + "!"))
    assert (event["message"], event["tags"]) == (TIMED_OUT, ["_mllog_match_timeout"])


def test_destinations_follow_conditions() -> None:
    """An event reaches the outputs whose conditions hold, with their settings filled from it."""
    pipeline = load_text(
        'output { if [a] == 1 { file { path => "/x/%{b}" } } else { stdout { } } elasticsearch { index => "i-%{b}" } }'
    )
    assert [plugin.name for plugin in pipeline.outputs] == ["file", "stdout", "elasticsearch"]
    assert [
        (d.plugin, d.settings.get("path", d.settings.get("index"))) for d in pipeline.destinations({"a": 1, "b": 2})
    ] == [
        ("file", "/x/2"),
        ("elasticsearch", "i-2"),
    ]
    assert [d.plugin for d in pipeline.destinations({"a": 2})] == ["stdout", "elasticsearch"]


def test_inputs_carry_their_settings() -> None:
    """The server reads an input's checked settings, variables replaced, and its codec."""
    http, file, _ = OURS.inputs
    assert (http.name, http.settings["port"], http.settings["host"]) == ("http", 8080, "127.0.0.1")
    assert http.settings["codec"].name == "line"
    assert http.settings["additional_codecs"] == {}
    assert file.settings["path"] == ["/var/spool/mllog/*.ndjson"]


def test_evaluate_takes_objects_and_lines(tmp_path: Path) -> None:
    """Each line gives one list of events; without raw a line that is no object is refused with its number."""
    config = tmp_path / "a.conf"
    config.write_text(
        'filter { if [a] == 1 { drop { } } mutate { add_field => { "[@metadata][k]" => "v" } } }', "utf-8"
    )
    assert [len(events) for events in evaluate([config], ['{"a":1}\n', b'{"a":2}\n'])] == [0, 1]
    assert next(evaluate([config], ["text\n"], raw=True))[0]["message"] == "text"
    with pytest.raises(PipelineError, match=r"<stdin>:1:0: no JSON"):
        next(evaluate([config], ["{bad"]))


def test_line_that_is_no_utf8() -> None:
    """Bytes that are not UTF-8 are kept as the line codec keeps them, quotes escaped, and so as text."""
    event = event_from_line(b'{"a":"caf\xe9"}')
    assert event["message"] == '{\\"a\\":\\"caf\\xE9\\"}'


@given(st.integers(min_value=-62_135_596_800_000_000_000, max_value=253_402_300_799_999_999_999))
def test_timestamps_read_back(nanoseconds: int) -> None:
    """A time shown as text is the same time when it is read."""
    event = event_from_json({"@timestamp": str(Timestamp.at(nanoseconds))})
    assert event["@timestamp"].nanoseconds == nanoseconds


def test_failing_case_names_the_difference(tmp_path: Path) -> None:
    """A case that does not hold says what was there and what was expected."""
    (tmp_path / "a.conf").write_text('filter { mutate { add_field => { "bb" => "1" } } }', "utf-8")
    (tmp_path / "c.yml").write_text("cases: [{name: n, line: x, events: [{bb: '2', message: <ABSENT>}]}]", "utf-8")
    (result,) = run_cases([tmp_path / "a.conf"], [tmp_path / "c.yml"], environ={})
    assert result.faults == ('event.bb is "1", not "2"', 'event.message is "x", and should not be there')
    assert list(differences([1], [2])) == ["event is [1], not [2]"]


def test_case_file_without_cases_is_refused(tmp_path: Path) -> None:
    """A file that is no case file is named, in one line."""
    (tmp_path / "a.conf").write_text("filter { }", "utf-8")
    (tmp_path / "c.yml").write_text("nothing: here", "utf-8")
    with pytest.raises(PipelineError, match=r"c\.yml:0:0: no case file"):
        list(run_cases([tmp_path / "a.conf"], [tmp_path / "c.yml"], environ={}))


def test_decimals_compare_with_literals() -> None:
    """A decimal of the json filter is equal to, and ordered with, a number in a condition."""
    pipeline = load_text(
        'filter { json { source => "message" } if [f] == 0.5 { mutate { add_tag => "eq" } }'
        ' if [f] < 1 { mutate { add_tag => "lt" } } }'
    )
    event = pipeline.filter(event_from_line('{"f":0.50}'))[0]
    assert event["f"] == Decimal("0.50")
    assert event["tags"] == ["eq", "lt"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            'filter { grok { match => { "message" => "%{NOSUCH:x}" } } }',
            "1:17: grok: the pattern %{NOSUCH} is not known",
        ),
        ('filter { grok { match => { "m" => "%{A}" } pattern_definitions => { "A" => "%{A}" } } }', "names itself"),
        ('filter { kv { field_split_pattern => "(" } }', "1:10: kv: "),
        ('filter { dissect { mapping => { "message" => "none" } } }', "1:20: the mapping of message has no %{field}"),
        ('filter { dissect { convert_datatype => { "a" => "bool" } } }', "1:20: a can become int or float, not 'bool'"),
        ('filter { translate { source => "a" yaml_load_strategy => "one_shot" } }', "is outside the embedded subset"),
        ('filter { de_dot { separator => "." } }', "1:19: the separator of de_dot must not hold a dot"),
        ("filter { clone { } }", "1:10: missing the required setting 'clones' of clone"),
    ],
)
def test_refuses_of_the_newer_filters(text: str, fault: str) -> None:
    """What a filter does not take is refused when it is loaded, and says where and why."""
    with pytest.raises(PipelineError) as caught:
        load_text(text, name="a.conf", environ={})
    assert fault in str(caught.value)


def test_several_events_of_one_go_through_what_follows() -> None:
    """A clone within a branch and a split after it: each of the events meets every later filter."""
    text = """filter {
      if [x] == 1 { clone { clones => ["c"] } }
      split { field => "items" }
      mutate { add_field => { "seen" => "%{items}" } }
      if [items] == "b" { drop { } }
    }"""
    pipeline = load_text(text, environ={})
    events = pipeline.filter(event_from_json({"x": 1, "items": ["a", "b", "d"]}))
    assert [(event["seen"], event.get("tags")) for event in events] == [
        ("a", None),
        ("d", None),
        ("a", ["c"]),
        ("d", ["c"]),
    ]


def test_grok_reads_an_access_log() -> None:
    """A line of a web server's log becomes ECS fields."""
    line = '203.0.113.7 - ann [05/May/2026:10:12:01 +0000] "GET /v1/score?m=x HTTP/1.1" 200 5123 "-" "curl/8.5.0"'
    pipeline = load_text('filter { grok { match => { "message" => "%{COMBINEDAPACHELOG}" } } }', environ={})
    event = pipeline.filter(event_from_json({"message": line}))[0]
    assert event["source"]["address"] == "203.0.113.7"
    assert event["user"]["name"] == "ann"
    assert event["http"]["response"] == {"status_code": 200, "body": {"bytes": 5123}}
    assert event["url"]["original"] == "/v1/score?m=x"
    assert event["user_agent"]["original"] == "curl/8.5.0"
