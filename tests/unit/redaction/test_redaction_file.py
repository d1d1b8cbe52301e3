"""`redaction.toml`: one file of a team's own, and both nets made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli

import mllog
from mllog._state import STATE
from mllog.errors import ConfigurationError
from mllog.pipeline import encode, event_from_line, load
from mllog.redaction import Redactor, write_key
from mllog.redaction._file import load_file
from mllog.testing import capture

OWN = """
[[rules]]
name = "badge"
kind = "badge"
pattern = '(?<![A-Z0-9])B-[0-9]{6}(?![0-9])'
guard = ["b-000000"]
match = ["badge B-123456."]
no_match = ["B-12", "AB-123456"]

[names]
words = ["patient", "Kostenstelle"]

[features]
customer = "hash"
order = "last4"
diary = "keep"
blob = "remove"

[strategies]
email = "remove"
phone = "last4"

[keys]
file = "KEYS"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file with all that one may say, and the keys beside it."""
    write_key(tmp_path / "keys", "k1")
    path = tmp_path / "redaction.toml"
    path.write_text(OWN.replace("KEYS", str(tmp_path / "keys")), encoding="utf-8")
    return path


@pytest.fixture
def logged(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What a service that is configured with the file logs of some inputs."""
    for name in ("redactor", "service"):
        monkeypatch.setattr(STATE, name, getattr(STATE, name))  # as they were, afterwards

    def log(inputs: dict[str, Any]) -> dict[str, Any]:
        mllog.configure(environment="test", redaction=own, sink=tmp_path / "events.ndjson")
        with capture() as events:
            mllog.model("m", "1").prediction(inputs)
        mllog.shutdown()
        found: dict[str, Any] = events[0]["mllog"]
        return found

    yield log
    STATE.generation += 1  # what was compiled for the file is forgotten


def test_rules_and_names_of_a_team(logged: Any) -> None:
    """Its kinds are found, and values under its names go, in any case."""
    found = logged({"note": "badge B-123456 lost", "Patient": "Ann", "kostenstelle": 4711})
    assert found["input"] == {
        "category": {
            "note": "badge [REDACTED:badge] lost",
            "Patient": "[REDACTED:key]",
            "kostenstelle": "[REDACTED:key]",
        }
    }
    assert found["redaction"] == {
        "fields": ["Patient", "kostenstelle", "note"], "kinds": ["badge", "key"], "count": 3,
    }  # fmt: skip


def test_strategies_of_features(logged: Any) -> None:
    """Hashed, so that a customer can be counted; its last four; not at all; a text as it was written."""
    first = logged({"customer": "ann", "order": "DE-445566", "blob": "x", "diary": "a quiet day " * 30})
    again = logged({"customer": "ann"})
    other = logged({"customer": "bob"})
    hashed = first["input"]["category"]["customer"]
    assert re.fullmatch("hmac:k1:[0-9a-f]{32}", hashed)
    assert again["input"]["category"]["customer"] == hashed != other["input"]["category"]["customer"]
    assert first["input"]["category"]["order"] == "[REDACTED:key:5566]"
    assert "blob" not in first["input"]["category"]
    assert first["input"]["text"] == {"diary": "a quiet day " * 30}
    assert first["redaction"]["fields"] == ["blob", "customer", "order"]


def test_strategies_of_kinds(logged: Any) -> None:
    """What a rule finds goes without a trace, or leaves its last four."""
    found = logged({"note": "ann@example.com called +49 30 23125939"})
    assert found["input"]["category"]["note"] == " called [REDACTED:phone:5939]"


