"""Turns any Python object into what JSON can represent, without raising, hanging or growing."""

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

from mllog.errors import must_propagate
from mllog.event._budget import Budget

_DEPTH: Final = 8
_ITEMS: Final = 256
_REPR: Final = 200
_FIRST: Final = 8
_DIGEST_BYTES: Final = 1 << 20
_MAX_TEXT: Final = 1 << 17
_INT64: Final = range(-(2**63), 2**64)
_BEYOND_DOUBLES: Final = (1 << 1024) - (1 << 970)

CIRCULAR: Final = "[circular]"
TOO_DEEP: Final = "[too deep]"
TOO_MUCH: Final = "[too much for one event]"

_EXACT: Final = 10**12
_LONG: Final = 10**38


class Unreadable:
    """Stands for a value that could not be read from its container.

    Attributes:
        reason: name of the exception.
    """

    __slots__ = ("reason",)

    def __init__(self, error: BaseException) -> None:
        self.reason = type(error).__qualname__


def plain(value: Any, budget: Budget | None = None) -> Any:
    """The JSON form of `value`: what it means where that is known, else a marked `repr`.

    Numbers of numpy and Decimal become numbers, dates ISO 8601, a UUID its text, an Enum its value,
    bytes their UTF-8 text or a summary, NaN and infinities None, circular references a marker.
    Arrays and long sequences are summarised: shape, dtype, a digest and the first values.

    Args:
        value: any object.
        budget: what the call may still visit and read; beyond it, values become a marker.

    Example:
        >>> import decimal, uuid
        >>> plain({1: decimal.Decimal("1.50"), "id": uuid.UUID(int=7), "x": float("inf")})
        {'1': 1.5, 'id': '00000000-0000-0000-0000-000000000007', 'x': None}
    """
    return _plain(value, 0, (), budget or Budget())


def _plain(value: Any, depth: int, seen: tuple[int, ...], budget: Budget) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        if len(value) > _MAX_TEXT:
            return f"[text: {len(value)} characters]"
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    if kind is int:
        return (
            value
            if value in _INT64
            else float(value)
            if abs(value) < _BEYOND_DOUBLES
            else f"[{value.bit_length()}-bit int]"
        )
    if kind is float:
        return value if math.isfinite(value) else None
    try:
        return _object(value, depth, seen, budget)
    except BaseException as error:
        if must_propagate(error):
            raise
        return f"[{kind.__qualname__}: {type(error).__name__}]"


def _object(value: Any, depth: int, seen: tuple[int, ...], budget: Budget) -> Any:
    scalar = _scalar(value, budget)
    if scalar is not _UNKNOWN:
        return scalar
    if id(value) in seen:
        return CIRCULAR
    if depth >= _DEPTH:
        return TOO_DEEP
    seen = (*seen, id(value))
    inner = single(value)
    if inner is not value:
        return _plain(inner, depth + 1, seen, budget)
    fields = fields_of(value)
    if fields is not None:
        value = fields
    if isinstance(value, Mapping):
        members: dict[str, Any] = {}
        for name, item in itertools.islice(value.items(), _ITEMS):
            key = _key(name, budget)
            if not _affords(item, budget):
                members[key] = TOO_MUCH
                break
            members[key] = _plain(item, depth + 1, seen, budget)
        return members
    records = _records(value)
    if records is not None:
        return _plain(records, depth, seen, budget)
    if callable(getattr(type(value), "__array__", None)):  # numpy, pandas, torch on the CPU
        return _array(value, budget)
    if isinstance(value, (list, tuple, AbstractSet)):
        if len(value) > _ITEMS:
            return summary(value, shape=[len(value)], dtype=type(value).__name__)
        items: list[Any] = []
        for item in itertools.islice(value, _ITEMS):
            if not _affords(item, budget):
                items.append(TOO_MUCH)
                break
            items.append(_plain(item, depth + 1, seen, budget))
        return items
    return f"[{type(value).__module__}.{type(value).__qualname__}] {_text(repr(value)[:_REPR])}"


def _affords(item: Any, budget: Budget) -> bool:
    return budget.visit() and (type(item) is not str or budget.read(len(item)))


