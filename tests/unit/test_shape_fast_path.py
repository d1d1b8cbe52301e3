"""The compiled path and the general one give the same event, whatever the values and the order they come in."""

from __future__ import annotations

import enum
import functools
import math
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mllog.emit._encoder import encoder
from mllog.emit._features import KNOWN_VALUES, SHAPES, Findings, Splitter
from mllog.emit._shape import Shape, types_of
from mllog.emit._template import Template
from mllog.event._stamps import dumps
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
        "grade": np.array([0.1, 0.7] * 20, dtype="float32"),
        "shop": pd.Series([1, 2] * 20).astype("category"),
        "booked": pd.date_range("2026-01-01", periods=40),
        "paid": [f"2026-01-{1 + n % 28:02}" for n in range(40)],
        "user_phone": ["x"] * 40,
        "note": [
            f"the {n}th note, of which there are many, all of them different and rather long" * 4 for n in range(40)
        ],
    }
)
NAMES = [*FRAME.columns, "extra", "password", " ", 'it\'s "quoted"\n']
VALUES = st.one_of(
    st.floats(),
    st.floats(0, 39),
    st.integers(0, 39),
    st.sampled_from([0.1, 0.7, 0.699999988079071, 0.8, 1.0, 2**60, 2**60 + 39, 2**60 + 40, 2.0**60]),
    st.integers(),
    st.booleans(),
    st.none(),
    st.sampled_from(
        [
            "AA",
            "UA",
            "ZZ",
            "G3",
            "z" * 9000,
            "2031-07-01",
            "12:30",
            "1",
            "long " * 80 + "ann@example.com",
            "ann@example.com",
            "4242424242424242",
            "x" * 70,
            "y" * 300,
            "+1 (202) 555-0101",
        ]
    ),
    st.text(max_size=20),
    st.just([1, 2]),
)


KINDS = ("plain", "redacting", "profile", "profile without redaction")


def made(kind: str, frame: pd.DataFrame) -> Splitter:
    """A splitter, or a validator of the profile of a frame."""
    redactor = Redactor() if kind in ("redacting", "profile") else None
    keep = kind == "profile"
    if "profile" in kind:
        return Validator(Profile.learn(frame, name="late", version="1"), redactor, keep_texts=keep)
    return Splitter(redactor, keep_texts=keep)


@pytest.fixture(scope="module", params=KINDS)
def splitters(request: pytest.FixtureRequest) -> tuple[Splitter, Splitter]:
    """The same splitter twice: one takes the compiled path where it can, the other never."""
    return made(request.param, FRAME), made(request.param, FRAME)


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest) -> Splitter:
    """A splitter that saw nothing yet, and knows no feature whose name alone is sensitive."""
    return made(request.param, FRAME.drop(columns="user_phone"))


ROW = {
    "delay": 3.0,
    "seats": 4,
    "carrier": "AA",
    "gate": None,
    "wet": True,
    "grade": 0.7,
    "shop": "1",
    "booked": "2031-07-01T12:00:00Z",
    "paid": "2026-02-01",
    "note": "word",
}


