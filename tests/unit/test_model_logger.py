"""Predictions become events; nothing raises into the service."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import decimal
import enum
import gc
import itertools
import json
import logging
import tracemalloc
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mllog
from mllog._state import STATE
from mllog.redaction.rules import rules_digest
from mllog.testing import capture

RULES = rules_digest().removeprefix("sha256:")[:12]


@pytest.fixture
def keep_texts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As `configure(free_text="keep")`."""
    monkeypatch.setattr(STATE, "keep_texts", True)
    STATE.generation += 1
    yield
    STATE.generation += 1


@pytest.fixture
def log() -> mllog.ModelLogger:
    """A model without a profile."""
    return mllog.model("late", "1.0")


def one(log: mllog.ModelLogger, inputs: Any, outputs: Any = None, **more: Any) -> dict[str, Any]:
    """Log one prediction; its event."""
    with capture() as events:
        log.prediction(inputs, outputs, **more)
    assert len(events) == 1
    return events[0]


def test_event_has_the_fields_of_the_design(log: mllog.ModelLogger) -> None:
    """An event carries ECS context, model, typed inputs and outputs, and its id is the prediction's."""
    event = one(log, {"delay": 12.5, "carrier": "UA", "wet": True}, {"late": True}, duration=0.25)
    assert event["event"] | {"created": ..., "id": ...} == {
        "kind": "event", "dataset": "mllog.late", "action": "prediction", "outcome": "success",
        "duration": 250_000_000, "created": ..., "id": ...,
    }  # fmt: skip
    assert event["mllog"] == {
        "model": {"name": "late", "version": "1.0", "role": "live", "redaction": RULES},
        "prediction": {"id": event["event"]["id"]},
        "input": {"number": {"delay": 12.5}, "category": {"carrier": "UA"}, "boolean": {"wet": True}},
        "output": {"boolean": {"late": True}},
        "quality": {"invalid": 0},
    }
    assert event["data_stream"] == {"type": "logs", "dataset": "mllog.late", "namespace": "default"}
    assert {"ecs", "service", "host", "process", "log", "message", "@timestamp"} <= event.keys()


def test_ids_sort_in_the_order_of_the_calls(log: mllog.ModelLogger) -> None:
    """Event ids are UUIDs of version 7, ordered by time down to a fraction of a millisecond."""
    with capture() as events:
        for _ in range(50):
            log.prediction({})
    ids = [event["event"]["id"] for event in events]
    assert [uuid.UUID(text).version for text in ids] == [7] * 50
    # The fraction counts 244 ns: two calls within it may stand either way round, no others.
    assert [text[:18] for text in ids] == sorted(text[:18] for text in ids)
    assert len(set(ids)) == 50


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: float


@pytest.mark.parametrize(
    ("value", "place", "expected"),
    [
        (1, "number", 1),
        (np.float32(0.5), "number", 0.5),
        (np.int64(7), "number", 7),
        (decimal.Decimal("1.50"), "number", 1.5),
        (2**70, "number", float(2**70)),
        (True, "boolean", True),
        (np.bool_(False), "boolean", False),
        ("UA", "category", "UA"),
        (np.str_("UA"), "category", "UA"),
        (Colour.RED, "category", "red"),
        (uuid.UUID(int=7), "category", "00000000-0000-0000-0000-000000000007"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "category", "2026-01-02T00:00:00+00:00"),
        (dt.date(2026, 1, 2), "category", "2026-01-02"),
        (dt.timedelta(seconds=90), "number", 90.0),
        (pd.Timestamp("2026-01-02"), "category", "2026-01-02T00:00:00"),
        (pd.Timedelta(seconds=90), "number", 90.0),
        (b"text", "category", "text"),
        ("\ud800", "category", "?"),
        (Path("a") / "b", "category", "a/b"),
    ],
)
def test_values_encode_as_what_they_mean(log: mllog.ModelLogger, value: Any, place: str, expected: Any) -> None:
    """Each kind of scalar lands under its type, as the JSON value that it means."""
    assert one(log, {"f": value})["mllog"]["input"] == {place: {"f": expected}}


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), np.float64("nan"), decimal.Decimal("NaN")]
)
def test_non_finite_numbers_become_null_and_are_named(log: mllog.ModelLogger, value: Any) -> None:
    """NaN and the infinities are null in the event, and quality says which feature it was."""
    event = one(log, {"f": value})
    assert event["mllog"]["input"] == {"number": {"f": None}}
    assert event["mllog"]["quality"] == {"non_finite": ["f"], "invalid": 1}


