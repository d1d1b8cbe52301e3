"""Field references: `[a][b]` as a path, and what reading, writing and removing along it means.

A reference is parsed once into a tuple of names; the functions walk plain dicts and lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

Path = tuple[str, ...]

_BRACKETS: Final = re.compile(r"\[([^\[\]]+)\]")
_INDEX: Final = re.compile(r"-?[0-9]{1,9}")

MISSING: Final = object()
"""What a reader gives where there is no field."""

Read = Callable[[dict[str, Any]], Any]
_MOST_ELEMENTS: Final = 10_000
"""Writing `[a][999999999]` must not fill the memory with nulls."""


class FieldError(Exception):
    """A field cannot be read or written as asked."""


@lru_cache(maxsize=4096)
def path(reference: str) -> Path:
    """The names of a reference; without brackets the whole text is one name.

    Raises:
        FieldError: brackets are open, empty or in the middle of a name.

    Example:
        >>> path("[a][b.c]"), path("a.b")
        (('a', 'b.c'), ('a.b',))
    """
    if "[" not in reference and "]" not in reference:
        if not reference:
            raise FieldError("an empty field reference")
        return (reference,)
    names = tuple(_BRACKETS.findall(reference))
    if not names or sum(map(len, names)) + 2 * len(names) != len(reference):
        raise FieldError(f"invalid field reference {reference!r}")
    return names


def _element(values: list[Any], name: str) -> Any:
    if _INDEX.fullmatch(name) is None:
        return MISSING
    index = int(name)
    return values[index] if -len(values) <= index < len(values) else MISSING


def _find(event: dict[str, Any], names: Path) -> Any:
    value: Any = event
    for name in names:
        if isinstance(value, dict):
            value = value.get(name, MISSING)
        elif isinstance(value, list):
            value = _element(value, name)
        else:
            return MISSING
        if value is MISSING:
            return value
    return value


def get(event: dict[str, Any], names: Path) -> Any:
    """The value of a field, None if there is none.

    Example:
        >>> get({"a": {"b": [7]}}, ("a", "b", "0"))
        7
    """
    if len(names) == 1:
        return event.get(names[0])
    value = _find(event, names)
    return None if value is MISSING else value


def reader(names: Path) -> Read:
    """A function that reads one field, `MISSING` where there is none: as `_find`, short for short paths.

    Example:
        >>> read = reader(("a", "b"))
        >>> read({"a": {"b": None}}), read({"a": 1}) is MISSING
        (None, True)
    """
    if len(names) == 1:
        only = names[0]
        return lambda event: event.get(only, MISSING)
    if len(names) > 3:
        return lambda event: _find(event, names)
    first, second, third = (*names, "")[:3]
    deeper = len(names) == 3

    def read(event: dict[str, Any]) -> Any:
        value = event.get(first)
        if value is None:
            return MISSING
        if type(value) is not dict:
            return _find(event, names)
        return value.get(second, MISSING)

    def read_deeper(event: dict[str, Any]) -> Any:
        value = event.get(first)
        if value is None:
            return MISSING
        if type(value) is dict:
            value = value.get(second)
            if value is None:
                return MISSING
            if type(value) is dict:
                return value.get(third, MISSING)
        return _find(event, names)

    return read_deeper if deeper else read


def getter(names: Path) -> Read:
    """A function that reads one field, None where there is none: as `get`.

    Example:
        >>> getter(("a", "b"))({"a": {}}) is None
        True
    """
    if len(names) == 1:
        only = names[0]
        return lambda event: event.get(only)
    read = reader(names)

    def found(event: dict[str, Any]) -> Any:
        value = read(event)
        return None if value is MISSING else value

    return found


def includes(event: dict[str, Any], names: Path) -> bool:
    """Whether the field is there, be it null.

    Example:
        >>> includes({"a": None}, ("a",)), includes({}, ("a",))
        (True, False)
    """
    return names[0] in event if len(names) == 1 else _find(event, names) is not MISSING


def put(event: dict[str, Any], names: Path, value: Any) -> None:
    """Write a field; objects on the way are made as needed.

    Raises:
        FieldError: something on the way is neither an object nor an array.

    Example:
        >>> event = {}
        >>> put(event, ("a", "b"), 1)
        >>> event
        {'a': {'b': 1}}
    """
    holder: Any = event
    for name in names[:-1]:
        child = holder.get(name) if isinstance(holder, dict) else _element(holder, name)
        if child is MISSING or child is None:
            child = {}
            _put_one(holder, name, child)
        elif not isinstance(child, dict | list):
            raise FieldError(f"{name!r} holds a value, no fields")
        holder = child
    _put_one(holder, names[-1], value)


def _put_one(holder: Any, name: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[name] = value
        return
    if _INDEX.fullmatch(name) is None:
        raise FieldError(f"{name!r} is not an array index")
    index = int(name)
    if index < -len(holder) or index > _MOST_ELEMENTS:
        raise FieldError(f"index {index} is out of range")
    if index >= len(holder):
        holder.extend([None] * (index + 1 - len(holder)))
    holder[index] = value


def remove(event: dict[str, Any], names: Path) -> Any:
    """Take a field out and give its value back, None if there was none.

    Example:
        >>> event = {"a": {"b": 1}}
        >>> remove(event, ("a", "b")), event
        (1, {'a': {}})
    """
    if len(names) == 1:
        return event.pop(names[0], None)
    holder = _find(event, names[:-1])
    if isinstance(holder, dict):
        return holder.pop(names[-1], None)
    if isinstance(holder, list) and _element(holder, names[-1]) is not MISSING:
        return holder.pop(int(names[-1]))
    return None


def remover(names: Path) -> Read:
    """A function that takes one field out: as `remove`, short for short paths.

    Example:
        >>> remover(("a", "b"))({"a": {"b": 1}})
        1
    """
    if len(names) == 1:
        only = names[0]
        return lambda event: event.pop(only, None)
    if len(names) > 2:
        return lambda event: remove(event, names)
    first, second = names

    def take(event: dict[str, Any]) -> Any:
        holder = event.get(first)
        if holder is None:
            return None
        return holder.pop(second, None) if type(holder) is dict else remove(event, names)

    return take
