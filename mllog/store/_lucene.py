r"""The text of a query box (Lucene's syntax): `mllog.input.category.origin:JFK AND event.duration:>1000000`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from mllog.errors import QueryError
from mllog.store._literals import ALL, quoted

_GRAMMAR: Final = r"""
start: either?
either: all_of (_OR all_of)*
all_of: loose (_AND loose)*
loose: clause+
?clause: NOT clause -> without
       | PLUS clause -> needed
       | "(" either ")" -> group
       | FIELD ":" value -> fielded
       | PHRASE -> phrase
       | WORD -> word
?value: PHRASE -> is_phrase
      | WORD -> is_word
      | COMPARE WORD -> compared
      | OPEN WORD _TO WORD CLOSE -> ranged
      | "(" either ")" -> nested
_AND.3: /AND(?=[\s(])/ | "&&"
_OR.3: /OR(?=[\s(])/ | "||"
_TO.3: /TO(?=\s)/
NOT.3: /NOT(?=[\s(])/ | "!" | /-(?=[^\s])/
PLUS: "+"
COMPARE: ">=" | "<=" | ">" | "<"
OPEN: "[" | "{"
CLOSE: "]" | "}"
FIELD.2: /(?:\\.|[^\s:()\[\]{}"+!\-\\><])(?:\\.|[^\s:()\[\]{}"\\])*(?=:)/
PHRASE: /"(?:\\.|[^"\\])*"/
WORD: /(?!(?:AND|OR|NOT)(?:[\s()]|$))(?:\\.|[^\s:()\[\]{}"+!\-\\><]|-(?=\d))(?:\\.|[^\s()\[\]{}"\\])*/
%ignore /\s+/
"""
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL: Final = re.compile(r"[^\w]+")


@functools.cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="earley", lexer="dynamic", maybe_placeholders=False)


class Fields(Protocol):
    """Knows the fields of an index, dates and wildcards; `Translator` does."""

    def translate(self, query: Any, where: str = "query") -> str:
        """A query body as text."""

    def like(self, field: str, pattern: str) -> str:
        """A wildcard over the values of a field."""

    def value(self, field: str, value: str) -> str:
        """A field that has a value."""

    def between(self, field: str, bounds: Mapping[str, Any]) -> str:
        """A field whose value lies in a range."""


def translate(text: str, translator: Fields, where: str, *, both: bool) -> str:
    """A query text as tantivy's.

    Args:
        text: what somebody typed.
        translator: knows fields, dates and wildcards.
        where: place in the body, for errors.
        both: clauses without an operator between must all match (`default_operator: AND`).

    Raises:
        QueryError: it does not parse; the message says from where on.
    """
    if not text.strip() or text.strip() in ("*", "*:*"):
        return ALL
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        column = max(1, error.column) if error.column > 0 else len(text)
        raise QueryError(
            f"{where}: cannot read the query from column {column} on: {text[column - 1 :][:40]!r}"
        ) from error
    try:
        found: str = _Writer(translator, both=both).transform(tree)
    except VisitError as error:
        raise error.orig_exc from None
    return found


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


_Clause = Callable[[str | None], str]
"""Writes a clause for the field of the parentheses that it stands in, or for none."""


@v_args(inline=True)
class _Writer(Transformer[Token, str]):
    """Writes the parsed text."""

    def __init__(self, translator: Fields, *, both: bool) -> None:
        super().__init__()
        self._to = translator
        self._both = both

    def start(self, *clauses: _Clause) -> str:
        return clauses[0](None) if clauses else ALL

    def either(self, *clauses: _Clause) -> _Clause:
        return _joined(clauses, " OR ")

    def all_of(self, *clauses: _Clause) -> _Clause:
        return _joined(clauses, " AND ")

    def loose(self, *clauses: _Clause) -> _Clause:
        return lambda field: self._loose([clause(field) for clause in clauses])

    def _loose(self, parts: Sequence[str]) -> str:
        if len(parts) == 1:
            return parts[0]
        # Beside a clause with + the plain ones are optional, and one with a minus always restricts.
        binding = [part for part in parts if part.startswith(("(* -", "(+"))]
        plain = [part for part in parts if part not in binding]
        if self._both or not plain:
            return " AND ".join(f"({part})" for part in parts)
        if any(part.startswith("(+") for part in binding):
            return " AND ".join(f"({part})" for part in binding)
        some = " OR ".join(f"({part})" for part in plain)
        return " AND ".join([f"({some})", *(f"({part})" for part in binding)])

    def without(self, _: Token, clause: _Clause) -> _Clause:
        return lambda field: f"(* -({clause(field)}))"

    def needed(self, _: Token, clause: _Clause) -> _Clause:
        return lambda field: f"(+({clause(field)}))"

    def group(self, inner: _Clause) -> _Clause:
        return lambda field: f"({inner(field)})"

    def word(self, word: Token) -> _Clause:
        value = self.is_word(word)

        def write(field: str | None) -> str:
            if field is not None:
                return self._valued(field, value)
            if value[0] == "like":
                raise QueryError(f"query: a wildcard needs a field, as in labels.route:{word}")
            return _words(value[1])

        return write

    def phrase(self, phrase: Token) -> _Clause:
        value = self.is_phrase(phrase)
        return lambda field: _words(value[1]) if field is None else self._valued(field, value)

    def fielded(self, field: Token, value: Any) -> _Clause:
        name = _plain(str(field))
        if callable(value):  # field:(one OR two)
            return lambda _: f"({value(name)})"
        return lambda _: self._valued(name, value)

    def _valued(self, name: str, value: tuple[str, Any]) -> str:
        kind, what = value
        if name == "_exists_":
            return self._to.translate({"exists": {"field": what}})
        if kind == "like":
            return self._to.like(name, what)
        if kind == "is":
            return _words(what) if name in ("message", "text") else self._to.value(name, what)
        return self._to.between(name, what)

    def is_phrase(self, phrase: Token) -> tuple[str, str]:
        return "is", _plain(str(phrase)[1:-1])

    def is_word(self, word: Token) -> tuple[str, str]:
        text = str(word)
        wild = re.search(r"(?<!\\)[*?]", text)
        return ("like" if wild else "is"), _plain(text)

    def compared(self, comparison: Token, word: Token) -> tuple[str, dict[str, str]]:
        name = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}[str(comparison)]
        return "between", {name: _plain(str(word))}

    def ranged(self, opening: Token, low: Token, high: Token, closing: Token) -> tuple[str, dict[str, str]]:
        bounds = {}
        if low != "*":
            bounds["gte" if opening == "[" else "gt"] = _plain(str(low))
        if high != "*":
            bounds["lte" if closing == "]" else "lt"] = _plain(str(high))
        return "between", bounds

    def nested(self, inner: _Clause) -> _Clause:
        return inner


def _joined(clauses: Sequence[_Clause], word: str) -> _Clause:
    if len(clauses) == 1:
        return clauses[0]
    return lambda field: word.join(f"({clause(field)})" for clause in clauses)


def _words(text: str) -> str:
    """All words of a text, one after the other, among the words of an event."""
    words = _SPECIAL.sub(" ", text).strip()
    return f"_text:{quoted(words)}" if words else ALL