@pytest.mark.parametrize("value", [None, pd.NA, pd.NaT])
def test_missing_values_are_named(log: mllog.ModelLogger, value: Any) -> None:
    """None and its like in pandas are in quality.missing and nowhere else."""
    event = one(log, {"f": value})
    assert "input" not in event["mllog"]
    assert event["mllog"]["quality"] == {"missing": ["f"], "invalid": 0}


def test_nan_of_a_frame_is_missing(log: mllog.ModelLogger) -> None:
    """In a one-row DataFrame NaN is how pandas says missing."""
    event = one(log, pd.DataFrame({"a": [np.nan], "b": [2.0]}))
    assert event["mllog"]["quality"] == {"missing": ["a"], "invalid": 0}
    assert event["mllog"]["input"] == {"number": {"b": 2.0}}


def test_an_integer_of_a_frame_stays_one(log: mllog.ModelLogger) -> None:
    """Beside a column of fractions too, of which `iloc` makes one type: a card would pass for a measure."""
    frame = pd.DataFrame({"card": [4242424242424242], "legs": [2], "delay": [0.5], "seats": pd.array([None], "Int64")})
    event = one(log, frame)["mllog"]
    assert event["input"] == {"number": {"legs": 2, "delay": 0.5}, "category": {"card": "[REDACTED:card]"}}
    assert type(event["input"]["number"]["legs"]) is int
    assert event["quality"]["missing"] == ["seats"]


PLAIN_ROW = {"delay": 12.5, "legs": 2, "wet": True, "carrier": "UA"}


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (PLAIN_ROW, np.float64(0.5)),
        (PLAIN_ROW, np.float32(0.5)),
        (PLAIN_ROW, np.array([0.5])),
        (PLAIN_ROW, {"value": np.float16(0.5)}),
        (PLAIN_ROW, pd.Series({"value": 0.5})),
        ({"delay": np.float32(12.5), "legs": np.int8(2), "wet": np.bool_(True), "carrier": np.str_("UA")}, 0.5),
        (pd.DataFrame([PLAIN_ROW]), 0.5),
        (pd.Series(PLAIN_ROW), pd.DataFrame({"value": [0.5]})),
    ],
    ids=["float64", "float32", "array", "float16 by name", "series", "numpy inputs", "frame", "series and frame"],
)
def test_what_numpy_and_pandas_give_is_logged_as_what_python_gives(
    log: mllog.ModelLogger, inputs: Any, outputs: Any
) -> None:
    """The first call and the next one, for which code is compiled; also where a call of another kind came between."""
    with capture() as events:
        log.prediction(PLAIN_ROW, 0.5)
        log.prediction(inputs, outputs)
        log.prediction(inputs, outputs)
        log.prediction(PLAIN_ROW)
        log.prediction(inputs, outputs)
    expected, *found = (event["mllog"] for event in events)
    del found[2]
    for body in found:
        assert repr(body["input"]) == repr(expected["input"])
        assert (body["output"], body["quality"]) == (expected["output"], expected["quality"])


