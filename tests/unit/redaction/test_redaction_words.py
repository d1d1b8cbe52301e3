"""The words of the guards are found by a part of each, and by nothing less than the whole word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mllog.redaction import Redactor
from mllog.redaction._words import Words

ALPHABET = "abc =\u275e"


@given(st.sets(st.text(alphabet=ALPHABET, max_size=6)), st.text(alphabet=ALPHABET, max_size=40))
def test_the_words_of_a_text_are_those_that_stand_in_it(words: set[str], text: str) -> None:
    """Whatever parts they share, no word of a text is missed and none is made up."""
    assert Words(words).of(text) == {word for word in words if word in text}


def test_a_rule_runs_where_its_guard_is_somewhere_in_the_text() -> None:
    """A value is found behind any amount of text without a word of any guard, and in front of it."""
    redactor = Redactor()
    around = "the gate: 'closed', the crew: 'late'; " * 40
    text, kinds = redactor.text(f"{around}password=hunter2x {around}")
    assert "hunter2x" not in text
    assert kinds == ("key",)
    assert redactor.text(around) == (around, ())
