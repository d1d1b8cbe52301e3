"""Features that come again and again with the same names and types: sorted and checked by code compiled for them.

A general loop over twenty features costs ten times what straight code costs. The code is made of the names (as
literals) and of numbers, never of values, and falls back on the general way whenever anything is out of the ordinary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

IDENTIFIER: Final = 10**8
"""Integers of nine digits and more could be an identifier, and are scanned."""

MOST_FEATURES: Final = 1000

_NONE: Final = type(None)
_TYPES: Final = {float: "number", int: "number", str: "category", bool: "boolean", _NONE: "missing"}

Features = dict[str, dict[str, Any]]


class Shape:
    """Names and types of features, and the function that sorts values of that kind.

    Args:
        types: of each feature, in order: float, int, str, bool or NoneType.
        bounds: least and greatest value of numbers, where there are any.
        known: values of strings that need no further look; the sets may grow later.
        absent: features that are not there at all, and need not be.

    Attributes:
        sort: gives the features by type, or None where one needs a look of its own: another name or type, a number
            out of bounds, a string that is not known.
        missing: names without a value.
        quality: what the event says of them.

    Example:
        >>> shape = Shape({"delay": float, "carrier": str, "gate": type(None)}, known={"carrier": {"UA"}})
        >>> shape.sort({"delay": 1.5, "carrier": "UA", "gate": None})
        {'number': {'delay': 1.5}, 'category': {'carrier': 'UA'}}
        >>> shape.sort({"delay": 1.5, "carrier": "ann@example.com", "gate": None}) is None
        True
    """

    __slots__ = ("missing", "quality", "sort")

    def __init__(
        self,
        types: Mapping[str, type],
        *,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        known: Mapping[str, set[str]] | None = None,
        absent: Sequence[str] = (),
    ) -> None:
        self.missing = (*(name for name, kind in types.items() if kind is _NONE), *absent)
        self.quality: dict[str, Any] = {"missing": list(self.missing), "invalid": 0} if self.missing else {"invalid": 0}
        self.sort = _compiled(types, bounds or {}, known or {})


def types_of(values: Mapping[Any, Any]) -> dict[str, type] | None:
    """The types of features, where a shape can be made of them.

    Example:
        >>> types_of({"delay": 1.5, "legs": [1, 2]}) is None
        True
    """
    if len(values) > MOST_FEATURES:
        return None
    types = {name: type(value) for name, value in values.items() if type(name) is str}
    return types if len(types) == len(values) and all(kind in _TYPES for kind in types.values()) else None


def _compiled(
    types: Mapping[str, type], bounds: Mapping[str, tuple[float, float]], known: Mapping[str, set[str]]
) -> Callable[[dict[Any, Any]], Features | None]:
    """The function of a shape, as straight code."""
    scope: dict[str, Any] = {"NoneType": _NONE}
    fetch: list[str] = []
    checks: list[str] = []
    finite: list[str] = []
    parts: dict[str, list[str]] = {"boolean": [], "number": [], "category": [], "missing": []}
    for place, (name, kind) in enumerate(types.items()):
        value = f"v{place}"
        fetch.append(f"        {value} = values[{name!r}]\n")
        checks.append(f"type({value}) is {kind.__name__}")
        low, high = bounds.get(name, (-math.inf, math.inf))
        if kind is int:
            low, high = max(low, 1 - IDENTIFIER), min(high, IDENTIFIER - 1)
        if kind is int or (kind is float and (low, high) != (-math.inf, math.inf)):
            checks.append(_between(value, low, high))
        if kind is float and math.inf in (-low, high):
            finite.append(value)
        if kind is str:
            scope[f"known{place}"] = known.get(name, frozenset())
            checks.append(f"{value} in known{place}")
        parts[_TYPES[kind]].append(f"{name!r}: {value}")
    if finite:  # NaN and the infinities spoil a sum
        checks.append(f"(total := {' + '.join(finite)}) - total == 0.0")
    answer = ", ".join(
        f"{kind!r}: {{{', '.join(parts[kind])}}}" for kind in ("boolean", "number", "category") if parts[kind]
    )
    source = (
        "def sort(values):\n"
        f"    if len(values) != {len(types)}:\n"
        "        return None\n"
        "    try:\n"
        f"{''.join(fetch) or '        pass' + chr(10)}"
        "    except KeyError:\n"
        "        return None\n"
        f"    if {' and '.join(checks) or 'True'}:\n"
        f"        return {{{answer}}}\n"
        "    return None\n"
    )
    exec(compile(source, "<shape>", "exec"), scope)  # noqa: S102 - made of literals of names and numbers, see above
    found: Callable[[dict[Any, Any]], Features | None] = scope["sort"]
    return found


def _between(value: str, low: float, high: float) -> str:
    """A comparison with both ends, or with the one that there is."""
    lower = "" if low == -math.inf else f"{low!r} <= "
    upper = "" if high == math.inf else f" <= {high!r}"
    return f"{lower}{value}{upper}"