def test_inputs_alone_are_an_event(log: mllog.ModelLogger) -> None:
    """Without an output, whatever came before; None and nothing are none."""
    with capture() as events:
        for outputs in (None, 0.5, None, {}, {"p": 1.0}, None):
            log.prediction({"delay": 12.5}, outputs)
    assert ["output" in event["mllog"] for event in events] == [False, True, False, False, True, False]
    assert all(event["mllog"]["input"] == {"number": {"delay": 12.5}} for event in events)


class Row(NamedTuple):
    """A named tuple."""

    x: float


class Body(pydantic.BaseModel):
    """A pydantic model."""

    x: float


@pytest.mark.parametrize("inputs", [{"x": 1.0}, Point(1.0), Row(1.0), Body(x=1.0), pd.Series({"x": 1.0})])
def test_inputs_of_any_shape(log: mllog.ModelLogger, inputs: Any) -> None:
    """A mapping, a dataclass, a named tuple, a pydantic model and a Series give the same event."""
    assert one(log, inputs)["mllog"]["input"] == {"number": {"x": 1.0}}


def test_array_takes_the_names_of_the_profile() -> None:
    """An array is matched to the profile's features by place."""
    profile = mllog.Profile.learn(pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]}), name="array", version="1")
    event = one(mllog.model("array", profile=profile), np.array([2.0, 3.0]))
    assert event["mllog"]["input"] == {"number": {"a": 2.0, "b": 3.0}}
    assert event["mllog"]["model"]["profile"] == profile.digest


def test_nested_circular_and_unknown_values_are_kept_as_json(log: mllog.ModelLogger) -> None:
    """What is no scalar goes to the overflow: nested values, cycles cut, unknown objects as a marked repr."""
    circular: list[Any] = []
    circular.append(circular)
    event = one(log, {"nested": {"a": [1, {"b": 2}]}, "circular": circular, "object": object()})
    overflow = event["mllog"]["input_overflow"]
    assert overflow["nested"] == {"a": [1, {"b": 2}]}
    assert overflow["circular"] == ["[circular]"]
    assert event["mllog"]["input"]["category"]["object"].startswith("[builtins.object]")


def test_long_names_leave_nothing_behind(log: mllog.ModelLogger) -> None:
    """Who may choose names, of features or labels, must not fill the service's memory with them."""
    with capture() as events:
        for number in range(30):
            for _ in range(3):
                name = f"{number:06}" + "x" * 200_000
                log.prediction({name: 1.0, "inner": {name: [1]}}, {name: 0.5}, labels={name: "v"})
            if number == 9:
                events.clear()
                gc.collect()
                tracemalloc.start()
        events.clear()
        gc.collect()
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert grown < 1_000_000


class Endless(dict[str, float]):
    """Says that it is empty, and is not."""

    def items(self) -> Any:
        return ((f"f{number}", float(number)) for number in itertools.count())


class EndlessMapping(Mapping[str, float]):
    """Has a name for every question."""

    def __getitem__(self, name: str) -> float:
        return 1.0

    def __iter__(self) -> Iterator[str]:
        return (f"f{number}" for number in itertools.count())

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("inputs", [dict.fromkeys(map(str, range(10_001)), 1.0), Endless(), EndlessMapping()])
def test_so_many_features_are_cut(log: mllog.ModelLogger, inputs: Any) -> None:
    """The first ones are looked at, and the event says how many there were: nobody can hold up the service."""
    with capture() as events:
        log.prediction(inputs, {"p": 0.5})
    (event,) = events  # as long as this it is cut to its context by a sink; the memory takes any length
    assert "first 10000" in event["mllog"]["input_overflow"]["cut"]


def test_so_many_labels_are_cut(log: mllog.ModelLogger) -> None:
    """The first thousand are there, and one that says so."""
    event = one(log, {"x": 1.0}, labels={f"l{number}": number for number in range(5000)})
    assert len(event["labels"]) == 1001
    assert event["labels"]["cut"] == "of 5000 labels the first 1000 are here"


