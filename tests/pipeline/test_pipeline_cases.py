"""The case files that ship with the configuration."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from support.waiting import PATIENCE

from mllog.pipeline import Coverage, Plugin, event_from_json, event_from_line, load, with_index_pipeline
from mllog.pipeline._cases import CaseResult, run_cases
from mllog.pipeline._config import Branch, Statement, read_text
from mllog.redaction import Redactor

ROOT = Path(__file__).parents[2] / "logstash"
ENVIRON = {"MLLOG_LOGSTASH_PASSWORD": "not used here", "MLLOG_LOGSTASH_ID_KEY": "of the tests"}
RESULTS = list(
    run_cases(with_index_pipeline([ROOT / "pipeline"]), sorted((ROOT / "cases").glob("*.yml")), environ=ENVIRON)
)

REDACTOR = Redactor()


@pytest.mark.parametrize("result", RESULTS, ids=[f"{Path(r.file).stem}: {r.name}" for r in RESULTS])
def test_shipped_cases(result: CaseResult) -> None:
    """Each shipped case gives what it names."""
    assert result.faults == ()


KEYS = [
    "password", "newPassword", "DB_PASSWORD", "db.passwd", "passphrase", "client_secret", "clientSecret", "Api-Key",
    "X-API-KEY", "apikey", "private_key", "aws_secret_access_key", "aws_access_key_id", "Authorization", "Set-Cookie",
    "cookie", "credentials", "cardNumber", "card_number", "account_no", "social_security_number", "passport_number",
    "driver_license_number", "date_of_birth", "email", "customerEmailAddress", "access_token", "refresh-token",
    "token", "pwd", "pin", "cvv", "cvc2", "ssn", "iban", "dob", "session_id", "phone", "phone_number", "home_phone",
]  # fmt: skip
HARMLESS = [
    "token_count", "max_tokens", "tokens", "address_count", "compass", "cardinality", "pineapple", "spinning",
    "shipping_cost", "phone_model", "microphone", "caliban", "keyboard", "primary_key", "passing_score",
    "password_policy_version", "email_count", "secretary", "card_type", "dep_delay", "origin",
]  # fmt: skip


@pytest.fixture(scope="module")
def pipeline() -> object:
    return load([ROOT / "pipeline"], environ=ENVIRON)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ['"quiet"', "4821", "true", '["quiet"]', '{"a":"quiet"}'])
def test_sensitive_keys_on_both_sides(key: str, value: str, pipeline: object) -> None:
    """A sensitive key is one in process, and its value leaves the raw line, of whatever type it is."""
    assert REDACTOR.sensitive(key)
    event = pipeline.filter(event_from_line(f'{{"x":{{"{key}":{value},"kept":1}}}}'))[0]  # type: ignore[attr-defined]
    assert event["x"] == {key: "[REDACTED:key]", "kept": 1}


@pytest.mark.parametrize("key", HARMLESS)
def test_harmless_keys_on_both_sides(key: str, pipeline: object) -> None:
    """A key that only looks like one is left alone by both sides."""
    assert not REDACTOR.sensitive(key)
    event = pipeline.filter(event_from_line(f'{{"x":{{"{key}":"quiet"}}}}'))[0]  # type: ignore[attr-defined]
    assert event["x"] == {key: "quiet"}


def test_the_place_of_a_line_is_its_identity(pipeline: object) -> None:
    """Delivered twice it is one event; the same words at another place, or under another key, are another."""

    def identity(offset: int, where: object = pipeline, **more: object) -> str:
        place = {"log": {"offset": offset, "file": {"path": "/var/log/a.log"}}, "host": {"name": "h"}, **more}
        event = event_from_json({"message": "the same words", **place})
        return str(where.filter(event)[0]["event"]["id"])  # type: ignore[attr-defined]

    assert identity(7) == identity(7, agent={"id": "new after a restart"})
    assert len(identity(7)) == 64
    assert (
        len(
            {
                identity(7),
                identity(8),
                identity(7, load([ROOT / "pipeline"], environ={**ENVIRON, "MLLOG_LOGSTASH_ID_KEY": "k"})),
            }
        )
        == 3
    )
    assert identity(7) != hashlib.sha256(b"the same words").hexdigest()


def test_ids_of_predictions_stay_apart_and_joinable(pipeline: object) -> None:
    """An id that holds something sensitive is the same again for its feedback, and no other's; a harmless one stays."""

    def identity(given: object, action: str = "prediction") -> object:
        event = {"event": {"id": "0199a0c0-1", "action": action}, "mllog": {"prediction": {"id": given}}}
        (stored,) = pipeline.filter(event_from_line(json.dumps(event)))  # type: ignore[attr-defined]
        return stored["mllog"]["prediction"]["id"]

    secret = ["ann.lee@example.com", "bob.lee@example.com", 4242424242424242, "+49 30 23125939", "ghp_" + "FAKE" * 9]
    for given in secret:
        assert re.fullmatch("id:[0-9a-f]{32}", str(identity(given)))
        assert identity(given) == identity(given, "feedback")
    assert len(set(map(identity, secret))) == len(secret)
    for given in ("order-2026-17", "0199d7a4-6c1e-7abc-8def-0123456789ab", "id:" + "0a" * 16, "a b", 17):
        assert identity(given) == given


