"""Which of many words stand in a text; the rules have eight hundred, and most texts have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

_SIZE: Final = 4  # bytes, which a memoryview hands over as one number each


def _numbers(data: bytes) -> Iterator[memoryview]:
    """Every four bytes of the data that stand together, as numbers: those that begin at 0, 4, 8, then at 1, 5, 9."""
    view = memoryview(data)
    for start in range(_SIZE):
        yield view[start : start + (len(data) - start) // _SIZE * _SIZE].cast("I")


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
        parts = {word: {number for view in _numbers(word.encode()) for number in view} for word in words}
        shared = Counter(number for each in parts.values() for number in each)
        self._words: dict[int, list[str]] = {}
        for word, each in parts.items():
            if each:
                self._words.setdefault(max(each, key=lambda number: (shared[number], number)), []).append(word)
        self._numbers = frozenset(self._words)
        self._short = [word for word, each in parts.items() if not each]

    def of(self, text: str) -> set[str]:
        """The words that stand in a text."""
        there: set[int] = set()
        for view in _numbers(text.encode("utf-8", "surrogatepass")):
            there.update(view)
        found = {word for number in self._numbers & there for word in self._words[number] if word in text}
        found.update(word for word in self._short if word in text)
        return found
