"""Which of the valid, successful predictions are logged."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from random import random
from typing import Any, Final

_KEY_SPACE: Final = 1 << 32


class Sampler:
    """Keeps a share of the events, at random or by the value of an input.

    Args:
        rate: share of the events that are kept, 0 to 1.
        key: name of an input; events with the same value are kept or left out together.

    Example:
        >>> Sampler(1.0).keeps({}), Sampler(0.0, "user").keeps({"user": 7})
        (True, False)
    """

    __slots__ = ("key", "rate")

    def __init__(self, rate: float = 1.0, key: str | None = None) -> None:
        self.rate, self.key = rate, key

    def keeps(self, inputs: Mapping[Any, Any]) -> bool:
        """Whether the event of these inputs is kept."""
        if self.key is None:
            return random() < self.rate  # noqa: S311 - a sample, not a secret
        return zlib.crc32(str(inputs.get(self.key)).encode("utf-8", "replace")) < self.rate * _KEY_SPACE
