"""Each form of each kind in each wrapping, through both nets: a form that one net lets pass fails here by its name."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.redaction_judge import Stored

from mllog.pipeline import Pipeline, encode, event_from_line, load
from mllog.redaction import Redactor
from mllog.redaction._checks import luhn, mod97

REDACTOR = Redactor()
PIPELINE: Pipeline = load(
    [Path(__file__).parents[2] / "logstash" / "pipeline"],
    environ={"MLLOG_LOGSTASH_PASSWORD": "not used here", "MLLOG_LOGSTASH_ID_KEY": "of the tests"},
)
BLANKS = "\u0020\u00a0\u1680\u2000\u2002\u2003\u2007\u2009\u200a\u202f\u205f\u3000"
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
SIGNS = ("", "  ", "\t", "_", ".", "/", "%20", "+")
SEPARATORS = (*BLANKS, *DASHES, *INVISIBLE, *SIGNS)
CARDS = {
    "visa": ("4000056655665556", (4, 4, 4, 4)), "mastercard": ("5555555555554444", (4, 4, 4, 4)),
    "amex": ("378282246310005", (4, 6, 5)), "diners 4-6-4": ("30569309025904", (4, 6, 4)),
    "diners 4-4-4-2": ("30569309025904", (4, 4, 4, 2)), "visa 13": ("4222222222222", (4, 4, 4, 1)),
    "19 digits": ("6200000000000000000", (4, 4, 4, 4, 3)),
}  # fmt: skip
IBANS = ("DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606", "NO9386011117947")
SECRET = "Zq7vPk2wLm"


def grouped(text: str, between: str, lengths: tuple[int, ...]) -> str:
    parts, start = [], 0
    for length in lengths:
        parts.append(text[start : start + length])
        start += length
    return between.join(part for part in parts if part)


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def places(text: str) -> Iterator[tuple[str, Any]]:
    yield "alone", {"note": text}
    yield "in words", {"note": f"paid with {text} and done"}
    yield "in brackets", {"note": f"got ({text}), then"}
    yield "in JSON", {"body": json.dumps({"ref": text, "n": 5})}
    yield "in JSON of ASCII in JSON", {"body": json.dumps({"deep": json.dumps({"ref": text})})}
    yield "in a list", {"items": ["alpha", text, 7]}


def lines(event: Any) -> Iterator[str]:
    yield json.dumps(event)
    yield json.dumps(event, ensure_ascii=False)


def leaks(text: str, secret: str, *, pipeline: bool = True) -> list[str]:
    """The nets and places that let a secret through."""
    found = []
    for place, event in places(text):
        if Stored([REDACTOR.value(event)[0]]).leaks(secret):
            found.append(f"process, {place}")
        for number, line in enumerate(lines(event)):
            if pipeline and Stored(json.loads(encode(PIPELINE.filter(event_from_line(line))))).leaks(secret):
                found.append(f"pipeline, {place}, {number}")
    return found


@pytest.mark.parametrize("between", SEPARATORS, ids=[f"U+{ord(s):04X}" if len(s) == 1 else repr(s) for s in SEPARATORS])
@pytest.mark.parametrize("name", CARDS)
def test_cards_with_any_one_separator(name: str, between: str) -> None:
    """Between the groups of a card may stand any blank, hyphen, sign, or what is not seen."""
    number, groups = CARDS[name]
    assert luhn(number)
    text = grouped(number, between, groups)
    assert leaks(text, text) == []


@pytest.mark.parametrize("between", SEPARATORS, ids=[f"U+{ord(s):04X}" if len(s) == 1 else repr(s) for s in SEPARATORS])
@pytest.mark.parametrize("number", IBANS)
def test_ibans_with_any_one_separator(number: str, between: str) -> None:
    """The same between the groups of an IBAN."""
    assert mod97(number)
    text = grouped(number, between, (4,) * 9)
    assert leaks(text, text) == []


@pytest.mark.parametrize("text", [*(number for number, _ in CARDS.values()), *IBANS, "ann.lee@example.com"])
def test_full_width(text: str) -> None:
    """Digits, letters and signs of full width are read as what they look like."""
    assert leaks(wide(text), text) == []


@pytest.mark.parametrize(
    "form",
    ["card%sexp1229", "%%B%s^VIK/ANN^29121010000000000000?", ";%s=29121010000000000000?", "pan=%s,cvc", "'%s.0'",
    "n%sx",
     "%s 12/29", "%s 123", "#%s#"],
)  # fmt: skip
def test_neighbours_of_a_card(form: str) -> None:
    """Tracks of a magnetic stripe, expiry dates, codes, and letters that touch it."""
    assert leaks(form % "4000056655665556", "4000056655665556") == []


LOCALS = (
    "ann.lee",
    "o'brien.ann",
    "ann/orders",
    "ann#news",
    "ann+tag",
    "a!nn",
    "ann*x",
    "ann{x}",
    "ann|x",
    "ann~x",
    "ann^x",
    "bounce+ann=corp.example",
)
SIGNS_OF_AT = (
    "@", "%40", "%2540", "%252540", "&#64;", "&#0000064;", "&#x40;", "&commat;", "\\x40", "\uff20", " @ ", "[at]",
    "(at)")  # fmt: skip


@pytest.mark.parametrize("local", LOCALS)
@pytest.mark.parametrize(
    "domain", ["example.com", "mail.eu-west.example.org", "xn--bcher-kva.xn--p1ai", "[192.0.2.77]"]
)
def test_addresses_of_every_local_part(local: str, domain: str) -> None:
    """What RFC 5322 allows in a local part goes with it."""
    assert leaks(f"{local}@{domain}", local) == []


@pytest.mark.parametrize("sign", SIGNS_OF_AT)
@pytest.mark.parametrize("local", ["susannavik31", "susanna.vik"])
def test_addresses_with_every_sign(local: str, sign: str) -> None:
    """However the sign is written."""
    assert leaks(f"{local}{sign}mailbox.example", local) == []


PHONES = (
    "212 555 0199", "1 212 555 0199", "212\u00a0555\u00a00199", "212/555-0199", "+49 30 / 23 12 59 39", "0412 345 678",
    "079 123 45 67", "(11) 91234-5678", "8 (912) 345-67-89", "070-123 45 67", "01713920069", "07700900123",
    "004917139200690",
    "98765 43210", "612 34 56 78", "340 123 4567", "138 0013 8000", "\uff0b49 30 23125939", "(030) 23125049",
    "+1-617-555-0138",
)  # fmt: skip


@pytest.mark.parametrize("number", PHONES)
@pytest.mark.parametrize(
    "said", ["please call %s before noon", "mobile: %s", "reach us at %s", "Tel. %s", "fax no. %s or mail"]
)
def test_phones_in_every_grouping(number: str, said: str) -> None:
    """National and international groupings, where a word says that it is a telephone."""
    assert leaks(said % number, number) == []


WRITINGS = (
    "{'password': b'%s'}", "connect(password=b'%s')", "[('password', '%s')]", "[(b'x-api-key', b'%s')]",
    "Settings(password=SecretStr('%s'))", "password=r'%s'", 'password = """%s"""', 'Config { password: Some("%s") }',
    "Config(password=Some(%s))", "password: `ab %s`", "SET password = 'it''s %s'", "SET password = 'it\\'s %s'",
    "<password><![CDATA[%s]]></password>", '<password type="text">%s</password>', '<entry key="password">%s</entry>',
    '<param name="password" value="%s"/>', "password:\n  %s\nuser: svc", "password: |\n  %s\nuser: svc",
    "password: !!str %s",
    "passwords:\n  - %s\n", '"password": %s', 'form-data; name="password"\r\n\r\n%s\r\n--b', '--password "%s"',
    "--password '%s'",
    "--password %s", "passphrase: correct horse battery %s", "password: ab,%s", "user[password][0]=%s",
    "password    =    %s",
    "Map(1) {'password' => '%s'}", "Pwd={ab;%s};", "password='ab %s' host=x",
    "{'password': {'a': {'b': ['x', '%s']}}, 'n': 2}",
    "password=['x', '%s'] n=3", "password&#61;%s", "pass\\u0077ord\\u003d%s", "u=%%2Fx%%3Fpassword%%253D%s",
    "GET /x?api%%5Fkey=%s&n=1", "export PGPASSWORD=%s; psql", "csrfmiddlewaretoken=%s", "password[0]=%s",
    "tokenValue: %s",
    "<key>password</key><string>%s</string>", 'Authorization: Digest username="svc", response="%s"',
)  # fmt: skip


@pytest.mark.parametrize("writing", WRITINGS)
def test_names_with_values_in_every_writing(writing: str) -> None:
    """Quoted, typed, wrapped, nested, over two lines, in markup and in options; in a document and as a bare line."""
    text = writing % SECRET
    assert leaks(text, SECRET) == []
    assert not Stored(json.loads(encode(PIPELINE.filter(event_from_line(text))))).leaks(SECRET)


DOCUMENTS: tuple[Any, ...] = (
    {"headers": [["x-api-key", SECRET], ["accept", "*/*"]]}, {"env": [{"name": "DB_PASSWORD", "value": SECRET}]},
    {"env": [{"value": SECRET, "name": "DB_PASSWORD"}]}, {"env": [{"key": "Authorization", "secret": False,
    "value": SECRET}]},
    {"lines": ["-----BEGIN RSA PRIVATE KEY-----", f"MIIEowIBAAKCAQEA{SECRET}", "-----END RSA PRIVATE KEY-----"]},
    {"password": {"a": [{"b": SECRET}]}}, {"a": [{"pin": [SECRET]}]},
)  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS, ids=json.dumps)
def test_pairs_and_lines_in_documents(document: Any) -> None:
    """A name and its value side by side, and a private key line by line, as they are and inside a string."""
    assert not Stored([REDACTOR.value(document)[0]]).leaks(SECRET)
    assert not Stored(json.loads(encode(PIPELINE.filter(event_from_line(json.dumps(document)))))).leaks(SECRET)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WRITINGS), st.text(string.ascii_letters + string.digits, min_size=9, max_size=16), st.booleans())
def test_nothing_says_that_it_redacted_what_it_left(writing: str, tail: str, document: bool) -> None:
    """Where an event says that something was redacted, the value is gone; whatever it is."""
    secret = f"Fk7{tail}x"
    text = writing % secret
    given_line = json.dumps({"note": text}) if document else text
    stored = encode(PIPELINE.filter(event_from_line(given_line)))
    assert not ("REDACTED" in stored and secret in stored), text
    clean, kinds = REDACTOR.text(text)
    assert not kinds or secret not in clean, text
