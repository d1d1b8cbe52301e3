"""Lengths of time as people say them."""

from __future__ import annotations

from typing import Final

from mllog.errors import ConfigurationError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """A length of time such as `90s`, `12h` or `7d`.

    Raises:
        ConfigurationError: it is none.

    Example:
        >>> seconds("90s"), seconds("1.5h")
        (90.0, 5400.0)
    """
    unit = _UNITS.get(text[-1:])
    try:
        number = float(text[:-1])
    except ValueError:
        number = -1.0
    if unit is None or not 0 <= number < float("inf"):
        raise ConfigurationError(f"{text!r} is no length of time; say it as 90s, 30m, 12h or 7d")
    return number * unit
