"""The state of alerts between runs: when each action last ran, and what was acknowledged."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from mllog._decode import load_json
from mllog._files import open_locked, write_atomically
from mllog.errors import WatchError

AWAITS: Final = "awaits"
"""The condition was false since the action last ran, or it never ran."""

RAN: Final = "ran"
ACKNOWLEDGED: Final = "acknowledged"


class ActionState(Struct, forbid_unknown_fields=True):
    """What is remembered about one action of a watch.

    Attributes:
        last: when it last ran.
        state: `awaits`, `ran` or `acknowledged`.
    """

    last: Annotated[dt.datetime, Meta(tz=True, description="a time with a zone, in ISO 8601")]
    state: Literal["awaits", "ran", "acknowledged"]


class AlertState(Struct, forbid_unknown_fields=True):
    """The file of a state: actions by watch and name."""

    version: int
    watches: dict[str, dict[str, ActionState]]


_FORMAT: Final = 1
_PATIENCE_SECONDS: Final = 30.0


class State:
    """The state of all watches, by watch and action."""

    def __init__(self, watches: dict[str, dict[str, ActionState]] | None = None) -> None:
        self.watches = watches or {}

    def held(self, watch: str, action: str, *, throttle: float, now: dt.datetime) -> str:
        """Why an action is not run: `acknowledged` or `throttled`; empty if it is to be run."""
        action_state = self.watches.get(watch, {}).get(action)
        if action_state is None:
            return ""
        if action_state.state == ACKNOWLEDGED:
            return ACKNOWLEDGED
        return "throttled" if (now - action_state.last).total_seconds() < throttle else ""

    def ran(self, watch: str, action: str, now: dt.datetime) -> None:
        """Record that an action was run."""
        self.watches.setdefault(watch, {})[action] = ActionState(now.astimezone(dt.UTC), RAN)

    def settled(self, watch: str) -> bool:
        """Record that the condition is false, which ends acknowledgements. Returns whether the state changed."""
        changed = False
        for action_state in self.watches.get(watch, {}).values():
            changed |= action_state.state != AWAITS
            action_state.state = AWAITS
        return changed

    def acknowledge(self, watch: str) -> list[str]:
        """Silence the actions until the condition has been false once. Returns their names."""
        names = [name for name, action_state in self.watches.get(watch, {}).items() if action_state.state == RAN]
        for name in names:
            self.watches[watch][name].state = ACKNOWLEDGED
        return names


class StateFile:
    """A state that survives its process; one run at a time can use it.

    Args:
        path: of the file; None keeps the state in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._memory = State()

    @contextlib.contextmanager
    def locked(self) -> Iterator[State]:
        """The state, locked against other runs; `save` writes it.

        Raises:
            WatchError: the file cannot be used, or another run keeps it locked.
        """
        if self._path is None:
            yield self._memory
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = open_locked(Path(f"{self._path}.lock"), patience=_PATIENCE_SECONDS)
        except OSError as error:
            raise WatchError(f"{self._path}: cannot write the alert state: {error.strerror}") from error
        if lock is None:
            raise WatchError(
                f"{self._path}: another run has held the lock for {_PATIENCE_SECONDS:.0f} s; stop that run first"
            )
        try:
            yield self._read()
        finally:
            os.close(lock)

    def _read(self) -> State:
        assert self._path is not None
        try:
            stored = load_json(self._path, AlertState, WatchError)
        except FileNotFoundError:
            return State()
        if stored.version != _FORMAT:
            raise WatchError(f"{self._path}: state format {stored.version} is not supported, only {_FORMAT}")
        return State(stored.watches)

    def save(self, state: State) -> None:
        """Write the state atomically; only its owner may read it.

        Raises:
            WatchError: it cannot be written.
        """
        if self._path is None:
            return
        try:
            write_atomically(self._path, msgspec.json.encode(AlertState(_FORMAT, state.watches)))
        except OSError as error:
            raise WatchError(f"{self._path}: cannot write the alert state: {error.strerror}") from error


def acknowledge(path: Path, watch: str) -> list[str]:
    """Acknowledge a watch: its actions stay silent until its condition has been false once.

    Args:
        path: file of the state.
        watch: id of the watch.

    Returns:
        The names of the actions.

    Raises:
        WatchError: it has not fired, or is acknowledged already.
    """
    file = StateFile(path)
    with file.locked() as state:
        names = state.acknowledge(watch)
        if not names:
            fired = ", ".join(sorted(name for name, of in state.watches.items() if _ran(of))) or "none"
            raise WatchError(f"{watch}: nothing to acknowledge; watches that fired and are not acknowledged: {fired}")
        file.save(state)
    return names


def _ran(actions: dict[str, ActionState]) -> bool:
    return any(action_state.state == RAN for action_state in actions.values())
