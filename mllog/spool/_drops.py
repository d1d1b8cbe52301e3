"""Events that were given up: counted, and reported as an event of their own once there is room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Drops:
    """Events that were given up since the last report.

    Attributes:
        count: how many.
        reason: why, the last of them.
        since: when the first was, ns since the epoch.
        until: when the last was.
    """

    __slots__ = ("count", "reason", "since", "until")

    def __init__(self, count: int, reason: str, since: int, until: int) -> None:
        self.count, self.reason, self.since, self.until = count, reason, since, until


Report = Callable[[Drops], bytes]


class Losses:
    """Counts what is given up, by whichever thread.

    Args:
        report: makes an event of what was given up; None: there is none.

    Attributes:
        total: events that were given up in this process.

    Example:
        >>> losses = Losses(lambda drops: f"{drops.count} of them: {drops.reason}".encode())
        >>> losses.add(2, "no room")
        >>> said = []
        >>> losses.tell(lambda line: said.append(line) or True)
        >>> said, losses.due, losses.total
        ([b'2 of them: no room'], False, 2)
    """

    __slots__ = ("_lock", "_pending", "_report", "total")

    def __init__(self, report: Report | None) -> None:
        self._report = report
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a forked child does."""
        # Whoever holds this lock waits for no other, so that one may wait for it whatever one holds.
        self._lock = threading.RLock()
        self._pending: Drops | None = None
        self.total = 0

    def add(self, count: int, reason: str, *, again: int = 0) -> None:
        """Count events that are lost, and `again` such as were said to be, in an event that is now lost too."""
        with self._lock:
            self.total += count
            now = time.time_ns()
            since = now if self._pending is None else self._pending.since
            before = 0 if self._pending is None else self._pending.count
            self._pending = Drops(before + count + again, reason, since, now)

    @property
    def due(self) -> bool:
        """Whether there is anything to report."""
        return self._pending is not None and self._report is not None

    def tell(self, write: Callable[[bytes], bool]) -> None:
        """Report what is due, if anything is, by `write`, which says whether there was room; it must not wait."""
        if self._report is None:
            return
        with self._lock:
            if self._pending is not None and write(self._report(self._pending)):
                self._pending = None
