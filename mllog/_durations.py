"""Durations as text, such as `90s`, `12h` or `7d`."""

from __future__ import annotations

from typing import Final

from mllog.errors import ConfigurationError

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
"""Seconds of a unit."""


def seconds(text: str, *, whole: bool = False) -> float:
    """The seconds of a duration.

    Args:
        text: a number and a unit.
        whole: accept only a positive whole number, as Elasticsearch does.

    Raises:
        ConfigurationError: it is not a duration.

    Example:
        >>> seconds("90s"), seconds("1.5h"), seconds("1w")
        (90.0, 5400.0, 604800.0)
        >>> seconds("1.5h", whole=True)
        Traceback (most recent call last):
        ...
        mllog.errors.ConfigurationError: '1.5h' is not a duration: write a whole number and a unit, such as 90s or 7d
    """
    number, unit = text[:-1], UNITS.get(text[-1:])
    try:
        amount = float(number)
    except ValueError:
        amount = -1.0
    valid = number.isascii() and number.isdigit() and amount > 0 if whole else 0 <= amount < float("inf")
    if unit is None or not valid:
        expected = "a whole number" if whole else "a number"
        raise ConfigurationError(f"{text!r} is not a duration: write {expected} and a unit, such as 90s or 7d")
    return amount * unit
