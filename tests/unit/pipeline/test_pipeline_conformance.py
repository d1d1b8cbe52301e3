"""The embedded runner against what Logstash 9.5.2 gave (tests/fixtures/conformance, recorded, nothing edited)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from mllog.pipeline import Pipeline, PipelineError, encode, event_from_json, event_from_line, load
from mllog.pipeline._gsub import ReplacementError, replacer
from mllog.pipeline._regex import compiled
from mllog.pipeline._regex_class import PatternError

CORPUS = Path(__file__).parents[2] / "fixtures" / "conformance"
DEFAULT_TIME = "2024-03-05T06:07:08.123Z"

# What enters these groups goes through an input's codec, and inputs are the embedded server's.
INPUT_FILES = {f"codecs-{name}{part}.yml" for name in ("file", "http", "stdin") for part in ("", "-2")}
LOADED_FILES = {"config-errors.yml", "config-errors-2.yml", "config-errors-3.yml"}

# What is run of the corpus; the subset may grow, and must never shrink unseen.
GROUPS, EVENTS = 429, 1503

# Where the runner differs, and why that is left so. Each is refused, or named in logstash/README.md.
DIFFERS = {
    "cisco_asa_std": "named patterns of Cisco's messages are not among those of the runner, which refuses them",
    ("lab-conv-differing", 0): "`2x` in a list is a number to Logstash, and alone it is none",
    ("lab-prune-agreeing", 0): "the recording shows `@version`, which prune had removed, after a second pipeline",
    ("date_partial_and_fraction", 3): "years beyond 9999",
}


def groups(*names: str) -> list[Any]:
    return [
        pytest.param(group, id=f"{name.removesuffix('.yml')}-{group['name']}")
        for name in names
        for group in yaml.safe_load((CORPUS / name).read_text(encoding="utf-8"))["groups"]
    ]


EVENT_FILES = sorted(
    path.name for path in CORPUS.glob("*.yml") if path.name not in {*LOADED_FILES, "regex.yml", *INPUT_FILES}
)


def parted(*names: str, chosen: Callable[[dict[str, Any]], Any]) -> tuple[list[Any], list[Any]]:
    """The groups of a file that are chosen, and the others; there are some of both."""
    every = groups(*names)
    first = [parameter for parameter in every if chosen(parameter.values[0])]
    rest = [parameter for parameter in every if not chosen(parameter.values[0])]
    assert first
    assert rest
    return first, rest


def written(group: dict[str, Any], folder: Path) -> Path:
    for name, text in group.get("files", {"only.conf": group.get("config", "")}).items():
        (folder / name).write_text(text.replace("<PORT>", "8080").replace("<PATH>", "in.log"), encoding="utf-8")
    return folder


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def plain(value: Any) -> Any:
    """Numbers by value, so that 1.50 and 1.5 and 5 and 5.0 are the same, and 5 and "5" are not."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | Decimal):
        return Decimal(value).normalize()
    if isinstance(value, float):
        return Decimal(repr(value)).normalize()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def expected(item: dict[str, Any]) -> list[Any]:
    events = [exact(text) for text in item["out_json"]] if "out_json" in item else item["out"]
    filled = [{"@version": "1", "@timestamp": DEFAULT_TIME} | event for event in events]
    return [{key: value for key, value in event.items() if value != "<ABSENT>"} for event in filled]


def assert_same(given: list[Any], wanted: list[Any]) -> None:
    assert len(given) == len(wanted)
    for event, want in zip(given, wanted, strict=True):
        got = dict(event)
        for key, value in want.items():
            if value == "<NOW>":
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z", got[key])
                got[key] = "<NOW>"
        assert plain(got) == plain(want)


@pytest.mark.parametrize("group", groups(*EVENT_FILES))
def test_filters_as_logstash_does(group: dict[str, Any], tmp_path: Path) -> None:
    """Each recorded event comes out as Logstash gave it."""
    if group["name"] in DIFFERS:
        with pytest.raises(PipelineError):
            load([written(group, tmp_path)], environ=group.get("env", {}))
        return
    pipeline = load([written(group, tmp_path)], environ=group.get("env", {}))
    for place, item in enumerate(group["events"]):
        fields = json.loads(item["in_json"] if "in_json" in item else json.dumps(item["in"]))
        if (group["name"], place) in DIFFERS:
            continue
        out = pipeline.filter(event_from_json({"@timestamp": DEFAULT_TIME} | fields))
        assert_same(exact(encode(out)), expected(item))


def test_covers_the_corpus() -> None:
    """Every group of every file of filters and language is run: a construct that is dropped is missed here."""
    every = [parameter.values[0] for parameter in groups(*EVENT_FILES)]
    assert len(EVENT_FILES) == 49
    assert len(every) == GROUPS
    assert sum(len(group["events"]) for group in every) == EVENTS


@pytest.mark.parametrize("group", groups(*sorted(INPUT_FILES)))
def test_input_groups_load(group: dict[str, Any], tmp_path: Path) -> None:
    """The inputs and codecs of the corpus are known with their settings, and so are the filters behind them."""
    assert len(load([written(group, tmp_path)], environ={}).inputs) == 1


def test_lines_as_the_line_codec_takes_them() -> None:
    """A text line becomes the event that the line codec of the recording made, apart from what the input adds."""
    group = next(parameter.values[0] for parameter in groups("codecs-stdin.yml") if "default_line" in str(parameter.id))
    for item in group["events"]:
        event = event_from_line(item["line"].encode())
        assert {"message": event["message"], "event": event["event"]} == {
            key: item["out"][0][key] for key in ("message", "event")
        }


REFUSED_PATTERNS, TAKEN_PATTERNS = parted(
    "regex.yml", chosen=lambda group: "error" in group or "error_replacing" in group
)
TAKEN_FILES, REFUSED_FILES = parted(
    *sorted(LOADED_FILES), chosen=lambda group: group["valid"] and group.get("starts", True)
)


@pytest.mark.parametrize("group", REFUSED_PATTERNS)
def test_patterns_that_the_real_engine_refuses(group: dict[str, Any]) -> None:
    """Each pattern or replacement that gave an error gives one."""
    with pytest.raises((PatternError, ReplacementError)):
        replacer(compiled(group["pattern"]), group["replacement"])


@pytest.mark.parametrize("group", TAKEN_PATTERNS)
def test_patterns_as_the_real_engine_takes_them(group: dict[str, Any]) -> None:
    """Each pattern and replacement gives the recorded text and number of matches."""
    pattern = compiled(group["pattern"])
    assert replacer(pattern, group["replacement"])(group["subject"]) == group["result"]
    assert sum(1 for _ in pattern.finditer(group["subject"])) == group["matches"]


@pytest.mark.parametrize("group", TAKEN_FILES)
def test_configurations_that_start(group: dict[str, Any], tmp_path: Path) -> None:
    """What Logstash starts with is loaded."""
    assert isinstance(load([written(group, tmp_path)], environ={}), Pipeline)


@pytest.mark.parametrize("group", REFUSED_FILES)
def test_configuration_faults(group: dict[str, Any], tmp_path: Path) -> None:
    """A configuration is refused where Logstash refuses it, a syntax error at the same line and column."""
    folder = written(group, tmp_path)
    with pytest.raises(PipelineError) as caught:
        load([folder], environ={})
    named = re.search(r"(?:at|At) line:? (\d+), column (\d+)", group.get("message", ""))
    if named is not None:
        assert (caught.value.line, caught.value.column) == (int(named[1]), int(named[2]))
