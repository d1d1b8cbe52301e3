"""A watch as Elasticsearch's Watcher reads it, inside the subset that runs everywhere: no scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from mllog.errors import WatchError

SEVERITIES: Final = ("notify", "triage", "automate")
COMPARISONS: Final = ("eq", "not_eq", "gt", "gte", "lt", "lte")
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
THROTTLE: Final = 5.0
"""Seconds between two runs of an action where nothing is said, as in Watcher."""

_PARTS: Final = {"trigger", "input", "condition", "actions", "metadata", "throttle_period", "throttle_period_in_millis"}
_ACTIONS: Final = ("logging", "index", "webhook")


_TEMPLATE: Final = "{{"
_FOREIGN: Final = re.compile(r"\{\{\s*(?:[>=]|#\s*(?:toJson|join|url)\b)")
"""Partials, other delimiters, and functions that only Elasticsearch's mustache has."""

_WEBHOOK: Final = {"scheme", "host", "port", "method", "path", "headers", "body"}
_SECRET_HEADERS: Final = {"authorization", "proxy-authorization", "cookie", "x-api-key"}


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


def seconds(text: Any, where: str = "time") -> float:
    """A length of time such as `90s`, `30m`, `12h` or `7d`.

    Raises:
        WatchError: it is none.

    Example:
        >>> seconds("90s"), seconds("2h")
        (90.0, 7200.0)
    """
    amount, unit = str(text)[:-1], UNITS.get(str(text)[-1:])
    if unit is None or not (amount.isascii() and amount.isdigit()) or int(amount) == 0:
        raise WatchError(f"{where}: {text!r} is no length of time; say it as 90s, 30m, 12h or 7d")
    return float(int(amount) * unit)


def _milliseconds(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise WatchError(f"{where}: expected milliseconds")
    return float(value)


def load_folder(folder: str | Path) -> list[Watch]:
    """Read the watches of a folder (`*.json`), or one file.

    Raises:
        WatchError: there is none, one lies outside the subset, or two have the same id.
    """
    place = Path(folder)
    files = [place] if place.is_file() else sorted(place.glob("*.json"))
    if not files:
        raise WatchError(f"{folder}: no watches; write them with `mllog watches build PROFILE --out {folder}`")
    found: dict[str, Watch] = {}
    for file in files:
        watch = load(file)
        if watch.id in found:
            raise WatchError(f"{file}.metadata.name: another file of the folder has the id {watch.id!r}")
        found[watch.id] = watch
    return list(found.values())


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
    for part in ("input", "condition", "actions"):  # metadata is data: a name in it may look like anything
        _no_foreign(watch.get(part), f"{where}.{part}")
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
    schedule = _object(trigger["schedule"], f"{where}.trigger.schedule")
    if set(schedule) != {"interval"}:
        raise WatchError(f"{where}.trigger.schedule: only an interval runs everywhere")
    if "throttle_period_in_millis" in watch:
        throttle = _milliseconds(watch["throttle_period_in_millis"], f"{where}.throttle_period_in_millis") / 1000
    else:
        throttle = seconds(watch.get("throttle_period", f"{THROTTLE:.0f}s"), f"{where}.throttle_period")
    indices, body = _search(watch.get("input"), f"{where}.input")
    actions = _actions(watch.get("actions"), f"{where}.actions", throttle)
    texts = [action.settings["text"] for action in actions if action.kind == "logging"]
    if not texts:
        raise WatchError(f"{where}.actions: a watch needs a logging action with a text")
    return Watch(
        id=name,
        metadata=metadata,
        body=body,
        indices=indices,
        condition=_condition(watch.get("condition"), f"{where}.condition"),
        text=texts[0],
        actions=actions,
        interval=seconds(schedule["interval"], f"{where}.trigger.schedule.interval"),
        throttle=throttle,
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


def _actions(data: Any, where: str, throttle: float) -> tuple[Action, ...]:
    """The actions; every watch has a logging one, since that runs without any connector."""
    found = []
    for name, action in _object(data, where).items():
        place = f"{where}.{name}"
        parts = _object(action, place)
        kinds = [kind for kind in parts if kind in _ACTIONS]
        if len(kinds) != 1:
            raise WatchError(f"{place}: expected one of {', '.join(_ACTIONS)}; mail and the like stand in alerts.toml")
        kind = kinds[0]
        if "transform" in parts:
            raise WatchError(f"{place}.transform: transforms do not run everywhere")
        if unknown := set(parts) - {kind, "throttle_period"}:
            raise WatchError(f"{place}.{min(unknown)}: not part of an action that runs everywhere")
        own = seconds(parts["throttle_period"], f"{place}.throttle_period") if "throttle_period" in parts else throttle
        settings = _object(parts[kind], f"{place}.{kind}")
        _CHECKS[kind](settings, f"{place}.{kind}")
        found.append(Action(str(name), kind, settings, own))
    return tuple(found)


def _check_logging(settings: Mapping[str, Any], where: str) -> None:
    if not isinstance(settings.get("text"), str):
        raise WatchError(f"{where}: a watch needs a logging action with a text")


def _check_index(settings: Mapping[str, Any], where: str) -> None:
    index = settings.get("index")
    if not isinstance(index, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,200}", index):
        raise WatchError(f"{where}.index: expected the name of one index or data stream")


def _check_webhook(settings: Mapping[str, Any], where: str) -> None:
    """The address is fixed, and no secret stands in a watch: `alerts.toml` names where they are."""
    if unknown := set(settings) - _WEBHOOK:
        raise WatchError(f"{where}.{min(unknown)}: not part of a webhook that runs everywhere")
    for part in ("scheme", "host", "path", "method"):
        value = settings.get(part, "")
        if not isinstance(value, str) or _TEMPLATE in value:
            raise WatchError(f"{where}.{part}: expected a string without a template")
    if not settings.get("host") or not re.fullmatch(r"[A-Za-z0-9.:-]+", settings["host"]):
        raise WatchError(f"{where}.host: expected the name of a host")
    if not isinstance(settings.get("port"), int):
        raise WatchError(f"{where}.port: expected a number")
    if settings.get("scheme", "http") not in ("http", "https"):
        raise WatchError(f"{where}.scheme: expected https")
    if not settings.get("path", "/").startswith("/"):
        raise WatchError(f"{where}.path: expected a path that begins with /")
    for name, value in _object(settings.get("headers", {}), f"{where}.headers").items():
        if name.lower() in _SECRET_HEADERS or not isinstance(value, str) or _TEMPLATE in value:
            raise WatchError(f"{where}.headers.{name}: secrets and templates do not stand here; see alerts.toml")


_CHECKS: Final = {"logging": _check_logging, "index": _check_index, "webhook": _check_webhook}


def _no_foreign(value: Any, where: str) -> None:
    """No template says what only one engine understands."""
    if isinstance(value, str) and (found := _FOREIGN.search(value)):
        raise WatchError(f"{where}: {found[0]} in a template does not run everywhere")
    if isinstance(value, Mapping):
        for name, item in value.items():
            _no_foreign(item, f"{where}.{name}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _no_foreign(item, f"{where}[{place}]")


def _object(data: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise WatchError(f"{where}: expected an object")
    return data


def _single(data: Any, where: str) -> tuple[str, Any]:
    if not isinstance(data, Mapping) or len(data) != 1:
        raise WatchError(f"{where}: expected an object with one member")
    ((name, value),) = data.items()
    return str(name), value
