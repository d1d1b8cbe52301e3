"""Evaluates the watches periodically, and keeps their last results."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any, Final

from mllog.alerts import Outcome, Runner
from mllog.errors import MllogError
from mllog.server._worker import Worker

EVERY_SECONDS: Final = 30.0
"""Interval at which due watches are looked up."""


class Watching(Worker):
    """Evaluates each watch at its interval, in a thread.

    Args:
        runner: the watches and their actions.
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
            self.failure = next(
                (evaluation for outcome in self._latest.values() for evaluation in _problems(outcome)), None
            )
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
    evaluation = outcome.evaluation
    return [
        *([f"{evaluation.id}: {evaluation.problem}"] if evaluation.problem else []),
        *(f"{evaluation.id}: {action} failed: {reason}" for action, reason in outcome.failed.items()),
    ]
