"""What learning and validating must agree on: the text of a category, what a time looks like, the reach of a float32.

A value is first made plain (`mllog.event._plain.plain`), as it is written to an event. All else is decided here.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
import struct
from typing import Any, Final

from mllog.redaction import Redactor

_EXACT: Final = 2.0**64
_TIME: Final = re.compile(
    r"[(\[]?(?:[+-]?\d{4,}|-\d{3}(?=-))(?:Q[1-4]|(?:-\d\d){0,2}(?:[T /,].*)?)|"  # pandas writes the year -5 as -005
    r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d.*)?"
)
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?")
_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_NUMERIC: Final = re.compile(r"(?:u?int\d|float|double|half|decimal|mixed|integer|bool)", re.IGNORECASE)
_SINGLE: Final = re.compile(r"\b(?:float32|float\[pyarrow\])", re.IGNORECASE)
_HALF: Final = re.compile(r"\b(?:float16|halffloat\[pyarrow\])", re.IGNORECASE)
_BITS: Final = {"f": "I", "e": "H"}


def text_of(value: Any, precision: str = "") -> str:
    """The category of a plain value: 1 and 1.0 are the same one.

    Args:
        value: a string, number or boolean.
        precision: of the training values, by `precision_of`.

    Example:
        >>> text_of(1), text_of(1.0), text_of(0.5), text_of(True), text_of(0.10000000149011612, "f")
        ('1', '1', '0.5', 'True', '0.1')
    """
    if type(value) is int and (precision or abs(value) >= _EXACT):
        value = float(value)
    if type(value) is not float:
        return str(value)
    value = rounded(value, precision)
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return repr(shortest(value, precision))


def is_numeric_coded(holds: str) -> bool:
    """Whether numbers are among the values of a category whose values have this type.

    Example:
        >>> [is_numeric_coded(holds) for holds in ("integer", "float32", "Int64", "", "interval", "date")]
        [True, True, True, False, False, False]
    """
    return _NUMERIC.match(holds) is not None


def is_time(text: str) -> bool:
    """Whether a text is a date, a time or a period: ISO 8601, or as pandas writes it.

    Example:
        >>> [is_time(text) for text in ("2026-05-04", "2026-05-04T12:00:00+02:00", "12:30", "2026Q1", "soon", "UA 17")]
        [True, True, True, True, False, False]
    """
    return _TIME.fullmatch(text) is not None


def is_iso_date(text: str) -> bool:
    """Whether a text is a date or date and time in ISO 8601 with all its separators.

    Example:
        >>> [is_iso_date(text) for text in ("2026-05-04", "2026-05-04 12:00", "20260504", "2026-13-01")]
        [True, True, False, False]
    """
    if _ISO.fullmatch(text) is None:
        return False
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def seconds(value: Any) -> float:
    """A date or datetime as seconds since 1970 (UTC where it has no zone), a time as seconds since midnight.

    Example:
        >>> seconds("1970-01-02"), seconds(dt.date(1970, 1, 2)), seconds(dt.time(0, 1))
        (86400.0, 86400.0, 60.0)
    """
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)).timestamp()
    if isinstance(value, dt.date):
        return (value.toordinal() - _EPOCH_DAY) * 86_400.0
    return float(value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6)


def precision_of(dtype: str, holds: str = "") -> str:
    """`f` for float32, `e` for float16, empty for a double and all that is no float.

    Example:
        >>> precision_of("float32"), precision_of("category", "float16"), precision_of("Float64")
        ('f', 'e', '')
    """
    for name in (holds, dtype):
        if _SINGLE.search(name) is not None:
            return "f"
        if _HALF.search(name) is not None:
            return "e"
    return ""


def shortest(value: float, precision: str) -> float:
    """The number with the fewest digits that is the same in this precision.

    Example:
        >>> shortest(0.699999988079071, "f"), shortest(0.699999988079071, "")
        (0.7, 0.699999988079071)
    """
    if not precision or not math.isfinite(value):
        return value
    own = rounded(value, precision)
    for digits in range(1, 10):
        short = float(f"{own:.{digits}g}")
        if rounded(short, precision) == own:
            return short
    return own


def least_from(value: float, precision: str) -> float:
    """The least double that is, in this precision, no less than a value.

    Example:
        >>> least_from(0.3, "f") < 0.3 < least_from(0.30000002, "f"), least_from(0.5, "f")
        (True, 0.5)
    """
    own = rounded(value, precision)
    if not precision or own == value == shortest(own, precision):
        return value
    least: float = reach(own if own >= value else _neighbour(own, 1, precision), precision)[0]
    return least


@functools.lru_cache(maxsize=4096)
def reach(value: float, precision: str) -> tuple[float, float]:
    """The least and the greatest double that are this value in the precision of the training data.

    Example:
        >>> low, high = reach(0.7, "f")
        >>> low < 0.699999988 < 0.7 < high, reach(0.7, "")
        (True, (0.7, 0.7))
    """
    if not precision or not math.isfinite(rounded(value, precision)):
        return value, value
    own = rounded(value, precision)
    below, above = (_neighbour(own, direction, precision) for direction in (-1, 1))
    return _towards(own, below, above, precision), _towards(own, above, below, precision)


def _towards(own: float, neighbour: float, opposite: float, precision: str) -> float:
    """The double furthest from `own`, on the way to its neighbour, that still rounds to it."""
    middle = own + (neighbour - own) / 2 if math.isfinite(neighbour) else own + (own - opposite) / 2
    return middle if rounded(middle, precision) == own else math.nextafter(middle, own)


def _neighbour(own: float, direction: int, precision: str) -> float:
    """The next number up (1) or down (-1) in this precision."""
    kind = _BITS[precision]
    bits: int = struct.unpack(f"<{kind}", struct.pack(f"<{precision}", abs(own)))[0]
    outwards = own == 0 or (own > 0) == (direction > 0)
    size: float = struct.unpack(f"<{precision}", struct.pack(f"<{kind}", bits + (1 if outwards else -1)))[0]
    return math.copysign(size, direction if own == 0 else own)


def rounded(value: float, precision: str) -> float:
    """The nearest number of this precision, as a double.

    Example:
        >>> rounded(0.7, "f"), rounded(0.7, "")
        (0.699999988079071, 0.7)
    """
    if not precision:
        return value
    try:
        found: float = struct.unpack(f"<{precision}", struct.pack(f"<{precision}", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return found


def harmless(redactor: Redactor, name: str, value: Any) -> bool:
    """Whether a value under a sensitive name is kept all the same, such as a flag or a small count.

    The rule is `Redactor.harmless(name, value)`; a redactor without it keeps none.

    Args:
        redactor: has the rule.
        name: of the feature.
        value: a plain value.
    """
    rule = getattr(redactor, "harmless", None)
    return rule is not None and bool(rule(name, value))
