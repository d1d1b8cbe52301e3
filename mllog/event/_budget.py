"""What one call may cost: the values visited and the characters read before the rest is summarised."""

from __future__ import annotations

from typing import Final

VALUES: Final = 5_000
CHARACTERS: Final = 1 << 18
_EACH: Final = 320  # what a text costs beside its characters


class Budget:
    """Counts down what a call may still visit and read.

    Attributes:
        values: values that may still be visited.
        characters: characters that may still be read.

    Example:
        >>> budget = Budget(values=2)
        >>> [budget.visit() for _ in range(3)]
        [True, True, False]
    """

    __slots__ = ("characters", "values")

    def __init__(self, values: int = VALUES, characters: int = CHARACTERS) -> None:
        self.values, self.characters = values, characters

    def visit(self) -> bool:
        """Whether one more value may be visited."""
        self.values -= 1
        return self.values >= 0

    def read(self, length: int) -> bool:
        """Whether a text of this length may be read."""
        self.characters -= length + _EACH
        return self.characters >= 0

    @property
    def spent(self) -> bool:
        """Whether nothing more may be read."""
        return self.values < 0 or self.characters < 0
