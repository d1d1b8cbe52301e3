"""How values look inside strings: Java's hash order, Ruby's `to_s` and `inspect`, Logstash's `%{field}`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from mllog.pipeline._event import Timestamp, decimal_text

_LOAD_FACTOR: Final = 0.75
_SMALLEST_TABLE: Final = 16


def _java_hash(text: str) -> int:
    """`String.hashCode()`, spread as HashMap does; over UTF-16 units."""
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for index in range(0, len(units), 2):
        value = (31 * value + units[index] * 256 + units[index + 1]) & 0xFFFFFFFF
    return value ^ (value >> 16)


def java_order(names: Iterable[str], smallest: int = _SMALLEST_TABLE) -> list[str]:
    """Names in the order in which a Java HashMap of them is walked.

    Args:
        names: in the order in which they were put.
        smallest: size of the table that the map began with.

    Example:
        >>> java_order(["r", "a"])
        ['a', 'r']
    """
    listed = list(names)
    if len(listed) < 2:
        return listed
    table = smallest
    while len(listed) > table * _LOAD_FACTOR:
        table *= 2
    return sorted(listed, key=lambda name: _java_hash(name) & (table - 1))


def java_items(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The items of a mapping in Java's hash order."""
    return [(name, values[name]) for name in java_order(values)]


def event_items(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The same for an object inside an event, whose map is made as small as it can be."""
    table = 1
    while table < len(values):
        table *= 2
    return [(name, values[name]) for name in java_order(values, table)]


def _digits(value: float) -> tuple[str, str, int]:
    """Sign, significant digits and the exponent of the first digit, of the shortest text of a float."""
    mantissa, _, exponent = f"{value!r}".partition("e") if "e" in repr(value) else (repr(value), "", "0")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    return sign, digits.rstrip("0") or "0", int(exponent) + len(whole) - 1 - leading


def java_float(value: float) -> str:
    """`Double.toString`: plain between 1E-3 and 1E7.

    Example:
        >>> java_float(1000.0), java_float(1e10), java_float(1e-5)
        ('1000.0', '1.0E10', '1.0E-5')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return _plain(value)
    sign, digits, exponent = _digits(value)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def ruby_float(value: float) -> str:
    """`Float#to_s`: plain between 1e-4 and 1e16.

    Example:
        >>> ruby_float(1e20), ruby_float(1e7)
        ('1.0e+20', '10000000.0')
    """
    if value == 0 or 1e-4 <= abs(value) < 1e16:
        return _plain(value)
    sign, digits, exponent = _digits(value)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}e{exponent:+03d}"


def _plain(value: float) -> str:
    text = f"{Decimal(repr(value)):f}"
    return text if "." in text else text + ".0"


def ruby_text(value: Any) -> str:
    """`to_s`: what string interpolation in a filter's own code gives.

    Example:
        >>> ruby_text({"k": 1}), ruby_text(None), ruby_text(["a", 1.5])
        ('{"k" => 1}', '', '["a", 1.5]')
    """
    if isinstance(value, str):
        return value
    return "" if value is None else _ruby_inspect(value)


def _ruby_inspect(value: Any) -> str:
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Timestamp):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return ruby_float(value)
    if isinstance(value, Decimal):
        return _ruby_decimal(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_ruby_inspect(key)} => {_ruby_inspect(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_ruby_inspect, value)) + "]"
    return str(value)


def _ruby_decimal(value: Decimal) -> str:
    """`BigDecimal#to_s`: `0.15e1`."""
    sign, digits, exponent = value.normalize().as_tuple()
    if not isinstance(exponent, int) or not any(digits):
        return "0.0"
    text = "".join(map(str, digits))
    return f"{'-' if sign else ''}0.{text}e{exponent + len(text)}"


def field_text(value: Any) -> str:
    """What `%{field}` becomes for a value that is there.

    Example:
        >>> field_text({"b": "v"}), field_text(["x", "y"]), field_text(True)
        ('{"b":"v"}', 'x,y', 'true')
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return ",".join(_element_text(item) for item in value)
    return java_json(value)


def _element_text(value: Any) -> str:
    """An element of an array in `%{field}`: null is nothing, and an object is shown as Java shows a map."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_inner_text(item)}" for name, item in event_items(value)) + "}"
    return field_text(value)


def _inner_text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inner_text, value)) + "]"
    return value if isinstance(value, str) else _element_text(value)


def java_json(value: Any) -> str:
    """JSON text with objects in Java's hash order and numbers as Java prints them."""
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{java_json(item)}" for key, item in event_items(value))
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(java_json, value)) + "]"
    if isinstance(value, float):
        return java_float(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    return json.dumps(value, ensure_ascii=False)
