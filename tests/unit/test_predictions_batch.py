"""A batch is logged as its rows would be, one event each."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mllog
from mllog import Profile
from mllog.testing import capture

FRAME = pd.DataFrame(
    {
        "delay": [1.5, None, 3.0],
        "seats": [100, 200, 300],
        "carrier": ["UA", None, "AA"],
        "wet": [True, False, True],
        "when": pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
    }
)
OUTPUTS = pd.DataFrame({"p": [0.1, 0.2, 0.3], "late": [False, False, True]})


@pytest.fixture
def log() -> mllog.ModelLogger:
    """A model without a profile."""
    return mllog.model("batch", "1")


def values(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What depends on the rows."""
    return [{key: item for key, item in event["mllog"].items() if key != "prediction"} for event in events]


@pytest.mark.parametrize("shape", ["frame", "columns", "arrays", "rows"])
def test_every_shape_gives_the_events_of_its_rows(log: mllog.ModelLogger, shape: str) -> None:
    """As if each row had been logged by itself, missing values included."""
    singles = [FRAME.iloc[[place]] for place in range(3)]
    with capture() as expected:
        for place, row in enumerate(singles):
            log.prediction(row, OUTPUTS.iloc[[place]])
    given: Any = {
        "frame": (FRAME, OUTPUTS),
        "columns": ({name: FRAME[name] for name in FRAME}, {name: OUTPUTS[name] for name in OUTPUTS}),
        "arrays": (
            {**{name: FRAME[name] for name in ("delay", "carrier", "when")}, "seats": FRAME["seats"].to_numpy(),
             "wet": FRAME["wet"].tolist()},
            {"p": OUTPUTS["p"].to_numpy(), "late": OUTPUTS["late"].tolist()},
        ),
        "rows": ([row.iloc[0] for row in singles], OUTPUTS.to_dict("records")),
    }[shape]  # fmt: skip
    with capture() as events:
        ids = log.predictions(*given)
    assert [event["mllog"]["prediction"]["id"] for event in events] == ids
    assert len(set(ids)) == 3
    for found, wanted in zip(values(events), values(expected), strict=True):
        assert {**found, "quality": None} == {**wanted, "quality": None}
        assert sorted(found["quality"].get("missing", [])) == sorted(wanted["quality"].get("missing", []))


def test_an_array_takes_the_names_of_the_profile() -> None:
    """Two dimensions, and scalars as answers."""
    profile = Profile.learn(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), name="array", version="1")
    with capture() as events:
        mllog.model("array", "1", profile=profile).predictions(np.array([[1.0, 3.5], [9.0, 4.0]]), np.array([0.5, 0.6]))
    assert [event["mllog"]["input"]["number"] for event in events] == [{"a": 1.0, "b": 3.5}, {"a": 9.0, "b": 4.0}]
    assert [event["mllog"]["output"]["number"] for event in events] == [{"value": 0.5}, {"value": 0.6}]
    assert [event["mllog"]["quality"]["invalid"] for event in events] == [0, 1]


def test_ids_duration_time_and_labels_go_on_every_event(log: mllog.ModelLogger) -> None:
    """The duration is shared out."""
    moment = dt.datetime(2026, 5, 4, tzinfo=dt.UTC)
    with capture() as events:
        ids = log.predictions(
            FRAME, duration=dt.timedelta(seconds=3), prediction_ids=["a", "b", "c"], timestamp=moment, labels={"run": 7}
        )
    assert ids == ["a", "b", "c"]
    assert {event["event"]["duration"] for event in events} == {1_000_000_000}
    assert {event["@timestamp"] for event in events} == {"2026-05-04T00:00:00.000000Z"}
    assert {event["labels"]["run"] for event in events} == {"7"}


def test_an_empty_batch_is_no_event(log: mllog.ModelLogger) -> None:
    """Nor an error."""
    before = mllog.stats()["errors"]
    with capture() as events:
        assert log.predictions(FRAME.iloc[:0]) == []
        assert log.predictions([]) == []
        assert log.predictions({}) == []
    assert events == []
    assert mllog.stats()["errors"] == before


@pytest.mark.parametrize("inputs", [{"a": [1, 2], "b": [1]}, np.zeros((2, 3, 4)), 3.5, "text"])
def test_what_is_no_batch_is_one_failure_that_says_so(log: mllog.ModelLogger, inputs: Any) -> None:
    """The service goes on; the event and the stats say which model, and quote no value."""
    before = mllog.stats()["errors"]
    with capture() as events:
        assert log.predictions(inputs) == []
    assert [event["event"]["outcome"] for event in events] == ["failure"]
    assert "no batch of rows" in events[0]["error"]["message"]
    assert mllog.stats()["errors"] == before + 1
    assert "'batch'" in mllog.stats()["problem"]


@pytest.mark.parametrize("outputs", [[1, 2], 0.5])
def test_outputs_that_do_not_fit_are_named_and_the_inputs_are_kept(log: mllog.ModelLogger, outputs: Any) -> None:
    """A batch with another number of answers than rows keeps its rows."""
    with capture() as events:
        assert len(log.predictions(FRAME, outputs)) == 3
    assert [event["mllog"]["input"]["number"]["seats"] for event in events] == [100, 200, 300]
    assert all(event["mllog"]["quality"]["unreadable"] == ["value"] for event in events)


def test_an_array_without_names_is_numbered(log: mllog.ModelLogger) -> None:
    """Columns that nobody named become features all the same."""
    with capture() as events:
        log.predictions(np.zeros((2, 3)), np.array([[0.1, 0.9], [0.8, 0.2]]))
    assert [event["mllog"]["output"]["number"] for event in events] == [
        {"value_0": 0.1, "value_1": 0.9},
        {"value_0": 0.8, "value_1": 0.2},
    ]
    assert events[0]["mllog"]["input"]["number"] == {"value_0": 0.0, "value_1": 0.0, "value_2": 0.0}
