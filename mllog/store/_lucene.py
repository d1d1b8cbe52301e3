r"""The text of a query box (Lucene's syntax): `mllog.input.category.origin:JFK AND event.duration:>1000000`.

Read from left to right in one pass, as Lucene's classic query parser does (its `addClause` decides what AND, OR and the
signs mean: they bind clauses, they have no precedence). What Elasticsearch would read otherwise than this store can is
refused: fuzzy terms, slop, regular expressions, wildcards in the name of a field, wildcards in text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

from mllog.errors import QueryError
from mllog.store._literals import ALL, NONE, quoted

LONGEST: Final = 10_000
"""Characters of a query."""

DEEPEST: Final = 30
"""Parentheses within each other."""

MOST_CLAUSES: Final = 1024
"""Clauses of a query, as in Elasticsearch."""

_TEXT_FIELDS: Final = ("message", "text")
_TEXTS: Final = ("mllog.input.text.", "mllog.output.text.")
_BLANK: Final = " \t\n\r\u3000"
_SPACE: Final = re.compile(f"[{_BLANK}]*")
_TERM: Final = re.compile(
    r"(?:\\[^\n]|[^" + _BLANK + r'+\-!():^\[\]"{}~\\/])(?:\\[^\n]|[^' + _BLANK + r'!():^\[\]"{}~\\/])*'
)
_NUMBER: Final = re.compile(r"-\d(?:\\[^\n]|[^" + _BLANK + r'!():^\[\]"{}~\\/])*')
_PHRASE: Final = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_BOUND: Final = re.compile(r'"((?:\\.|[^"\\])*)"|([^' + _BLANK + r"\]}]+)", re.DOTALL)
_BOOST: Final = re.compile(r"\^\d+(?:\.\d+)?")
_WORD_OPERATOR: Final = re.compile(rf"(AND|OR|NOT|&&|\|\|)(?![^{_BLANK}()])")
_COMPARISON: Final = re.compile(r"(>=|<=|>|<)(.*)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_WILD: Final = re.compile(r"(?:[^\\]|\\.)*?[*?]", re.DOTALL)
_SPECIAL: Final = re.compile(r"[^\w]+|_+(?![\w])")


class Fields(Protocol):
    """Knows the fields of an index, dates and wildcards; `Translator` does."""

    def translate(self, query: Any, where: str = "query") -> str:
        """A query body as text."""

    def like(self, field: str, pattern: str) -> str:
        """A wildcard over the values of a field."""

    def value(self, field: str, value: str) -> str:
        """A field that has a value."""

    def between(self, field: str, bounds: Mapping[str, Any]) -> str:
        """A field whose value is in a range."""


def translate(text: str, translator: Fields, where: str, *, both: bool) -> str:
    """A query text as tantivy's.

    Args:
        text: the query as it was typed.
        translator: knows fields, dates and wildcards.
        where: place in the body, for errors.
        both: clauses without an operator between must all match (`default_operator: AND`).

    Raises:
        QueryError: it cannot be read, or is too long or too deep; the message says from which column on.
    """
    if len(text) > LONGEST:
        raise QueryError(f"{where}: the query is longer than {LONGEST} characters; make it shorter")
    if not text.strip() or text.strip() in ("*", "*:*"):
        return ALL
    written = _Parser(text, translator, where, both=both).parse()
    return NONE if written is None else written


@dataclass(slots=True)
class _Clause:
    query: str
    occur: str
    """`must`, `should` or `not`."""


class _Parser:
    """Reads a query and writes it; None stands for a clause without a word, which Elasticsearch leaves out."""

    def __init__(self, text: str, translator: Fields, where: str, *, both: bool) -> None:
        self._text = text
        self._at = 0
        self._to = translator
        self._where = where
        self._both = both
        self._count = 0

    def parse(self) -> str | None:
        written = self._clauses(None, 0)
        if self._at < len(self._text):
            self._refuse()
        return written

    def _refuse(self, why: str = "", at: int | None = None) -> NoReturn:
        place = min(self._at if at is None else at, max(0, len(self._text) - 1))
        reason = f" ({why})" if why else ""
        raise QueryError(
            f"{self._where}: cannot read the query from column {place + 1} on: "
            f"{self._text[place : place + 40]!r}{reason}"
        )

    def _blanks(self) -> None:
        match = _SPACE.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _operator(self) -> str:
        """The operator between two clauses that stands here: `AND`, `OR` or none."""
        match = _WORD_OPERATOR.match(self._text, self._at)
        if match and match[1] != "NOT":
            self._at = match.end()
            return "AND" if match[1] in ("AND", "&&") else "OR"
        return ""

    def _sign(self) -> str:
        """The sign before a clause: `+`, `-` or none."""
        letter = self._next()
        match = _WORD_OPERATOR.match(self._text, self._at)
        if match and match[1] == "NOT":
            self._at = match.end()
            return "-"
        if letter in ("+", "-", "!"):
            self._at += 1
            return "+" if letter == "+" else "-"
        return ""

    def _clauses(self, field: str | None, depth: int) -> str | None:
        if depth > DEEPEST:
            self._refuse(f"at most {DEEPEST} parentheses within each other")
        clauses: list[_Clause] = []
        first = True
        while True:
            self._blanks()
            if self._at >= len(self._text) or self._next() == ")":
                break
            operator = "" if first else self._operator()
            self._blanks()
            sign = self._sign()
            self._blanks()
            self._count += 1
            if self._count > MOST_CLAUSES:
                self._refuse(f"at most {MOST_CLAUSES} clauses")
            self._add(clauses, operator, sign, self._clause(field, depth))
            first = False
        if first:
            self._refuse("a clause is missing")
        return _written(clauses)

    def _add(self, clauses: list[_Clause], operator: str, sign: str, query: str | None) -> None:
        """As Lucene's `QueryParserBase.addClause` does."""
        if clauses and clauses[-1].occur != "not":
            if operator == "AND":
                clauses[-1].occur = "must"
            elif operator == "OR" and self._both:
                clauses[-1].occur = "should"
        if query is None:
            return
        if sign == "-":
            occur = "not"
        elif sign == "+" or (self._both and operator != "OR") or (not self._both and operator == "AND"):
            occur = "must"
        else:
            occur = "should"
        clauses.append(_Clause(query, occur))

    def _clause(self, field: str | None, depth: int) -> str | None:
        if self._next() == "(":
            return self._group(field, depth)
        if self._text.startswith("*:*", self._at):
            self._at += 3
            self._suffix()
            return ALL
        name = _TERM.match(self._text, self._at)
        if name and self._text[name.end() : name.end() + 1] == ":" and not _WORD_OPERATOR.match(self._text, self._at):
            if _WILD.match(name[0]) or "*" in _plain(name[0]):
                self._refuse("the name of a field takes no wildcard")
            self._at = name.end() + 1
            field = _plain(name[0])
            if field.startswith(_TEXTS):
                self._refuse("the words of a text are found without the name of a field", name.start())
            # Not over blanks, with which Lucene would end the clause as well as begin the value.
            self._blanks()
            if self._next() == "(":
                return self._group(field, depth)
        return self._value(field)

    def _group(self, field: str | None, depth: int) -> str | None:
        self._at += 1
        written = self._clauses(field, depth + 1)
        if self._next() != ")":
            self._refuse("a parenthesis is not closed", len(self._text) - 1)
        self._at += 1
        self._suffix()
        return written

    def _suffix(self, *, fuzzy: str = "fuzzy terms (~) are not supported") -> None:
        """A boost behind a clause changes the order of the results and not which they are; nothing else may follow."""
        match = _BOOST.match(self._text, self._at)
        if match:
            self._at = match.end()
        letter = self._next()
        if letter == "~":
            self._refuse(fuzzy)
        if letter and letter not in _BLANK + ')("+-!&|':
            self._refuse()

    def _value(self, field: str | None) -> str | None:
        letter = self._next()
        if letter == "/":
            self._refuse("regular expressions are not supported; write a slash as \\/, or the value in quotes")
        if letter in ("[", "{"):
            if field is None:
                self._refuse("a range needs a field")
            return self._range(field)
        phrase = _PHRASE.match(self._text, self._at)
        if phrase:
            self._at = phrase.end()
            self._suffix(fuzzy="the distance of words (~) is not supported")
            return self._is(field, _plain(phrase[1]))
        term = _TERM.match(self._text, self._at) or (_NUMBER.match(self._text, self._at) if field is not None else None)
        if not term or _WORD_OPERATOR.match(self._text, self._at):
            self._refuse()
        here = self._at
        self._at = term.end()
        if self._next() == "/":
            self._refuse("write a slash as \\/, or the value in quotes")
        if self._next() == ":":
            self._refuse("write a colon as \\:, or the value in quotes")
        self._suffix()
        return self._term(field, term[0], here)

    def _term(self, field: str | None, term: str, at: int) -> str | None:
        comparison = _COMPARISON.fullmatch(term)
        if comparison and field is not None:
            if not comparison[2]:
                self._refuse("a value is missing", at)
            name = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}[comparison[1]]
            return self._to.between(field, {name: _plain(comparison[2])})
        if not _WILD.match(term):
            return self._is(field, _plain(term))
        if field is None:
            self._refuse("a wildcard needs a field, as in labels.route:a*", at)
        if field == "_exists_":
            self._refuse("the name of a field takes no wildcard", at)
        if term == "*":
            return self._to.translate({"exists": {"field": field}})
        if field in _TEXT_FIELDS:
            self._refuse(f"{field} is text, in which wildcards are not supported", at)
        return self._to.like(field, term)

    def _is(self, field: str | None, value: str) -> str | None:
        if field == "_exists_":
            return self._to.translate({"exists": {"field": value}})
        if field is None:  # in Elasticsearch also among the keywords, which have what has no word
            return _words(value) or NONE
        if field in _TEXT_FIELDS:
            return _words(value)
        return self._to.value(field, value)

    def _range(self, field: str) -> str:
        opening = self._next()
        self._at += 1
        low = self._bound()
        self._blanks()
        if not re.match(f"TO[{_BLANK}]", self._text[self._at : self._at + 3]):
            self._refuse("a range is written [low TO high]")
        self._at += 2
        high = self._bound()
        self._blanks()
        closing = self._next()
        if closing not in ("]", "}"):
            self._refuse("the range is not closed")
        self._at += 1
        self._suffix()
        bounds = {}
        if low != "*":
            bounds["gte" if opening == "[" else "gt"] = _plain(low)
        if high != "*":
            bounds["lte" if closing == "]" else "lt"] = _plain(high)
        return self._to.between(field, bounds)

    def _bound(self) -> str:
        self._blanks()
        match = _BOUND.match(self._text, self._at)
        if not match or match[0] == "TO":
            self._refuse("a range is written [low TO high]")
        self._at = match.end()
        return match[2] if match[1] is None else match[1]


def _written(clauses: list[_Clause]) -> str | None:
    """A boolean query: all `must`, none of `not`, and without a `must` at least one `should`."""
    if not clauses:
        return None
    required = [clause.query for clause in clauses if clause.occur == "must"]
    some = [clause.query for clause in clauses if clause.occur == "should"]
    none = [clause.query for clause in clauses if clause.occur == "not"]
    if required:
        text = " AND ".join(f"({query})" for query in required)
    elif some:
        text = " OR ".join(f"({query})" for query in some)
    else:
        text = ALL
    if none:
        text = f"({text}) AND (* {' '.join(f'-({query})' for query in none)})"
    return text


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _words(text: str) -> str | None:
    """All words of a text, one after the other, among the words of an event; None if it has none."""
    words = _SPECIAL.sub(" ", text).strip()
    return f"_text:{quoted(words)}" if words else None
