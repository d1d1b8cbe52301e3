"""A column of any dtype comes back as it was sent, or the export names it as not restored."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.columns import COLUMNS, ROWS

import mllog
from mllog import Profile
from mllog.errors import ProfileError
from mllog.export import Export, to_frame, write
from mllog.testing import capture


class Kept:
    """A store of the events that it is given."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.events = events

    def scan(self, query: Any = None, *, index: str = "") -> Iterator[dict[str, Any]]:
        """All of them."""
        for event in self.events:
            if event["event"]["action"] == "prediction":
                yield {"_id": event["event"]["id"], "_source": event}


def logged(frame: pd.DataFrame) -> tuple[Any, Profile]:
    """The store and the profile of a frame that was learnt and then logged."""
    profile = Profile.learn(frame, pd.DataFrame({"late": [True] * len(frame)}), name="exported", version="1")
    profile = Profile.from_json(profile.to_json())
    with capture() as events:
        mllog.model("exported", profile=profile).predictions(frame, {"late": [True] * len(frame)})
    return Kept(events), profile


def same(one: Any, other: Any) -> bool:
    """Whether two cells are the same value of the same type, or both missing."""
    if pd.isna(one) or pd.isna(other):
        return bool(pd.isna(one) and pd.isna(other))
    if isinstance(one, decimal.Decimal) and isinstance(other, decimal.Decimal):
        return float(one) == float(other)  # an event has the digits of a double
    if isinstance(one, int) and not -(2**63) <= one < 2**64:
        return float(one) == float(other)
    if isinstance(one, str) and isinstance(other, str):
        return one.encode("utf-8", "replace").decode() == other  # JSON has no lone surrogates
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize("name", COLUMNS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_a_column_comes_back_or_is_named(name: str, data: st.DataObject) -> None:
    """Its dtype, and the type and value of each cell; of a category those categories that occur."""
    sent = data.draw(COLUMNS[name])
    try:
        store, profile = logged(pd.DataFrame({"x": sent}))
    except ProfileError:
        return
    back = to_frame(store, profile, outputs=False)
    if "x" in back.attrs["unrestored"]:
        return
    assert str(back["x"].dtype) == str(sent.dtype)
    assert [(a, b) for a, b in zip(sent, back["x"], strict=True) if not same(a, b)] == []
    assert len(back) == ROWS


@pytest.mark.parametrize("name", COLUMNS)
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_column_of_any_dtype_is_written_to_a_file(name: str, tmp_path: Path, data: st.DataObject) -> None:
    """As Parquet and as CSV; a value that is there is there in the file, too."""
    sent = data.draw(COLUMNS[name])
    try:
        store, profile = logged(pd.DataFrame({"x": sent}))
    except ProfileError:
        return
    for ending in ("parquet", "csv"):
        export = Export(store, profile, outputs=False)
        assert write(export, tmp_path / f"x.{ending}") == ROWS
    back = pd.read_parquet(tmp_path / "x.parquet")["x"]
    if not export.lost:
        assert back.isna().tolist() == sent.isna().tolist()
