"""Export: what was sent comes back, with its names, types and missing values; what cannot is counted."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mllog
from mllog import Profile
from mllog.errors import QueryError
from mllog.export import to_frame
from mllog.store import Document, EmbeddedStore, open_store
from mllog.testing import capture

INDEX = "logs-mllog.exported-test"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """An empty store."""
    opened = open_store(tmp_path / "store")
    yield opened
    opened.close()


def keep(store: EmbeddedStore, events: list[dict[str, Any]]) -> None:
    """Store events."""
    store.index([Document(INDEX, event["event"]["id"], event) for event in events])
    store.commit()


def sent(
    store: EmbeddedStore,
    rows: list[dict[str, Any]],
    profile: Profile | None,
    outputs: Any = None,
    name: str = "exported",
) -> list[str]:
    """Log each row as a request; the ids of the predictions."""
    log = mllog.model(name, "1.0", profile=profile)
    with capture() as events:
        ids = [log.prediction(row, None if outputs is None else outputs[n]) for n, row in enumerate(rows)]
    keep(store, events)
    return ids


def learnt(frame: pd.DataFrame, outputs: pd.DataFrame | None = None, **more: Any) -> Profile:
    """A profile that went through its file format."""
    return Profile.from_json(Profile.learn(frame, outputs, name="exported", version="1.0", **more).to_json())


COLUMNS: dict[str, Any] = {
    "int64": np.array([1, -2, 2**40], dtype="int64"),
    "int8": np.array([1, -2, 3], dtype="int8"),
    "uint16": np.array([1, 2, 60_000], dtype="uint16"),
    "float64": [1.5, None, -0.1],
    "float32": np.array([1.5, 2.25, 0.1], dtype="float32"),
    "Int64": pd.array([1, None, 3], dtype="Int64"),
    "Float64": pd.array([1.5, None, 3.0], dtype="Float64"),
    "bool": [True, False, True],
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "str": ["UA", None, "AA"],
    "string": pd.array(["UA", None, "AA"], dtype="string"),
    "category": pd.Categorical(["UA", None, "AA"]),
    "category_of_numbers": pd.Categorical([3, 1, 3]),
    "objects": pd.Series(["UA", None, "AA"], dtype=object),
    "objects_of_booleans": pd.Series([True, None, False], dtype=object),
    "objects_of_numbers": pd.Series([10, None, 30], dtype=object),
    "objects_of_dates": pd.Series([dt.date(2026, 5, 4), None, dt.date(2026, 5, 5)], dtype=object),
    "datetime": pd.to_datetime(["2026-05-04T12:00:00.123456", None, "2026-05-05T00:00:00.5"]).astype("datetime64[us]"),
    "datetime_ns": pd.to_datetime(["2026-05-04T12:00:00.123456789", None, "2026-05-05T00:00:00.5"]).astype(
        "datetime64[ns]"
    ),
    "datetime_zone": pd.to_datetime(["2026-05-04T12:00:00", None, "2026-05-05T00:00:00"]).tz_localize("Europe/Prague"),
    "timedelta": pd.to_timedelta(["1h", None, "90s"]),
    "a.b [x] žluť": [1.0, 2.0, 3.0],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_any_type_comes_back(store: EmbeddedStore, name: str) -> None:
    """Values, type and missing values, by way of the profile's file."""
    frame = pd.DataFrame({name: COLUMNS[name], "n": [0, 1, 2]})
    rows = [{column: frame[column].array[row] for column in frame} for row in range(len(frame))]
    many = pd.concat([frame] * 10, ignore_index=True).astype(frame.dtypes)  # a rare category would be pooled
    sent(store, rows, learnt(many))
    pd.testing.assert_frame_equal(to_frame(store, learnt(many)), frame)


def test_columns_stand_in_the_order_of_training(store: EmbeddedStore) -> None:
    """Whatever the order in which a service names them; answers come after the inputs."""
    frame = pd.DataFrame({"z": [1.0, 2.0], "a": [3, 4], "m": [True, False]})
    answers = pd.DataFrame({"probability": [0.25, 0.5], "late": [False, True]})
    profile = learnt(frame, answers)
    rows = [{"m": row.m, "a": row.a, "z": row.z} for row in frame.itertuples()]
    sent(store, rows, profile, answers.to_dict("records"))
    pd.testing.assert_frame_equal(to_frame(store, profile), pd.concat([frame, answers], axis=1))
    pd.testing.assert_frame_equal(to_frame(store, profile, outputs=False), frame)