def test_names_that_are_no_strings_are_written_as_text(log: mllog.ModelLogger) -> None:
    """Keys of any type become the names of features; a blank one is marked, since a store refuses it."""
    event = one(log, {1: 1.0, None: 2.0, "  ": 3.0})
    assert event["mllog"]["input"]["number"] == {"1": 1.0, "None": 2.0, "[blank 2]": 3.0}


def test_large_array_is_summarised(log: mllog.ModelLogger) -> None:
    """An image or an embedding is kept as shape, type, digest and first values."""
    found = one(log, {"image": np.zeros((64, 64), dtype=np.uint8)})["mllog"]["input_overflow"]["image"]
    assert found["shape"] == [64, 64]
    assert found["dtype"] == "uint8"
    assert found["first"] == [0] * 8
    assert found["digest"].startswith("sha256:")


class Hostile:
    """An object whose every method fails."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_hostile_objects_do_not_raise(log: mllog.ModelLogger) -> None:
    """An object that raises whatever one does with it is a marker in the event."""
    event = one(log, {"x": Hostile(), "y": 1.0})
    assert event["mllog"]["input"]["number"] == {"y": 1.0}
    assert "RuntimeError" in json.dumps(event["mllog"]["input"])


def test_inputs_that_cannot_be_read_are_named(log: mllog.ModelLogger) -> None:
    """A container that fails costs its own values, not the event, and its message is quoted nowhere."""

    class Broken(Mapping[str, Any]):
        def __getitem__(self, name: str) -> Any:
            raise RuntimeError("secret@example.com")

        def __iter__(self) -> Iterator[str]:
            raise RuntimeError("secret@example.com")

        def __len__(self) -> int:
            return 1

    event = one(log, Broken())
    assert event["mllog"]["quality"] == {"unreadable": ["value"], "invalid": 1}
    assert "secret" not in json.dumps(event) + str(mllog.stats())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(alphabet=st.characters(exclude_categories=())) | st.integers(), JSON), JSON)
def test_any_inputs_give_one_valid_event(inputs: dict[Any, Any], outputs: Any) -> None:
    """Whatever goes in, one line of valid JSON comes out, and no name of an input is lost."""
    event = one(mllog.model("any", "1"), inputs, outputs)
    found = event["mllog"]
    names = set().union(*found.get("input", {}).values(), found.get("input_overflow", {}))
    named = {name for key, value in found["quality"].items() if key != "invalid" for name in value}
    assert names | named or not inputs  # an answer may be named too, so no input says nothing


def test_mutation_after_the_call_changes_nothing(log: mllog.ModelLogger) -> None:
    """The event is encoded in the call: what the service does to its inputs afterwards is not seen."""
    inputs = {"x": 1.0, "nested": [1]}
    with capture() as events:
        log.prediction(inputs)
        inputs["x"] = 2.0
        inputs["nested"].append(2)  # type: ignore[attr-defined]
    assert events[0]["mllog"]["input"]["number"] == {"x": 1.0}
    assert events[0]["mllog"]["input_overflow"] == {"nested": [1]}


def test_without_a_handler_nothing_happens(log: mllog.ModelLogger) -> None:
    """With the NullHandler alone a call returns an id and makes no event."""
    before = mllog.stats()
    assert log.prediction({"x": object()})
    assert mllog.stats() == before


def test_other_handlers_get_records(log: mllog.ModelLogger) -> None:
    """A handler that is not mllog's own gets a LogRecord whose message is the event as JSON."""
    records: list[logging.LogRecord] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    listener = Listener()
    logging.getLogger("mllog").addHandler(listener)
    try:
        log.prediction({"x": 1.0}, error=ValueError("no"))
    finally:
        logging.getLogger("mllog").removeHandler(listener)
    assert records[0].levelno == logging.ERROR
    assert json.loads(records[0].getMessage())["error"]["type"] == "ValueError"


