"""The case files that ship with the configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mllog.pipeline import event_from_line, load
from mllog.pipeline._cases import CaseResult, run_cases
from mllog.redaction import Redactor

ROOT = Path(__file__).parents[2] / "logstash"
ENVIRON = {"MLLOG_LOGSTASH_PASSWORD": "not used here", "MLLOG_LOGSTASH_ID_KEY": "of the tests"}
RESULTS = list(run_cases([ROOT / "pipeline"], sorted((ROOT / "cases").glob("*.yml")), environ=ENVIRON))

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


def test_every_plugin_has_an_id() -> None:
    """Each plugin of the configuration names itself, so that a metric or an error can be traced to it."""
    for path in sorted((ROOT / "pipeline").glob("*.conf")):
        text = re.sub(r"#.*|\"(?:\\\"|[^\"])*\"|'[^']*'|=~ /(?:\\/|[^/])*/", "x", path.read_text(encoding="utf-8"))
        plugins = re.findall(r"\b(?:mutate|json|fingerprint|prune|http|file|line|plain|elasticsearch)\s*\{", text)
        assert len(plugins) == len(re.findall(r"\bid =>", text)), path.name
