"""Each kind of value in each place where a log line may hold one, through both nets. Every value is made up here."""

from __future__ import annotations

import base64
import json
import random
import string
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.redaction_judge import Stored

from mllog.pipeline import Pipeline, encode, event_from_line, load
from mllog.redaction import Redactor
from mllog.redaction._checks import luhn, mod97

REDACTOR = Redactor()
ENVIRON = {"MLLOG_LOGSTASH_PASSWORD": "not used here", "MLLOG_LOGSTASH_ID_KEY": "of the tests"}
RANDOM = random.Random(20260504)
LETTERS, DIGITS, HEX = string.ascii_letters + string.digits, string.digits, "0123456789abcdef"
WORDS = "the staging table and the feature store returned all columns in time so the model could score the request "


def some(count: int, alphabet: str = LETTERS) -> str:
    return "".join(RANDOM.choice(alphabet) for _ in range(count))


def word() -> str:
    return "".join(RANDOM.choice("bdfgklmnprstvz") + RANDOM.choice("aeiou") for _ in range(3))


def card(prefix: str, length: int) -> str:
    body = prefix + some(length - len(prefix) - 1, DIGITS)
    return next(body + digit for digit in DIGITS if luhn(body + digit))


def iban(country: str, account: str) -> str:
    return next(text for n in range(2, 99) if mod97(text := f"{country}{n:02d}{account}"))