def test_integers_with_a_gap_stay_integers(store: EmbeddedStore) -> None:
    """Where training had none missing, the nullable type holds what came."""
    profile = learnt(pd.DataFrame({"n": [1, 2], "flag": [True, False]}))
    sent(store, [{"n": 2**53 + 1, "flag": True}, {}], profile)
    expected = pd.DataFrame({"n": pd.array([2**53 + 1, None], dtype="Int64"), "flag": pd.array([True, None])})
    pd.testing.assert_frame_equal(to_frame(store, profile), expected.astype({"flag": "boolean"}))


def test_what_is_not_as_it_was_sent_is_named_and_counted(store: EmbeddedStore) -> None:
    """Wrong types, infinities, redacted values, summaries; a NaN that training knew is no loss."""
    frame = pd.DataFrame({"x": [1.0, None], "whole": [1, 2], "word": ["a", "b"], "note": ["n" * 300, "m" * 300]})
    profile = learnt(frame)
    rows = [
        {"x": float("nan"), "whole": 1, "word": "a", "note": "a long story " * 30},
        {"x": float("inf"), "whole": "two", "word": "mail ann@example.com", "note": "short"},
    ]
    sent(store, rows, profile)
    back = to_frame(store, profile)
    assert back["x"].isna().all()
    assert back["word"].tolist() == ["a", "mail [REDACTED:email]"]
    assert back["whole"].isna().tolist() == [False, True]
    assert back["note"][1] == "short"
    assert back.attrs["unrestored"] == {
        "note": {"a text that is kept as a summary": 1},
        "whole": {"does not fit the column's type": 1},
        "word": {"redacted": 1},
        "x": {"not finite: NaN now, was NaN or an infinity": 1},
    }


def test_a_sensitive_feature_leaves_markers(store: EmbeddedStore) -> None:
    """And none of its values."""
    frame = pd.DataFrame({"badge": ["b1", "b2"], "pay": [1.0, 2.0]})
    profile = learnt(frame, sensitive=["badge", "pay"])
    sent(store, frame.to_dict("records"), profile)
    back = to_frame(store, profile)
    assert back["badge"].tolist() == ["[REDACTED:sensitive]"] * 2
    assert back["pay"].isna().all()
    assert back.attrs["unrestored"]["badge"] == {"redacted": 2}
    assert back.attrs["unrestored"]["pay"] == {"does not fit the column's type": 2, "redacted": 2}


def test_only_live_predictions_of_the_model_are_exported(store: EmbeddedStore) -> None:
    """No feedback, no shadow, no other model, nothing outside of the time."""
    profile = learnt(pd.DataFrame({"x": [1.0, 2.0]}))
    log, candidate, other = (
        mllog.model("exported", "1.0", profile=profile),
        mllog.model("exported", "2"),
        mllog.model("other"),
    )
    day = dt.datetime(2026, 5, 4, tzinfo=dt.UTC)
    with capture() as events:
        for hour in range(24):
            name = log.prediction({"x": hour}, timestamp=day + dt.timedelta(hours=hour))
        log.feedback(name, 1.0)
        candidate.shadow(name, 0.5, inputs={"x": 99.0}, timestamp=day)
        other.prediction({"x": 98.0}, timestamp=day)
    keep(store, events)
    noon = day + dt.timedelta(hours=12)
    back = to_frame(store, profile, since=noon - dt.timedelta(hours=2), until=noon)
    assert back["x"].tolist() == [10.0, 11.0]
    assert to_frame(store, profile, text="mllog.input.number.x:>=22")["x"].tolist() == [22.0, 23.0]


def test_rows_of_one_moment_keep_their_order(store: EmbeddedStore) -> None:
    """By the ids, which were made one after the other."""
    profile = learnt(pd.DataFrame({"x": [1.0, 2.0]}))
    moment = dt.datetime(2026, 5, 4, tzinfo=dt.UTC)
    log = mllog.model("exported", profile=profile)
    with capture() as events:
        log.predictions(pd.DataFrame({"x": np.arange(1500.0)}), None, timestamp=moment)
    keep(store, events[::-1])
    assert to_frame(store, profile)["x"].tolist() == list(np.arange(1500.0))


