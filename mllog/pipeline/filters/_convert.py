"""What mutate's `convert` makes of one value."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from mllog.pipeline._text import ruby_text

_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_HEX: Final = re.compile(r"([+-]?)0[xX]([0-9A-Fa-f]+)")
_TRUE: Final = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE: Final = frozenset({"", "false", "f", "no", "n", "0", "0.0"})


class ConvertError(Exception):
    """A value is not a number."""


def _decimal(text: str) -> Decimal:
    """A number with thousands commas; what follows a blank does not count."""
    words = text.split()
    if not words:
        raise ConvertError("an empty text is not a number")
    plain = words[0].replace(",", "")
    hexadecimal = _HEX.fullmatch(plain)
    if hexadecimal is not None:
        return Decimal(int(hexadecimal[1] + hexadecimal[2], 16))
    if _NUMBER.fullmatch(plain) is None:
        raise ConvertError("the text is not a number")
    return Decimal(plain.replace("_", ""))


def _european(text: str) -> str:
    return text.translate({ord("."): ",", ord(","): "."})


def _to_integer(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise ConvertError("an object is not a number")
    if isinstance(value, bool):
        return int(value)
    return int(_decimal(value)) if isinstance(value, str) else int(value)


def _to_float(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise ConvertError("an object is not a number")
    if isinstance(value, bool):
        return float(value)
    return float(_decimal(value)) if isinstance(value, str) else float(value)


def _to_boolean(value: Any) -> Any:
    text = ruby_text(value).lower()
    return True if text in _TRUE else False if text in _FALSE else value


CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "integer": _to_integer,
    "float": _to_float,
    "integer_eu": lambda value: _to_integer(_european(value) if isinstance(value, str) else value),
    "float_eu": lambda value: _to_float(_european(value) if isinstance(value, str) else value),
    "string": ruby_text,
    "boolean": _to_boolean,
}
"""By the name of the type; each raises ConvertError where the value is none of it."""