def test_observe_times_the_call_and_knows_its_id(log: mllog.ModelLogger) -> None:
    """The id is there before the model answers, and the event carries duration and outputs."""
    with capture() as events, log.observe({"x": 1.0}) as call:
        before = call.prediction_id
        call.outputs = 0.5
    (event,) = events
    assert event["mllog"]["prediction"]["id"] == before
    assert event["mllog"]["output"] == {"number": {"value": 0.5}}
    assert event["event"]["duration"] > 0


@pytest.mark.parametrize(
    "error", [ValueError("bad input of ann@example.com"), asyncio.CancelledError(), KeyboardInterrupt()]
)
def test_exceptions_are_logged_as_failures_and_raised_again(log: mllog.ModelLogger, error: BaseException) -> None:
    """An exception, a cancellation and an interrupt are failures in the log and unchanged for the caller."""
    with capture() as events, pytest.raises(type(error)), log.observe({"x": 1.0}):
        raise error
    (event,) = events
    assert event["event"]["outcome"] == "failure"
    assert event["log"]["level"] == "error"
    assert event["error"]["type"] == type(error).__name__
    assert "ann@example.com" not in json.dumps(event)


def test_logged_decorates_functions(log: mllog.ModelLogger) -> None:
    """Arguments become inputs by name, defaults included; `self` is skipped; the answer is untouched."""

    class Model:
        @log.logged
        def predict(self, delay: float, carrier: str = "UA", **more: float) -> float:
            return delay + sum(more.values())

    with capture() as events:
        assert Model().predict(1.0, wind=2.0) == 3.0
    assert events[0]["mllog"]["input"] == {"number": {"delay": 1.0, "wind": 2.0}, "category": {"carrier": "UA"}}


def test_logged_takes_selectors(log: mllog.ModelLogger) -> None:
    """`inputs` names an argument or computes from them; `outputs` picks from the answer."""

    @log.logged(inputs="row", outputs=lambda answer: answer[0])
    def predict(row: dict[str, float], *, verbose: bool = False) -> tuple[float, str]:
        return row["x"], "because"

    with capture() as events:
        assert predict({"x": 1.0}, verbose=True) == (1.0, "because")
    assert events[0]["mllog"]["input"] == {"number": {"x": 1.0}}
    assert events[0]["mllog"]["output"] == {"number": {"value": 1.0}}


def test_logged_keeps_async_functions_async(log: mllog.ModelLogger) -> None:
    """A coroutine function stays one, and its failure is logged."""

    @log.logged
    async def predict(x: float) -> float:
        await asyncio.sleep(0)
        if x < 0:
            raise ValueError("negative")
        return x

    async def both() -> None:
        assert await predict(1.0) == 1.0
        with pytest.raises(ValueError, match="negative"):
            await predict(-1.0)

    with capture() as events:
        asyncio.run(both())
    assert [event["event"]["outcome"] for event in events] == ["success", "failure"]


def test_a_failing_selector_does_not_reach_the_service(log: mllog.ModelLogger) -> None:
    """A selector of the caller's that raises is counted, and the function's answer is returned."""

    @log.logged(inputs=lambda x: x["no"], outputs=lambda y: y["no"])
    def predict(x: float) -> float:
        return x

    before = mllog.stats()["errors"]
    with capture() as events:
        assert predict(1.0) == 1.0
    assert len(events) == 1
    assert mllog.stats()["errors"] == before + 2


def test_labels_are_bound_to_a_context(log: mllog.ModelLogger) -> None:
    """Labels of `bound` are on the events of the block, those of the call over them, as strings."""
    with capture() as events:
        with mllog.bound(route="/predict", tenant=7):
            log.prediction({}, labels={"tenant": 8})
        log.prediction({})
    assert events[0]["labels"] == {"route": "/predict", "tenant": "8"}
    assert "labels" not in events[1]


