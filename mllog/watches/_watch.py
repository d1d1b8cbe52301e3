"""A watch as Elasticsearch's Watcher reads it, inside the subset that runs everywhere: no scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mllog._decode import convert, load_json
from mllog._durations import seconds
from mllog.errors import WatchError
from mllog.watches._format import ACTIONS, ActionFile, WatchFile

THROTTLE: Final = 5.0
"""Default seconds between two runs of an action, as in Watcher."""

_FOREIGN: Final = re.compile(r"\{\{\s*(?:[>=]|#\s*(?:toJson|join|url)\b)")
"""Partials, other delimiters, and functions that only Elasticsearch's mustache has."""


@dataclass(frozen=True)
class Action:
    """What a watch does when it fires.

    Attributes:
        name: of the action in its watch.
        kind: `logging`, `index` or `webhook`.
        settings: what it says.
        throttle: seconds between two runs.
    """

    name: str
    kind: str
    settings: Mapping[str, Any]
    throttle: float


@dataclass(frozen=True)
class Watch:
    """A watch, checked.

    Attributes:
        id: names it in alerts; `metadata.name`.
        metadata: severity, model, and whatever the texts need.
        body: the search, still with its templates.
        indices: patterns of the data streams that are searched.
        condition: `(kind, settings)`.
        text: template of the first logging action.
        actions: all of them, logging included.
        interval: seconds between two evaluations.
        throttle: seconds between two runs of an action that says nothing itself.
    """

    id: str
    metadata: Mapping[str, Any]
    body: Mapping[str, Any]
    indices: tuple[str, ...]
    condition: tuple[str, Any]
    text: str
    actions: tuple[Action, ...] = ()
    interval: float = 60.0
    throttle: float = THROTTLE


def load_folder(folder: str | Path) -> list[Watch]:
    """Read the watches of a folder (`*.json`), or one file.

    Raises:
        WatchError: there is none, one lies outside the subset, or two have the same id.
    """
    path = Path(folder)
    files = [path] if path.is_file() else sorted(path.glob("*.json"))
    if not files:
        raise WatchError(f"{folder}: no watches; create them with `mllog watches build PROFILE --out {folder}`")
    watches: dict[str, Watch] = {}
    for file in files:
        watch = load(file)
        if watch.id in watches:
            raise WatchError(f"{file}: $.metadata.name: another file of the folder has the id {watch.id!r}")
        watches[watch.id] = watch
    return list(watches.values())


def load(path: str | Path) -> Watch:
    """Read the file of a watch.

    Raises:
        WatchError: it cannot be read, or lies outside the subset.
    """
    try:
        return parse(load_json(Path(path), Any, WatchError), where=str(path))
    except FileNotFoundError:
        raise WatchError(f"{path}: no such file") from None


def parse(data: Any, *, where: str = "watch") -> Watch:
    """Check a watch.

    Args:
        data: parsed JSON.
        where: begins every error: the file.

    Raises:
        WatchError: it lies outside the subset; the message says what and where.
    """
    watch = convert(data, WatchFile, where, WatchError)
    for part in ("input", "condition", "actions"):  # not metadata: it is data, and may contain anything
        _check_templates(data[part], f"{where}: $.{part}")
    if watch.throttle_period_in_millis is None:
        throttle = seconds(watch.throttle_period)
    else:
        throttle = watch.throttle_period_in_millis / 1000
    actions = tuple(_action(name, action, data["actions"][name], throttle) for name, action in watch.actions.items())
    texts = [action.settings["text"] for action in actions if action.kind == "logging"]
    if not texts:
        raise WatchError(f"{where}: $.actions: a watch needs a logging action with a text")
    ((kind, condition),) = data["condition"].items()
    return Watch(
        id=watch.metadata.name,
        metadata=data["metadata"],
        body=watch.input.search.request.body,
        indices=watch.input.search.request.indices,
        condition=(kind, {} if kind in ("always", "never") else condition),
        text=texts[0],
        actions=actions,
        interval=seconds(watch.trigger.schedule.interval),
        throttle=throttle,
    )


def _action(name: str, action: ActionFile, data: Mapping[str, Any], throttle: float) -> Action:
    (kind,) = (kind for kind in ACTIONS if getattr(action, kind) is not None)
    own = throttle if action.throttle_period is None else seconds(action.throttle_period)
    return Action(name, kind, data[kind], own)


def _check_templates(value: Any, where: str) -> None:
    """Refuse templates that only one engine understands."""
    if isinstance(value, str) and (match := _FOREIGN.search(value)):
        raise WatchError(f"{where}: {match[0]} in a template does not run everywhere")
    if isinstance(value, Mapping):
        for name, item in value.items():
            _check_templates(item, f"{where}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_templates(item, f"{where}[{index}]")
