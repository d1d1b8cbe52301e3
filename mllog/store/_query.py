"""Elasticsearch's query DSL becomes tantivy's query language: one text, for searches and for filter aggregations."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from mllog.errors import QueryError
from mllog.store._dates import resolve
from mllog.store._fields import DATES, column
from mllog.store._literals import ALL, NONE, quoted, single
from mllog.store._lucene import translate

_MOST_SHOWN: Final = 60
_WILDCARDS: Final = re.compile(r"\*+|\\.|.", re.DOTALL)

Terms = Callable[[str], Sequence[str]]
"""Gives the values of a keyword field, for wildcards."""


class Translator:
    """Translates query bodies.

    Args:
        now: what `now` means in date math.
        terms: gives the values of a keyword field.
    """

    def __init__(self, now: dt.datetime, terms: Terms) -> None:
        self._now = now
        self._values = terms

    def translate(self, query: Any, where: str = "query") -> str:
        """The query as text.

        Raises:
            QueryError: something is not supported; the message begins with its place in the body.
        """
        kind, body = single(query, where)
        translate = getattr(self, f"_{kind}", None)
        if translate is None or kind not in KINDS:
            raise QueryError(f"{where}.{kind}: this query is not supported here; supported are {', '.join(KINDS)}")
        text: str = translate(body, f"{where}.{kind}")
        return text

    def _match_all(self, _: Any, __: str) -> str:
        return ALL

    def _match_none(self, _: Any, __: str) -> str:
        return NONE

    def _bool(self, body: Any, where: str) -> str:
        clauses = _object(body, where)
        known = {"must", "filter", "should", "must_not", "minimum_should_match"}
        unknown = set(clauses) - known
        if unknown:
            raise QueryError(f"{where}.{min(unknown)}: not a clause of bool")
        every = [*self._each(clauses, "must", where), *self._each(clauses, "filter", where)]
        some = self._each(clauses, "should", where)
        none = self._each(clauses, "must_not", where)
        least = clauses.get("minimum_should_match", 0 if every else 1)
        if least not in (0, 1):
            raise QueryError(f"{where}.minimum_should_match: only 0 and 1 are supported")
        if some and least == 1:
            every.append(" OR ".join(f"({text})" for text in some))
        text = " AND ".join(f"({text})" for text in every) if every else ALL
        if none:
            text = f"({text}) AND (* {' '.join(f'-({part})' for part in none)})"
        return text

    def _each(self, clauses: Mapping[str, Any], name: str, where: str) -> list[str]:
        found = clauses.get(name, [])
        queries = found if isinstance(found, list) else [found]
        return [self.translate(query, f"{where}.{name}[{place}]") for place, query in enumerate(queries)]

    def _term(self, body: Any, where: str) -> str:
        field, value = single(body, where)
        if isinstance(value, Mapping):
            value = value.get("value")
        return self._is(field, value, where)

    def _is(self, field: str, value: Any, where: str) -> str:
        if value is None or isinstance(value, (list, Mapping)):
            raise QueryError(f"{where}.{field}: expected one value")
        if field in ("_index", "_id"):
            return f"{field}:{quoted(value)}"
        if field in DATES:
            moment = self._moment(value, field, where)
            return f"{column(field)}:[{moment} TO {moment}]"
        return f"{column(field)}:{quoted(value)}"

    def _terms(self, body: Any, where: str) -> str:
        field, values = single(body, where)
        if not isinstance(values, list):
            raise QueryError(f"{where}.{field}: expected an array of values")
        if field in DATES:
            return " OR ".join(self._is(field, value, where) for value in values) or NONE
        return self.among(field, values)

    def _match(self, body: Any, where: str) -> str:
        field, value = single(body, where)
        if isinstance(value, Mapping):
            value = value.get("query")
        return self._is(field, value, where)

    def _range(self, body: Any, where: str) -> str:
        field, bounds = single(body, where)
        allowed = {"gt", "gte", "lt", "lte", "format", "time_zone", "boost"}
        parts = []
        for name, value in _object(bounds, f"{where}.{field}").items():
            place = f"{where}.{field}.{name}"
            if name not in allowed:
                raise QueryError(f"{place}: not a bound; there are gt, gte, lt and lte")
            if name == "time_zone" and value not in ("UTC", "Z", "+00:00"):
                raise QueryError(f"{place}: times here are UTC")
            if name in ("gt", "gte", "lt", "lte") and value is not None:
                parts.append(self._bound(field, name, value, place))
        return " AND ".join(parts) if parts else f"{column(field)}:*"

    def _bound(self, field: str, name: str, value: Any, where: str) -> str:
        if field in DATES:
            number: Any = self._moment(value, field, where, round_up=name in ("gt", "lte"))
        else:
            number = _number(value, where)
        # Half-open brackets and not `>`: in front of a negative number that does not parse.
        if name in ("gt", "gte"):
            return f"{column(field)}:{'{' if name == 'gt' else '['}{number} TO *}}"
        return f"{column(field)}:{{* TO {number}{'}' if name == 'lt' else ']'}"

    def _moment(self, value: Any, field: str, where: str, *, round_up: bool = False) -> int:
        moment = resolve(value, now=self._now, round_up=round_up)
        if moment is None:
            raise QueryError(f"{where}: {_short(value)} is not a date, which {field} holds")
        return moment

    def _exists(self, body: Any, where: str) -> str:
        field = _object(body, where).get("field")
        if not isinstance(field, str):
            raise QueryError(f"{where}.field: expected the name of a field")
        return f"{column(field)}:*"

    def _prefix(self, body: Any, where: str) -> str:
        field, value = single(body, where)
        prefix = value.get("value") if isinstance(value, Mapping) else value
        return self.among(field, [term for term in self._values(field) if term.startswith(str(prefix))])

    def _wildcard(self, body: Any, where: str) -> str:
        field, value = single(body, where)
        pattern = value.get("value") if isinstance(value, Mapping) else value
        return self.like(field, str(pattern))

    def like(self, field: str, pattern: str) -> str:
        r"""Documents whose keyword matches a pattern with `*` and `?`; a backslash takes a sign as it is."""
        if pattern == "*":
            return f"{column(field)}:*"
        expression = re.compile(_as_expression(pattern), re.DOTALL)
        return self.among(field, [term for term in self._values(field) if expression.fullmatch(term)])

    def among(self, field: str, values: Sequence[Any]) -> str:
        """Documents that hold one of several values."""
        if not values:
            return NONE
        name = field if field in ("_index", "_id") else column(field)
        # IN takes a word that reads as a number or a boolean for one only; as a literal it is looked up as both.
        as_is = field in ("_index", "_id")
        plain = [value for value in values if as_is or not _ambiguous(value)]
        parts = [] if as_is else [f"{name}:{quoted(value)}" for value in values if _ambiguous(value)]
        if plain:
            parts.append(f"{name}:IN [{' '.join(map(quoted, plain))}]")
        return parts[0] if len(parts) == 1 else " OR ".join(parts)

    def _query_string(self, body: Any, where: str) -> str:
        settings = _object(body, where)
        text = settings.get("query")
        if not isinstance(text, str):
            raise QueryError(f"{where}.query: expected the text of a query")
        operator = str(settings.get("default_operator", "OR")).upper()
        return translate(text, self, f"{where}.query", both=operator == "AND")

    def _ids(self, body: Any, where: str) -> str:
        values = _object(body, where).get("values", [])
        return self.among("_id", list(values))

    def value(self, field: str, value: str) -> str:
        """What `field:value` means in a query text."""
        return self._is(field, value, "query")

    def between(self, field: str, bounds: Mapping[str, Any]) -> str:
        """What `field:[a TO b]` means in a query text."""
        return self._range({field: bounds}, "query")


KINDS: Final = (
    "match_all",
    "match_none",
    "bool",
    "term",
    "terms",
    "match",
    "range",
    "exists",
    "prefix",
    "wildcard",
    "query_string",
    "ids",
)


def _as_expression(pattern: str) -> str:
    """A wildcard pattern as a regular expression that never goes back over what it has read."""
    parts = [""]
    for sign in _WILDCARDS.findall(pattern):
        if sign[0] == "*":
            parts.append("")
        else:
            parts[-1] += "." if sign == "?" else re.escape(sign[1:] if len(sign) == 2 else sign)
    first, *rest = parts
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last


def _object(body: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise QueryError(f"{where}: expected an object")
    return body


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str | float | bool) else f"a value of type {type(value).__name__}"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _number(value: Any, where: str) -> str:
    """A number without an exponent, which the parser does not know."""
    try:
        number = Decimal(str(value))
    except (InvalidOperation, ValueError):  # ValueError: an integer of thousands of digits
        number = Decimal("nan")
    # Beyond that a double has no such number, and its digits would fill the memory.
    if isinstance(value, bool) or not number.is_finite() or not -400 < number.adjusted() < 400:
        raise QueryError(f"{where}: {_short(value)} is not a number; ranges are over numbers and dates here")
    return format(number, "f")


def _ambiguous(value: Any) -> bool:
    """Whether a value is, or reads as, a number or a boolean."""
    if str(value).lower() in ("true", "false"):
        return True
    try:
        float(value)
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False
    return True