def test_tasks_do_not_share_labels(log: mllog.ModelLogger) -> None:
    """What one asyncio task binds is not seen by another."""

    async def serve(name: str) -> None:
        mllog.bind(task=name)
        await asyncio.sleep(0)
        log.prediction({"task": name})

    async def both() -> None:
        await asyncio.gather(serve("a"), serve("b"))

    with capture() as events:
        asyncio.run(both())
    tasks = [(event["labels"]["task"], event["mllog"]["input"]["category"]["task"]) for event in events]
    assert sorted(tasks) == [("a", "a"), ("b", "b")]


def test_sensitive_values_are_redacted_everywhere(log: mllog.ModelLogger) -> None:
    """Values, nested values, labels and errors lose what is sensitive; kinds and fields are recorded."""
    secret = "ann.lee@example.com"
    event = one(
        log,
        {
            "note": f"mail {secret}",
            "nested": {"deep": [secret], secret: 1},
            "password": "hunter2",
            "card": 4242424242424242,
        },
        {"answer": secret},
        labels={"user": secret, "api_key": "k-1"},
        error=ValueError(f"no {secret}"),
    )
    text = json.dumps(event)
    for hidden in ("ann.lee", "hunter2", "4242424242424242", "k-1"):
        assert hidden not in text
    assert event["mllog"]["redaction"]["kinds"] == ["card", "email", "key"]
    assert "password" in event["mllog"]["redaction"]["fields"]
    assert event["mllog"]["input"]["category"]["note"] == "mail [REDACTED:email]"


def test_checksums_tell_numbers_from_cards_and_accounts(log: mllog.ModelLogger) -> None:
    """A number that fails Luhn is no card, an account that fails mod 97 no IBAN."""
    event = one(
        log,
        {"a": "4242424242424241", "b": "DE88370400440532013000", "c": "DE89370400440532013000", "d": 4242424242424241},
    )
    assert event["mllog"]["input"]["category"] == {
        "a": "4242424242424241",
        "b": "DE88370400440532013000",
        "c": "[REDACTED:iban]",
    }
    assert event["mllog"]["input"]["number"] == {"d": 4242424242424241}


def test_text_beyond_the_scan_is_replaced(log: mllog.ModelLogger) -> None:
    """Redaction fails closed: a suspicious text too long to search is a marker with the reason."""
    event = one(log, {"note": "x" * 70_000 + "@"})
    assert event["mllog"]["input"]["category"]["note"] == "[REDACTED:too_long]"


def test_free_text_is_summarised() -> None:
    """A string of more than 256 characters is free text: its length is written, and not what it says."""
    with capture() as events:
        mllog.model("late", "1.0").prediction({"a": "so it goes " * 30}, {"why": "it was late " * 30})
    assert events[0]["mllog"]["input"] == {"text": {"a": "[text: 330 characters, 90 words]"}}
    assert events[0]["mllog"]["output"] == {"text": {"why": "[text: 360 characters, 90 words]"}}


def test_free_text_that_is_kept_is_cut(keep_texts: None, log: mllog.ModelLogger) -> None:
    """Where its owner asked for it; a very long one is cut and says so."""
    found = one(log, {"a": "y" * 300, "b": "y" * 20_000})["mllog"]["input"]["text"]
    assert found["a"] == "y" * 300
    assert found["b"].endswith("[cut: 20000 characters]")


def test_an_event_over_the_cap_keeps_its_context(keep_texts: None, log: mllog.ModelLogger) -> None:
    """An event that no sink takes loses its values, not its JSON."""
    event = one(log, {f"{n}".rjust(400, "f"): 1.0 for n in range(1000)})
    assert "input" not in event["mllog"]
    assert "was cut" in event["mllog"]["input_overflow"]["cut"]
    assert event["mllog"]["model"]["name"] == "late"


