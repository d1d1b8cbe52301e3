"""A thread of the server that works until it is stopped."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class Worker(ABC):
    """A thread that runs `_run`, which looks at `_stop` between two pieces of work.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the current piece of work, then stop."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @abstractmethod
    def _run(self) -> None:
        """Work until `_stop` is set."""
