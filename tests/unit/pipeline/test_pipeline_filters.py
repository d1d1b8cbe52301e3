"""The filters that no recording has yet: what their documentation and their own specifications say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllog.pipeline import PipelineError, event_from_json, load_text
from mllog.pipeline.filters import _dictionary

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


def filtered(text: str, event: dict[str, Any]) -> dict[str, Any]:
    """What becomes of one event."""
    ((found),) = load_text(f"filter {{ {text} }}").filter(event_from_json(event))
    return dict(found)


@pytest.mark.parametrize(
    ("priority", "severity", "facility"),
    [
        (165, (5, "notice"), (20, "local4")),
        ("165", (5, "notice"), (20, "local4")),
        (["0", "7"], (0, "emergency"), (0, "kernel")),
        (191.9, (7, "debug"), (23, "local7")),
        (192, (0, "emergency"), (24, None)),
        ("12x", (4, "warning"), (1, "user-level")),
        ("none", (0, "emergency"), (0, "kernel")),
    ],
)
def test_a_priority_has_a_severity_and_a_facility(
    priority: Any, severity: tuple[int, str], facility: tuple[int, str | None]
) -> None:
    """Five bits and three; a number beyond the labels has no name."""
    found = filtered("syslog_pri { }", {"log": {"syslog": {"priority": priority}}})["log"]["syslog"]
    assert (found["severity"]["code"], found["severity"]["name"]) == severity
    assert (found["facility"]["code"], found["facility"].get("name")) == facility


def test_a_priority_of_old_names() -> None:
    """Without ECS the fields stand at the root; without a priority it is 13."""
    found = filtered("syslog_pri { ecs_compatibility => 'disabled' add_tag => ['done'] }", {})
    assert {name: found[name] for name in found if name.startswith("syslog")} == {
        "syslog_severity_code": 5,
        "syslog_facility_code": 1,
        "syslog_severity": "notice",
        "syslog_facility": "user-level",
    }
    assert found["tags"] == ["done"]
    plain = filtered("syslog_pri { use_labels => false syslog_pri_field_name => 'p' }", {"p": "3"})
    assert plain["log"]["syslog"] == {"severity": {"code": 3}, "facility": {"code": 0}}


@pytest.mark.parametrize(
    ("address", "network", "there"),
    [
        ("192.0.2.7", '"192.0.2.0/24"', True),
        ("192.0.3.7", '"192.0.2.0/24"', False),
        ("192.0.3.7", '"192.0.2.0/24", "192.0.3.0/24"', True),
        ("192.0.3.7", '"192.0.2.0/24, 192.0.3.0/24"', True),
        ("fe80::1", '"169.254.0.0/16", "fe80::/64"', True),
        ("::1", '"0.0.0.0/0"', False),
        ("10.1.2.3", '"%{[@metadata][net]}"', True),
        ("nowhere", '"0.0.0.0/0"', False),
        ("10.1.2.3", '"10.0.0.1/8"', True),
    ],
)
def test_an_address_in_a_network(address: str, network: str, there: bool) -> None:
    """Tagged where it lies in one of them; what is no address is passed over."""
    text = f'cidr {{ address => ["%{{a}}"] network => [{network}] add_tag => ["in"] }}'
    found = filtered(text, {"a": address, "@metadata": {"net": "10.0.0.0/8"}})
    assert found.get("tags", []) == (["in"] if there else [])


@given(JSON)
def test_json_that_is_encoded_and_parsed_is_what_it_was(value: Any) -> None:
    """Whatever its kind; in the field itself without a target."""
    text = filtered('json_encode { source => "v" target => "text" }', {"v": value})["text"]
    assert json.loads(text) == value
    assert filtered('json_encode { source => "v" }', {"v": value})["v"] == text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.yml", '"100": continue\nok: fine\n7: never\n'),
        ("d.yaml", '{"100": "continue", "ok": "fine"}'),
        ("d.json", '{"100": "continue", "ok": "fine"}'),
        ("d.csv", '100,continue\n"ok","fine"\n'),
    ],
)
def test_dictionaries_in_files(tmp_path: Path, name: str, content: str) -> None:
    """By their ending; numbers are looked up as texts, and a key that is a number never matches."""
    (tmp_path / name).write_text("\ufeff" + content, encoding="utf-8")
    text = f'translate {{ field => "a" destination => "b" dictionary_path => "{tmp_path / name}" fallback => "-" }}'
    assert [filtered(text, {"a": value})["b"] for value in (100, "100", "ok", 7)] == ["continue"] * 2 + ["fine", "-"]


def test_a_dictionary_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is due and has changed; entries stay where the file is broken, and with `merge` also where they went."""
    path = tmp_path / "d.json"
    path.write_text('{"a": "1", "b": "2"}')
    now = [0.0]
    monkeypatch.setattr(_dictionary.time, "monotonic", lambda: now[0])
    options = f'source => "x" target => "y" override => true dictionary_path => "{path}" refresh_interval => 10'
    merged, replaced = (
        load_text(f"filter {{ translate {{ {options} refresh_behaviour => {how} }} }}") for how in ("merge", "replace")
    )

    def look(pipeline: Any, value: str) -> Any:
        return pipeline.filter(event_from_json({"x": value}))[0].get("y")

    path.write_text('{"a": "one"}')
    os.utime(path, ns=(1, 1))
    assert [look(merged, "a"), look(replaced, "a")] == ["1", "1"]
    now[0] = 11.0
    assert [look(merged, "a"), look(replaced, "a")] == ["one", "one"]
    assert [look(merged, "b"), look(replaced, "b")] == ["2", None]
    path.write_text("{")
    now[0] = 22.0
    assert [look(merged, "a"), look(replaced, "a")] == ["one", "one"]