def test_timestamp_is_when_the_call_began(log: mllog.ModelLogger) -> None:
    """@timestamp is what the caller says, else now less the duration."""
    event = one(log, {}, timestamp=dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC))
    assert event["@timestamp"] == "2026-01-02T03:04:05.678901Z"
    event = one(log, {}, duration=dt.timedelta(hours=1))
    began = dt.datetime.fromisoformat(event["@timestamp"])
    assert abs((dt.datetime.fromisoformat(event["event"]["created"]) - began).total_seconds() - 3600) < 1


@pytest.mark.parametrize(("sample", "least", "most"), [(0.0, 0, 0), (0.5, 41, 159)])
def test_sampling_keeps_failures_and_invalid_inputs(sample: float, least: int, most: int) -> None:
    """Sampling leaves out valid successes only, and the rate is on the event."""
    log = mllog.model(f"sampled{sample}", "1", sample=sample)
    with capture() as events:
        for _ in range(200):
            log.prediction({"x": 1.0})
            log.prediction({"x": float("nan")})
            log.prediction({"x": 1.0}, error="failed")
    kept = [
        event for event in events if event["event"]["outcome"] == "success" and not event["mllog"]["quality"]["invalid"]
    ]
    assert len(events) - len(kept) == 400
    assert least <= len(kept) <= most
    assert all(event["mllog"]["sampling"]["rate"] == sample for event in kept)


def test_keyed_sampling_takes_all_or_nothing_of_a_key() -> None:
    """The same key is always in or always out, in every model."""
    logs = [mllog.model(f"keyed{n}", "1", sample=0.5, sample_key="user") for n in range(2)]
    with capture() as events:
        for user in range(100):
            for log in logs:
                for _ in range(2):
                    log.prediction({"user": f"u{user}"})
    seen: dict[str, int] = {}
    for event in events:
        user = event["mllog"]["input"]["category"]["user"]
        seen[user] = seen.get(user, 0) + 1
    assert set(seen.values()) == {4}
    assert 25 < len(seen) < 75


def test_a_sample_is_the_same_by_compiled_code_and_by_value() -> None:
    """The same keys are in, with the same rate, whichever way an event takes; labels and ids are on it."""
    log = mllog.model("sampled-both", "1", sample=0.5, sample_key="user")
    ways: list[list[dict[str, Any]]] = []
    for extra in ({}, {"legs": [1, 2]}):  # a list is for the general way
        with capture() as events, mllog.bound(tenant="t7"):
            for user in range(100):
                log.prediction({"user": f"u{user}", "x": 1.0, **extra}, 0.5)
                log.prediction({"user": f"u{user}", "x": float("inf"), **extra}, 0.5)
        ways.append(events)
    compiled, by_value = (
        [
            (e["mllog"]["input"]["category"]["user"], e["mllog"]["quality"]["invalid"], e["mllog"]["sampling"])
            for e in way
        ]
        for way in ways
    )
    assert compiled == by_value
    assert {rate["rate"] for _, invalid, rate in compiled if not invalid} == {0.5}
    assert sum(invalid for _, invalid, _ in compiled) == 100
    assert all(event["labels"] == {"tenant": "t7"} for way in ways for event in way)


def test_model_is_idempotent() -> None:
    """The same name and version give the same logger; a new profile takes effect on it."""
    first = mllog.model("idem", "1")
    profile = mllog.Profile.learn(pd.DataFrame({"x": [1.0, 2.0]}), name="idem", version="1")
    assert mllog.model("idem", "1", profile=profile) is first
    assert one(first, {"x": 9.0})["mllog"]["quality"] == {"above_max": ["x"], "invalid": 1}


def test_version_comes_from_the_package() -> None:
    """Without a version the model has that of the package in which the call stands."""
    import importlib.metadata

    found: dict[str, Any] = {"__name__": "orjson.model", "__package__": "orjson", "mllog": mllog}
    exec("log = mllog.model('packaged')", found)
    assert found["log"].version == importlib.metadata.version("orjson")


