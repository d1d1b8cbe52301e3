"""Which of many words stand in a text; the rules have eight hundred, and most texts have none."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

_SIZE: Final = 4  # bytes, which a memoryview hands over as one number each
_LEAST: Final = 3
_LITTLE: Final = sys.byteorder == "little"


def _numbers(data: bytes) -> Iterator[memoryview]:
    """The four bytes at every even place of the data, as numbers: those at 0, 4, 8, then those at 2, 6, 10."""
    view = memoryview(data)
    for start in (0, 2):
        yield view[start : start + (len(data) - start) // _SIZE * _SIZE].cast("I")


def _number(data: bytes) -> int:
    return int.from_bytes(data, sys.byteorder)


def _looked_for(word: bytes, start: int) -> list[list[int]]:
    """Numbers of which one list has one in every text that holds the word at an even place (start 0), or at an odd one.

    A word of three or four bytes shares its four with a neighbour, which may be any.
    """
    whole = [[_number(word[at : at + _SIZE])] for at in range(start, len(word) - _SIZE + 1, 2)]
    if whole:
        return whole
    three = _number(word[:_LEAST])
    if (start == 0) == _LITTLE:  # the neighbour is in the highest byte
        return [[three + (neighbour << 24) for neighbour in range(256)]]
    return [[(three << 8) + neighbour for neighbour in range(256)]]


class Words:
    """Words to look for: by four bytes of each, and only where those are in a text by the whole word.

    To ask for each word by itself would take as long as all rules together.

    Args:
        words: what to look for.

    Example:
        >>> sorted(Words(["password", "passwort", "pin="]).of("password=secret pin="))
        ['password', 'pin=']
    """

    __slots__ = ("_numbers", "_short", "_words")

    def __init__(self, words: Iterable[str]) -> None:
        every = {word: word.encode() for word in words}
        parts = [
            (word, _looked_for(data, start)) for word, data in every.items() if len(data) >= _LEAST for start in (0, 1)
        ]
        shared = Counter(number for _, lists in parts for numbers in lists if len(numbers) == 1 for number in numbers)
        self._words: dict[int, list[str]] = {}
        for word, lists in parts:
            for number in max(lists, key=lambda numbers: (shared[numbers[0]], numbers[0])):
                self._words.setdefault(number, []).append(word)
        self._numbers = frozenset(self._words)
        self._short = [word for word, data in every.items() if len(data) < _LEAST]

    def of(self, text: str) -> set[str]:
        """The words that stand in a text."""
        there: set[int] = set()
        for view in _numbers(text.encode("utf-8", "surrogatepass") + b"\0\0\0"):
            there.update(view)
        found = {word for number in self._numbers & there for word in self._words[number] if word in text}
        found.update(word for word in self._short if word in text)
        return found
