"""Which names are sensitive: a word of the table, wherever it stands; and which only sound so."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.timing import within

import mllog
from mllog.pipeline import Pipeline, encode, event_from_line, load
from mllog.redaction import DEFAULT, Redactor
from mllog.testing import capture

ENVIRON = {"MLLOG_LOGSTASH_PASSWORD": "not used here", "MLLOG_LOGSTASH_ID_KEY": "of the tests"}
PIPELINE: Pipeline = load([Path(__file__).parents[3] / "logstash" / "pipeline"], environ=ENVIRON)
REDACTOR = Redactor()
WORDS = sorted({phrase for group in DEFAULT.keys for phrase in group.phrases})
AROUND = ("old", "new", "db", "user", "prod", "backup", "plain", "main", "tmp", "x", "legacy", "value", "field", "hash")
SECRET = "Zq7vPk2wLm"


def snake(words: list[str]) -> str:
    return "_".join(words)


def camel(words: list[str]) -> str:
    return words[0] + "".join(word.capitalize() for word in words[1:])


SPELLINGS = {
    "snake": snake, "upper": lambda words: snake(words).upper(), "kebab": "-".join, "dotted": ".".join, "camel": camel,
    "pascal": lambda words: camel(["", *words]), "blanks": " ".join,
    "titles": lambda words: " ".join(w.title() for w in words),
    "numbered": lambda words: f"{snake(words)}_2", "indexed": lambda words: f"{snake(words)}[0]",
    "member": lambda words: f"user[{snake(words)}]",
    "a tuple": lambda words: str(tuple(words)) if words[1:] else words[0],
    "header": lambda words: "X-" + "-".join(word.capitalize() for word in words),
}  # fmt: skip


def in_filter(event: dict[str, Any]) -> dict[str, Any]:
    (stored,) = json.loads(encode(PIPELINE.filter(event_from_line(json.dumps(event)))))
    return dict(stored)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("phrase", WORDS)
def test_a_word_counts_wherever_it_stands(phrase: str, spelling: str) -> None:
    """First, last, in the middle or alone, in every spelling, in the service and in the filter."""
    words = phrase.split(" ")
    spelt = SPELLINGS[spelling]
    if not phrase.isascii() and spelling in ("camel", "pascal", "upper", "titles", "header"):
        pytest.skip("case beyond ASCII is no sign of a word in the filter")
    names = [spelt(words), spelt([*words, "old"]), spelt(["db", *words]), spelt(["db", *words, "value"])]
    for name in names:
        assert REDACTOR.sensitive(name), name
        assert REDACTOR.value({name: SECRET})[0][name] == "[REDACTED:key]"
    stored = in_filter({"x": [{name: SECRET, "carrier": "UA"} for name in names]})
    assert SECRET not in json.dumps(stored)
    assert json.dumps(stored).count('"carrier": "UA"') == len(names)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([word for word in WORDS if word.isascii()]), st.lists(st.sampled_from(AROUND), max_size=2),
    st.lists(st.sampled_from(AROUND), max_size=2), st.sampled_from(["_", "-", "."]), st.integers(0, 99), st.booleans(),
)  # fmt: skip
def test_any_name_with_a_word(
    phrase: str, before: list[str], after: list[str], between: str, number: int, upper: bool
) -> None:
    """Whatever stands around it, and behind whatever separators."""
    name = between.join([*before, *phrase.split(" "), *after]) + (f"{between}{number}" if number > 50 else "")
    name = name.upper() if upper else name
    assert REDACTOR.sensitive(name), name
    assert SECRET not in json.dumps(in_filter({"x": {name: SECRET}})), name
    assert SECRET not in REDACTOR.text(f"a=1 {name}={SECRET} b=2")[0], name


@pytest.mark.parametrize(
    "name",
    ["csrfmiddlewaretoken", "authenticity_token", "PGPASSWORD", "dbpassword", "newpasswordhash", "useremail",
    "clientsecret",
     "MYAPIKEY", "phpsessid", "mot_de_passe", "contraseña", "p\u0430ssword",
     "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44", "Reisepass", "drivingLicence"],
)  # fmt: skip
def test_words_that_are_written_together_or_in_other_letters(name: str) -> None:
    """Endings and beginnings of longer words, other languages, look-alikes and full width."""
    assert REDACTOR.sensitive(name)


HARMLESS: dict[str, Any] = {
    "has_phone": True, "hasPhone": False, "is_email_valid": True, "n_cookies": 3, "num_credit_cards": 2,
    "email_count": 1,
    "own_telephone": 1, "has_credit_card": 1, "emailOpened": 0, "cookie_consent": 1, "phone_calls": 4,
    "token_count": 311,
    "password_policy_version": 3, "phone_model": "Pixel", "card_type": "visa", "email_length": 33.0, "mobile": True,
    "credit_card_limit": 5000.0, "password_age": 12, "emails": 4, "has_email": "yes", "hour_sin": 0.5,
    "session_length": 7,
}  # fmt: skip
SECRETS: dict[str, Any] = {
    "pin": 4821, "cvv": 123, "password": True, "otp": 0, "has_pin": 4821, "card_number": 4, "shared_secret": 1,
    "token": 5,
    "user_password": False, "phone": 5550199, "has_password": SECRET, "sin": "046454286",
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_flags_and_counts_are_features(name: str) -> None:
    """A yes or no, a small number under a name that counts, and what only describes the thing, in both nets."""
    value = HARMLESS[name]
    assert REDACTOR.value({name: value}) == ({name: value}, [])
    assert not REDACTOR.sensitive(name) or REDACTOR.harmless(name, value)
    assert in_filter({"x": {name: value}})["x"] == {name: value}
    with capture() as events:
        mllog.model(f"harmless-{name}", "1").prediction({name: value})
    assert "redaction" not in events[0]["mllog"]


@pytest.mark.parametrize("name", SECRETS)
def test_a_small_number_alone_is_no_excuse(name: str) -> None:
    """A PIN has four digits, and no flag has."""
    value = SECRETS[name]
    assert REDACTOR.sensitive(name)
    assert not REDACTOR.harmless(name, value)
    assert REDACTOR.value({name: value})[0] == {name: "[REDACTED:key]"}
    assert in_filter({"x": {name: value}})["x"][name].startswith("[REDACTED:")


def test_a_team_can_keep_a_feature(tmp_path: Path) -> None:
    """`keep` gives the feature back, in the service and in the filter that is built of the file."""
    from mllog.redaction._file import load_file
    from mllog.redaction._logstash import redact_config

    path = tmp_path / "redaction.toml"
    path.write_text('[features]\nphone_kept = "keep"\n')
    rules = load_file(path).rules
    assert not Redactor(rules).sensitive("phone_kept")
    (tmp_path / "20-redact.conf").write_text(redact_config(rules), encoding="utf-8")
    built = load([tmp_path / "20-redact.conf"], environ=ENVIRON)
    (event,) = built.filter(event_from_line('{"phone_kept":"prepaid","phone":"prepaid"}'))
    assert json.loads(event["message"]) == {"phone_kept": "prepaid", "phone": "[REDACTED:key]"}


def test_new_names_are_cheap() -> None:
    """Ten thousand names that nobody has seen are looked up in a part of what a call may take."""
    names = [f"feature_{n}_of_late_arrivals" for n in range(10_000)]
    redactor = Redactor()
    began = time.process_time()
    assert not any(map(redactor.sensitive, names))
    assert time.process_time() - began < within(0.05)
