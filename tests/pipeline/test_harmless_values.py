"""Ordinary values of data science survive both nets unchanged: no name, no shape and no neighbour takes them away."""

from __future__ import annotations

import json
import random
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mllog.pipeline import Pipeline, encode, event_from_line, load
from mllog.redaction import Redactor

REDACTOR = Redactor()
PIPELINE: Pipeline = load(
    [Path(__file__).parents[2] / "logstash" / "pipeline"],
    environ={"MLLOG_LOGSTASH_PASSWORD": "not used here", "MLLOG_LOGSTASH_ID_KEY": "of the tests"},
)
RANDOM = random.Random(20261126)

TEXTS = [
    "EAN 4006381333931", "ISBN 978-3-16-148410-0", "ISBN 0-306-40615-2", "@app.route('/x')",
    "line\n@app.route('/x')\ndef x(): ...", "react@18.2.0-rc.next", "lodash@4.17.21", "@types/node@20.11.5",
    "precision@10",
    "01 02 03 04 05", "batch 212 555 0199", "1000 2000 3000 4000", "order 100200300400500 shipped",
    "2026-11-25T10:00:00.123456Z",
    "2026-11-25 10:00:00", "20261125T100000Z", "1764110432123", "2026-11-01/2026-11-25", "00:12:33", "10:22:33.456",
    "0199d7a4-6c1e-7abc-8def-0123456789ab", "41111111-1111-4111-8111-111111111111", "de13c856d3929f0147594a6f012332ff",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "0.4111111111111111", "-1.5e-12",
    "3.14159",
    "[0.4111111111111111, 0.2345678901234567]", "(40.6413, -73.7781)", "59.913868,10.752245", "1.2.3", "v2.10.4-rc.1",
    "Chrome/126.0.6478.127", "nvidia 550.54.15-1.el9", "EUR 1,234,567.89", "12.5 %", "1920x1080", "UA 1545 EWR-IAH",
    "N14228",
    "1Z999AA10123456784", "1HGCM82633A004352", "SKU-0042-7781-9902", "#ff00aa", "0x7ffee4c0", "std::vector::push_back",
    "token count exceeded the limit of 4096 tokens", "the passenger was late", "cookies policy",
    "bearer instruments", "key=carrier",
    "hotel=5 spinning=2 compass: north", "tokens: 512, max_tokens: 1024", "call 3 of 5", "text 12 34",
    "task-scheduler-nightly-0042",
    "https://example.com:8443/a?page=2&sort=desc#top", "s3://bucket/2026/11/25/part-0000.parquet",
    "C:\\data\\new\\table",
    "caf\u00e9 \u2013 d\u00e9j\u00e0 vu \u2014 5\u202f000", "\uff21\uff22\uff23",
    "na\u00efve \u65e5\u672c\u8a9e \U0001f600", "a%20b 100%", "&amp; &lt;b&gt;",
    "line one\nline two\ttab", "passing_score: 0.71", "phone_model=Pixel", "has_phone=1 n_cookies=3",
    "sin(0.5) = 0.479", "pan: left",
    "loss=0.123 acc=0.987 lr=1e-4", "p<0.05", "epoch 12/50", "(912) 345", "f(12)", "x -> y", "a => b",
    "KeyError: 'user_id'",
    "['email', 'phone']", "columns: email, phone, password", "mail @ 10:30", "deploy by @oncall",
]  # fmt: skip
NUMBERS: dict[str, Any] = {
    "ean": 4006381333931,
    "probability": 0.4242424242424242, "score": -2.0664895312135108, "logit": 1e-300, "count": 5551234567,
    "flops": 4.2e15,
    "timestamp": 1764110432123, "nanos": 1780137683366722053, "bytes": 4111111111111111.0, "year": 2013, "flight": 1545,
    "lat": 40.69249999, "lon": -74.16869999, "revenue": 2025550143, "tax_rate": 0.2, "hour_sin": 0.8660254037844386,
    "nir": 0.4123, "sin": -0.5, "dni": 812, "tokens": 512, "max_tokens": 4096, "session_length": 33.0,
    "account_age": 12,
    "pixel_pin": None, "is_mobile": True, "mobile": False, "birth_rate": 0.1, "passenger_count": 3,
    "shipping_cost": 4.99,
}  # fmt: skip
CATEGORIES = {
    "carrier": "UA", "origin": "EWR", "card_type": "visa", "license_type": "MIT", "phone_model": "Pixel",
    "key": "carrier",
    "auth_method": "sso", "primary_key": "row_id", "token_type": "Bearer", "scorecard": "gold", "opinion": "neutral",
    "email_domain": "example.com", "has_phone": "yes", "cardinality": "high", "secretary": "Kim", "pineapple": "ripe",
}  # fmt: skip


