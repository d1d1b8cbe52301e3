"""How long a test waits, and for what: never for a time, always for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 600.0
"""Seconds after which something has failed that takes a moment; enough for a machine ten times slower than usual."""

_BETWEEN = 0.02


def wait_until[T](condition: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Wait for what another thread, process or machine brings about; returns what the condition then is.

    Raises:
        AssertionError: it did not come about.
    """
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"it did not happen within {seconds:g} s"
        time.sleep(_BETWEEN)
    return found