def fields_of(value: Any) -> dict[str, Any] | None:
    """The fields of a dataclass, a named tuple or a pydantic model, one level deep; None for anything else.

    A field that is not set is None; one whose property raises is `Unreadable`.

    Example:
        >>> @dataclasses.dataclass(init=False)
        ... class Row:
        ...     delay: float
        >>> fields_of(Row())
        {'delay': None}
    """
    kind = type(value)
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(kind):
        return {field.name: read(value, field.name) for field in dataclasses.fields(value)}
    declared = getattr(kind, "__pydantic_fields__", None)
    if isinstance(declared, Mapping) and not getattr(kind, "__pydantic_root_model__", False):
        excluded = {name for name, field in declared.items() if getattr(field, "exclude", None)}
        more = getattr(value, "__pydantic_extra__", None) or {}
        computed = getattr(kind, "__pydantic_computed_fields__", None) or getattr(kind, "model_computed_fields", {})
        names = itertools.chain((name for name in declared if name not in excluded), computed)
        return {**{name: read(value, name) for name in names}, **more}
    if callable(getattr(kind, "_asdict", None)):
        return {name: read(value, name) for name in kind._fields}
    return None


def read(value: Any, name: str) -> Any:
    """An attribute; None where it is not set, `Unreadable` where reading it fails."""
    try:
        return getattr(value, name)
    except AttributeError:
        return None
    except BaseException as error:
        if must_propagate(error):
            raise
        return Unreadable(error)


def single(value: Any) -> Any:
    """What an array without dimensions or a scalar of Arrow holds; any other value, and one that fails, as it is.

    Example:
        >>> import numpy as np
        >>> single(np.array(3.5)).item(), single("late"), single(np.ma.array(3.5, mask=True))
        (3.5, 'late', masked)
    """
    try:
        arrow, numpy = sys.modules.get("pyarrow"), sys.modules.get("numpy")
        if arrow is not None and isinstance(value, arrow.Scalar):
            return value.as_py()
        if numpy is None or isinstance(value, (type, numpy.generic)):
            return value
        if not callable(getattr(type(value), "__array__", None)):
            return value
        shape = getattr(value, "shape", None)
        if not isinstance(shape, tuple) or shape:
            return value
        if isinstance(value, numpy.ndarray):
            return value[()]
        return value.item() if callable(getattr(value, "item", None)) else value.__array__()[()]  # torch, tensorflow
    except BaseException as error:
        if must_propagate(error):
            raise
        return value


_UNKNOWN: Final = object()


