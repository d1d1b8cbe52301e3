"""The flights as they are sent: the data as it is, times shifted as a whole, and made-up contacts."""

from __future__ import annotations

import datetime as dt
from types import ModuleType
from typing import Any

import pytest

from mllog.demo._sender import example
from mllog.profile import Profile
from mllog.redaction import Redactor

NOW = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def data() -> ModuleType:
    """The example's module."""
    return example("data")


@pytest.fixture(scope="module")
def frame(data: ModuleType) -> Any:
    """All flights."""
    return data.flights()


def test_nothing_is_renamed_or_cleaned_away(data: ModuleType, frame: Any) -> None:
    """As published: 336,776 rows, 8,255 without a departure, 105 destinations, 4,043 tail numbers."""
    assert len(frame) == 336_776
    assert int(frame["dep_time"].isna().sum()) == 8_255
    assert frame["dest"].nunique() == 105
    assert frame["tailnum"].nunique() == 4_043
    assert set(data.INPUTS) - set(frame.columns) == set()


def test_requests_are_in_order_and_end_now(data: ModuleType, frame: Any) -> None:
    """Half a year, thinned evenly, the distances in time kept."""
    later = data.later(frame, 500)
    sent = data.requests(later, now=NOW)
    times = [dt.datetime.fromisoformat(body["timestamp"]) for body in sent]
    assert len(sent) == 500
    assert times == sorted(times)
    assert times[-1] == NOW
    assert dt.timedelta(days=180) < times[-1] - times[0] < dt.timedelta(days=185)
    assert {body["inputs"]["month"] for body in sent} == {7, 8, 9, 10, 11, 12}
    assert any(body["inputs"]["dep_time"] is None for body in sent)


def test_more_than_there_is_sends_all(data: ModuleType, frame: Any) -> None:
    """Every later flight once."""
    assert len(data.later(frame, 10**9)) == int((frame["month"] > 6).sum())


def test_every_made_up_contact_is_one_that_the_rules_find(data: ModuleType) -> None:
    """None of two thousand remarks keeps its contact."""
    redactor = Redactor()
    remarks = data.remarks(2000)
    made = [(remark, contact) for place, remark in enumerate(remarks) for contact in data.contacts(place)]
    assert len(made) > 20
    for remark, contact in made:
        text, kinds = redactor.text(remark)
        assert contact in remark
        assert contact not in text
        assert kinds


def test_the_committed_profile_says_what_training_showed(data: ModuleType, frame: Any) -> None:
    """Bounds, shares and counts of the first six months, and no contact in the file."""
    profile = Profile.load(example("data").__file__.replace("data.py", "profile.json"))
    seen = data.training(frame)
    found = {feature.name: feature for feature in profile.inputs}
    assert profile.rows == len(seen)
    assert (found["month"].min, found["month"].max) == (1, 6)
    assert found["dep_delay"].mean == pytest.approx(seen["dep_delay"].mean())
    assert found["dep_time"].missing == int(seen["dep_time"].isna().sum())
    assert found["tailnum"].distinct == seen["tailnum"].nunique()
    assert "@example" not in str(profile.to_json())
