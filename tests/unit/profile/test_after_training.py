"""What comes after training: new times, new codes, other precisions, short texts, and what must not be kept."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mllog
from mllog import Profile
from mllog.errors import ProfileError
from mllog.redaction import Redactor
from mllog.testing import capture

ROWS = 40


def learn(column: Any, **more: Any) -> Profile:
    """The profile of one column `x`, by way of its file."""
    return Profile.from_json(Profile.learn(pd.DataFrame({"x": column}), name="later", version="1", **more).to_json())


def logged(profile: Profile, value: Any, name: str = "x") -> dict[str, Any]:
    """What the event of a value says under `mllog`."""
    with capture() as events:
        mllog.model("later", profile=profile).prediction({name: value})
    found: dict[str, Any] = events[0]["mllog"]
    return found


DAYS = pd.date_range("2026-01-01", periods=4).repeat(ROWS // 4)
TIMES: dict[str, tuple[Any, list[Any]]] = {
    "datetime64": (DAYS, [pd.Timestamp("2031-05-02"), "2031-05-02", "1999-05-02T10:00:00Z", dt.date(2031, 1, 1)]),
    "datetime64 of a zone": (DAYS.tz_localize("UTC"), [pd.Timestamp("2031-05-02", tz="UTC"), "2031-05-02 10:00+02:00"]),
    "dates": (DAYS.date, [dt.date(2031, 5, 2), dt.datetime(2031, 5, 2, tzinfo=dt.UTC), np.datetime64("2031-05-02")]),
    "datetimes": (pd.Series(DAYS.to_pydatetime(), dtype=object), ["2031-05-02T00:00:00.5"]),
    "texts of dates": (DAYS.strftime("%Y-%m-%d"), ["2031-05-02", pd.Timestamp("2031-05-02")]),
    "a category of dates": (pd.Series(DAYS).astype("category"), [pd.Timestamp("2031-05-02"), "2031-05-02"]),
    "Arrow dates": (pd.Series(DAYS.date, dtype=pd.ArrowDtype(pa.date32())), ["2031-05-02"]),
    "Arrow timestamps": (pd.Series(DAYS, dtype=pd.ArrowDtype(pa.timestamp("us"))), ["2031-05-02T12:00:00"]),
    "months": (pd.Series(DAYS).dt.to_period("M"), [pd.Period("2031-05", "M"), "2031-05"]),
    "quarters": (pd.Series(DAYS).dt.to_period("Q"), [pd.Period("2031Q2", "Q"), "2031Q2"]),
    "times of a day": ([dt.time(8), dt.time(9)] * (ROWS // 2), [dt.time(23, 59), "04:05:06.5"]),
    "intervals of time": (
        pd.arrays.IntervalArray.from_breaks(pd.date_range("2026-01-01", periods=ROWS + 1)),
        [pd.Interval(pd.Timestamp("2031-05-02"), pd.Timestamp("2031-05-03"))],
    ),
}


@pytest.mark.parametrize("name", TIMES)
def test_time_goes_on(name: str) -> None:
    """Later and earlier ones are valid, whatever they are; what is no time at all is of the wrong type."""
    column, later = TIMES[name]
    profile = learn(column)
    (feature,) = profile.inputs
    assert (feature.type, feature.temporal, feature.complete, feature.categories) == ("category", True, False, ())
    assert feature.bins.rows == ROWS
    assert feature.min is not None
    assert feature.min <= (feature.max or 0.0)
    for value in later:
        assert profile.validate({"x": value}) == {}
        assert "x" in logged(profile, value)["input"]["category"]
    for value in ("soon", 17, 17.5, True):
        assert profile.validate({"x": value}) == {"wrong_type": ["x"]}


def test_a_range_of_time_is_seconds() -> None:
    """Since 1970, in UTC; a sensitive one keeps none."""
    column = pd.to_datetime(["1970-01-02", "1970-01-03"] * 20)
    (feature,) = learn(column).inputs
    assert (feature.min, feature.max) == (86_400.0, 172_800.0)
    (hidden,) = learn(column, sensitive=["x"]).inputs
    assert (hidden.temporal, hidden.min, hidden.edges) == (True, None, ())


CODES: dict[str, Any] = {
    "int64": pd.Series([1, 2] * 20).astype("category"),
    "int8": pd.Series([1, 2] * 20, dtype="int8").astype("category"),
    "Int64": pd.Series([1, 2] * 20, dtype="Int64").astype("category"),
    "Arrow": pd.Series([1, 2] * 20, dtype=pd.ArrowDtype(pa.int64())).astype("category"),
    "float64": pd.Series([1.0, 2.0] * 20).astype("category"),
    "float32": pd.Series([1.0, 2.0] * 20, dtype="float32").astype("category"),
    "objects": pd.Series([1, 2.0] * 20, dtype=object).astype("category"),
    "mixed": pd.Series([1, "2"] * 20, dtype=object),
}


@pytest.mark.parametrize("name", CODES)
def test_an_unknown_code_is_an_unseen_category(name: str) -> None:
    """It stays a category, as a word does; 1, 1.0 and "1" are one value."""
    profile = learn(CODES[name])
    for value in (1, 1.0, np.int64(1), np.float32(1), "1", "2"):
        said = logged(profile, value)
        assert (said["quality"], said["input"]) == ({"invalid": 0}, {"category": {"x": str(int(value))}})
    for value in (9, 9.0, "9", np.int8(9)):
        said = logged(profile, value)
        assert said["quality"] == {"unseen_category": ["x"], "invalid": 1}
        assert said["input"] == {"category": {"x": "9"}}
    assert profile.validate({"x": True}) == {"wrong_type": ["x"]}


def test_codes_with_a_gap_are_floats() -> None:
    """A missing one is NaN to whoever has them in a frame, and missing."""
    profile = learn(pd.Series([1, 2, None] * 20, dtype="Int64").astype("category"))
    for value in (None, float("nan"), np.nan, pd.NA):
        assert logged(profile, value)["quality"] == {"missing": ["x"], "invalid": 0}


def test_a_profile_that_lists_floats_as_python_does_still_knows_them() -> None:
    """Profiles of earlier versions list 1.0."""
    data = learn(CODES["float64"]).to_json()
    for category in data["inputs"][0]["categories"]:
        category["value"] += ".0"
    data["digest"] = ""
    with pytest.raises(ProfileError):
        Profile.from_json(data)
    fields = {name: data["inputs"][0][name] for name in ("name", "dtype", "count", "missing", "complete")}
    old = mllog.profile.Feature(  # type: ignore[attr-defined]
        type="category", inferred_dtype="floating", categories=(("1.0", 20), ("2.0", 20)), **fields
    )
    profile = Profile("later", "0", (old,))
    assert logged(profile, 1.0)["input"] == {"category": {"x": "1.0"}}
    assert profile.validate({"x": 9.0}) == {"unseen_category": ["x"]}


@pytest.mark.parametrize("dtype", ["float32", "Float32", "float16", "float[pyarrow]"])
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_numbers_are_compared_in_the_precision_of_training(dtype: str, data: st.DataObject) -> None:
    """Whatever digits a number is written with, it is inside the bounds, and in the bin that counted it."""
    kind: Any = np.float16 if dtype == "float16" else np.float32
    width: Any = 16 if dtype == "float16" else 32
    values = data.draw(st.lists(st.floats(-1000, 1000, width=width), min_size=1, max_size=8))
    column = pd.Series(np.array(values, dtype=kind)).astype(dtype)
    profile = learn(column)
    (feature,) = profile.inputs
    counts = [0] * len(feature.counts)
    for value in map(kind, values):
        written = [float(value), float(str(value)), float(f"{float(value):.9g}")]
        places = set()
        for number in written:
            assert profile.validate({"x": number}) == {}
            places.add(int(np.searchsorted(feature.edges, number, side="right")) - 1)
        assert len(places) == 1
        counts[places.pop()] += 1
    assert tuple(counts) == feature.counts


@pytest.mark.parametrize("low", [-(2**63), -(2**53) - 1, 2**53 + 1, 2**63, 2**64 - 2])
def test_bounds_of_integers_are_exact(low: int) -> None:
    """One less and one more is outside; a double is compared as what a double can say."""
    dtype = "uint64" if low > 0 else "int64"
    profile = learn(pd.Series([low, low + 1] * 20, dtype=dtype))
    (feature,) = profile.inputs
    assert (feature.min, feature.max) == (low, low + 1)
    assert profile.validate({"x": low}) == profile.validate({"x": low + 1}) == {}
    assert profile.validate({"x": float(low)}) == {}
    if low + 2 < 2**64:
        assert profile.validate({"x": low + 2}) == {"above_max": ["x"]}
    if low > -(2**63):
        assert profile.validate({"x": low - 1}) == {"below_min": ["x"]}


TEXT_COLUMNS: dict[str, list[str]] = {
    "product names": [f"maker{n % 30} model{n} custom sedan" for n in range(200)],
    "long stories": [f"{n} is a long story " * 30 for n in range(200)],
    "some long": ["short"] * 100 + ["x" * 257] * 100,
    "words": ["a", "b"] * 100,
}


@pytest.mark.parametrize("name", TEXT_COLUMNS)
@settings(max_examples=25, deadline=None)
@given(st.text("abcdefg hij", max_size=256) | st.sampled_from(["a" * 256, "b" * 257, "c" * 400]))
def test_a_text_of_up_to_256_characters_is_written(name: str, value: str) -> None:
    """Whatever the column was learnt as, and without a profile; a longer one is summarised."""
    with capture() as events:
        for log in (mllog.model("later", profile=learn(TEXT_COLUMNS[name])), mllog.model("plain", "1")):
            log.prediction({"x": value})
    expected = {"category": {"x": value}}
    if len(value) > 256:
        expected = {"text": {"x": f"[text: {len(value)} characters, 1 words]"}}
    assert [event["mllog"]["input"] for event in events] == [expected] * 2


SECRETS: dict[str, tuple[list[Any], str]] = {
    "words": (["tulip-red", "tulip-blue"], "tulip"),
    "numbers": ([481_516, 234_299], "481516"),
    "days": (list(pd.to_datetime(["1987-03-05", "1988-03-05"])), "541900800"),
    "long texts": (["tulip " * 60, "rose " * 60], "tulip"),
}


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("name", ["password", "phone", "user_email", "iban", "api_key", "declared"])
@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_nothing_is_kept_of_a_sensitive_name(side: str, name: str, kind: str) -> None:
    """Of outputs as of inputs, whatever the type."""
    values, secret = SECRETS[kind]
    table, other = pd.DataFrame({name: values * 20}), pd.DataFrame({"n": range(ROWS)})
    frames = (table, other) if side == "inputs" else (other, table)
    profile = Profile.learn(*frames, name="m", version="1", sensitive=["declared"] if name == "declared" else [])
    found = {feature.name: feature for feature in (*profile.inputs, *profile.outputs)}[name]
    assert found.sensitive
    assert secret not in json.dumps(profile.to_json())


def small(_: Redactor, name: str, value: Any) -> bool:
    """A rule as the redactor may have: flags and small counts are harmless."""
    return bool(name) and (isinstance(value, bool) or (isinstance(value, int) and 0 <= value < 100))


def test_flags_and_small_counts_of_a_sensitive_name_are_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rules call each of their values harmless; one other value, and nothing is kept."""
    monkeypatch.setattr(Redactor, "harmless", small, raising=False)
    table = pd.DataFrame({"has_phone": [True, False] * 20, "n_cookies": [0, 7] * 20, "phone": [1, 5550155] * 20})
    profile = Profile.learn(table, table, name="flags", version="1")
    for features in (profile.inputs, profile.outputs):
        flag, count, phone = features
        assert (flag.type, flag.true, flag.sensitive) == ("boolean", 20, False)
        assert (count.min, count.max, count.sensitive) == (0, 7, False)
        assert phone.sensitive
    assert profile.validate({"has_phone": True, "n_cookies": 9, "phone": 1}) == {"above_max": ["n_cookies"]}


