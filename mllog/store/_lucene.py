r"""The text of a query box (Lucene's syntax): `mllog.input.category.origin:JFK AND event.duration:>1000000`."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from mllog._errors import QueryError
from mllog.store._query import ALL, quoted

if TYPE_CHECKING:
    from mllog.store._query import Translator

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


def translate(text: str, translator: Translator, where: str, *, both: bool) -> str:
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


@v_args(inline=True)
class _Writer(Transformer[Token, str]):
    """Writes the parsed text."""

    def __init__(self, translator: Translator, *, both: bool) -> None:
        super().__init__()
        self._to = translator
        self._both = both

    def start(self, *parts: str) -> str:
        return parts[0] if parts else ALL

    def either(self, *parts: str) -> str:
        return parts[0] if len(parts) == 1 else " OR ".join(f"({part})" for part in parts)

    def all_of(self, *parts: str) -> str:
        return parts[0] if len(parts) == 1 else " AND ".join(f"({part})" for part in parts)

    def loose(self, *parts: str) -> str:
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

    def without(self, _: Token, clause: str) -> str:
        return f"(* -({clause}))"

    def needed(self, _: Token, clause: str) -> str:
        return f"(+({clause}))"

    def group(self, inner: str) -> str:
        return f"({inner})"

    def word(self, word: Token) -> str:
        text = _plain(str(word))
        if "*" in word or "?" in word:
            raise QueryError(f"query: a wildcard needs a field, as in labels.route:{word}")
        return _words(text)

    def phrase(self, phrase: Token) -> str:
        return _words(_plain(str(phrase)[1:-1]))

    def fielded(self, field: Token, value: Any) -> str:
        name = _plain(str(field))
        kind, *parts = value
        if name == "_exists_":
            return self._to.translate({"exists": {"field": parts[0]}})
        if kind == "like":
            return self._to.like(name, parts[0])
        if kind == "is":
            return _words(parts[0]) if name in ("message", "text") else self._to.value(name, parts[0])
        if kind == "between":
            return self._to.between(name, parts[0])
        raise QueryError(f"query: {name}:(…) is not supported here; repeat the field instead")

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

    def nested(self, inner: str) -> tuple[str, str]:
        return "nested", inner


def _words(text: str) -> str:
    """All words of a text, one after the other, among the words of an event."""
    words = _SPECIAL.sub(" ", text).strip()
    return f"_text:{quoted(words)}" if words else ALL
