"""The grammar of Logstash's configuration language, and the place of the first error in a text.

Follows `logstash-core/lib/logstash/config/grammar.treetop`. That one is a packrat grammar and names the furthest
place any rule reached; an LALR parser stops at the first token that can not follow, which is the same place.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from mllog.errors import PipelineError

_GRAMMAR: Final = r"""
start: section*
section: SECTION "{" _statement* "}"
_statement: branch | plugin
plugin: _name "{" setting* "}"
setting: _name ARROW _value
_name: BAREWORD | NAME | STRING

branch: if_part else_if_part* else_part?
if_part: IF _condition "{" _statement* "}"
else_if_part: ELSE IF _condition "{" _statement* "}"
else_part: ELSE "{" _statement* "}"

_value: codec | BAREWORD | STRING | NUMBER | array | hash
codec: (BAREWORD | NAME) "{" setting* "}"
array: "[" (_value ("," _value)*)? "]"
hash: LBRACE pair* "}"
pair: (NUMBER | BAREWORD | STRING) ARROW _value

_condition: chain
chain: _expression (LOGIC _expression)*
_expression: group | negated | membership | comparison | matching | _rvalue
group: "(" _condition ")"
negated: "!" (group | SELECTOR)
membership: _rvalue NOT? IN _rvalue
comparison: _rvalue COMPARE _rvalue
matching: _rvalue MATCH (STRING | REGEXP)
_rvalue: STRING | NUMBER | SELECTOR | array | call | REGEXP
call: BAREWORD "(" (_rvalue ("," _rvalue)*)? ")"

SECTION: "input" | "filter" | "output"
IF.3: /if(?![A-Za-z0-9_-])/
ELSE.3: /else(?:(?![A-Za-z0-9_-])|(?=if(?![A-Za-z0-9_-])))/
LOGIC.3: /(?:and|or|xor|nand)(?![A-Za-z0-9_-])/
NOT.3: /not(?![A-Za-z0-9_-])/
IN.3: /in(?![A-Za-z0-9_-])/
COMPARE: "==" | "!=" | "<=" | ">=" | "<" | ">"
MATCH: "=~" | "!~"
NUMBER.2: /-?[0-9]+(?:\.[0-9]*)?(?:(?![A-Za-z0-9_-])|(?=(?:and|or|xor|nand)(?![A-Za-z0-9_-])))/
BAREWORD.1: /[A-Za-z_][A-Za-z0-9_]+(?![A-Za-z0-9_-])/
NAME: /[A-Za-z0-9_-]+/
STRING: /\x22(?:\\\x22|\\(?!\x22)|[^\x22\\])*\x22|\x27(?:\\\x27|\\(?!\x27)|[^\x27\\])*\x27/
REGEXP: /\/(?:\\\/|\\(?!\/)|[^\/\\])*\//
SELECTOR: /(?:\[[^\[\],]+\])+/
LBRACE: "{"
ARROW: "=>"
COMMENT: /#[^\n]*/
%ignore COMMENT
%ignore /[ \t\r\n]+/
"""

_SHOWN: Final = {
    "LBRACE": "{", "RBRACE": "}", "LSQB": "[", "RSQB": "]", "LPAR": "(", "RPAR": ")", "COMMA": ",", "BANG": "!",
    "ARROW": "=>", "$END": "the end", "SELECTOR": "[field]", "LOGIC": "and/or/xor/nand", "COMPARE": "==", "MATCH": "=~",
    "SECTION": "input/filter/output", "NAME": "name", "BAREWORD": "name",
}  # fmt: skip
_QUOTES: Final = {'"': "STRING", "'": "STRING", "/": "REGEXP"}


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=False)


def _end(text: str) -> tuple[int, int]:
    """Line and column just behind the last character."""
    return text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1


def _expected(error: UnexpectedInput) -> str:
    names = getattr(error, "accepts", None) or getattr(error, "allowed", None) or getattr(error, "expected", None)
    return " ".join(sorted({_SHOWN.get(str(name), str(name).lower()) for name in names or ()}))


def _place(error: UnexpectedInput, text: str) -> tuple[int, int]:
    """Where Logstash would point to: an unclosed string or pattern runs to the end of the file."""
    if isinstance(error, UnexpectedEOF) or (isinstance(error, UnexpectedToken) and error.token.type == "$END"):
        return _end(text)
    if isinstance(error, UnexpectedCharacters):
        terminal = _QUOTES.get(text[error.pos_in_stream or 0])
        if terminal is not None and terminal in (error.allowed or ()):
            return _end(text)
    if isinstance(error, UnexpectedToken) and error.token.type == "NAME" and "BAREWORD" in (error.accepts or ()):
        return error.line, error.column + len(error.token)  # a name has two characters and more
    return error.line, error.column


def parse(text: str, file: str) -> Tree[Token]:
    """The parse tree of one file.

    Raises:
        PipelineError: at the line and column that Logstash would name.

    Example:
        >>> str(parse("filter { drop { } }", "a.conf").data)
        'start'
        >>> parse("filter { drop }", "a.conf")
        Traceback (most recent call last):
        ...
        mllog.errors.PipelineError: a.conf:1:15: syntax error, expected one of: {
    """
    try:
        tree: Any = _parser().parse(text)
    except UnexpectedInput as error:
        line, column = _place(error, text)
        raise PipelineError(
            f"syntax error, expected one of: {_expected(error)}", file=file, line=line, column=column
        ) from None
    return tree  # type: ignore[no-any-return]
