"""Whatever a service passes, there is one event with what could be read, and the rest is named in it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import fractions
import json
import threading
import tracemalloc
from collections import ChainMap, OrderedDict, UserDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import costly
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import mllog
from mllog.testing import capture

PROFILE = mllog.Profile.learn(
    pd.DataFrame({"a": [1.0, 2.0, None] * 20, "b": [3.0, 4.0, None] * 20}),
    pd.DataFrame({"no": [0.1, 0.9] * 30, "yes": [0.9, 0.1] * 30}),
    name="odd",
    version="1",
)


class Vector(pydantic.RootModel[list[float]]):
    """A model that is a list."""


class Features(pydantic.BaseModel):
    """A model with fields."""

    a: float = 1.0
    b: float | None = None


@dataclasses.dataclass(init=False)
class Unset:
    """A dataclass whose second attribute is not set."""

    a: float
    b: float


class Failing(Mapping[str, Any]):
    """A mapping one of whose items fails."""

    def __getitem__(self, name: str) -> Any:
        if name == "b":
            raise RuntimeError("the database is gone")
        return 1.0

    def __iter__(self) -> Iterator[str]:
        return iter(("a", "b"))

    def __len__(self) -> int:
        return 2


class Rude:
    """An object whose every method raises what is no Exception."""

    def __init__(self, error: type[BaseException]) -> None:
        self.__dict__["error"] = error

    def __repr__(self) -> str:
        raise self.__dict__["error"]("secret@example.com")

    __str__ = __repr__

    def __getattr__(self, name: str) -> Any:
        raise self.__dict__["error"](name)

    def __bool__(self) -> bool:
        raise self.__dict__["error"]("secret@example.com")

    def __eq__(self, other: object) -> bool:
        raise self.__dict__["error"]("secret@example.com")

    __hash__ = object.__hash__


def row() -> Unset:
    made = Unset()
    made.a = 1.0
    return made


class Box:
    """Holds a value whose own repr may raise, which would end hypothesis and not the test."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<{type(self.value).__name__}>" if type(self.value) is Rude else f"<{self.value!r}>"[:200]


RUDE = st.sampled_from([ValueError, GeneratorExit, BaseException, MemoryError, RecursionError, StopIteration]).map(Rude)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            pd.NA,
            pd.NaT,
            np.ma.masked,
            np.array([1.0, 2.0]),
            np.array([[1.0, 2.0]]),
            np.array([["x", None]], dtype=object),
            np.ma.array([1.0, 2.0], mask=[False, True]),
            np.float32("nan"),
            np.datetime64("2026-05-04"),
            np.datetime64("NaT", "s"),
            np.timedelta64(5, "s"),
            pd.Timestamp("2026-05-04", tz="Europe/Berlin"),
            pd.Timedelta("1 day"),
            pd.Interval(0, 1),
            pd.Period("2026-05", "M"),
            pd.DataFrame({"a": [1.0], "b": [2.0]}),
            pd.DataFrame([[1, 2]], columns=["a", "a"]),
            pd.DataFrame({("password", "old"): [1.0]}),
            pd.DataFrame({"a": [1.0, 2.0]}),
            pd.Series([1.0, 2.0], index=["a", "a"]),
            pl.DataFrame({"a": [1.0], "b": ["x"]}),
            pl.Series([1.0, 2.0]),
            pa.table({"a": [1.0], "b": [None]}),
            pa.array([1.0, None]),
            sp.csr_matrix(np.eye(1, 2)),
            dt.date(2026, 5, 4),
            dt.datetime.max,
            dt.datetime.min,
            dt.timedelta.max,
            dt.time(12),
            decimal.Decimal("NaN"),
            decimal.Decimal("sNaN"),
            decimal.Decimal("1e999999"),
            fractions.Fraction(1, 3),
            Vector([1.0, 2.0]),
            Features(),
            row(),
            Failing(),
            OrderedDict(a=1),
            UserDict(a=1),
            ChainMap({"a": 1}, {"b": 2}),
            range(10**9),
            (number for number in range(3)),
            2**64,
            -(2**70),
            10**5000,
            1e308,
            float("inf"),
            "\ud800",
            b"\xff" * 300,
            memoryview(b"abc"),
            {1: "x", "1": "y", None: 2.0, ("t", 1): 3.0},
            {"a": {"b": [1, {"c": 2}]}},
            type,
            Rude,
            len,
            ...,
        ]
    ),
    RUDE,
    st.none(),
    st.text(),
    st.integers(),
    st.floats(),
    st.datetimes(),
)
ODD = VALUES.map(Box)
LABELS = (VALUES | st.dictionaries(st.text(), VALUES)).map(Box)
LISTS = (VALUES | st.lists(VALUES, max_size=3)).map(Box)


