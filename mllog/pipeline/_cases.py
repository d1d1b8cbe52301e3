"""Case files: what goes in and the events expected of a configuration, as YAML beside it."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from mllog.errors import PipelineError
from mllog.pipeline._coverage import Coverage
from mllog.pipeline._event import Event, encode, event_from_json, event_from_line
from mllog.pipeline._logstash import run_logstash
from mllog.pipeline._run import Pipeline, load

_ANY: Final = "<ANY>"
_ABSENT: Final = "<ABSENT>"
_KEYS: Final = frozenset({"name", "line", "times", "bytes", "event", "events", "exact", "ignore", "index", "note"})


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a file.

    Attributes:
        file: the case file.
        name: the case.
        given: the event that goes in.
        wanted: the events that must come out; an empty list: it is dropped.
        exact: whether every field counts, else those that are named.
        ignore: dotted paths of fields that never count.
        index: the data stream of the first event, or None.
    """

    file: str
    name: str
    given: Event
    wanted: list[Any]
    exact: bool
    ignore: tuple[str, ...]
    index: str | None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went.

    Attributes:
        file: the case file.
        name: the case.
        faults: one line each; none if the case passed.
        diff: lines of a unified diff, from what was expected to what came.
    """

    file: str
    name: str
    faults: tuple[str, ...]
    diff: tuple[str, ...] = ()


def differences(given: Any, wanted: Any, where: str = "event", *, exact: bool = False) -> Iterator[str]:
    """What of the expectation does not hold: an object needs the fields that are named, all else must be equal.

    `<ANY>` is any value, `<ABSENT>` none. With `exact` no other field may be there either.

    Example:
        >>> list(differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}))
        []
        >>> list(differences({"a": 1}, {"a": 2, "b": "<ANY>"}))
        ['event.a is 1, not 2', 'event.b is missing']
        >>> list(differences({"a": 1, "b": 2}, {"a": 1}, exact=True))
        ['event.b is 2, and was not expected']
    """
    if isinstance(wanted, dict) and isinstance(given, dict):
        for name, value in wanted.items():
            path = f"{where}.{name}"
            if value == _ABSENT:
                if name in given:
                    yield f"{path} is {json.dumps(given[name])}, and should not be there"
            elif name not in given:
                yield f"{path} is missing"
            else:
                yield from differences(given[name], value, path, exact=exact)
        for name in given if exact else ():
            if name not in wanted:
                yield f"{where}.{name} is {json.dumps(given[name])}, and was not expected"
    elif wanted not in (_ANY, given):
        yield f"{where} is {json.dumps(given)}, not {json.dumps(wanted)}"


def _without(value: Any, paths: Iterable[str]) -> Any:
    """A copy without the fields of some dotted paths."""
    found = json.loads(json.dumps(value))
    for path in paths:
        *above, last = path.split(".")
        holder = found
        for name in above:
            holder = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder.pop(last, None)
    return found


def _shown(given: Any, wanted: Any, *, exact: bool) -> Any:
    """What of an event the expectation speaks of, its marks filled in, so that a diff shows the difference alone."""
    if not isinstance(wanted, dict) or not isinstance(given, dict):
        return wanted if wanted == _ANY else given
    named = {
        name: _shown(given[name], value, exact=exact) if name in given else _ABSENT
        for name, value in wanted.items()
        if name in given or value == _ABSENT
    }
    return {**named, **({name: value for name, value in given.items() if name not in wanted} if exact else {})}


def _diff(given: list[Any], wanted: list[Any], *, exact: bool) -> tuple[str, ...]:
    shown = [_shown(*pair, exact=exact) for pair in zip(given, wanted, strict=False)] + given[len(wanted) :]
    left, right = (
        "\n".join(json.dumps(event, indent=2, sort_keys=True, ensure_ascii=False) for event in events).splitlines()
        for events in (wanted, shown)
    )
    return tuple(difflib.unified_diff(left, right, "expected", "came", lineterm=""))


def read_cases(file: str | Path) -> list[Case]:
    """The cases of a file.

    Raises:
        PipelineError: it is no case file, or a case is not as it should be.
    """
    path = Path(file)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        cases = content["cases"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise PipelineError(f"no case file: {error!r}", file=str(path)) from None
    return [_case(path, content, case) for case in cases]


def _case(path: Path, content: dict[str, Any], case: Any) -> Case:
    if not isinstance(case, dict) or "name" not in case or len({"line", "bytes", "event"} & set(case)) != 1:
        raise PipelineError("each case needs a name, and a line, bytes or an event", file=str(path))
    if unknown := set(case) - _KEYS:
        raise PipelineError(f"the case {case['name']!r} has unknown keys: {', '.join(sorted(unknown))}", file=str(path))
    return Case(
        str(path),
        str(case["name"]),
        _given(path, case),
        case.get("events", [{}]),
        bool(case.get("exact", content.get("exact", False))),
        (*content.get("ignore", ()), *case.get("ignore", ())),
        case.get("index"),
    )


def _given(path: Path, case: dict[str, Any]) -> Event:
    if "event" in case:
        return event_from_json(case["event"])
    if "line" in case:
        return event_from_line(str(case["line"]) * int(case.get("times", 1)))
    try:
        return event_from_line(bytes.fromhex(str(case["bytes"])))
    except ValueError:
        raise PipelineError(f"the case {case['name']!r}: bytes are hexadecimal digits", file=str(path)) from None


def _judged(case: Case, events: list[Any], streams: list[Any] | None) -> CaseResult:
    given = [_without(event, case.ignore) for event in events]
    wanted = [_without(event, case.ignore) for event in case.wanted]
    faults: list[str] = []
    if len(given) != len(wanted):
        faults.append(f"{len(given)} events came out, not {len(wanted)}")
    for event, want in zip(given, wanted, strict=False):
        faults += differences(event, want, exact=case.exact)
    diff = _diff(given, wanted, exact=case.exact) if faults else ()
    if case.index is not None and streams is not None:
        faults += differences(streams[:1], [case.index], "index")
    return CaseResult(case.file, case.name, tuple(faults), diff)


def _streams(pipeline: Pipeline, events: list[Event]) -> list[Any]:
    return [
        place.settings.get("index")
        for event in events
        for place in pipeline.destinations(event)
        if place.plugin == "elasticsearch"
    ]


def run_cases(
    configuration: Sequence[str | Path],
    files: Sequence[str | Path],
    *,
    environ: Mapping[str, str] = os.environ,
    coverage: Coverage | None = None,
    logstash: str | Path | None = None,
) -> Iterator[CaseResult]:
    """Run case files against a configuration.

    A case has `name`; `line` (the text that is sent, `times` over), `bytes` (the same in hexadecimal) or `event` (its
    fields, `@metadata` too); and of what is expected any of `events` (in order; an empty list: dropped) and `index`
    (the data stream of the first). Only fields that are named count, or all with `exact: true`; those of `ignore` never
    do. Both can stand at the top of a file, for all its cases.

    Args:
        configuration: files and folders, all of one pipeline.
        files: the case files.
        environ: the variables; default: this process's.
        coverage: takes down the branches that are reached.
        logstash: `bin/logstash` of an installation that runs the cases instead of the embedded runner.

    Raises:
        PipelineError: the configuration or a case file is wrong, or Logstash failed.
    """
    cases = [case for file in files for case in read_cases(file)]
    pipeline = load(configuration, environ=environ, coverage=coverage)
    if logstash is not None:
        outcomes = run_logstash(Path(logstash), configuration, [case.given for case in cases], environ)
        for case, events in zip(cases, outcomes, strict=True):
            yield _judged(case, events, None)
        return
    for case in cases:
        events = pipeline.filter(case.given)
        yield _judged(case, json.loads(encode(events)), _streams(pipeline, events))
