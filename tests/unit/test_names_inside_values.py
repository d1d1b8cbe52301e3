"""Names that stand inside a value decide as those of features do: of columns, of an index, of arguments of a record."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mllog
from mllog.testing import capture

SECRET = "Qz7kkR2w"
CARD = 4539148803436467
log = mllog.model("names", "1")


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.DataFrame({"password": [SECRET], "seat": ["4A"]}),
        lambda: pd.Series({"password": SECRET, "seat": "4A"}),
        lambda: np.array([("4A", SECRET)], dtype=[("seat", "U8"), ("password", "U9")]),
    ],
)
def test_columns_of_a_value(make: Callable[[], Any]) -> None:
    """What stands under a sensitive name goes; its neighbour stays."""
    with capture() as events:
        log.prediction({"x": make(), "y": {"z": make()}})
    written = json.dumps(events)
    assert SECRET not in written
    assert written.count("4A") == 2
    assert "key" in events[0]["mllog"]["redaction"]["kinds"]


@pytest.mark.parametrize(
    "outputs", [float(CARD), np.float64(CARD), [float(CARD)], np.array([float(CARD)]), {"a": float(CARD)}]
)
def test_a_card_as_a_float_in_outputs(outputs: Any) -> None:
    """Outputs without a name are no measures by their name."""
    with capture() as events:
        log.prediction({"a": 1}, outputs)
        log.predictions([{"a": 1}], [outputs])
    assert str(CARD) not in json.dumps(events)
    assert all(event["mllog"]["redaction"]["kinds"] == ["card"] for event in events)


def test_a_card_as_the_ground_truth() -> None:
    """Nor is the difference written, from which it could be computed."""
    with capture() as events:
        log.feedback("p", float(CARD), predicted=1.0)
        log.feedback("p", 4.5e6, predicted=1.0)
    assert events[0]["mllog"]["feedback"] == {"actual": "[REDACTED:card]", "predicted": 1.0}
    assert events[1]["mllog"]["feedback"]["error"] == 1.0 - 4.5e6


def test_arguments_of_a_record(caplog: pytest.LogCaptureFixture) -> None:
    """A dictionary of arguments has names."""
    logger = logging.getLogger("names")
    handler = mllog.RecordHandler()
    logger.addHandler(handler)
    try:
        with capture() as events:
            logger.warning("%(user)s came with %(password)s", {"user": "ann", "password": SECRET})
    finally:
        logger.removeHandler(handler)
    assert [event["message"] for event in events] == ["ann came with [REDACTED:key]"]