def general(splitter: Splitter, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Features and what is said of them, each value looked at by itself."""
    findings = Findings()
    found = splitter.split(values, findings)
    said: dict[str, Any] = {}
    findings.fill(said)
    return found, said


def compiled(splitter: Splitter, values: dict[str, Any]) -> dict[str, Any] | None:
    """What the code for the shape of these values makes of them; None where it leaves them to the general way."""
    shape = splitter.shape_of(values)
    return None if shape is None or not shape.has_values else encoded(shape, values)


@functools.lru_cache(maxsize=16)
def encoders(shape: Shape) -> tuple[Any, Any]:
    """The code for a shape, with an answer and without one; compiling it takes far longer than running it."""
    template = Template("late", "1.0", service={"environment": "test"})
    return encoder(shape, Shape({"value": bool}), template, scalar=True), encoder(shape, None, template, scalar=False)


def encoded(shape: Shape, values: dict[str, Any]) -> dict[str, Any] | None:
    """The same for a shape that is given."""
    encode, encode_alone = encoders(shape)
    line = encode(values, True, ("0190", "2026", "2025"), "0190", 1000, None)
    if line is None:
        return None
    body: dict[str, Any] = orjson.loads(line)["mllog"]
    alone = encode_alone(values, None, ("0190", "2026", "2025"), "0190", 1000, None)
    assert alone is not None
    assert orjson.loads(alone)["mllog"] == {name: part for name, part in body.items() if name != "output"}
    return {name: body[name] for name in ("input", "output", "quality")}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8), min_size=1, max_size=6))
def test_both_paths_agree(splitters: tuple[Splitter, Splitter], calls: list[dict[str, Any]]) -> None:
    """Also after the strings of earlier calls were remembered."""
    quick, slow = splitters
    for values in calls:
        expected, said = general(slow, values)
        for _ in range(2):
            found = compiled(quick, values)
            if found is None:
                findings = Findings()
                assert repr(quick.split(values, findings)) == repr(expected)
                if not findings.violations and not findings.redacted_kinds:
                    quick.remember(values)
            else:
                assert found == orjson.loads(dumps({"input": expected, "output": {"boolean": {"value": True}}, **said}))


def test_the_common_call_takes_the_compiled_path(fresh: Splitter) -> None:
    """A valid row, also with strings that nothing saw before."""
    found = compiled(fresh, ROW)
    assert found is not None
    assert found["quality"] == {"missing": ["gate"], "invalid": 0}


def test_a_feature_that_is_sensitive_by_name_takes_the_general_way() -> None:
    """Redaction never lets one pass; without redaction it is a feature like any other."""
    row = {**ROW, "user_phone": "x"}
    assert compiled(made("profile", FRAME), row) is None
    assert compiled(made("profile without redaction", FRAME), row) is not None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, sys.float_info.max, -1e308, 5e-324])
def test_a_number_that_is_none_is_seen(value: float) -> None:
    """Finite ones come back as they were, to the last bit."""
    found = encoded(Shape({"a": float}, large={"a"}), {"a": value})
    assert (None if found is None else found["input"]["number"]["a"]) == (value if math.isfinite(value) else None)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1 - 10**8, 10**8 - 1))
def test_numbers_are_written_to_the_last_digit(one: float, other: int) -> None:
    """Whatever notation is chosen; and integers stay integers, also where floats came before."""
    assume(Redactor().number("a", one) is None)
    found = encoded(Shape({"a": float, "b": float}, large={"a"}), {"a": one, "b": other})
    assert found is not None
    assert repr(found["input"]["number"]) == repr({"a": one, "b": other})


def test_bounds_are_those_of_the_profile() -> None:
    """Of floats and of integers, the ends included; an integer has none between 0.2 and 0.8."""
    shape = Shape({"a": float}, bounds={"a": (0.2, 0.8)})
    assert [value for value in (0.1, 0.2, 0.5, 0.8, 0.9, 0, 1) if encoded(shape, {"a": value})] == [0.2, 0.5, 0.8]
    shape = Shape({"a": int}, bounds={"a": (0.5, 2.0)})
    values = (0, 1, 2, 3, 0.4, 0.5, 1.5, 2.0, 2.1)
    assert [value for value in values if encoded(shape, {"a": value})] == [1, 2, 0.5, 1.5, 2.0]


class Liar(str):
    """Says that it is a known string, and is another."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("AA")


class LiarOfAKind(enum.StrEnum):
    """The same, of a type that JSON writers know by its value."""

    ANN = "ann@example.com"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("AA")


@pytest.mark.parametrize(
    "value", [True, None, "1.0", 10**8, 2**70, [1.0], type("Float", (float,), {})(1.0), Decimal(10**8)], ids=str
)
def test_another_type_is_seen(value: object) -> None:
    """What is not a number is none of this shape; neither is what could be an identifier, nor a subclass of a float."""
    assert encoded(Shape({"a": float}), {"a": value}) is None


@pytest.mark.parametrize("digits", ["4242424242424242", "123456789", "-100000000", "4242.5"])
def test_a_decimal_does_not_pass_for_a_float(digits: str) -> None:
    """The rules see its digits, also where floats were large before; a small one is a number like any other."""
    splitter, values = Splitter(Redactor()), {"amount": Decimal(digits)}
    for before in (1.5, 10.0**9):
        shape = splitter.shape_of({"amount": before})
        assert shape is not None
        assert encoded(shape, {"amount": before}) is not None
        found = encoded(shape, values)
        assert (found is None) == (digits != "4242.5" or before > 10**8)
        assert found is None or found["input"] == splitter.split(values, Findings())
    shape = splitter.shape_of({"amount": 1.5})
    assert shape is not None
    assert encoded(shape, {"amount": 10.0**9}) is not None  # what was large once may be so again


@pytest.mark.parametrize("value", [b"AA", ["AA"], 5, Liar("ann@example.com"), LiarOfAKind.ANN], ids=repr)
def test_what_is_no_string_is_seen(value: object) -> None:
    """A string is known by its value; what only claims to be equal is not."""
    assert encoded(Shape({"a": str}, known={"a": {"AA"}}), {"a": value}) is None


@pytest.mark.parametrize("size", [80, 2000])
def test_free_text_takes_the_compiled_path(fresh: Splitter, size: int) -> None:
    """As long as the rules find nothing in it; a summary, or the text, a very long one cut."""
    found = compiled(fresh, {**ROW, "note": "word " * size})
    assert found is not None
    note = found["input"]["text"]["note"]
    if fresh._keep_texts:
        assert note.startswith("word word")
        assert note.endswith("[cut: 10000 characters]") == (size == 2000)
    else:
        assert note == f"[text: {5 * size} characters, {size} words]"


def test_a_string_the_rules_catch_is_seen() -> None:
    """However often it comes, and in a shape of strings that passed."""
    splitter = Splitter(Redactor())
    assert compiled(splitter, {"who": "nobody"}) is not None
    for _ in range(3):
        assert compiled(splitter, {"who": "ann@example.com"}) is None


def test_what_is_remembered_is_bounded() -> None:
    """So many strings in all, no long ones, and nothing of shapes that are gone."""
    splitter = Splitter(Redactor())
    for number in range(KNOWN_VALUES + 100):
        assert compiled(splitter, {"tail": f"N{number}", "more": "x" * 200}) is not None
    assert len(splitter._known["tail"]) == KNOWN_VALUES
    assert not splitter._known["more"]
    for number in range(1000):
        compiled(splitter, {f"name_{number}": 1.0, "tail": "N1"})
    assert len(splitter._shapes) <= SHAPES
    assert sum(map(len, splitter._known.values())) <= KNOWN_VALUES


@pytest.mark.parametrize("name", ["'", '"', "\\", "\n", "{x}", "__import__('os')", "é\u2028", "\ud800", "%s", "\x7f"])
def test_names_are_literals(name: str) -> None:
    """No name of a feature becomes code; one that JSON has not as it is takes the general way."""
    values = {name: 1.0, "b": "x"}
    types = types_of(values)
    assert (types is None) == (name in ('"', "\\", "\n", "\ud800"))
    if types is not None:
        found = encoded(Shape(types, known={"b": {"x"}}), values)
        assert found is not None
        assert found["input"] == {"number": {name: 1.0}, "category": {"b": "x"}}


def test_an_integer_of_a_float_column_is_looked_at() -> None:
    """A card as pandas has it where a column of integers has missing values; training knew that they are integers."""
    numbers = [*(1e15 + n for n in range(99)), 8e15]  # none of them a card
    frame = pd.DataFrame({"reference": numbers, "amount": [n / 2 + 0.5 for n in numbers[:-1]] + [8e15]})
    splitter = Validator(Profile.learn(frame, name="paid", version="1"), Redactor())
    for _ in range(3):
        for value in (4242424242424242.0, 4242424242424242):
            values = {"reference": value, "amount": 4242424242424242.5}
            assert compiled(splitter, values) is None
            assert splitter.split(values, Findings())["category"] == {"reference": "[REDACTED:card]"}
        other = {"reference": 4242424242424241.0, "amount": 4242424242424242.0}
        found = compiled(splitter, other)
        assert (splitter.split(other, Findings()) if found is None else found["input"]) == {"number": other}
