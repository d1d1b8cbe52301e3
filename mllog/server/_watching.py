"""Runs the watches over the store, again and again, and keeps what they said."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any, Final

from mllog.alerts import Outcome, Runner
from mllog.errors import MllogError
from mllog.server._worker import Worker

EVERY_SECONDS: Final = 30.0
"""How often it is looked which watches are due."""


class Watching(Worker):
    """Evaluates each watch as often as it says, in a thread.

    Args:
        runner: the watches, and what happens where they fire.
    """

    def __init__(self, runner: Runner) -> None:
        super().__init__("mllog-watch")
        self._runner = runner
        self._latest: dict[str, Outcome] = {}
        self._lock = threading.Lock()
        self.failure: str | None = None

    def evaluate(self, now: dt.datetime, *, due: bool = False) -> list[Outcome]:
        """Evaluate every watch once, or with `due` those whose interval is over.

        Raises:
            WatchError: the state of the alerts cannot be kept.
        """
        with self._lock:
            outcomes = self._runner.run(now, due=due)
            self._latest |= {outcome.evaluation.id: outcome for outcome in outcomes}
            self.failure = next((said for outcome in self._latest.values() for said in _problems(outcome)), None)
        return outcomes

    def latest(self) -> list[dict[str, Any]]:
        """The last evaluation of each watch, those that fire first."""
        outcomes = [outcome.as_json() for outcome in list(self._latest.values())]
        return sorted(outcomes, key=lambda outcome: (not outcome["fired"], outcome["id"]))

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.evaluate(dt.datetime.now(dt.UTC), due=True)
            except MllogError as error:
                self.failure = str(error)


def _problems(outcome: Outcome) -> list[str]:
    said = outcome.evaluation
    return [
        *([f"{said.id}: {said.problem}"] if said.problem else []),
        *(f"{said.id}: {action} failed: {why}" for action, why in outcome.failed.items()),
    ]