def test_udp_and_syslog_inputs_are_checked() -> None:
    """Their settings are known; a wrong one is refused."""
    text = 'input { udp { port => 514 queue_size => 2000 } syslog { port => 5514 timezone => "UTC" } }'
    assert [plugin.name for plugin in load_text(text).inputs] == ["udp", "syslog"]
    with pytest.raises(PipelineError, match="missing the required setting 'port' of udp"):
        load_text("input { udp { } }")


def test_patterns_in_files(tmp_path: Path) -> None:
    """A folder, a file or a glob; comments and empty lines are left out, and the configuration's own come last."""
    (tmp_path / "a").write_text("# of the shop\n\nORDER  [A-Z]{2} [0-9]+ \r\nSKU x\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("SKU y\n  LOT z\nALONE\n", encoding="utf-8")
    match = 'match => { "m" => "^%{ORDER:order}%{SKU:sku}%{LOT:lot}$" }'
    for place in (tmp_path, f"{tmp_path}/*"):
        found = filtered(f'grok {{ patterns_dir => "{place}" {match} }}', {"m": "AB 12 yz"})
        assert [found[name] for name in ("order", "sku", "lot")] == ["AB 12 ", "y", "z"]
    own = f'grok {{ patterns_dir => ["{tmp_path}"] pattern_definitions => {{ SKU => "q" }} {match} }}'
    assert filtered(own, {"m": "AB 12 qz"})["sku"] == "q"
    with pytest.raises(PipelineError, match=r"%\{LOT\} is not known"):
        filtered(f'grok {{ patterns_dir => "{tmp_path}/a" {match} }}', {})
    with pytest.raises(PipelineError, match=r"%\{ORDER\} is not known"):
        filtered(f'grok {{ patterns_dir => "{tmp_path}" patterns_files_glob => "*.txt" {match} }}', {})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "geoip { source => 'a' }",
            "'geoip' is outside the embedded subset: look the address up in an ingest pipeline",
        ),
        ("ruby { code => 'a' }", "'ruby' is outside the embedded subset: write the step with mutate"),
        ("translate { dictionary => { aa => bb } }", "missing the required setting 'source' of translate"),
        ("translate { source => aa field => bb dictionary => { aa => bb } }", "field is an older name of source"),
        (
            "translate { source => aa dictionary_path => '/nowhere.json' }",
            "the dictionary /nowhere.json cannot be read",
        ),
        ("translate { source => aa dictionary_path => '/a.txt' }", "cannot be read"),
        ("translate { source => aa dictionary => { aa => bb } dictionary_path => '/a.csv' }", "exclude each other"),
        ("cidr { network => ['10.0.0.0/8'] }", "missing the required setting 'address' of cidr"),
    ],
)
def test_what_is_refused_says_what_to_do(text: str, fault: str) -> None:
    """With the place."""
    with pytest.raises(PipelineError, match=r"<config>:1:\d+: ") as error:
        load_text(f"filter {{ {text} }}")
    assert fault in str(error.value)