@pytest.mark.parametrize("name", ["", "  ", None])
def test_blank_model_names_are_refused(name: Any) -> None:
    """A model needs a name: that is a mistake in the code, said at once."""
    with pytest.raises(mllog.MllogError, match="name"):
        mllog.model(name)


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Path]:
    """A process that logs to a file."""
    path = tmp_path / "events.ndjson"
    mllog.configure(service="checkout", environment="test", version="2.0", sink=path)
    yield path
    mllog.shutdown()


def test_configure_names_the_service(configured: Path, log: mllog.ModelLogger) -> None:
    """Service, version and environment are on every event, and the sink takes whole lines."""
    log.prediction({"x": 1.0})
    (event,) = map(json.loads, configured.read_text().splitlines())
    assert event["service"] | {"node": ...} == {
        "name": "checkout",
        "environment": "test",
        "version": "2.0",
        "node": ...,
    }
    assert event["data_stream"]["namespace"] == "test"
    assert configured.stat().st_mode & 0o777 == 0o600


def test_dict_config_attaches_a_sink(tmp_path: Path, log: mllog.ModelLogger) -> None:
    """logging.config can attach the spool like any handler."""
    import logging.config

    from mllog.spool import events

    before = logging.getLogger("mllog").handlers[:]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"spool": {"class": "mllog.SpoolHandler", "path": str(tmp_path / "spool")}},
            "loggers": {"mllog": {"handlers": ["spool"]}},
        }
    )
    try:
        log.prediction({"x": 1.0})
        assert len(list(events(tmp_path / "spool"))) == 1
    finally:
        for handler in logging.getLogger("mllog").handlers:
            handler.close()
        logging.getLogger("mllog").handlers[:] = before


def test_an_unwritable_sink_is_counted_not_raised(tmp_path: Path, log: mllog.ModelLogger) -> None:
    """A sink that cannot be written drops, counts and says why; the service goes on."""
    before = mllog.stats()["dropped"]
    mllog.configure(sink=tmp_path / "no" / "such" / "folder")
    try:
        log.prediction({"x": 1.0})
        assert mllog.stats()["dropped"] == before + 1
        assert "No such file" in mllog.stats()["problem"]
    finally:
        mllog.shutdown()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"redaction": "sometimes"}, "redaction"),
        ({"endpoint": "http://logstash:8080"}, "https only"),
        ({"endpoint": "http://127.0.0.1:1", "sink": "stdout"}, "the sink is 'stdout'"),
        ({"when_full": "explode"}, "none of drop_newest"),
        ({"block_seconds": 0.0}, "above zero"),
        ({"spool": "x", "max_bytes": 0}, "max_bytes"),
    ],
)
def test_settings_that_cannot_work_are_refused(arguments: dict[str, Any], said: str) -> None:
    """A wrong value in configure() is an error that names it, and leaves everything as it was."""
    before = STATE.sink
    with pytest.raises(mllog.MllogError, match=said):
        mllog.configure(**arguments)
    assert STATE.sink is before


@pytest.mark.parametrize("outputs", [{"late": True}, 0.25, "late", None, {}])
def test_calls_that_repeat_give_the_same_event(log: mllog.ModelLogger, outputs: Any) -> None:
    """The first call looks at each value, later ones take the compiled path: nobody can tell from the events."""
    with capture() as events, mllog.bound(contact="ann@example.com", team="blue"):
        for _ in range(3):
            log.prediction({"delay": 1.5, "carrier": "UA", "gate": None}, outputs, duration=0.5, prediction_id="p")
    changing = ("@timestamp", "event")
    first, *others = [{key: value for key, value in event.items() if key not in changing} for event in events]
    assert others == [first, first]
    assert first["labels"] == {"contact": "[REDACTED:email]", "team": "blue"}
    assert first["mllog"]["redaction"] == {"fields": ["labels.contact"], "kinds": ["email"], "count": 1}
    assert first["mllog"]["quality"] == {"missing": ["gate"], "invalid": 0}
