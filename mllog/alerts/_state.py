"""What alerts remember between two runs: when each action last ran, and what was acknowledged."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from mllog._files import open_locked, write_atomically
from mllog.errors import WatchError

AWAITS: Final = "awaits"
"""The condition was false since the action last ran, or it never ran."""

RAN: Final = "ran"
ACKNOWLEDGED: Final = "acknowledged"

_FORMAT: Final = 1
_PATIENCE_SECONDS: Final = 30.0


class State:
    """The memory of a run, as it stands in the file."""

    def __init__(self, watches: dict[str, dict[str, dict[str, Any]]] | None = None) -> None:
        self.watches = watches or {}

    def held(self, watch: str, action: str, *, throttle: float, now: dt.datetime) -> str:
        """Why an action is not run: `acknowledged` or `throttled`; empty where it is."""
        known = self.watches.get(watch, {}).get(action)
        if known is None:
            return ""
        if known["state"] == ACKNOWLEDGED:
            return ACKNOWLEDGED
        last = dt.datetime.fromisoformat(known["last"])
        return "throttled" if (now - last).total_seconds() < throttle else ""

    def ran(self, watch: str, action: str, now: dt.datetime) -> None:
        """An action was run."""
        moment = now.astimezone(dt.UTC).isoformat()
        self.watches.setdefault(watch, {})[action] = {"last": moment, "state": RAN}

    def settled(self, watch: str) -> bool:
        """The condition is false: what was acknowledged may speak again. Returns whether that changed anything."""
        changed = False
        for known in self.watches.get(watch, {}).values():
            changed |= known["state"] != AWAITS
            known["state"] = AWAITS
        return changed

    def acknowledge(self, watch: str) -> list[str]:
        """Somebody knows: the actions stay silent until the condition was false once. Returns which."""
        found = [name for name, known in self.watches.get(watch, {}).items() if known["state"] == RAN]
        for name in found:
            self.watches[watch][name]["state"] = ACKNOWLEDGED
        return found


class StateFile:
    """A state that survives its process; one run at a time has it.

    Args:
        path: of the file; None keeps it in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._memory = State()

    @contextlib.contextmanager
    def locked(self) -> Iterator[State]:
        """The state, while no other run has it; `save` writes it.

        Raises:
            WatchError: the file cannot be used, or another run does not let go of it.
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
            data = orjson.loads(self._path.read_bytes())
            if data["version"] != _FORMAT:
                raise WatchError(f"{self._path}: a state of format {data['version']!r}; this mllog reads {_FORMAT}")
            watches = data["watches"]
            for actions in watches.values():
                for known in actions.values():
                    dt.datetime.fromisoformat(known["last"])
                    (AWAITS, RAN, ACKNOWLEDGED).index(known["state"])
        except FileNotFoundError:
            return State()
        except OSError as error:
            raise WatchError(f"{self._path}: cannot be read: {error.strerror}") from error
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise WatchError(f"{self._path}: no state of alerts; without the file every alert starts anew") from error
        return State(watches)

    def save(self, state: State) -> None:
        """Write the state, as a whole or not at all; only its owner may read it.

        Raises:
            WatchError: it cannot be written.
        """
        if self._path is None:
            return
        try:
            write_atomically(self._path, orjson.dumps({"version": _FORMAT, "watches": state.watches}))
        except OSError as error:
            raise WatchError(f"{self._path}: cannot write the alert state: {error.strerror}") from error


def acknowledge(path: Path, watch: str) -> list[str]:
    """Acknowledge a watch: its actions stay silent until its condition was false once.

    Args:
        path: file of the state.
        watch: id of the watch.

    Returns:
        The names of the actions.

    Raises:
        WatchError: it has not fired, or somebody has acknowledged it already.
    """
    file = StateFile(path)
    with file.locked() as state:
        found = state.acknowledge(watch)
        if not found:
            fired = ", ".join(sorted(name for name, of in state.watches.items() if _ran(of))) or "none"
            raise WatchError(f"{watch}: nothing to acknowledge; what fired and was not acknowledged: {fired}")
        file.save(state)
    return found


def _ran(actions: dict[str, dict[str, Any]]) -> bool:
    return any(known["state"] == RAN for known in actions.values())
