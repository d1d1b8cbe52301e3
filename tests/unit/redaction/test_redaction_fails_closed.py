"""What cannot be searched is not stored."""

from __future__ import annotations

import base64
from typing import Any

import pytest

import mllog
from mllog.redaction import Redactor
from mllog.redaction._redactor import DEEPEST, LONGEST
from mllog.testing import capture

REDACTOR = Redactor()


def nested(levels: int, inner: Any) -> Any:
    for _ in range(levels):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    ("value", "written", "kind"),
    [
        ("x@" * LONGEST, "[REDACTED:too_long]", "too_long"),
        ('"' + "\\" * 15 + '"x', "[REDACTED:too_deep]", "too_deep"),
        (base64.b64encode(b"mail to ann.lee77@example.com").decode(), "[REDACTED:encoded]", "encoded"),
    ],
)
def test_what_is_too_much_becomes_a_marker(value: str, written: str, kind: str) -> None:
    """With the reason, and it is counted."""
    assert REDACTOR.text(value) == (written, (kind,))


def test_what_is_nested_too_deep_becomes_a_marker() -> None:
    """As a value, without the end of the stack."""
    clean, found = REDACTOR.value({"a": nested(DEEPEST * 4, "ann@example.com")})
    assert "ann@" not in str(clean)
    assert found == [("a", "too_deep")]


def test_a_rule_that_fails_hides_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of our own making leaks nothing, and the call goes through."""

    def broken(*_: object) -> str:
        raise RuntimeError("a fault")

    monkeypatch.setattr(Redactor, "_searched", broken)
    with capture() as events:
        mllog.model("m", "1").prediction({"note": "ann@example.com"})
    assert events[0]["mllog"]["input"]["category"] == {"note": "[REDACTED:error]"}
    assert events[0]["mllog"]["redaction"] == {"fields": ["note"], "kinds": ["error"], "count": 1}


def test_errors_of_a_model_are_redacted() -> None:
    """Message and stack trace of what it raised."""
    log = mllog.model("m", "1")
    with capture() as events, pytest.raises(ValueError, match="ann"), log.observe({"a": 1}):
        raise ValueError("no such user: ann@example.com, password=Fake4now")
    error = events[0]["error"]
    assert error["message"] == "no such user: [REDACTED:email], password=[REDACTED:key]"
    assert "ann@" not in error["stack_trace"]
    assert "Fake4now" not in error["stack_trace"]