def test_an_article_that_nothing_names() -> None:
    """Thirteen digits that begin with a 4 have the shape of a card: only a service, which counts, tells."""
    assert REDACTOR.text("got 4006381333931") == ("got 4006381333931", ())
    assert "[REDACTED:card]" in encode(PIPELINE.filter(event_from_line("got 4006381333931")))


def exact(text: str) -> Any:
    return json.loads(text, parse_float=lambda n: Decimal(n).normalize(), parse_int=lambda n: Decimal(n).normalize())


def survives(event: dict[str, Any]) -> None:
    """Through both nets, value for value."""
    assert REDACTOR.value(event) == (event, [])
    for line in (json.dumps(event), json.dumps(event, ensure_ascii=False, separators=(",", ":"))):
        stored = encode(PIPELINE.filter(event_from_line(line)))
        assert "REDACTED" not in stored, stored
        assert {name: exact(stored)[0][name] for name in event} == exact(line)


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text: str) -> None:
    """Alone, in words, in a list, and as JSON in a string."""
    survives(
        {
            "note": text,
            "said": f"we saw {text} today",
            "items": ["a", text, 5],
            "body": json.dumps({"ref": text, "n": 5}),
        }
    )


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name: str) -> None:
    """Under the names that such numbers have."""
    survives({"input": {name: NUMBERS[name], "other": 1}})


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories(name: str) -> None:
    """Under names that sound like others."""
    survives({"input": {name: CATEGORIES[name], "other": "x"}})


def test_random_features() -> None:
    """A thousand events of floats, integers, ids and dates."""
    for _ in range(1000):
        survives({
            "x1": RANDOM.gauss(0, 1), "x2": RANDOM.random(), "x3": RANDOM.expovariate(1e-6),
            "n": RANDOM.randrange(10**12),
            "id": str(uuid.UUID(int=RANDOM.getrandbits(128))), "hash": f"{RANDOM.getrandbits(128):032x}",
            "day": f"20{RANDOM.randrange(10, 30)}-{RANDOM.randrange(1, 13):02}-{RANDOM.randrange(1, 29):02}",
            "time": f"{RANDOM.randrange(24):02}:{RANDOM.randrange(60):02}:{RANDOM.random() * 60:09.6f}",
            "version": f"{RANDOM.randrange(20)}.{RANDOM.randrange(99)}.{RANDOM.randrange(99)}",
            "at": f"({RANDOM.uniform(-90, 90):.6f}, {RANDOM.uniform(-180, 180):.6f})",
        })  # fmt: skip


def test_order_numbers_where_checksums_were_counted() -> None:
    """What fails Luhn stays, as a text and as a number, in an event that names the rules that mllog applied."""
    event = {
        "mllog": {"model": {"name": "m", "redaction": "0123456789ab"},
        "input": {"number": {"order": 4556014327378238}}},
        "note": "order 4556014327378238 and 4073599696209903", "eans": ["5555555555554445", 6011000990139425],
    }  # fmt: skip
    assert REDACTOR.value(event) == (event, [])
    (stored,) = json.loads(encode(PIPELINE.filter(event_from_line(json.dumps(event, separators=(",", ":"))))))
    assert {name: stored[name] for name in ("note", "eans")} == {name: event[name] for name in ("note", "eans")}
    assert stored["mllog"]["input"] == event["mllog"]["input"]  # type: ignore[index]