def events_of(call: Callable[[mllog.ModelLogger], Any]) -> list[dict[str, Any]]:
    """The events of a call, which must be valid lines of JSON."""
    found: list[dict[str, Any]] = []
    for profile in (None, PROFILE):
        with capture() as events:
            call(mllog.model("odd" if profile is None else "odd-profile", "1", profile=profile))
        found += events
    return [json.loads(json.dumps(event)) for event in found]


@settings(max_examples=150, deadline=None)
@given(ODD, ODD, ODD, ODD, ODD, LABELS)
def test_no_argument_costs_the_event(
    inputs: Box, outputs: Box, duration: Box, identity: Box, timestamp: Box, labels: Box
) -> None:
    """One event a call, with an id, a time that stores take and an outcome, whatever stands where."""
    before = mllog.stats()["errors"]

    def call(log: mllog.ModelLogger) -> None:
        log.prediction(
            inputs.value,
            outputs.value,
            duration=duration.value,
            prediction_id=identity.value,
            timestamp=timestamp.value,
            labels=labels.value,
            error=None,
        )
        log.prediction(inputs.value, outputs.value, error=outputs.value if outputs.value is not None else "no answer")
        log.shadow(
            identity.value, outputs.value, inputs=inputs.value, timestamp=timestamp.value, duration=duration.value
        )
        log.feedback(
            identity.value, outputs.value, predicted=inputs.value, predicted_at=timestamp.value, slices=labels.value
        )
        with log.observe(
            inputs.value, prediction_id=identity.value, timestamp=timestamp.value, labels=labels.value
        ) as observed:
            observed.outputs = outputs.value

    events = events_of(call)
    assert len(events) == 10
    assert mllog.stats()["errors"] == before
    for event in events:
        assert event["event"]["id"]
        assert len(event["@timestamp"]) == 27
        assert isinstance(event["mllog"]["prediction"]["id"], str)
        assert event["event"]["outcome"] in ("success", "failure")
        assert "secret" not in json.dumps(event)


@settings(max_examples=100, deadline=None)
@given(LISTS, LISTS, ODD)
def test_no_batch_raises(inputs: Box, outputs: Box, ids: Box) -> None:
    """A batch is a row an event, or one event that says that it is no batch."""
    events = events_of(
        lambda log: log.predictions(
            inputs.value, outputs.value, prediction_ids=ids.value, duration=ids.value, labels=ids.value
        )
    )
    for event in events:
        assert "secret" not in json.dumps(event)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("2026-05-04T12:00:00Z", "2026-05-04T12:00:00.000000Z"),
        ("2026-05-04T14:00:00+02:00", "2026-05-04T12:00:00.000000Z"),
        (np.datetime64("2026-05-04"), "2026-05-04T00:00:00.000000Z"),
        (dt.date(2026, 5, 4), "2026-05-04T00:00:00.000000Z"),
        (pd.Timestamp("2026-05-04", tz="UTC"), "2026-05-04T00:00:00.000000Z"),
        (dt.datetime.max, "9999-12-31T23:59:59"),
        (0, "1970-01-01T00:00:00.000000Z"),
    ],
)
def test_a_time_in_any_form(given: Any, wanted: str) -> None:
    """ISO text, numpy's and pandas' moments and dates say when the call began."""
    for event in events_of(lambda log: log.prediction({"a": 1.0}, timestamp=given)):
        assert event["@timestamp"].startswith(wanted)


@pytest.mark.parametrize("given", ["yesterday", float("nan"), 1e18, [1], object()])
def test_a_time_that_is_none_is_named(given: Any) -> None:
    """What is not understood costs the time, not the event."""
    for event in events_of(lambda log: log.prediction({"a": 1.0}, timestamp=given)):
        assert event["mllog"]["quality"]["unreadable_arguments"] == ["timestamp"]


