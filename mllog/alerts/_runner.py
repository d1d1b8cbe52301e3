"""Runs watches: evaluates them, runs the actions of those that fire, and stores each firing as an event."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mllog._timestamps import iso_utc
from mllog.alerts._actions import LOGGER, Actors, named
from mllog.alerts._config import Config
from mllog.alerts._evaluate import Evaluation, evaluate, unanswered
from mllog.alerts._state import State, StateFile
from mllog.errors import ActionError, MllogError, StoreError
from mllog.event._envelope import envelope
from mllog.event._names import slug
from mllog.store import Document, Store
from mllog.watches._format import SEVERITIES
from mllog.watches._watch import Action, Watch

EVENT: Final = "event"
"""Name of the action that stores every firing."""


DATASET: Final = "mllog.alerts"


@dataclass(frozen=True)
class Outcome:
    """The result of a watch, and the actions that were taken.

    Attributes:
        evaluation: the result.
        done: names of the actions that were run (in a dry run: that would be).
        held: reason by action that was not run: `throttled` or `acknowledged`.
        failed: reason by action that failed.
    """

    evaluation: Evaluation
    done: tuple[str, ...] = ()
    held: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As JSON: id, severity, fired, text, and the actions."""
        evaluation = self.evaluation
        return {
            "id": evaluation.id,
            "severity": evaluation.severity,
            "fired": evaluation.fired,
            "text": evaluation.text,
            "model": evaluation.model,
            "link": evaluation.link,
            "done": list(self.done),
            "held": self.held,
            "failed": self.failed,
            "problem": evaluation.problem,
        }


class Runner:
    """Evaluates watches over a store and runs their actions.

    Args:
        watches: what to evaluate.
        store: what to search, and where firings go.
        environment: namespace of the alerts' data stream.
        config: where alerts may go; default: only the log and the store.
        state: kept between runs; default: in memory.
        dry_run: return what would be done, and do nothing.

    Attributes:
        failures: actions that failed since the start.
    """

    def __init__(
        self,
        watches: Sequence[Watch],
        store: Store,
        *,
        environment: str = "default",
        config: Config | None = None,
        state: StateFile | None = None,
        dry_run: bool = False,
    ) -> None:
        self.watches = tuple(watches)
        self.failures = 0
        self._store = store
        self._index = f"logs-{DATASET}-{slug(environment)}"
        self._actors = Actors(config or Config(), store)
        self._state = state or StateFile()
        self._dry_run = dry_run
        self._due: dict[str, dt.datetime] = {}

    def run(self, now: dt.datetime, *, due: bool = False) -> list[Outcome]:
        """Evaluate every watch once, or with `due` those whose interval is over, and act.

        A watch that cannot be evaluated and an action that fails do not stop the others; the outcomes say so.

        Raises:
            WatchError: the state cannot be read or written.
        """
        chosen = [watch for watch in self.watches if not due or self._due.get(watch.id, now) <= now]
        for watch in chosen:
            self._due[watch.id] = now + dt.timedelta(seconds=watch.interval)
        evaluations = [self._evaluate(watch, now) for watch in chosen]
        with self._state.locked() as state:
            return [
                self._act(watch, evaluation, state, now) for watch, evaluation in zip(chosen, evaluations, strict=True)
            ]

    def wait(self, now: dt.datetime) -> float:
        """Seconds until the next watch is due."""
        return max(0.0, min(((at - now).total_seconds() for at in self._due.values()), default=0.0))

    def _evaluate(self, watch: Watch, now: dt.datetime) -> Evaluation:
        try:
            return evaluate(watch, self._store, now=now)
        except MllogError as error:  # the store, or a condition that compares what cannot be compared
            LOGGER.error("%s could not be evaluated: %s", watch.id, error)
            return unanswered(watch, str(error))

    def _act(self, watch: Watch, evaluation: Evaluation, state: State, now: dt.datetime) -> Outcome:
        if evaluation.problem:
            return Outcome(evaluation)
        if not evaluation.fired:
            if not self._dry_run and state.settled(watch.id):
                self._state.save(state)
            return Outcome(evaluation)
        done: list[str] = []
        held: dict[str, str] = {}
        failed: dict[str, str] = {}
        routed = self._actors.routed(watch.id, evaluation.severity, watch.throttle)
        for action in (*watch.actions, *routed, Action(EVENT, EVENT, {}, watch.throttle)):
            reason = state.held(watch.id, action.name, throttle=action.throttle, now=now)
            if reason:
                held[action.name] = reason
                continue
            if not self._dry_run:
                reason = self._tried(action, watch, evaluation, failed, now)
                if reason:
                    failed[action.name] = reason
                    continue
                state.ran(watch.id, action.name, now)
            done.append(action.name)
        if done and not self._dry_run:
            self._state.save(state)
        return Outcome(evaluation, tuple(done), held, failed)

    def _tried(
        self, action: Action, watch: Watch, evaluation: Evaluation, failed: dict[str, str], now: dt.datetime
    ) -> str:
        """Run an action; the reason if it failed, else an empty text."""
        try:
            self._do(action, watch, evaluation, failed, now)
        except ActionError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - whatever one action trips over, the others go on
            reason = f"{type(error).__name__}: this should not happen; please report it"
        else:
            return ""
        self.failures += 1
        LOGGER.error("%s: %s failed: %s", watch.id, action.name, reason)
        return reason

    def _do(
        self, action: Action, watch: Watch, evaluation: Evaluation, failed: dict[str, str], now: dt.datetime
    ) -> None:
        if action.kind != EVENT:
            self._actors.run(action, evaluation, now)
            return
        event = to_event(evaluation, now=now, failed=sorted(failed))
        # The same id within the throttle period: two independent runs store one event.
        period = int(now.timestamp() // max(1.0, watch.throttle))
        identity = hashlib.sha256(f"{watch.id}\0{period}".encode()).hexdigest()[:32]
        event["event"]["id"] = identity
        event["data_stream"] = {"type": "logs", "dataset": DATASET, "namespace": self._index.rpartition("-")[2]}
        try:
            result = self._store.index([Document(self._index, identity, event)])
            self._store.commit()
        except StoreError as error:
            raise ActionError(f"{self._index}: {error}") from error
        if result.rejected:
            raise ActionError(f"{self._index}: {result.rejected[0].reason}")


def to_event(evaluation: Evaluation, *, now: dt.datetime, failed: Sequence[str] = ()) -> dict[str, Any]:
    """A firing as an event, so that alerts can be searched and counted; it holds counts and names, no values."""
    moment = iso_utc(now, "microseconds")
    metadata = evaluation.context.get("metadata", {})
    version = named(metadata, "version")
    model = {"name": evaluation.model, **({"version": version} if version else {})}
    alert: dict[str, Any] = {"severity": evaluation.severity}
    alert |= {key: metadata[key] for key in ("kind", "rubric", "feature") if metadata.get(key)}
    members = envelope(DATASET, evaluation.text, at=moment, level="warn", logger="mllog", kind="alert", action="alert")
    members["event"]["severity"] = SEVERITIES.index(evaluation.severity) + 1
    return {
        **members,
        "rule": {"id": evaluation.id, "name": evaluation.id, "reference": evaluation.link},
        "mllog": {
            **({"model": model} if evaluation.model else {}),
            "alert": {**alert, **({"failed": list(failed)} if failed else {})},
        },
    }
