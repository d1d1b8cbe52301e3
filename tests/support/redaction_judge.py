"""Whether a stored event still holds what it must not, or lost what it must keep (rules of the redaction corpus)."""

from __future__ import annotations

import html
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

sys.setrecursionlimit(20_000)

_ESCAPE = re.compile(r'\\(u[0-9A-Fa-f]{4}|["\\/bfnrt])')
_SIMPLE = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_COLON = re.compile(r'"\s*:\s*')
_PAIR = re.compile(r'^"((?:[^"\\]|\\.)*)":(.+)$', re.DOTALL)
_NUMBER = re.compile(r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$")
_MISSING = object()


def _unescaped(text: str) -> str:
    """One level of JSON escapes undone, wherever they stand."""
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "u" else _SIMPLE[m[1]], text)
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text


def _folded(text: str) -> str:
    """NFKC without format characters."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", "".join(c for c in text if unicodedata.category(c) != "Cf"))


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Dotted path and scalar of every leaf; elements of an array share a path."""
    stack = [("", value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, dict) and item:
            stack += [(f"{path}.{key}" if path else str(key), inner) for key, inner in item.items()]
        elif isinstance(item, list) and item:
            stack += [(path, inner) for inner in item]
        else:
            yield path, item


def _readings(events: list[Any], *, deep: bool) -> list[str]:
    """The ways of reading stored events in which a value can be found."""
    found: dict[str, None] = {}
    leaves = list(_leaves(events))
    plain = "\n".join(part for path, item in leaves for part in ([path, item] if isinstance(item, str) else [path]))
    for start in (json.dumps(events, ensure_ascii=False, separators=(",", ":")), plain):
        current = start
        for _ in range(5):
            found[current] = None
            current = _unescaped(current)
        current = start
        for _ in range(5 if deep else 0):
            current = html.unescape(unquote(_unescaped(current), errors="replace"))
            found[current] = None
    if deep:
        found |= dict.fromkeys(map(_folded, list(found)))
    return list(found | dict.fromkeys(_COLON.sub('":', text) for text in list(found)))


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    return type(left) is type(right) and left == right


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _MISSING


def _pair(text: str) -> tuple[str, Any] | None:
    """`"key":value` as key and value."""
    found = _PAIR.match(text)
    if found is None:
        return None
    key, value = _loaded(f'"{found[1]}"'), _loaded(found[2])
    return None if key is _MISSING or value is _MISSING else (key, value)


class Stored:
    """The events that came out for one line."""

    def __init__(self, events: list[Any]) -> None:
        self._plain = _readings(events, deep=False)
        self._deep = [text.casefold() for text in _readings(events, deep=True)]
        self._leaves = list(_leaves(events))

    def _has(self, key: str, value: Any, *, fold: bool) -> bool:
        wanted = key.casefold() if fold else key
        for path, item in self._leaves:
            shown = path.casefold() if fold else path
            if (shown == wanted or shown.endswith("." + wanted)) and _same(item, value):
                return True
        return False

    def _has_number(self, text: str) -> bool:
        number = _loaded(text)
        return any(_same(number, item) for _, item in self._leaves if not isinstance(item, str))

    def leaks(self, secret: str) -> bool:
        """Whether a secret can be read."""
        folded = secret.casefold()
        if any(folded in text for text in self._deep):
            return True
        pair = _pair(secret)
        if pair is not None:
            tail = "." + folded[1:]
            return any(tail in text for text in self._deep) or self._has(*pair, fold=True)
        return bool(_NUMBER.match(secret)) and sum(map(str.isdigit, secret)) >= 6 and self._has_number(secret)

    def keeps(self, text: str) -> bool:
        """Whether what must stay is there."""
        if any(text in reading for reading in self._plain):
            return True
        pair = _pair(text)
        if pair is not None:
            return self._has(*pair, fold=False)
        return bool(_NUMBER.match(text)) and self._has_number(text)
