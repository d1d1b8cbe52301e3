"""Limits of time, in CPU seconds of an ordinary machine, that hold on a slow one too."""

from __future__ import annotations

import functools
import re
import time

_ORDINARY = 0.017  # CPU seconds of `_work` on one core of the servers of 2025


def _work() -> float:
    began = time.process_time()
    re.sub(r"[a-z]+@[a-z]+", "", "alpha beta gamma@delta " * 40_000)
    return time.process_time() - began


@functools.cache
def slowness() -> float:
    """How many times slower this machine is than an ordinary one; 1 where it is no slower."""
    return max(1.0, min(_work() for _ in range(5)) / _ORDINARY)


def within(seconds: float) -> float:
    """What an ordinary machine does in so many CPU seconds, this one does in so many."""
    return seconds * slowness()
