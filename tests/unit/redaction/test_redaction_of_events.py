"""Through the public calls: wherever a caller can put a value, it does not come out as it was."""

from __future__ import annotations

import dataclasses
import decimal
import json
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mllog
from mllog.testing import capture

MAIL, CARD = "ann.lee77@example.com", 4242424242424242


@dataclasses.dataclass
class Order:
    note: str
    paid_with: int


class User:
    def __repr__(self) -> str:
        return f"<User {MAIL}>"


Call = Callable[[mllog.ModelLogger], Any]
CALLS: dict[str, Call] = {
    "a value": lambda log: log.prediction({"a": MAIL}),
    "the name of a feature": lambda log: log.prediction({MAIL: 1, f"of {MAIL}": None, f"password of {MAIL}": 2}),
    "the name of an output": lambda log: log.prediction({"a": 1}, {MAIL: 0.5}),
    "a label": lambda log: log.prediction({"a": 1}, labels={"to": MAIL, MAIL: "x", "n": str(CARD)}),
    "an integer": lambda log: log.prediction({"n": CARD, "m": -CARD}),
    "a Decimal": lambda log: log.prediction({"n": decimal.Decimal(CARD), "nested": [decimal.Decimal(CARD)]}),
    "bytes": lambda log: log.prediction({"a": MAIL.encode()}),
    "an object": lambda log: log.prediction({"a": User(), "b": [User()]}),
    "a dataclass": lambda log: log.prediction({"order": Order(MAIL, CARD)}),
    "deep down": lambda log: log.prediction({"a": {"b": [{MAIL: {"c": {MAIL, "x"}}}]}}),
    "a long sequence": lambda log: log.prediction({"a": [MAIL] * 500, "b": (CARD,) * 500}),
    "an array": lambda log: log.prediction({"a": np.array([MAIL] * 3), "b": np.array([CARD])}),
    "a series": lambda log: log.prediction({"a": pd.Series([MAIL] * 3), "b": pd.Index([MAIL])}),
    "a frame within": lambda log: log.prediction({"a": pd.DataFrame({MAIL: [MAIL, CARD]})}),
    "a frame of one row": lambda log: log.prediction(pd.DataFrame({"a": [MAIL], "n": [CARD]})),
    "a batch": lambda log: log.predictions(pd.DataFrame({"a": [MAIL, "b"], "n": [CARD, 1]}), [MAIL, "y"]),
    "a batch of columns": lambda log: log.predictions({"a": [MAIL, "b"], MAIL: [1, 2]}, [1, 2]),
    "an error": lambda log: log.prediction({"a": 1}, error=f"no user {MAIL}, card {CARD}"),
    "feedback": lambda log: log.feedback("0199d7a4-6c1e-7abc-8def-0123456789ab", MAIL, predicted={"v": MAIL}),
    "a shadow": lambda log: log.shadow("0199d7a4-6c1e-7abc-8def-0123456789ab", {"x": MAIL, MAIL: 1}),
}  # fmt: skip


@pytest.mark.parametrize("profile", [False, True], ids=["no profile", "profile"])
@pytest.mark.parametrize("name", CALLS)
def test_no_call_lets_a_value_out(name: str, profile: bool) -> None:
    """With and without a profile, on the compiled path and off it; what was found is named by kind."""
    known = mllog.Profile.learn(pd.DataFrame({"a": ["x", "y"] * 20, "n": range(40)}), name="m", version="1")
    log = mllog.model(f"redaction-{name}-{profile}", "1", profile=known if profile else None)
    with capture() as events:
        for _ in range(3):
            CALLS[name](log)
    text = json.dumps(events, ensure_ascii=False)
    assert events
    assert "ann.lee77" not in text
    assert str(CARD) not in text
    assert "REDACTED" in text
    redacted = [event for event in events if "REDACTED" in json.dumps(event)]
    assert len(redacted) >= 3
    assert min(event["mllog"]["redaction"]["count"] for event in redacted) > 0


def test_what_is_bound_is_redacted() -> None:
    """Labels of a context, names and values, on every event in it."""
    with capture() as events, mllog.bound(to=MAIL, password="hunter2"):
        mllog.model("m", "1").prediction({"a": 1})
    assert events[0]["labels"] == {"to": "[REDACTED:email]", "password": "[REDACTED:key]"}
    assert events[0]["mllog"]["redaction"]["fields"] == ["labels.password", "labels.to"]


def test_records_of_an_application_are_redacted() -> None:
    """Message, arguments, what came along by name and by value, and exceptions."""
    handler = mllog.testing.MemoryHandler()
    logger = logging.getLogger("redaction-of-events")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    extra = {
        MAIL: 1,
        "n": CARD,
        "d": {MAIL: {"password": "x1"}},
        "items": [MAIL, {"pin": 4821}],
        "http.request.id": MAIL,
    }
    logger.info("to %s", MAIL, extra=extra)
    logger.info({"to": MAIL, "card": CARD})
    try:
        int(MAIL)
    except ValueError:
        logger.exception("bad %s", CARD)
    logger.removeHandler(handler)
    text = json.dumps(handler.events)
    assert len(handler.events) == 3
    assert "ann.lee77" not in text
    assert str(CARD) not in text
    assert "4821" not in text


@pytest.mark.parametrize("profile", [False, True], ids=["no profile", "profile"])
def test_a_float_that_is_a_card(profile: bool) -> None:
    """Frames make floats of integers: on the compiled path and off it, unless the name says that it measures."""
    known = mllog.Profile.learn(pd.DataFrame({"a": [1.5, 2.5] * 20}), name="m", version="1")
    log = mllog.model(f"float-card-{profile}", "1", profile=known if profile else None)
    with capture() as events:
        for value in (1.5, 2.0**60, 1e300, float(CARD)):
            log.prediction({"ref": value, "flops": value})
    assert "[REDACTED:card]" in json.dumps(events[3])
    assert "REDACTED" not in json.dumps(events[:3])
    if not profile:
        assert events[3]["mllog"]["input"] == {"number": {"flops": float(CARD)}, "category": {"ref": "[REDACTED:card]"}}
        assert events[2]["mllog"]["input"] == {"number": {"ref": 1e300, "flops": 1e300}}
