"""Evaluates watches over the store, again and again, and keeps what they said."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Sequence
from typing import Any, Final

from mllog._errors import MllogError
from mllog._names import slug
from mllog.alerts import Evaluation, Watch, evaluate, to_event
from mllog.store import Document, Store

EVERY_SECONDS: Final = 30.0
THROTTLE_SECONDS: Final = 3600
"""A watch that goes on firing leaves one alert event in this time."""


class Watching:
    """Evaluates each watch every half minute; a firing becomes an event, so that alerts can be searched.

    Args:
        watches: what to evaluate.
        store: what to evaluate it on, and where alerts go.
        environment: namespace of the alerts' data stream.
    """

    def __init__(self, watches: Sequence[Watch], store: Store, environment: str) -> None:
        self._watches = tuple(watches)
        self._store = store
        self._index = f"logs-mllog.alerts-{slug(environment)}"
        self._latest: dict[str, Evaluation] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mllog-watch", daemon=True)
        self._lock = threading.Lock()
        self.failure: str | None = None

    def start(self) -> None:
        """Begin to evaluate."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the evaluation in hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def evaluate(self, now: dt.datetime) -> list[Evaluation]:
        """Evaluate every watch once; those that fire are stored.

        Raises:
            MllogError: the store could not answer, or a watch cannot be evaluated.
        """
        with self._lock:
            evaluations = [evaluate(watch, self._store, now=now) for watch in self._watches]
            self._latest = {evaluation.id: evaluation for evaluation in evaluations}
            fired = [evaluation for evaluation in evaluations if evaluation.fired]
            if fired:
                self._store.index([self._document(evaluation, now) for evaluation in fired])
                self._store.commit()
            self.failure = None
        return evaluations

    def _document(self, evaluation: Evaluation, now: dt.datetime) -> Document:
        event = to_event(evaluation, now=now)
        # The same id within the throttle period: the store keeps the first alert and no second one.
        period = int(now.timestamp()) // THROTTLE_SECONDS
        identity = hashlib.sha256(f"{evaluation.id}\0{period}".encode()).hexdigest()[:32]
        event["event"]["id"] = identity
        return Document(self._index, identity, event)

    def latest(self) -> list[dict[str, Any]]:
        """The last evaluation of each watch, those that fire first."""
        found = sorted(self._latest.values(), key=lambda evaluation: (not evaluation.fired, evaluation.id))
        return [as_json(evaluation) for evaluation in found]

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.evaluate(dt.datetime.now(dt.UTC))
            except MllogError as error:  # the store, or a watch that compares what cannot be compared
                self.failure = str(error)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation for machines: id, severity, fired and the text."""
    return {
        "id": evaluation.id,
        "severity": evaluation.severity,
        "fired": evaluation.fired,
        "text": evaluation.text,
        "model": evaluation.model,
        "link": evaluation.link,
    }