def _plugins(statements: Iterable[Statement]) -> Iterator[tuple[Plugin, str]]:
    for statement in statements:
        if isinstance(statement, Branch):
            for _, body in statement.arms:
                yield from _plugins(body)
        else:
            yield statement


def test_every_plugin_has_an_id() -> None:
    """Each plugin of the configuration names itself, so that a metric or an error can be traced to it; no two alike."""
    found: list[Plugin] = []
    for path in sorted(ROOT.glob("*/*.conf")):
        for statements in read_text(path.read_text(encoding="utf-8"), str(path)).values():
            found += _plugins(statements)
    found += [value for plugin in found for value in plugin.settings.values() if isinstance(value, Plugin)]
    assert len(found) > 200
    assert [plugin.place for plugin in found if plugin.id() is None] == []
    names = [plugin.id() for plugin in found]
    assert len(set(names)) == len(names)


def test_every_branch_is_reached() -> None:
    """By the cases that ship, of every file that has branches."""
    seen = Coverage()
    for folder, cases in (("pipeline", "*.yml"), ("dead_letter", "dead_letter/*.yml")):
        files = sorted((ROOT / "cases").glob(cases))
        results = list(run_cases(with_index_pipeline([ROOT / folder]), files, environ=ENVIRON, coverage=seen))
        assert [result for result in results if result.faults] == []
    assert len(seen.counts) > 300
    assert seen.missed() == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ruby") is None and not os.environ.get("MLLOG_REQUIRE_RUBY"), reason="needs ruby")
@pytest.mark.parametrize("names", ["none", "beats,tcp", "http,team,files"])
def test_path_config_finds_the_files(names: str) -> None:
    """Ruby's glob, which Logstash asks, finds the inputs that are named and the filters, and nothing else."""
    pipelines = {entry["pipeline.id"]: entry for entry in yaml.safe_load((ROOT / "pipelines.yml").read_text())}
    pattern = pipelines["foreign"]["path.config"].replace("/usr/share/logstash", str(ROOT))
    pattern = pattern.replace("${MLLOG_LOGSTASH_INPUTS:none}", names)
    ran = subprocess.run(
        ["ruby", "-e", "puts Dir.glob(ARGV[0])", pattern], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    found = [Path(line) for line in ran.stdout.splitlines()]
    assert [path.stem for path in found if path.parent.name == "inputs"] == names.split(",")
    stages = [path.name for path in sorted(found) if path.parent.name == "pipeline"]
    assert stages == [path.name for path in sorted((ROOT / "pipeline").glob("*.conf")) if path.name != "10-input.conf"]


def input_of(path: Path) -> Plugin:
    """The one input of a file, loaded with the filters behind it."""
    filters = [file for file in sorted((ROOT / "pipeline").glob("*.conf")) if file.name != "10-input.conf"]
    asked = dict.fromkeys(re.findall(r"\$\{(\w+)\}", path.read_text()), "given")
    (plugin,) = load([path, *filters], environ={**ENVIRON, **asked}).inputs
    return plugin


OTHERS = {path.stem: path for path in sorted((ROOT / "inputs").glob("*.conf"))}
NONE = OTHERS.pop("none")


def test_without_other_senders_an_input_hears_nothing() -> None:
    """The file that stands in for none: a generator of no lines, or what else says nothing."""
    assert input_of(NONE).name not in {input_of(path).name for path in OTHERS.values()}


@pytest.mark.parametrize("path", OTHERS.values(), ids=OTHERS)
def test_inputs_of_others_load_with_the_filters(path: Path) -> None:
    """Each input by itself, and where it hears a network: on this machine alone, with a secret or a certificate."""
    plugin = input_of(path)
    assert plugin.settings["add_field"]["[@metadata][sender]"] == path.stem
    assert plugin.settings["add_field"]["[@metadata][models]"]
    text = path.read_text()
    if plugin.name == "http":
        assert re.search(r'password => "\$\{MLLOG_\w+_PASSWORD\}"', text)
        assert re.search(r'models\]" => "\$\{MLLOG_\w+_MODELS\}"', text)
    if plugin.name in ("beats", "tcp"):
        assert 'ssl_client_authentication => "required"' in text
    if plugin.name != "file":
        assert re.search(r'host => "\$\{MLLOG_\w+_HOST:127\.0\.0\.1\}"', text)
