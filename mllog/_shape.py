"""Features that come again and again with the same names and types: checked and encoded by code compiled for them.

A general loop over twenty features costs ten times what straight code costs. The code is made of the names (as
literals) and of numbers, never of values, and falls back on the general way whenever anything is out of the ordinary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

IDENTIFIER: Final = 10**8
"""Integers of nine digits and more could be an identifier, and are scanned."""

MOST_FEATURES: Final = 1000


class Text(str):
    """Stands for the type of strings that are free text, in a shape."""

    __slots__ = ()


_NONE: Final = type(None)
_TYPES: Final = {
    float: "number",
    int: "number",
    str: "category",
    Text: "text",
    bool: "boolean",
    _NONE: "missing",
}

Encoder = Callable[[Any, Any], bytes | None]
"""Gives inputs and outputs of one pair of shapes as JSON, or None where they need the general way."""


def unknown(inputs: Any, outputs: Any) -> None:  # noqa: ARG001 - an Encoder before any shape is known
    """Sends every call to the general way."""
    return


class Shape:
    """Names and types of features, in order, and what values of them need no further look.

    Args:
        types: of each feature, in order: float, int, str, Text, bool or NoneType.
        bounds: least and greatest value of numbers, where there are any.
        known: values of strings that need no further look; the sets may grow later.
        clean: whether a string of a feature that is not known may pass all the same.
        text: what is written of a free text; None where it needs a look of its own.
        absent: features that are not there at all, and need not be.

    Attributes:
        has_values: whether any of them has a value.
        quality: what the event says of them.
    """

    __slots__ = ("bounds", "clean", "has_values", "known", "quality", "text", "types")

    def __init__(
        self,
        types: Mapping[str, type],
        *,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        known: Mapping[str, set[str]] | None = None,
        clean: Callable[[str, str], bool] | None = None,
        text: Callable[[str], str | None] | None = None,
        absent: Sequence[str] = (),
    ) -> None:
        self.types = types
        self.bounds = bounds or {}
        self.known = known or {}
        self.clean = clean or (lambda _name, _value: False)
        self.text = text or (lambda _value: None)
        missing = [*(name for name, kind in types.items() if kind is _NONE), *absent]
        self.has_values = any(kind is not _NONE for kind in types.values())
        self.quality: dict[str, Any] = {"missing": missing, "invalid": 0} if missing else {"invalid": 0}


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


def encoder(asked: Shape, answered: Shape, *, scalar: bool) -> Encoder:
    """Compile the way from inputs and outputs to the JSON of both.

    Args:
        asked: shape of the inputs.
        answered: shape of the outputs; none of them may be missing.
        scalar: whether the outputs come as one value, which is called `value`.

    Example:
        >>> call = encoder(Shape({"delay": float, "gate": type(None)}), Shape({"value": bool}), scalar=True)
        >>> call({"delay": 1.5, "gate": None}, True)
        b'{"input":{"number":{"delay":1.5}},"output":{"boolean":{"value":true}},"quality":{"missing":["gate"],"invalid":0}}'
        >>> call({"delay": float("nan"), "gate": None}, True) is None
        True
    """
    scope: dict[str, Any] = {"dumps": orjson.dumps, "quality": asked.quality}
    into = _Side("i", asked, scope)
    out = _Side("o", answered, scope)
    lines = [
        *into.fetch("inputs"),
        *(["o0 = outputs"] if scalar else out.fetch("outputs")),
        f"if not ({' and '.join([*into.checks, *out.checks]) or 'True'}): return None",
        f"return dumps({{'input': {into.answer}, 'output': {out.answer}, 'quality': quality}})",
    ]
    source = "\n        ".join(("def encode(inputs, outputs):\n    try:", *lines))
    # A key that is not there; an integer beyond 64 bits, or a lone surrogate.
    source += "\n    except (KeyError, TypeError):\n        return None\n"
    exec(compile(source, "<shape>", "exec"), scope)  # noqa: S102 - made of literals of names and numbers, see above
    found: Encoder = scope["encode"]
    return found


class _Side:
    """The source for the inputs or the outputs; what it names is put into `scope`."""

    def __init__(self, prefix: str, shape: Shape, scope: dict[str, Any]) -> None:
        self._prefix = prefix
        self._names = tuple(shape.types)
        scope[f"{prefix}_clean"], scope[f"{prefix}_text"] = shape.clean, shape.text
        self.checks: list[str] = []
        finite: list[str] = []
        parts: dict[str, list[str]] = {kind: [] for kind in _TYPES.values()}
        for place, (name, kind) in enumerate(shape.types.items()):
            value = f"{prefix}{place}"
            if kind is str:
                scope[f"{value}_known"] = shape.known.get(name, frozenset())
                # The type first: an object that only claims to be equal to a known string must not pass for it.
                self.checks.append(f"type({value}) is str")
                self.checks.append(f"({value} in {value}_known or {prefix}_clean({name!r}, {value}))")
            elif kind is Text:
                self.checks.append(f"type({value}) is str and ({value} := {prefix}_text({value})) is not None")
            elif kind is bool:
                self.checks.append(f"({value} is True or {value} is False)")
            elif kind is _NONE:
                self.checks.append(f"{value} is None")
            else:
                self.checks.append(f"type({value}) is {kind.__name__}")
                low, high = shape.bounds.get(name, (-math.inf, math.inf))
                if kind is int:
                    low, high = max(low, 1 - IDENTIFIER), min(high, IDENTIFIER - 1)
                if (low, high) != (-math.inf, math.inf):
                    self.checks.append(_between(value, low, high))
                if kind is float and math.inf in (-low, high):
                    finite.append(value)
            parts[_TYPES[kind]].append(f"{name!r}: {value}")
        if finite:  # NaN and the infinities spoil a sum
            self.checks.append(f"(total := {' + '.join(finite)}) - total == 0.0")
        kinds = (kind for kind in ("boolean", "text", "number", "category") if parts[kind])
        typed = [f"{kind!r}: {{{', '.join(parts[kind])}}}" for kind in kinds]
        self.answer = f"{{{', '.join(typed)}}}"

    def fetch(self, values: str) -> list[str]:
        """Statements that take the values apart, where the names are those of the shape."""
        return [
            f"if type({values}) is not dict or len({values}) != {len(self._names)}: return None",
            *(f"{self._prefix}{place} = {values}[{name!r}]" for place, name in enumerate(self._names)),
        ]


def _between(value: str, low: float, high: float) -> str:
    """A comparison with both ends, or with the one that there is."""
    lower = "" if low == -math.inf else f"{low!r} <= "
    upper = "" if high == math.inf else f" <= {high!r}"
    return f"{lower}{value}{upper}"
