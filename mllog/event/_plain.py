"""Turns any Python object into what JSON can say, without raising, hanging or growing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import hashlib
import itertools
import math
import os
import sys
import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

_DEPTH: Final = 8
_ITEMS: Final = 256
_REPR: Final = 200
_FIRST: Final = 8
_INT64: Final = range(-(2**63), 2**64)

CIRCULAR: Final = "[circular]"
TOO_DEEP: Final = "[too deep]"


_EXACT: Final = 10**12
_LONG: Final = 10**38


def plain(value: Any) -> Any:
    """The JSON form of `value`: what it means where that is known, else a marked `repr`.

    Numbers of numpy and Decimal become numbers, dates ISO 8601, a UUID its text, an Enum its value,
    bytes their UTF-8 text or a summary, NaN and infinities None, circular references a marker.
    Arrays and long sequences are summarised: shape, dtype, a digest and the first values.

    Example:
        >>> import decimal, uuid
        >>> plain({1: decimal.Decimal("1.50"), "id": uuid.UUID(int=7), "x": float("inf")})
        {'1': 1.5, 'id': '00000000-0000-0000-0000-000000000007', 'x': None}
    """
    return _plain(value, 0, ())


def _plain(value: Any, depth: int, seen: tuple[int, ...]) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if kind is int:
        return (
            value if value in _INT64 else float(value) if abs(value) < 1 << 1023 else f"[{value.bit_length()}-bit int]"
        )
    if kind is float:
        return value if math.isfinite(value) else None
    try:
        return _object(value, depth, seen)
    except Exception as error:  # noqa: BLE001 - a property, a len or a repr of the caller's may raise anything
        return f"[{kind.__qualname__}: {type(error).__name__}]"


def _object(value: Any, depth: int, seen: tuple[int, ...]) -> Any:
    scalar = _scalar(value)
    if scalar is not _UNKNOWN:
        return scalar
    if id(value) in seen:
        return CIRCULAR
    if depth >= _DEPTH:
        return TOO_DEEP
    seen = (*seen, id(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    elif callable(getattr(type(value), "model_dump", None)):  # pydantic
        value = value.model_dump()
    if isinstance(value, Mapping):
        items = itertools.islice(value.items(), _ITEMS)
        return {_key(key): _plain(item, depth + 1, seen) for key, item in items}
    if callable(getattr(type(value), "__array__", None)):  # numpy, pandas, torch on the CPU
        return _array(value)
    if isinstance(value, (list, tuple, AbstractSet)):
        if len(value) > _ITEMS:
            return summary(value, shape=[len(value)], dtype=type(value).__name__)
        return [_plain(item, depth + 1, seen) for item in itertools.islice(value, _ITEMS)]
    return f"[{type(value).__module__}.{type(value).__qualname__}] {_text(repr(value)[:_REPR])}"


_UNKNOWN: Final = object()


def _scalar(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return _plain(value.value, 1, ())
    if isinstance(value, (str, int, float)):  # subclasses: their base's value, not their own methods
        base = next(base for base in (str, bool, int, float) if isinstance(value, base))
        return _plain(base(value), 0, ())
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            return None
        # As a float a long number would lose its last digits, and with them what it is: a card, say.
        return int(value) if _EXACT <= abs(value) < _LONG and value == value.to_integral_value() else float(value)
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return None if value != value else value.isoformat()  # noqa: PLR0124 - pandas' NaT is not itself
    if isinstance(value, dt.timedelta):
        return None if value != value else value.total_seconds()  # noqa: PLR0124 - the same
    if isinstance(value, (uuid.UUID, os.PathLike)):
        return _text(str(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes(bytes(value))
    pandas = sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return None
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return _plain(value.item(), 0, ()) if not isinstance(value.item(), numpy.generic) else float(value)
    return _UNKNOWN


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _key(key: Any) -> str:
    text = key if type(key) is str else str(_plain(key, _DEPTH, ()))
    return _text(text)


def _bytes(value: bytes) -> Any:
    try:
        return value.decode() if len(value) <= _ITEMS else {**_digest(value), "shape": [len(value)], "dtype": "bytes"}
    except UnicodeDecodeError:
        return {**_digest(value), "shape": [len(value)], "dtype": "bytes"}


def _digest(data: bytes) -> dict[str, Any]:
    return {"digest": "sha256:" + hashlib.sha256(data).hexdigest()}


def _array(value: Any) -> Any:
    array = value.__array__()
    if array.size <= _FIRST and array.dtype.kind in "biuf":
        return [_plain(item, _DEPTH, ()) for item in array.ravel().tolist()]
    return summary(array.ravel(), shape=list(array.shape), dtype=str(array.dtype), data=array.tobytes())


def summary(value: Any, *, shape: list[int], dtype: str, data: bytes | None = None) -> dict[str, Any]:
    """What is kept of a large input: its shape, type, a digest of its bytes and the first values.

    Example:
        >>> summary([1, 2, 3], shape=[3], dtype="list", data=b"x")["first"]
        [1, 2, 3]
    """
    first = [_plain(item, _DEPTH, ()) for item in itertools.islice(value, _FIRST)]
    return {"shape": shape, "dtype": dtype, "first": first, **(_digest(data) if data is not None else {})}