def test_both_nets_are_built_of_it(cli: Cli, own: Path, tmp_path: Path) -> None:
    """The filter finds the team's kinds and names; what the service made of a value passes it unchanged."""
    out = tmp_path / "pipeline"
    out.mkdir()
    assert cli.does("pipeline", "build", "--out", out, "--rules", own).splitlines() == [
        f"wrote {out / '20-redact.conf'}", f"wrote {out / '35-redacted.conf'}",
    ]  # fmt: skip
    assert cli.does("pipeline", "build", "--out", out, "--rules", own) == "no changes\n"
    pseudonym = Redactor(load_file(own).rules, pseudonyms=load_file(own).pseudonyms()).instead("customer", "ann")
    given = {
        "a": "B-123456",
        "patient": "Ann",
        "customer": "bob",
        "order": "1",
        "diary": "free",
        "q": {"customer": pseudonym},
    }
    (event,) = json.loads(encode(load([out / "20-redact.conf"], environ={"MLLOG_LOGSTASH_ID_KEY": "k"}).filter(
        event_from_line(json.dumps(given))
    )))  # fmt: skip
    assert json.loads(event["message"]) == {
        "a": "[REDACTED:badge]", "patient": "[REDACTED:key]", "customer": "[REDACTED:key]", "order": "[REDACTED:key]",
        "diary": "free", "q": {"customer": pseudonym},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "not TOML: "),
        ("nonsense = 1", "$: unknown key 'nonsense'; known keys are features, keys"),
        ("[features]\na = 'burn'", "$.features.a: 'burn' is not one of hash, keep, last4, mask, remove"),
        ("[features]\na = 'hash'", "keys.file: must name the file"),
        ("[strategies]\nsecret_sauce = 'mask'", "no rule finds the kind secret_sauce"),
        ("[[rules]]\nname = 'A b'", "$.rules[0].name: expected a name of a-z, 0-9 and _"),
        (
            "[[rules]]\nname='a'\nkind='a'\npattern='('\nmatch=['x']\nno_match=['y']",
            "pattern: not a regular expression",
        ),
        ("[[rules]]\nname='a'\nkind='a'\npattern='x'", "$.rules[0]: object missing required field `match`"),
        (
            "[[rules]]\nname='a'\nkind='a'\npattern='x'\nmatch=['y']\nno_match=['z']",
            "$.rules[0]: match: the pattern does not find 'y'",
        ),
        (
            "[[rules]]\nname='a'\nkind='a'\npattern='x'\nmatch=['x']\nno_match=['xx']",
            "no_match: the pattern finds 'xx'",
        ),
        (
            "[[rules]]\nname='a'\nkind='a'\npattern='x'\nguard=['q']\nmatch=['x']\nno_match=['y']",
            "$.rules[0]: guard: none of its words",
        ),
        (
            "[[rules]]\nname='a'\nkind='a'\npattern='(?P<n>x)'\nmatch=['x']\nno_match=['y']",
            "Logstash and Python must interpret it alike",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused(cli: Cli, tmp_path: Path, text: str, said: str) -> None:
    """With its place and what is wrong, in the service and on the command line."""
    path = tmp_path / "redaction.toml"
    path.write_text(text)
    assert f"{path}: " in (line := cli.fails("pipeline", "build", "--rules", path, "--out", tmp_path))
    assert said in line
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        mllog.configure(redaction=path, sink="stdout")


def test_a_rule_that_runs_wild_is_refused(cli: Cli, tmp_path: Path) -> None:
    """Logstash has no time limit, so a pattern that grows faster than its text is not built."""
    path = tmp_path / "redaction.toml"
    path.write_text("[[rules]]\nname='a'\nkind='a'\npattern='(a|aa)+b'\nmatch=['aab']\nno_match=['c']")
    assert "own_a: a line of 'a' takes more than 1 s" in cli.fails(
        "pipeline", "build", "--rules", path, "--out", tmp_path
    )
    assert list(tmp_path.glob("*.conf")) == []


def test_keys_are_kept_from_others(cli: Cli, tmp_path: Path) -> None:
    """A key file is made for its owner alone, is refused where others may read it, and new keys go in front."""
    path = tmp_path / "keys"
    cli.does("redaction", "key", path, "--id", "k1")
    cli.does("redaction", "key", path, "--id", "k2")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [line.split()[0] for line in path.read_text().splitlines()] == ["k2", "k1"]
    assert "already exists" in cli.fails("redaction", "key", path, "--id", "k1")
    path.chmod(0o644)
    own = tmp_path / "redaction.toml"
    own.write_text(f"[features]\na = 'hash'\n[keys]\nfile = '{path}'")
    with pytest.raises(ConfigurationError, match="chmod 600"):
        mllog.configure(redaction=own, sink="stdout")