def _scalar(value: Any, budget: Budget) -> Any:
    if isinstance(value, Unreadable):
        return f"[unreadable: {value.reason}]"
    if isinstance(value, enum.Enum):
        return _plain(value.value, 1, (), budget)
    if isinstance(value, (str, int, float)):  # subclasses: their base's value, not their own methods
        base = next(base for base in (str, bool, int, float) if isinstance(value, base))
        return _plain(base(value), 0, (), budget)
    if isinstance(value, decimal.Decimal):
        return _decimal(value)
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return None if value != value else value.isoformat()  # noqa: PLR0124 - pandas' NaT is not itself
    if isinstance(value, dt.timedelta):
        return None if value != value else value.total_seconds()  # noqa: PLR0124 - the same
    if isinstance(value, (uuid.UUID, os.PathLike)):
        return _text(str(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes(value)
    if getattr(type(value), "__pydantic_root_model__", False):
        return _plain(read(value, "root"), 1, (), budget)
    if is_missing(value):
        return None
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if numpy is not None and isinstance(value, numpy.generic):
        return _numpy_scalar(value, numpy, budget)
    if pandas is not None and isinstance(value, (pandas.Period, pandas.Interval)):
        return str(value)
    return _UNKNOWN


def is_scalar(value: Any) -> bool:
    """Whether `plain` has a number, text, boolean or None for a value; false for nested values and unknown objects.

    Example:
        >>> is_scalar(dt.date(2026, 5, 4)), is_scalar([1]), is_scalar(object())
        (True, False, False)
    """
    found = value if value is None or type(value) in (str, int, float, bool) else _scalar(value, Budget())
    return found is not _UNKNOWN and not isinstance(found, (dict, list))


def _numpy_scalar(value: Any, numpy: Any, budget: Budget) -> Any:
    item = value.item()
    if isinstance(value, numpy.timedelta64):  # of nanoseconds and of years, `item` makes an integer without its unit
        return float(value / numpy.timedelta64(1, "s"))
    if isinstance(value, numpy.datetime64) and isinstance(item, int):
        return str(value)
    return _plain(float(value) if isinstance(item, numpy.generic) else item, 0, (), budget)


def is_missing(value: Any) -> bool:
    """Whether a scalar is what pandas or numpy say for a missing value; NaN is not: it may be a result.

    Example:
        >>> import numpy as np, pandas as pd
        >>> [is_missing(value) for value in (None, pd.NA, pd.NaT, np.ma.masked, float("nan"))]
        [True, True, True, True, False]
    """
    if value is None:
        return True
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return True
    if numpy is None:
        return False
    masked = sys.modules.get("numpy.ma")
    if masked is not None and value is masked.masked:
        return True
    return isinstance(value, (numpy.datetime64, numpy.timedelta64)) and bool(numpy.isnat(value))


def _decimal(value: decimal.Decimal) -> Any:
    if not value.is_finite():
        return None
    # As a float a long number would lose its last digits, and with them what it is: a card, say.
    exact = value.adjusted() < 40 and _EXACT <= abs(value) < _LONG and value == value.to_integral_value()
    if exact:
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _key(key: Any, budget: Budget) -> str:
    text = key if type(key) is str else str(_plain(key, _DEPTH, (), budget))
    return _text(text[:_MAX_TEXT])


def _bytes(value: bytes | bytearray | memoryview) -> Any:
    view = memoryview(value)
    if view.nbytes <= _ITEMS:
        try:
            return view.tobytes().decode()
        except UnicodeDecodeError:
            pass
    flat = view.cast("B") if view.contiguous else memoryview(view.tobytes())
    return {**_digest(flat[:_DIGEST_BYTES], flat.nbytes), "shape": [flat.nbytes], "dtype": "bytes"}


def _digest(data: Any, size: int) -> dict[str, Any]:
    """The digest of the bytes, of no more than the first mebibyte of them, which it then says."""
    digest = {"digest": "sha256:" + hashlib.sha256(data).hexdigest()}
    return digest if size <= _DIGEST_BYTES else {**digest, "digest_bytes": _DIGEST_BYTES}


def _array(value: Any, budget: Budget) -> Any:
    shape = [int(size) for size in getattr(value, "shape", ())]
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray):
        if len(shape) == 1 and shape[0] > _DIGEST_BYTES:  # converting all of it could take seconds
            value = value[:_DIGEST_BYTES]
        value = value.__array__()
    mask = getattr(value, "mask", None)
    count = math.prod(shape) if shape else value.size
    if value.size <= _FIRST and value.dtype.kind in "biuf":
        cells = value.tolist() if value.ndim == 1 else value.ravel().tolist()
        return [_plain(item, _DEPTH, (), budget) for item in cells]
    dtype = str(value.dtype)
    if value.dtype.hasobject or mask is not None:
        return summary(value.flat[:_FIRST].tolist(), shape=shape or [count], dtype=dtype)
    part = value.flat[: max(1, _DIGEST_BYTES // max(1, value.itemsize))]
    return summary(part[:_FIRST], shape=shape or [count], dtype=dtype, data=part.tobytes(), size=value.nbytes)


def _records(value: Any) -> dict[str, Any] | None:
    """A frame or a structured array by the names of its columns, a Series by those of its index; else None.

    The rules look at the names.
    """
    names = getattr(getattr(value, "dtype", None), "names", None)
    if names and getattr(value, "ndim", 0) > 0:
        rows = [dict(zip(names, row, strict=True)) for row in value.ravel()[:_FIRST].tolist()]
        return {"shape": list(value.shape), "dtype": "record", "first": rows}
    at = getattr(value, "iloc", None)
    if at is None:
        return None
    if hasattr(type(value), "columns"):
        rows = at[:_FIRST, :_ITEMS].to_dict("records")
        return {"shape": list(value.shape), "dtype": type(value).__name__, "first": rows}
    if len(value) and isinstance(value.index[0], str):
        named: dict[str, Any] = at[:_ITEMS].to_dict()
        return named
    return None


def summary(
    value: Any, *, shape: list[int], dtype: str, data: bytes | None = None, size: int | None = None
) -> dict[str, Any]:
    """What is kept of a large input: its shape, type, a digest of its bytes and the first values.

    Args:
        value: the values, or the first of them.
        shape: of all of them.
        dtype: of all of them.
        data: bytes of the digest.
        size: how many bytes there are in all; default: those of `data`.

    Example:
        >>> summary([1, 2, 3], shape=[3], dtype="list", data=b"x")["first"]
        [1, 2, 3]
    """
    budget = Budget()
    first = [_plain(item, _DEPTH, (), budget) for item in itertools.islice(value, _FIRST)]
    digest = {} if data is None else _digest(data, len(data) if size is None else size)
    return {"shape": shape, "dtype": dtype, "first": first, **digest}