def test_what_turned_out_is_joined(store: EmbeddedStore) -> None:
    """By the prediction's id, the last word counts; without feedback there is nothing."""
    answers = pd.DataFrame({"minutes": [1.5, 2.5]})
    profile = learnt(pd.DataFrame({"x": [1.0, 2.0]}), answers)
    ids = sent(store, [{"x": 1.0}, {"x": 2.0}], profile, [1.5, 2.5])
    log = mllog.model("exported", "1.0", profile=profile)
    with capture() as events:
        log.feedback(ids[0], 3.0)
        log.feedback(ids[0], 4.0)
    keep(store, events)
    back = to_frame(store, profile, feedback=True, meta=True)
    assert back["mllog.feedback.actual"].isna().tolist() == [False, True]
    assert back["mllog.feedback.actual"][0] == 4.0
    assert back["mllog.feedback.actual"].dtype == "float64"
    assert back["mllog.prediction.id"].tolist() == ids
    assert str(back["@timestamp"].dtype) == "datetime64[us, UTC]"
    assert back["mllog.model.version"].tolist() == ["1.0", "1.0"]


def test_an_answer_of_a_taken_name_has_its_path(store: EmbeddedStore) -> None:
    """Both columns are there."""
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    profile = learnt(frame, frame * 2)
    sent(store, [{"x": 1.0}], profile, [{"x": 7.0}])
    assert to_frame(store, profile).to_dict("records") == [{"x": 1.0, "mllog.output.x": 7.0}]


def test_answers_that_no_profile_knows_are_found(store: EmbeddedStore) -> None:
    """Under their paths."""
    profile = learnt(pd.DataFrame({"x": [1.0, 2.0]}))
    sent(store, [{"x": 1.0}, {"x": 2.0}], profile, [0.5, "late"])
    back = to_frame(store, profile)
    assert list(back) == ["x", "mllog.output.category.value", "mllog.output.number.value"]
    assert back["mllog.output.number.value"].tolist()[0] == 0.5
    assert back["mllog.output.category.value"].tolist()[1] == "late"


def test_without_a_profile_columns_are_paths(store: EmbeddedStore) -> None:
    """Integers, numbers, booleans, words and lists."""
    sent(
        store,
        [{"n": 1, "x": 0.5, "flag": True, "w": "a", "none": None}, {"n": 2, "x": 2, "flag": False}],
        None,
        name="plain",
    )
    back = to_frame(store, model="plain")
    assert back["mllog.input.number.n"].tolist() == [1, 2]
    assert str(back["mllog.input.number.n"].dtype) == "Int64"
    assert back["mllog.input.number.x"].tolist() == [0.5, 2.0]
    assert back["mllog.input.boolean.flag"].tolist() == [True, False]
    assert back["mllog.input.category.w"].isna().tolist() == [False, True]
    assert back["mllog.quality.missing"][0] == "none"
    assert str(back["@timestamp"].dtype) == str(back["event.created"].dtype) == "datetime64[us, UTC]"


def test_nothing_says_which_events(store: EmbeddedStore) -> None:
    """One line, instead of everything."""
    with pytest.raises(QueryError, match="no events selected"):
        to_frame(store)


def test_no_events_are_an_empty_frame_of_the_right_types(store: EmbeddedStore) -> None:
    """So that whatever comes next finds its columns."""
    frame = pd.DataFrame({"x": [1.0], "n": [1], "c": pd.Categorical(["a"]), "t": pd.to_datetime(["2026-01-01"])})
    back = to_frame(store, learnt(frame))
    assert len(back) == 0
    assert back.dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()


def test_foreign_events_do_no_harm(store: EmbeddedStore) -> None:
    """Objects where values are expected, values where objects are."""
    profile = learnt(pd.DataFrame({"x": [1.0, 2.0], "w": ["a", "b"]}))
    base = {"event": {"action": "prediction"}, "@timestamp": "2026-05-04T12:00:00Z"}
    model = {"name": "exported", "role": "live"}
    odd: list[Any] = [{"number": {"x": {"deep": 1}}}, {"number": 7}, "none", {"category": {"x": "1", "w": [1, 2]}}]
    events = [
        {**base, "event": {"action": "prediction", "id": str(n)}, "mllog": {"model": model, "input": item}}
        for n, item in enumerate(odd)
    ]
    keep(store, events)
    back = to_frame(store, profile)
    assert back["x"].isna().all()
    assert back["w"].tolist()[3] == "[1,2]"


def test_decimals_come_back_as_decimals(store: EmbeddedStore) -> None:
    """To the digits that a double has."""
    frame = pd.DataFrame({"price": pd.Series([decimal.Decimal("1.5"), decimal.Decimal("2.25")], dtype=object)})
    profile = learnt(frame)
    sent(store, frame.to_dict("records"), profile)
    pd.testing.assert_frame_equal(to_frame(store, profile), frame)
