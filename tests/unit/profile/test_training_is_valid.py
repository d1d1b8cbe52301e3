"""What a profile was learnt from is valid by that profile, for columns of every dtype and for every way of a row in."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import uuid
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.columns import COLUMNS, ROWS

import mllog
from mllog import Profile
from mllog.errors import ProfileError
from mllog.testing import capture

REPEATED = 10
"""Categories that occur fewer times are pooled, and count as unseen."""


def json_of(value: Any) -> Any:
    """What a client would send for a value; a float32 with the digits that it is printed with."""
    if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
        return float(str(value)) if isinstance(value, np.floating) else value.item()
    if isinstance(value, (enum.Enum)):
        return value.value
    if isinstance(value, decimal.Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, np.timedelta64):
        return value.item().total_seconds()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (pd.Period, pd.Interval, uuid.UUID)):
        return str(value)
    return value


def json_row(frame: pd.DataFrame, place: int) -> dict[str, Any]:
    """A row as it comes out of a request: what is missing is null."""
    row = {name: frame[name].array[place] for name in frame.columns}
    said = {name: None if gone(value) else json_of(value) for name, value in row.items()}
    return json.loads(json.dumps(said))


def gone(value: Any) -> bool:
    """Whether pandas calls a cell missing."""
    return bool(pd.isna(value))


def one_series(frame: pd.DataFrame, place: int) -> Any:
    """The row as a Series, unless pandas cannot make one of it, or makes floats of its integers."""
    try:
        row = frame.iloc[place]
    except (pa.ArrowInvalid, OverflowError):
        return frame.iloc[[place]]
    return row if row.dtype == object or len(row) == 1 else frame.iloc[[place]]


def rows_of(frame: pd.DataFrame, place: int) -> dict[str, Any]:
    """The same row in every way that a service may have it."""
    return {
        "one-row frame": frame.iloc[[place]],
        "Series": one_series(frame, place),
        "itertuples": dict(
            zip(frame.columns, next(frame.iloc[[place]].itertuples(index=False, name=None)), strict=True)
        ),
        "to_dict": frame.iloc[[place]].to_dict("records")[0],
        "array": {name: frame[name].array[place] for name in frame.columns},
        "JSON": json_row(frame, place),
    }


@pytest.mark.parametrize("name", COLUMNS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_training_rows_are_valid(name: str, data: st.DataObject) -> None:
    """Whatever the dtype, beside another column that decides what pandas makes of a row."""
    column = data.draw(COLUMNS[name])
    beside = data.draw(st.sampled_from([None, [0.5] * ROWS, ["a"] * ROWS, [True] * ROWS, range(ROWS)]))
    base = pd.DataFrame({"x": column} if beside is None else {"x": column, "beside": beside})
    check(base, name)


def learnt(frame: pd.DataFrame) -> Profile | str:
    """The profile of a frame, or why there is none."""
    try:
        return Profile.learn(frame, name="every_dtype", version="1")
    except ProfileError as error:
        return str(error)


def check(base: pd.DataFrame, name: str) -> None:
    """Learn a frame, and let each of its rows through its own profile."""
    frame = pd.concat([base] * REPEATED, ignore_index=True)
    profile = learnt(frame)
    if isinstance(profile, str):
        assert "column 'x'" in profile
        assert "\n" not in profile
        return
    loaded = Profile.from_json(orjson.loads(orjson.dumps(profile.to_json())))
    assert loaded == profile
    flagged = 0
    for place in range(ROWS):
        said = {way: loaded.validate(row) for way, row in rows_of(base, place).items()}
        assert all(violations == said["JSON"] for violations in said.values()), (name, said)
        flagged += bool(said["JSON"])
    assert profile.invalid_share == pytest.approx(flagged / ROWS)
    if any(feature.sensitive or not feature.clean for feature in profile.inputs):
        return  # what could be an identifier is not kept, and so not known
    assert flagged == 0
    with capture() as events:
        mllog.model("every_dtype", profile=loaded).predictions(base)
    assert [event["mllog"]["quality"]["invalid"] for event in events] == [0] * ROWS
