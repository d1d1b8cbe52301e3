"""Which branches a text can reach at all: their words are looked up together, instead of condition by condition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from lark import Token, Tree

from mllog.pipeline import _field
from mllog.pipeline._config import unquoted
from mllog.pipeline._event import Event
from mllog.pipeline._search import word_numbers, words_in

_Step = Callable[[Event], bool]
_Plan = tuple[tuple[int, _Step], ...]

FEWEST: Final = 3
"""Guarded branches in a list of statements for which looking them up together pays."""

_MOST_PLANS: Final = 4096


class Guard(NamedTuple):
    """A condition can not hold unless the field is a text in which one of the words may stand."""

    path: _field.Path
    words: frozenset[int]


def guard(node: Tree[Token] | Token | None) -> Guard | None:
    """The guard of a condition that begins with a search for plain words; None if it begins otherwise.

    Where the guard says no, evaluating the condition would come to no as well, and do nothing else.
    """
    if not isinstance(node, Tree):
        return None
    children: list[Any] = node.children
    if node.data == "group":
        return guard(children[0])
    if node.data == "chain":
        return _chain(children)
    if node.data != "matching" or str(children[1]) != "=~":
        return None
    subject, pattern = children[0], children[2]
    if not isinstance(subject, Token) or subject.type != "SELECTOR":
        return None
    try:
        path = _field.path(str(subject))
    except _field.FieldError:
        return None
    words = word_numbers(unquoted(pattern))
    return None if words is None else Guard(path, words)


def _chain(children: list[Any]) -> Guard | None:
    """Of `a and b` the first is enough; of `a or b` both must have one."""
    operators = [str(child) for child in children[1::2]]
    if not {"and", "or"}.issuperset(operators):
        return None
    first = [children[0], *(term for term, operator in zip(children[2::2], operators, strict=True) if operator == "or")]
    found = [guard(term) for term in first]
    known = [each for each in found if each is not None]
    if len(known) < len(found) or len({each.path for each in known}) > 1:
        return None
    return Guard(known[0].path, frozenset().union(*(each.words for each in known)))


def together(steps: list[_Step], guards: Sequence[Guard | None]) -> list[_Step]:
    """The steps of a list, those that the words of one field guard, and what lies between them, made into one."""
    counted = Counter(each.path for each in guards if each is not None)
    path, count = max(counted.items(), key=lambda item: item[1], default=((), 0))
    if count < FEWEST:
        return steps
    words = [each.words if each is not None and each.path == path else None for each in guards]
    places = [at for at, each in enumerate(words) if each is not None]
    first, end = places[0], places[-1] + 1
    return [*steps[:first], _selected(path, steps[first:end], words[first:end]), *steps[end:]]


def _selected(path: _field.Path, steps: list[_Step], wanted: list[frozenset[int] | None]) -> _Step:
    """One function for steps in order, which passes over those that the field's text can not reach.

    A step that changes the text is followed by another look at it.
    """
    read = _field.reader(path)
    mine = frozenset().union(*(words for words in wanted if words is not None))
    always: _Plan = tuple((at, step) for at, step in enumerate(steps) if wanted[at] is None)
    plans: dict[frozenset[int], _Plan] = {}

    def plan(text: Any) -> _Plan:
        if type(text) is not str:
            return always
        found = words_in(text) & mine
        known = plans.get(found)
        if known is None:
            if len(plans) >= _MOST_PLANS:
                plans.clear()
            known = plans[found] = tuple(
                (at, step)
                for at, step in enumerate(steps)
                if (words := wanted[at]) is None or not words.isdisjoint(found)
            )
        return known

    def run(event: Event) -> bool:
        done, text = -1, read(event)
        while True:
            for at, step in plan(text):
                if at <= done:
                    continue
                if not step(event):
                    return False
                new = read(event)
                if new is not text:
                    done, text = at, new
                    break
            else:
                return True

    return run
