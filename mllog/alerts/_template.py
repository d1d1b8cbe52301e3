"""Watcher's templates: mustache over `ctx`, with numbers as Java writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import chevron

from mllog.store._selection import get_path

_PATH: Final = re.compile(r"\{\{\s*(ctx\.[^{}]+?)\s*\}\}")
_LEAST_PLAIN: Final = 1e-3
_MOST_PLAIN: Final = 1e7


def rendered(value: Any, context: Mapping[str, Any]) -> Any:
    """A body with the templates in its strings filled in.

    Each string is filled in by itself, so whatever a value holds, it stays inside its string.
    """
    if isinstance(value, str):
        return render(value, context) if "{{" in value else value
    if isinstance(value, Mapping):
        return {name: rendered(item, context) for name, item in value.items()}
    if isinstance(value, list):
        return [rendered(item, context) for item in value]
    return value


def render(template: str, context: Mapping[str, Any]) -> str:
    """A mustache text over `ctx`; like Watcher's, it does not escape for HTML.

    Example:
        >>> render("{{ctx.metadata.model}} is <off>, {{ctx.n}}", {"metadata": {"model": "R&D"}, "n": 2e7})
        'R&D is <off>, 2.0E7'
    """
    # chevron escapes {{x}} for HTML and leaves {{{x}}} as it is; sections and comments are untouched.
    text: str = chevron.render(_unescaped(template), {"ctx": _printable(context)}, partials_path="")
    return text


def resolved(value: Any, context: Mapping[str, Any]) -> Any:
    """What a condition compares with: a path alone in braces is the value there, of its own type."""
    if isinstance(value, str) and (path := _PATH.fullmatch(value)):
        return get_path(context, path[1].removeprefix("ctx."))
    return value


def _printable(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return str(value)  # a zero is no reason to leave a section out
    if isinstance(value, Mapping):
        return {name: _printable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return value


def number(value: float) -> str:
    """A double as Java's `Double.toString` writes it.

    Example:
        >>> number(0.05), number(19500000.0), number(0.0001), number(12.0), number(-1.5e300)
        ('0.05', '1.95E7', '1.0E-4', '12.0', '-1.5E300')
    """
    if value == 0 or _LEAST_PLAIN <= abs(value) < _MOST_PLAIN:
        plain = format(Decimal(repr(value)), "f")
        return plain if "." in plain else f"{plain}.0"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    if not isinstance(exponent, int):  # not finite
        return {"n": "NaN", "N": "NaN", "F": "-Infinity" if sign else "Infinity"}[exponent]
    mantissa = "".join(map(str, digits)).rstrip("0")
    power = exponent + len(digits) - 1
    return f"{'-' if sign else ''}{mantissa[0]}.{mantissa[1:] or '0'}E{power}"


def _unescaped(template: str) -> str:
    parts = template.split("{{")
    out = [parts[0]]
    for part in parts[1:]:
        tag, closed, rest = part.partition("}}")
        if closed and tag[:1] not in ("#", "/", "^", "!", ">", "{", "&", "="):
            out.append("{{{" + tag + "}}}" + rest)
        else:
            out.append("{{" + part)
    return "".join(out)
