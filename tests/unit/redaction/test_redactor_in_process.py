"""The in-process redactor: every rule finds its kind and leaves the look-alikes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.timing import within

from mllog.event._stamps import dumps
from mllog.redaction import RULES, Redactor, Rule, rules_digest

REDACTOR = Redactor()


@pytest.mark.parametrize(
    "rule",
    [rule for rule in RULES if rule.kind not in ("card", "iban") and rule.where != "pipeline"],
    ids=lambda rule: rule.name,
)
def test_examples_are_redacted(rule: Rule) -> None:
    """The redactor replaces every example, so that no quick look passes by one."""
    for text in rule.examples_match:
        assert f"[REDACTED:{rule.kind}]" in REDACTOR.text(text)[0], text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("pay 4242 4242 4242 4242 now", "pay [REDACTED:card] now"),
        ("pay 4242 4242 4242 4241 now", "pay 4242 4242 4242 4241 now"),
        ("from DE89 3704 0044 0532 0130 00", "from [REDACTED:iban]"),
        ("from DE88 3704 0044 0532 0130 00", "from DE88 3704 0044 0532 0130 00"),
        ("score 0.4242424242424242", "score 0.4242424242424242"),
        ("at 2026-05-04T11:22:33.123456Z", "at 2026-05-04T11:22:33.123456Z"),
        ("id 0199d7a4-6c1e-7abc-8def-0123456789ab", "id 0199d7a4-6c1e-7abc-8def-0123456789ab"),
        ("N14228 to IAH", "N14228 to IAH"),
    ],
)
def test_checksums_decide(text: str, redacted: str) -> None:
    """Numbers are replaced where the checksum holds; ids, times and scores stay as they are."""
    assert REDACTOR.text(text)[0] == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("tel: 07700 900123 was busy", "tel: [REDACTED:key] was busy"),
        ("phone=+1 (617) 555-0138, later", "phone=[REDACTED:key], later"),
        ("card_number: 4242 4242 4242 4241 n=5", "card_number: [REDACTED:key] n=5"),
        ("iban: GB29 NWBK 6016 1331 9268 19 done", "iban: [REDACTED:key] done"),
        ("ssn=255 61 1198", "ssn=[REDACTED:key]"),
        ("cookie: a=1; sid=2 was refused", "cookie: [REDACTED:key] was refused"),
        ("Authorization: Basic ZmFrdXJ1 was refused", "Authorization: [REDACTED:key] was refused"),
    ],
)
def test_all_words_of_a_value_go(text: str, redacted: str) -> None:
    """Behind a name goes what belongs to the value, and what follows it stays."""
    assert REDACTOR.text(text)[0] == redacted


@given(st.text(max_size=300))
def test_redaction_is_idempotent(text: str) -> None:
    """What was redacted once has nothing left to redact."""
    once, _ = REDACTOR.text(text)
    assert REDACTOR.text(once) == (once, ())


LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=1, max_size=20).filter(str.isalnum)
PLAIN = st.text(st.characters(codec="ascii", exclude_characters="@%"), max_size=60)


@given(PLAIN, LOCAL, PLAIN)
def test_a_planted_address_never_stays(before: str, local: str, after: str) -> None:
    """An address between any plain text is gone afterwards."""
    planted = f"{before} {local}@example.com {after}"
    assert f"{local}@example.com" not in REDACTOR.text(planted)[0]


@pytest.mark.parametrize(
    "text", ["a" * 60_000 + "@!", "1 " * 30_000, "@" * 60_000, "eyJ" * 20_000, "4242-" * 12_000, "+1(" * 20_000]
)
def test_near_matches_take_no_long_time(text: str) -> None:
    """A long text full of near matches is through within a generous second, so no pattern backtracks."""
    began = time.process_time()
    REDACTOR.text(text)
    assert time.process_time() - began < within(1.0)


def test_the_digest_is_that_of_the_rules() -> None:
    """The digest is stable in a process, so that a profile can be told to be certified by these rules."""
    assert REDACTOR.digest == rules_digest()


@given(
    st.one_of(
        st.integers(0, 10**19), st.sampled_from([4242424242424242, 378282246310005, 4222222222222, 62 * 10**17 + 3])
    )
)
def test_the_text_of_an_integer_is_a_card_or_nothing(number: int) -> None:
    """So that the number itself can be looked at, and need not become a text first."""
    kind = REDACTOR.integer(number)
    assert REDACTOR.text(str(number))[1] == (() if kind is None else (kind,))


@given(st.floats(), st.integers(0, 10**16))
def test_the_text_of_a_float_is_nothing_but_a_card(number: float, whole: int) -> None:
    """A number with a fraction is a measure; where the fraction is zero, a frame may have made it of a card."""
    for value in (number, float(whole), 4242424242424242.0):
        text = dumps(value).decode()
        kind = REDACTOR.number("ref", value)
        assert REDACTOR.text(text)[1] in ((), ("card",) if kind == "card" else ())
    assert REDACTOR.text("4242424242424242.0") == ("[REDACTED:card].0", ("card",))
    assert REDACTOR.number("flops", 4242424242424242.0) is None