OUTPUTS: dict[str, tuple[Any, list[str]]] = {
    "a frame": (pd.DataFrame({"late": range(ROWS)}), ["late"]),
    "a Series": (pd.Series(range(ROWS), name="late"), ["late"]),
    "a Series without a name": (pd.Series(range(ROWS)), ["value"]),
    "a Series of another index": (pd.Series(range(ROWS), index=range(100, 140), name="late"), ["late"]),
    "an array": (np.arange(ROWS), ["value"]),
    "a column": (np.ones((ROWS, 1)), ["value"]),
    "probabilities": (np.full((ROWS, 2), 0.5), ["value_0", "value_1"]),
    "a list": ([1] * ROWS, ["value"]),
    "a list of rows": ([[0.5, 0.5]] * ROWS, ["value_0", "value_1"]),
    "an Index": (pd.Index(range(ROWS)), ["value"]),
    "a pandas array": (pd.array([1, None] * 20), ["value"]),
    "an Arrow array": (pa.array(range(ROWS)), ["value"]),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_have_the_names_of_their_events(name: str) -> None:
    """A frame, a Series, an array: called as `prediction` calls them."""
    outputs, names = OUTPUTS[name]
    profile = Profile.learn(pd.DataFrame({"x": range(ROWS)}), outputs, name="m", version="1")
    assert [feature.name for feature in profile.outputs] == names


@pytest.mark.parametrize(
    "outputs", [np.ones((ROWS, 2, 2)), 5, "late", {"late": 1}, [[1], [2, 3]], np.ones(3), pd.Series([[1]] * ROWS)]
)
def test_other_outputs_are_refused(outputs: Any) -> None:
    """With what they are, or the column that they are in."""
    with pytest.raises(ProfileError, match=r"outputs|column 'value'"):
        Profile.learn(pd.DataFrame({"x": range(ROWS)}), outputs, name="m", version="1")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([["a"]] * 4, "row 0 holds a list"),
        (["a", "b", "c", ["d"]], "row 3 holds a list"),
        ([np.ones(3)] * 4, "row 0 holds an array"),
        ([None, {"a": 1}, 2, 3], "row 1 holds a dict"),
        ([(1, 2)] * 4, "row 0 holds a tuple"),
        (pd.Series([(1, 2)] * 4).astype("category"), "a category is a tuple"),
        ([object()] * 4, "row 0 holds an object"),
        ([b"\xff"] * 4, "row 0 holds bytes that are no UTF-8 text: decode them"),
        ([1j] * 4, "complex numbers"),
        (pd.Series([[1]] * 4, dtype=pd.ArrowDtype(pa.list_(pa.int64()))), "row 0 holds"),
        (pd.Series([{"a": 1}] * 4, dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())]))), "row 0 holds a dict"),
    ],
)
def test_a_column_that_is_refused_is_named(values: Any, said: str) -> None:
    """With the row, what it holds, and what to do."""
    with pytest.raises(ProfileError, match=r"column 'tags': ") as caught:
        Profile.learn(pd.DataFrame({"x": range(4), "tags": values}), name="m", version="1")
    assert said in str(caught.value)
    assert "column" in str(caught.value).split(said)[1] or "decode" in said


def test_an_infinity_of_training_is_no_violation() -> None:
    """It is null, and named; where training had none, it is one."""
    profile = learn([1.0, 2.0, float("inf"), None] * 10)
    assert profile.inputs[0].infinite == 10
    assert logged(profile, float("inf"))["quality"] == {"non_finite": ["x"], "invalid": 0}
    assert learn([1.0, 2.0] * 10).validate({"x": float("inf")}) == {"non_finite": ["x"]}


def test_a_model_has_a_name() -> None:
    """A profile without one could not be read again."""
    with pytest.raises(ProfileError, match="name of the model"):
        Profile.learn(pd.DataFrame({"x": [1]}), name="", version="1")