def grouped(text: str, between: str, *lengths: int) -> str:
    parts, start = [], 0
    for length in lengths or (4,) * (-(-len(text) // 4)):
        parts.append(text[start : start + length])
        start += length
    return between.join(parts)


def kinds() -> Iterator[tuple[str, str, list[str]]]:
    """Name of a kind, a text with one value of it, and what must be gone."""

    def alone(name: str, text: str) -> tuple[str, str, list[str]]:
        return name, text, [text]

    yield alone("email", f"{word()}.{word()}{some(2, DIGITS)}@example.com")
    yield alone("email with tag", f"{word()}+{word()}@a.{word()}.eu-west.example.org")
    yield alone("email quoted", f'"{word()} {word()}"@example.net')
    yield alone("email beyond ASCII", f"владимир.grün{word()}@{word()}.example")
    yield alone("email upper", f"{word()}.{word()}@EXAMPLE.COM".upper())
    for name, prefix, length in (
        ("visa", "4242", 16), ("visa 13", "4222", 13), ("visa 19", "4111", 19), ("mastercard", "5555", 16),
        ("mastercard 2", "2223", 16), ("amex", "3782", 15), ("discover", "6011", 16), ("jcb", "3530", 16),
        ("diners", "3056", 14), ("unionpay 18", "6200", 18), ("maestro", "6759", 16), ("mir", "2200", 16),
    ):  # fmt: skip
        yield alone(f"card {name}", card(prefix, length))
    number = card("4242", 16)
    for between in (" ", "-", ".", "  ", "\u00a0", "\u202f"):
        yield f"card with {between!r}", grouped(number, between), [number, grouped(number, between)]
    number = card("3782", 15)
    yield "amex in groups", grouped(number, " ", 4, 6, 5), [number, grouped(number, " ", 4, 6, 5)]
    for country, account in (
        ("DE", some(18, DIGITS)), ("GB", "NWBK" + some(14, DIGITS)), ("FR", some(23, DIGITS)), ("NO", some(11, DIGITS)),
        ("NL", "ABNA" + some(10, DIGITS)), ("MT", "MALT" + some(23, DIGITS)), ("CH", some(17, DIGITS)),
    ):  # fmt: skip
        text = iban(country, account)
        yield f"iban {country}", text, [text]
        yield f"iban {country} in groups", grouped(text, " "), [text, grouped(text, " ")]
    yield alone("iban lower", iban("DE", some(18, DIGITS)).lower())
    yield alone("ssn", f"536-22-{RANDOM.randrange(1000, 9999)}")
    for text in (
        "+493023125912", "+1 (617) 555-0138", "(202) 555-0157", "212-555-0199", "212.555.0199", "+44 7700 900123",
        "07700 900123", "020 7946 0018", "030 23125 049", "0171-3920069", "0049 30 23125939", "01 99 00 12 34",
    ):  # fmt: skip
        yield alone(f"phone {text}", text)
    yield alone("jwt", f"eyJhbGciOiJIUzI1NiJ9.eyJ{some(30)}.{some(43, LETTERS + '-_')}")
    yield alone("aws id", "AKIA" + some(16, string.ascii_uppercase))
    secret = "Fake" + some(36, LETTERS + "/+")
    yield "aws secret", f"aws_secret_access_key = {secret}", [secret]
    yield alone("github", "ghp_" + some(36))
    yield alone("slack", f"xoxb-{some(12, DIGITS)}-{some(24)}")
    secret = some(24)
    yield "slack webhook", f"https://hooks.slack.com/services/TFAKE/BFAKE/{secret}", [secret]
    yield alone("stripe", "sk_test_" + some(24))
    yield alone("openai", "sk-proj-" + some(40, LETTERS + "-_"))
    yield alone("google", "AIza" + some(35, LETTERS + "-_"))
    lines = [some(64, LETTERS + "+/") for _ in range(2)]
    for name in ("", "RSA ", "OPENSSH "):
        text = f"-----BEGIN {name}PRIVATE KEY-----\n{lines[0]}\n{lines[1]}\n-----END {name}PRIVATE KEY-----"
        yield f"private key {name}", text, lines
        yield f"named private key {name}", f"private_key = {text}", lines
    secret = base64.b64encode(f"{word()}:{some(14)}".encode()).decode()
    yield "basic", f"Authorization: Basic {secret}", [secret]
    yield "basic behind a name", f"api_key: Basic {secret}", [secret]
    secret = some(42, LETTERS + "-_") + "1"
    yield "bearer", f"Authorization: Bearer {secret}", [secret]
    first, second = some(32, HEX), some(22)
    yield "cookie", f"Cookie: theme=dark; JSESSIONID={first}; auth_token={second}", [first, second]
    secret = "Fk" + some(10) + "7x"
    yield "url credentials", f"postgresql://{word()}:{secret}@db.example.net:5432/ml", [secret]
    yield "url token", f"https://api.example.com/v1/score?model=delay&access_token={secret}&fmt=json", [secret]
    yield "url signature", f"https://x.example/c?sv=2022&sig={secret}&se=2030", [secret]
    for form in (
        "password=%s", "pwd: %s", "passwd=%s", "pass=%s", "password='%s'", "--password %s", "password => %s",
        "password -> %s", "<password>%s</password>", "password is %s", "X-Api-Key: %s", "token: key: %s",
    ):  # fmt: skip
        yield f"named {form}", form % secret, [secret]
    yield alone("ip", "203.0.113.77")
    yield alone("ip v6", "2001:db8:1b7b:6a13:2559:8e81:c4e5:198c")
    yield alone("ip v6 short", "2001:db8::485e:3b4b")


def places(text: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Name of a place, an event with the text there, and what must stay."""
    yield "sole value", {"detail": text, "status": "ok"}, ['"status":"ok"']
    yield "nested", {"request": {"meta": {"origin": {"raw": text, "rows": 12}}}}, ['"rows":12']
    yield "long text", {"message": f"{WORDS * 3}{text} {WORDS}", "rows": 31}, ['"rows":31', WORDS.strip()]
    yield "start", {"message": f"{text} was refused by the upstream"}, ["was refused by the upstream"]
    yield "end", {"message": f"lookup failed for {text}", "status": "retry"}, ['"status":"retry"', "lookup failed for"]
    yield "several", {"a": text, "between": "carrier UA", "b": text}, ['"between":"carrier UA"']
    yield "thrice", {"message": f"first {text} second {text}", "again": text, "n": 2}, ['"n":2']
    yield "brackets", {"message": f"got ({text}), then <{text}>"}, ["got ("]
    yield "commas", {"message": f"a,{text},b", "n": 2}, ['"n":2']
    yield "error", {"error": {"message": f"cannot parse '{text}' at row 17"}, "row": 17}, ['"row":17']
    yield "stack trace", {"trace": f'File "/app/a.py", line 8\n    raise\n{text}\n\tat end\n'}, ["/app/a.py"]
    yield "key", {"counts": {text: 3, "other": 9}}, ['"other":9']
    yield "feature", {"mllog": {"input": {"category": {"note": text, "carrier": "UA"}}}}, ['"carrier":"UA"']
    yield "array", {"items": ["alpha row", text, "omega row", 7]}, ["alpha row", "omega row"]
    yield "JSON in JSON", {"payload": json.dumps({"user": {"ref": text, "n": 5}}), "rows": 61}, ['"rows":61']
    yield "two levels", {"payload": json.dumps({"body": json.dumps({"ref": text})}), "rows": 61}, ['"rows":61']
    yield "repr", {"message": f"inputs: { ({'ref': text, 'n': 5})!r}", "rows": 61}, ['"rows":61']


def lines(event: dict[str, Any]) -> Iterator[str]:
    """Ways in which a logger may write an event."""
    yield json.dumps(event, separators=(",", ":"), ensure_ascii=False)
    yield json.dumps(event)
    escaped = json.dumps(event, separators=(",", ":"))
    for character, escape in (("/", "\\/"), ("=", "\\u003d"), ("@", "\\u0040"), ("<", "\\u003c"), ("&", "\\u0026")):
        escaped = escaped.replace(character, escape)
    yield escaped


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return load([Path(__file__).parents[2] / "logstash" / "pipeline"], environ=ENVIRON)


@pytest.mark.parametrize(
    ("name", "text", "secrets"), list(kinds()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_place_hides_a_value(name: str, text: str, secrets: list[str], pipeline: Pipeline) -> None:
    """Wherever a value stands, and however it is escaped, it is gone, and its neighbours are there."""
    assert secrets
    for place, event, keep in places(text):
        assert keep, place
        for line in lines(event):
            after_pipeline = Stored(json.loads(encode(pipeline.filter(event_from_line(line)))))
            in_process = Stored([REDACTOR.value(json.loads(line))[0]])
            for net, stored in (("pipeline", after_pipeline), ("process", in_process)):
                assert not any(map(stored.leaks, secrets)), (net, place, line)
                assert all(map(stored.keeps, keep)), (net, place, line)


@pytest.mark.parametrize(
    ("name", "text", "secrets"), list(kinds()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_broken_line_hides_a_value(name: str, text: str, secrets: list[str], pipeline: Pipeline) -> None:
    """A line that is no JSON, or was cut, is searched all the same."""
    assert secrets
    whole = json.dumps({"n": 1, "detail": f"{text}"})
    for line in ("INFO app: got " + text.replace("\n", "\\n") + " at last", whole[:-1], whole[:-2]):
        stored = Stored(json.loads(encode(pipeline.filter(event_from_line(line)))))
        assert not any(map(stored.leaks, secrets)), line


@pytest.mark.parametrize("form", ["%s", "to=%s", "a=1&%s"])
def test_no_url_hides_a_value(form: str, pipeline: Pipeline) -> None:
    """What a URL writes with percent signs is seen: addresses, numbers, tokens, and names with their values."""
    unwritten = ("private", "named p", "named -", "named <", "named %")
    written = [
        (name, text, secrets)
        for name, text, secrets in kinds()
        if text.isascii() and "  " not in text and not name.startswith(unwritten)
    ]
    assert len(written) > 20
    for name, text, secrets in written:
        for quote in (urllib.parse.quote, urllib.parse.quote_plus):
            line = json.dumps({"url": "https://example.com/u?" + form % quote(text, safe="") + "&page=2", "rows": 86})
            stored = Stored(json.loads(encode(pipeline.filter(event_from_line(line)))))
            assert not any(map(stored.leaks, secrets)), (name, line)
            assert stored.keeps('"rows":86')
