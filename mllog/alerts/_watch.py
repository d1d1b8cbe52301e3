"""A watch as Elasticsearch's Watcher reads it, inside the subset that runs everywhere: no scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from mllog._errors import WatchError

SEVERITIES: Final = ("notify", "triage", "automate")
COMPARISONS: Final = ("eq", "not_eq", "gt", "gte", "lt", "lte")
_PARTS: Final = {"trigger", "input", "condition", "actions", "metadata", "throttle_period", "throttle_period_in_millis"}
_ACTIONS: Final = ("logging", "index", "webhook")


@dataclass(frozen=True)
class Watch:
    """A watch, checked.

    Attributes:
        id: names it in alerts; `metadata.name`.
        metadata: severity, model, and whatever the texts need.
        body: the search, still with its templates.
        indices: patterns of the data streams that are searched.
        condition: `(kind, settings)`.
        text: template of the logging action.
    """

    id: str
    metadata: Mapping[str, Any]
    body: Mapping[str, Any]
    indices: tuple[str, ...]
    condition: tuple[str, Any]
    text: str


def load(path: str | Path) -> Watch:
    """Read the file of a watch.

    Raises:
        WatchError: it cannot be read, or lies outside the subset.
    """
    try:
        data = orjson.loads(Path(path).read_bytes())
    except OSError as error:
        raise WatchError(f"{path}: cannot read the watch: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise WatchError(f"{path}:{error.lineno}:{error.colno}: not a watch: {error.msg}") from error
    return parse(data, where=str(path))


def parse(data: Any, *, where: str = "watch") -> Watch:
    """Check a watch; `where` begins the place in every error.

    Raises:
        WatchError: it lies outside the subset; the message says what and where.
    """
    watch = _object(data, where)
    for part in watch:
        if part not in _PARTS:
            raise WatchError(f"{where}.{part}: not part of a watch that runs everywhere")
    metadata = _object(watch.get("metadata"), f"{where}.metadata")
    name, severity = metadata.get("name"), metadata.get("severity")
    if not isinstance(name, str) or not name:
        raise WatchError(f"{where}.metadata.name: expected a name for the watch")
    if severity not in SEVERITIES:
        raise WatchError(f"{where}.metadata.severity: {severity!r} is none of {', '.join(SEVERITIES)}")
    trigger = _object(watch.get("trigger"), f"{where}.trigger")
    if set(trigger) != {"schedule"}:
        raise WatchError(f"{where}.trigger: expected a schedule")
    indices, body = _search(watch.get("input"), f"{where}.input")
    return Watch(
        id=name,
        metadata=metadata,
        body=body,
        indices=indices,
        condition=_condition(watch.get("condition"), f"{where}.condition"),
        text=_text(watch.get("actions"), f"{where}.actions"),
    )


def _search(data: Any, where: str) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    kind, search = _single(data, where)
    if kind != "search":
        raise WatchError(f"{where}.{kind}: only a search is an input that runs everywhere")
    request = _object(_object(search, f"{where}.search").get("request"), f"{where}.search.request")
    indices = request.get("indices")
    if not isinstance(indices, list) or not indices or not all(isinstance(name, str) for name in indices):
        raise WatchError(f"{where}.search.request.indices: expected an array of names")
    if request.get("rest_total_hits_as_int") is not True:
        raise WatchError(
            f"{where}.search.request.rest_total_hits_as_int: say true, or hits.total is no number everywhere"
        )
    return tuple(indices), _object(request.get("body"), f"{where}.search.request.body")


def _condition(data: Any, where: str) -> tuple[str, Any]:
    kind, settings = _single(data, where)
    if kind in ("always", "never"):
        return kind, {}
    if kind not in ("compare", "array_compare"):
        raise WatchError(f"{where}.{kind}: only compare, array_compare, always and never run everywhere")
    path, test = _single(settings, f"{where}.{kind}")
    if not path.startswith("ctx."):
        raise WatchError(f"{where}.{kind}: {path!r} does not begin with ctx.")
    inner = _object(test, f"{where}.{kind}.{path}")
    known = {*COMPARISONS, "path"} if kind == "array_compare" else set(COMPARISONS)
    wrong = [name for name in inner if name not in known]
    if wrong or not set(inner) & set(COMPARISONS):
        raise WatchError(f"{where}.{kind}.{path}: expected one of {', '.join(COMPARISONS)}")
    return kind, settings


def _text(data: Any, where: str) -> str:
    """The template of the logging action; every watch has one, since it runs without any connector."""
    found: Any = None
    for name, action in _object(data, where).items():
        parts = _object(action, f"{where}.{name}")
        kinds = [kind for kind in parts if kind in _ACTIONS]
        if len(kinds) != 1:
            raise WatchError(f"{where}.{name}: expected one of {', '.join(_ACTIONS)}")
        if "transform" in parts:
            raise WatchError(f"{where}.{name}.transform: transforms do not run everywhere")
        if kinds == ["logging"]:
            found = _object(parts["logging"], f"{where}.{name}.logging").get("text")
    if not isinstance(found, str):
        raise WatchError(f"{where}: a watch needs a logging action with a text")
    return found


def _object(data: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise WatchError(f"{where}: expected an object")
    return data


def _single(data: Any, where: str) -> tuple[str, Any]:
    if not isinstance(data, Mapping) or len(data) != 1:
        raise WatchError(f"{where}: expected an object with one member")
    ((name, value),) = data.items()
    return str(name), value
