"""Values in wrappings of numpy, pandas and Arrow mean what they hold, and what is missing is named."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mllog
from mllog.testing import capture

FRAME = pd.DataFrame({"a": [1.0, 2.0, None] * 20, "my col": [1.0, 2.0, 3.0] * 20, "class": ["x", "y", "z"] * 20})


@pytest.fixture
def log() -> mllog.ModelLogger:
    """A model without a profile: the first one of a name keeps its own, so each test has another name."""
    return mllog.model("odd cells", "1")


@pytest.fixture(scope="module")
def trained() -> mllog.ModelLogger:
    """A model with a profile, some of whose columns have names that are no identifiers."""
    return mllog.model(
        "odd cells, trained", "1", profile=mllog.Profile.learn(FRAME, name="odd cells, trained", version="1")
    )


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (np.array(3.5), {"number": {"value": 3.5}}),
        (np.ma.array(3.5, mask=False), {"number": {"value": 3.5}}),
        (np.array("late"), {"category": {"value": "late"}}),
        (np.array("2026-05-04", dtype="datetime64[ns]"), {"category": {"value": "2026-05-04T00:00:00.000000000"}}),
        (pa.scalar(3), {"number": {"value": 3}}),
        (pa.scalar("late"), {"category": {"value": "late"}}),
        (pd.Series([4.0]), {"number": {"value": 4.0}}),
        (pd.Categorical(["late"]), {"category": {"value": "late"}}),
        (np.ma.array(3.5, mask=True), None),
        (pa.scalar(None, pa.int64()), None),
        (pd.Categorical([None]), None),
        (pd.Series([None]), None),
    ],
)
@pytest.mark.parametrize("way", ["alone", "by name", "batch"])
def test_a_wrapped_value(log: mllog.ModelLogger, given: Any, wanted: dict[str, Any] | None, way: str) -> None:
    if way != "alone" and not (isinstance(given, pa.Scalar) or given.shape == ()):
        pytest.skip("an array of one value is nested there")
    with capture() as events:
        if way == "batch":
            log.predictions([given], [given])
        else:
            value = given if way == "alone" else {"value": given}
            log.prediction(value, value)
    (event,) = events
    assert event["mllog"].get("input") == event["mllog"].get("output") == wanted
    assert event["mllog"]["quality"] == {**({} if wanted else {"missing": ["value", "value"]}), "invalid": 0}
    assert "input_overflow" not in event["mllog"]


def test_an_array_that_holds_itself(log: mllog.ModelLogger) -> None:
    endless = np.array(None)
    endless[()] = endless
    with capture() as events:
        log.prediction({"a": endless}, endless)
    assert len(events) == 1


def test_arrays_without_dimensions_are_validated(trained: mllog.ModelLogger) -> None:
    with capture() as events:
        trained.prediction({"a": np.array(1.5), "my col": np.array(9.0), "class": pa.scalar("x")})
        trained.prediction({"a": pa.scalar(None), "my col": np.array(2), "class": np.array("x")})
    assert [event["mllog"]["quality"] for event in events] == [
        {"above_max": ["my col"], "invalid": 1},
        {"missing": ["a"], "invalid": 0},
    ]


@pytest.mark.parametrize(
    "actual",
    [
        np.array(1.5),
        np.array([1.5]),
        pd.Series([1.5]),
        pd.Series([1.5], index=["a"]),
        pd.DataFrame({"a": [1.5]}),
        pa.scalar(1.5),
        [1.5],
        [np.array(1.5)],
    ],
    ids=lambda value: type(value).__name__,
)
def test_feedback_of_one_value(log: mllog.ModelLogger, actual: Any) -> None:
    with capture() as events:
        log.feedback("x", actual, predicted=2.0)
    assert events[0]["mllog"]["feedback"] == {"actual": 1.5, "predicted": 2.0, "error": 0.5}


@pytest.mark.parametrize(
    "answers",
    [
        pd.Series([1.0, None]),
        pd.Series(["x", None], dtype=object),
        pd.Series(["x", None], dtype="category"),
        pd.Categorical(["x", None]),
        pd.array([True, None]),
        pd.DataFrame({"value": [1.0, None]}),
        {"value": pd.Categorical(["x", None])},
        np.ma.array([1.0, 2.0], mask=[False, True]),
        [1.0, None],
        [{"value": 1.0}, None],
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_missing_answer_of_a_batch_is_named(log: mllog.ModelLogger, answers: Any) -> None:
    with capture() as events:
        log.predictions({"c": [1, 2]}, answers)
    assert "missing" not in events[0]["mllog"]["quality"]
    assert events[1]["mllog"]["quality"] == {"missing": ["value"], "invalid": 0}
    assert "output" not in events[1]["mllog"]


def test_a_batch_without_answers_misses_none(log: mllog.ModelLogger) -> None:
    with capture() as events:
        log.predictions({"c": pd.Categorical(["x", None])})
    assert [event["mllog"]["quality"] for event in events] == [{"invalid": 0}, {"missing": ["c"], "invalid": 0}]


@pytest.mark.parametrize("index", [True, False])
def test_rows_of_itertuples(trained: mllog.ModelLogger, index: bool) -> None:
    (row,) = FRAME.iloc[:1].itertuples(index=index)
    with capture() as events:
        trained.prediction(row)
        trained.predictions([row])
    for event in events:
        assert event["mllog"]["input"] == {"number": {"a": 1.0, "my col": 1.0}, "category": {"class": "x"}}
        assert event["mllog"]["quality"] == {"invalid": 0}


def test_rows_of_another_frame_keep_their_names(trained: mllog.ModelLogger) -> None:
    (row,) = FRAME[["class", "my col", "a"]].iloc[:1].itertuples(index=False)
    with capture() as events:
        trained.prediction(row)
    assert events[0]["mllog"]["quality"]["unexpected"] == ["_0", "_1"]


@pytest.mark.parametrize("number", [10**400, -(10**400), decimal.Decimal("1e500")])
def test_a_number_that_is_too_large_is_named(log: mllog.ModelLogger, trained: mllog.ModelLogger, number: Any) -> None:
    with capture() as events:
        log.prediction({"a": number}, number)
        trained.prediction({"a": number, "my col": 1.0, "class": "x"}, {"p": number})
    assert [event["mllog"]["quality"] for event in events] == [
        {"non_finite": ["a", "value"], "invalid": 1},
        {"non_finite": ["a", "p"], "invalid": 1},
    ]


def test_dates_before_the_first_year() -> None:
    frame = pd.DataFrame({"d": np.array(["-0005-01-01", "-12000-01-01", "2020-01-01"] * 20, dtype="datetime64[s]")})
    profile = mllog.Profile.learn(frame, name="dates", version="1")
    for row in range(3):
        assert profile.validate(frame.iloc[[row]]) == {}
        assert profile.validate({"d": frame["d"].to_numpy()[row]}) == {}
