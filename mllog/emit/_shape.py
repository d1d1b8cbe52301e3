"""Features that come again and again with the same names and types: what `mllog.emit._encoder` compiles code for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

IDENTIFIER: Final = 10**8
"""Integers of nine digits and more could be an identifier, and are scanned."""

CARD: Final = 10**12
"""Whole floats of thirteen digits and more could be a card: frames make floats of integers."""

CATEGORY_LENGTH: Final = 256
"""Characters up to which a string is a category; a longer one is text."""

MOST_FEATURES: Final = 1000
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]*')
"""Names that JSON has as they are."""


class Text(str):
    """Stands for the type of strings that are free text, in a shape."""

    __slots__ = ()


TYPES: Final = {
    float: "number",
    int: "number",
    str: "category",
    Text: "text",
    bool: "boolean",
    type(None): "missing",
}
"""Of the values that a shape may have, and where they go in an event."""


class Shape:
    """Names and types of features, in order, and what values of them need no further look.

    Args:
        types: of each feature, in order: float, int, str, Text, bool or NoneType.
        bounds: least and greatest value of numbers, where there are any.
        large: names of numbers that may be as large as identifiers are, and so need a closer look.
        known: values of strings that need no further look, for each feature that is to be looked at; the sets may
            grow later.
        clean: whether another string of such a feature may pass all the same.
        text: what is written of a free text; None where it needs a look of its own.
        absent: features that are not there at all, and need not be.

    Attributes:
        has_values: whether any of them has a value.
        quality: what the event says of them.
    """

    __slots__ = ("bounds", "clean", "has_values", "known", "large", "quality", "text", "types")

    def __init__(
        self,
        types: Mapping[str, type],
        *,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        large: Collection[str] = (),
        known: Mapping[str, set[str]] | None = None,
        clean: Callable[[str, str], bool] | None = None,
        text: Callable[[str], str | None] | None = None,
        absent: Sequence[str] = (),
    ) -> None:
        self.types = types
        self.bounds = bounds or {}
        self.large = large
        self.known = known or {}
        self.clean = clean or (lambda _name, _value: False)
        self.text = text or (lambda _value: None)
        missing = [*(name for name, kind in types.items() if kind is type(None)), *absent]
        self.has_values = any(kind is not type(None) for kind in types.values())
        self.quality: dict[str, Any] = {"missing": missing, "invalid": 0} if missing else {"invalid": 0}


def types_of(values: Mapping[Any, Any]) -> dict[str, type] | None:
    """The types of features, where a shape can be made of them: of plain names and values.

    Example:
        >>> types_of({"delay": 1.5, "legs": [1, 2]}) is None
        True
    """
    if len(values) > MOST_FEATURES:
        return None
    types = {name: type(value) for name, value in values.items() if type(name) is str and _PLAIN.fullmatch(name)}
    return types if len(types) == len(values) and all(kind in TYPES for kind in types.values()) else None
