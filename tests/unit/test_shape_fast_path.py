"""The compiled path and the general one give the same event, whatever the values and the order they come in."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllog._features import KNOWN_VALUES, Findings, Splitter
from mllog._shape import Shape
from mllog.profile import Profile
from mllog.profile._validate import Validator
from mllog.redaction import Redactor

FRAME = pd.DataFrame(
    {
        "delay": [float(n) for n in range(40)],
        "seats": range(40),
        "carrier": ["AA", "UA"] * 20,
        "gate": [f"G{n}" for n in range(38)] + [None, None],
        "wet": [True, False] * 20,
        "user_phone": ["x"] * 40,
    }
)
NAMES = [*FRAME.columns, "extra", "password", " ", 'it\'s "quoted"\n']
VALUES = st.one_of(
    st.floats(),
    st.floats(0, 39),
    st.integers(0, 39),
    st.integers(),
    st.booleans(),
    st.none(),
    st.sampled_from(
        ["AA", "UA", "ZZ", "G3", "ann@example.com", "4242424242424242", "x" * 70, "y" * 300, "+1 (202) 555-0101"]
    ),
    st.text(max_size=20),
    st.just([1, 2]),
)


@pytest.fixture(scope="module", params=["plain", "redacting", "profile", "profile without redaction"])
def splitters(request: pytest.FixtureRequest) -> tuple[Splitter, Splitter]:
    """The same splitter twice: one takes the compiled path where it can, the other never."""
    profile = Profile.learn(FRAME, name="late", version="1")

    def make() -> Splitter:
        redactor = Redactor() if request.param in ("redacting", "profile") else None
        return Validator(profile, redactor) if "profile" in request.param else Splitter(redactor)

    return make(), make()


def general(splitter: Splitter, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Features and what is said of them, each value looked at by itself."""
    findings = Findings()
    found = splitter.split(values, findings)
    said: dict[str, Any] = {}
    findings.fill(said)
    return found, said


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), min_size=1, max_size=6))
def test_both_paths_agree(splitters: tuple[Splitter, Splitter], calls: list[dict[str, Any]]) -> None:
    """Also after the strings of earlier calls were remembered."""
    quick, slow = splitters
    for values in calls:
        expected, said = general(slow, values)
        for _ in range(2):
            found = quick.quick(values)
            if found is None:
                findings = Findings()
                assert repr(quick.split(values, findings)) == repr(expected)
                if not findings.violations and not findings.redacted_kinds:
                    quick.remember(values)
            else:
                features, shape = found
                assert repr(sorted(features.items())) == repr(sorted(expected.items()))
                assert {"quality": shape.quality} == said


def test_the_common_call_takes_the_compiled_path(splitters: tuple[Splitter, Splitter]) -> None:
    """After the first call with new strings; a valid row of training at once where the profile knows them."""
    values = {"delay": 3.0, "seats": 4, "carrier": "AA", "gate": None, "wet": True}
    quick = splitters[0]
    if isinstance(quick, Validator):
        values["user_phone"] = "x"
        if quick.quick(values) is None:  # redaction never lets a feature of that name pass
            del values["user_phone"]
            return
    elif quick.quick(values) is None:
        quick.split(values, Findings())
        quick.remember(values)
    found = quick.quick(values)
    assert found is not None
    assert found[1].quality == {"missing": ["gate"], "invalid": 0}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
def test_a_number_that_is_none_is_seen(value: float) -> None:
    """Also where another number would hide it in the sum: two large ones only cost the general path."""
    shape = Shape({"a": float, "b": float})
    assert shape.sort({"a": value, "b": 1.0}) == ({"number": {"a": value, "b": 1.0}} if math.isfinite(value) else None)
    assert shape.sort({"a": 1e308, "b": 1e308}) is None


def test_what_is_remembered_is_bounded() -> None:
    """So many strings in all, no long ones, and nothing of shapes that are gone."""
    splitter = Splitter(Redactor())
    for number in range(KNOWN_VALUES + 100):
        splitter.remember({"tail": f"N{number}", "more": "x" * 1000})
    assert len(splitter._known["tail"]) == KNOWN_VALUES
    assert splitter.quick({"tail": "N1", "more": "x"}) is None
    splitter.remember({"tail": "N1"})
    assert splitter.quick({"tail": "N1"}) is not None
    assert splitter.quick({"tail": f"N{KNOWN_VALUES + 1}"}) is None
    for number in range(1000):
        splitter.quick({f"name_{number}": 1.0, "tail": "N1"})
    assert len(splitter._shapes) <= 64
    assert sum(map(len, splitter._known.values())) <= KNOWN_VALUES


@pytest.mark.parametrize("name", ["'", '"', "\\", "\n", "{x}", "__import__('os')", "é\u2028", "\ud800", "%s"])
def test_names_are_literals(name: str) -> None:
    """No name of a feature becomes code."""
    assert Shape({name: float, "b": str}, known={"b": {"x"}}).sort({name: 1.0, "b": "x"}) == {
        "number": {name: 1.0},
        "category": {"b": "x"},
    }
