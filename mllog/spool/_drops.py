"""Dropped events: counted, and reported in an event of their own as soon as there is room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Drops:
    """Events dropped since the last report.

    Attributes:
        count: number of events.
        reason: why the last of them was dropped.
        since: time of the first drop, ns since the epoch.
        until: time of the last drop.
    """

    __slots__ = ("count", "reason", "since", "until")

    def __init__(self, count: int, reason: str, since: int, until: int) -> None:
        self.count, self.reason, self.since, self.until = count, reason, since, until


Report = Callable[[Drops], bytes]


class Losses:
    """A thread-safe count of dropped events.

    Args:
        report: makes the event that reports them; None: drops are only counted.

    Attributes:
        total: events dropped in this process.

    Example:
        >>> losses = Losses(lambda drops: f"{drops.count} events: {drops.reason}".encode())
        >>> losses.add(2, "no room")
        >>> reports = []
        >>> losses.report(lambda line: reports.append(line) or True)
        >>> reports, losses.due, losses.total
        ([b'2 events: no room'], False, 2)
    """

    __slots__ = ("_lock", "_make_report", "_pending", "total")

    def __init__(self, report: Report | None) -> None:
        self._make_report = report
        self.reset()

    def reset(self) -> None:
        """Start from zero, as a forked child does."""
        # The holder of this lock never waits for another lock, so it is safe to wait for it while holding any.
        self._lock = threading.RLock()
        self._pending: Drops | None = None
        self.total = 0

    def add(self, count: int, reason: str, *, already_reported: int = 0) -> None:
        """Count dropped events.

        Args:
            count: events dropped now.
            reason: why.
            already_reported: events reported as dropped earlier, in a report that is dropped now.
        """
        with self._lock:
            self.total += count
            now = time.time_ns()
            since = now if self._pending is None else self._pending.since
            before = 0 if self._pending is None else self._pending.count
            self._pending = Drops(before + count + already_reported, reason, since, now)

    @property
    def due(self) -> bool:
        """Whether a report is due."""
        return self._pending is not None and self._make_report is not None

    def report(self, write: Callable[[bytes], bool]) -> None:
        """Write the report that is due, if any.

        Args:
            write: stores it and returns whether there was room; it must not block.
        """
        if self._make_report is None:
            return
        with self._lock:
            if self._pending is not None and write(self._make_report(self._pending)):
                self._pending = None
