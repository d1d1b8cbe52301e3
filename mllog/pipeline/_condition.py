"""Conditions: each is compiled once into a function of the event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from lark import Token, Tree

from mllog.pipeline import _field
from mllog.pipeline._config import number, place_of, unquoted
from mllog.pipeline._event import Event, Timestamp, tag
from mllog.pipeline._field import MISSING
from mllog.pipeline._gsub import MATCH_SECONDS, TIMED_OUT, TIMEOUT_TAG
from mllog.pipeline._regex import compiled
from mllog.pipeline._regex_class import PatternError
from mllog.pipeline._search import seconds_for, word_test
from mllog.pipeline._settings import variables
from mllog.pipeline._sprintf import TemplateError, is_static, template
from mllog.pipeline._text import java_json

Condition = Callable[[Event], bool]
_Value = Callable[[Event], Any]
_Node = Tree[Token] | Token


class ConditionError(Exception):
    """A comparison that cannot be made; Logstash drops the event."""


def _same(left: Any, right: Any) -> bool:
    """Equality that keeps integers, floats, booleans and texts apart."""
    if isinstance(left, Timestamp) or isinstance(right, Timestamp):
        return type(left) is type(right) and left == right
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        # The json filter makes decimals; a literal `0.5` must still be equal to one.
        numbers = (float, Decimal)  # an integer is equal to an integer only
        return isinstance(left, numbers) and isinstance(right, numbers) and bool(left == right)
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(value, right[key]) for key, value in left.items())
    return bool(left == right)


_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


def _unordered(value: Any) -> bool:
    """A value that compares as equal in `<` and its like, whatever stands on the other side."""
    return value is None or isinstance(value, bool | Timestamp)


def _comparable(left: Any, right: Any) -> bool:
    numbers = (int, float, Decimal)
    return (isinstance(left, str) and isinstance(right, str)) or (
        isinstance(left, numbers) and isinstance(right, numbers)
    )


def _contains(left: Any, right: Any) -> bool:
    """`left in right`."""
    if isinstance(right, str):
        return type(left) is str and not isinstance(right, Timestamp) and left in right
    if isinstance(right, list):
        return left is not MISSING and any(_same(left, item) for item in right)
    return False


def _literal_text(value: Any) -> str | None:
    """A value as it is compared with the elements of a list literal: by its text."""
    if type(value) is str:
        return value
    return java_json(value) if isinstance(value, int | float | Decimal) else None


def _is_string(node: _Node) -> bool:
    return isinstance(node, Token) and node.type == "STRING"


def _truthy(value: Any) -> bool:
    """A field that is there; Logstash looks at its text, so an empty one and `"false"` do not count."""
    return value is not MISSING and value is not None and value is not False and value not in ("", "false")


class _Compiler:
    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ

    def condition(self, node: _Node) -> Condition:
        if isinstance(node, Token):
            value = self._value(node)
            return lambda event: _truthy(value(event))
        return self._dispatch(node)

    def _dispatch(self, node: Tree[Token]) -> Condition:
        children = node.children
        match str(node.data):
            case "chain":
                return self._chain(node)
            case "group":
                return self.condition(children[0])
            case "negated":
                inner = self.condition(children[0])
                return lambda event: not inner(event)
            case "membership":
                return self._membership(children)
            case "comparison":
                return self._comparison(children)
            case "matching":
                return self._matching(children)
            case _:
                value = self._value(node)
                return lambda event: _truthy(value(event))

    def _chain(self, node: Tree[Token]) -> Condition:
        """`and` binds tighter than `or`; Logstash takes `xor` and `nand` only between two expressions."""
        operators = [str(child) for child in node.children[1::2]]
        operands = [self.condition(child) for child in node.children[::2]]
        if len(operands) == 1:
            return operands[0]
        if len(operators) > 1 and not {"and", "or"}.issuperset(operators):
            raise place_of(node, self._file).error("xor and nand can not stand in a chain: use parentheses")
        if operators[0] in {"xor", "nand"}:
            left, right = operands
            if operators[0] == "xor":
                return lambda event: left(event) != right(event)
            return lambda event: not (left(event) and right(event))
        alternatives: list[list[Condition]] = [[operands[0]]]
        for operator, operand in zip(operators, operands[1:], strict=True):
            if operator == "and":
                alternatives[-1].append(operand)
            else:
                alternatives.append([operand])
        return _any([_all(terms) for terms in alternatives])

    def _membership(self, children: list[Any]) -> Condition:
        left, negated = self._value(children[0]), isinstance(children[1], Token) and children[1].type == "NOT"
        if _is_string(children[0]) and _is_string(children[-1]):  # Logstash compares two literals as a whole
            right = self._value(children[-1])
            return lambda event: (left(event) == right(event)) is not negated
        texts = self._texts(children[-1])
        if texts is not None:
            return lambda event: (_literal_text(left(event)) in texts) is not negated
        values = self._list(children[-1])
        return lambda event: _contains(left(event), values(event)) is not negated

    def _texts(self, node: _Node) -> frozenset[str] | None:
        """The texts of a list literal of two elements and more, where none of them has a placeholder."""
        if not isinstance(node, Tree) or node.data != "array" or len(node.children) < 2:
            return None
        texts = []
        for child in node.children:
            if not isinstance(child, Token) or child.type not in {"STRING", "NUMBER"}:
                return None
            value = self._value(child)({})
            if child.type == "STRING" and not is_static(str(value)):
                return None
            texts.append(value if isinstance(value, str) else java_json(value))
        return frozenset(texts)

    def _list(self, node: _Node) -> _Value:
        """What stands behind `in`: Logstash never finds anything in a list literal of one element."""
        if isinstance(node, Tree) and node.data == "array" and len(node.children) == 1:
            return lambda _: []
        return self._value(node)

    def _comparison(self, children: list[Any]) -> Condition:
        left, right, operator = self._operand(children[0]), self._operand(children[2]), str(children[1])
        if operator == "==":
            return lambda event: _same(left(event), right(event))
        if operator == "!=":
            return lambda event: not _same(left(event), right(event))
        order = _ORDER[operator]

        def compare(event: Event) -> bool:
            one, other = left(event), right(event)
            if _unordered(one) or _unordered(other):
                return operator in {"<=", ">="}
            if not _comparable(one, other):
                raise ConditionError(f"{operator} between values of different types")
            return order(one, other)

        return compare

    def _operand(self, node: _Node) -> _Value:
        """A side of a comparison: a list literal counts as its first element."""
        if isinstance(node, Tree) and node.data == "array":
            if not node.children:
                raise place_of(node, self._file).error("an empty list in a comparison is outside the embedded subset")
            return self._value(node.children[0])
        return self._value(node)

    def _matching(self, children: list[Any]) -> Condition:
        subject, pattern, wanted = children[0], children[2], str(children[1]) == "=~"
        try:
            search = compiled(unquoted(pattern)).search
        except PatternError as error:
            raise place_of(pattern, self._file).error(f"{error}: /{unquoted(pattern)}/") from None
        seconds = seconds_for(unquoted(pattern), MATCH_SECONDS)
        quick = word_test(unquoted(pattern))
        value = self._value(subject)
        names = _field.path(str(subject)) if isinstance(subject, Token) and subject.type == "SELECTOR" else None

        def match(event: Event) -> bool:
            text = value(event)
            if type(text) is not str:
                return not wanted
            limit = seconds(text)
            if limit is None:
                return (search(text) is not None) is wanted
            try:
                return (search(text, timeout=limit) is not None) is wanted
            except TimeoutError:
                # What cannot be searched must not be stored either.
                if names is not None:
                    _field.put(event, names, TIMED_OUT)
                tag(event, TIMEOUT_TAG)
                return not wanted

        if quick is None:
            return match

        def match_words(event: Event) -> bool:
            text = value(event)
            if type(text) is not str:
                return not wanted
            there = quick(text)
            return match(event) if there is None else there is wanted

        return match_words

    def _value(self, node: _Node) -> _Value:
        if isinstance(node, Token):
            return self._token(node)
        if node.data == "array":
            items = [self._value(child) for child in node.children]
            return lambda event: [item(event) for item in items]
        raise place_of(node, self._file).error("a function call in a condition is outside the embedded subset")

    def _token(self, token: Token) -> _Value:
        if token.type == "SELECTOR":
            return self._selector(token)
        if token.type == "NUMBER":
            constant: Any = number(token, self._file)
            return lambda _: constant
        if token.type == "REGEXP":
            raise place_of(token, self._file).error("a pattern stands only behind =~ and !~")
        text = variables(unquoted(token), self._environ, place_of(token, self._file))
        if is_static(text):
            return lambda _: text
        try:
            return template(text)
        except TemplateError as error:
            raise place_of(token, self._file).error(str(error)) from None

    def _selector(self, token: Token) -> _Value:
        try:
            names = _field.path(str(token))
        except _field.FieldError as error:
            raise place_of(token, self._file).error(str(error)) from None
        if names == ("@metadata",):  # it is always there, and an empty one counts
            return lambda event: event.get("@metadata", {})
        return _field.reader(names)


def _all(terms: list[Condition]) -> Condition:
    if len(terms) <= 2:
        first, last = terms[0], terms[-1]
        return first if first is last else lambda event: first(event) and last(event)
    return lambda event: all(term(event) for term in terms)


def _any(terms: list[Condition]) -> Condition:
    if len(terms) <= 2:
        first, last = terms[0], terms[-1]
        return first if first is last else lambda event: first(event) or last(event)
    return lambda event: any(term(event) for term in terms)


def condition(node: Tree[Token], file: str, environ: Mapping[str, str] = MappingProxyType({})) -> Condition:
    """The function of a condition's tree; `environ` has the values of its variables.

    Raises:
        PipelineError: a pattern is wrong, or something is outside the embedded subset.
    """
    return _Compiler(file, environ).condition(node)