@pytest.mark.parametrize("given", ["text", 7, [1], pd.DataFrame({"a": [1]}), Failing(), object()])
def test_labels_that_are_none_are_named(given: Any) -> None:
    """Labels that cannot be read cost nothing but themselves."""
    for event in events_of(lambda log: log.prediction({"a": 1.0}, labels=given)):
        assert event["mllog"]["input"]["number"] == {"a": 1.0}
        assert event["mllog"]["quality"].get("unreadable_arguments") == ["labels"] or event["labels"]


def test_what_a_caller_names_as_an_id_may_be_sensitive() -> None:
    """An id with an address in it is hashed alike for live, shadow and feedback, so that they still join."""
    with capture() as events:
        log = mllog.model("ids", "1")
        for who in ("ann.lee@example.com", "bob@example.com"):
            returned = log.prediction({"x": 1.0}, prediction_id=who)
            log.feedback(who, 1.0)
            log.feedback(returned, 1.0)
            log.shadow(who, 1.0)
            with log.observe({"x": 1.0}, prediction_id=who):
                pass
    ids = [event["mllog"]["prediction"]["id"] for event in events]
    assert len(set(ids[:5])) == len(set(ids[5:])) == 1
    assert len(set(ids)) == 2
    assert "example.com" not in json.dumps(events)
    assert events[0]["mllog"]["redaction"]["fields"] == ["prediction.id"]


def test_names_of_models_are_searched() -> None:
    """A name or version that contains an address is masked, in the name of the data stream too."""
    with capture() as events:
        mllog.model("for ann.lee@example.com", "ann.lee@example.com").prediction({"x": 1.0})
    assert "ann" not in json.dumps(events)


def test_an_interrupt_of_the_main_thread_passes() -> None:
    """Ctrl-C inside a `__repr__` ends the program as it should; in another thread it must not end the job."""
    with pytest.raises(KeyboardInterrupt):
        events_of(lambda log: log.prediction({"x": Rude(KeyboardInterrupt)}))
    seen: list[Any] = []
    thread = threading.Thread(
        target=lambda: seen.extend(events_of(lambda log: log.prediction({"x": Rude(SystemExit)})))
    )
    thread.start()
    thread.join()
    assert len(seen) == 2


def test_equal_names_are_numbered() -> None:
    """No value is lost where two columns or keys are written alike."""
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with capture() as events:
        log = mllog.model("twice", "1")
        log.prediction(frame)
        log.predictions(frame)
        log.prediction({1: "x", "1": "y"})
    assert [event["mllog"]["input"] for event in events] == [
        {"number": {"a": 1, "a_2": 2}},
        {"number": {"a": 1, "a_2": 2}},
        {"category": {"1": "x", "1_2": "y"}},
    ]


def test_a_bound_beyond_64_bits() -> None:
    """Bounds that no integer of a store has are no reason to lose the event."""
    profile = mllog.Profile.learn(pd.DataFrame({"x": [1e20, 3e25, 5e30] * 10}), name="huge", version="1")
    with capture() as events:
        log = mllog.model("huge", profile=profile)
        for value in (2e20, 5, -1e300, 2**65):
            log.prediction({"x": value})
    assert [event["mllog"]["quality"].get("below_min") for event in events] == [None, ["x"], ["x"], ["x"]]


@pytest.mark.parametrize("kind", costly.CASES)
def test_the_cost_of_one_call_is_bounded(kind: str) -> None:
    """Whatever is passed, the memory that a call takes is bounded.

    Time is measured by `benchmarks/costly.py`, never asserted here; a call that handled everything would run into
    minutes, which the time limit of the suite catches.
    """
    arguments = costly.CASES[kind]()
    inputs = arguments.pop("inputs")
    log = mllog.model("costly", "1")
    with capture() as events:
        log.prediction(inputs, 0.5, **arguments)  # what is compiled once does not count
        tracemalloc.start()
        log.prediction(inputs, 0.5, **arguments)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(events) == 2
    assert peak < 16e6
