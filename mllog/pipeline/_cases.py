"""Case files: input lines and the events expected of a configuration, as YAML beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from mllog._errors import PipelineError
from mllog.pipeline._event import encode, event_from_line
from mllog.pipeline._run import load

_ANY: Final = "<ANY>"
_ABSENT: Final = "<ABSENT>"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went.

    Attributes:
        file: the case file.
        name: the case.
        faults: one line each; none if the case passed.
    """

    file: str
    name: str
    faults: tuple[str, ...]


def differences(given: Any, wanted: Any, where: str = "event") -> Iterator[str]:
    """What of the expectation does not hold: an object needs the fields that are named, all else must be equal.

    `<ANY>` is any value, `<ABSENT>` none.

    Example:
        >>> list(differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}))
        []
        >>> list(differences({"a": 1}, {"a": 2, "b": "<ANY>"}))
        ['event.a is 1, not 2', 'event.b is missing']
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
                yield from differences(given[name], value, path)
    elif wanted not in (_ANY, given):
        yield f"{where} is {json.dumps(given)}, not {json.dumps(wanted)}"


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        cases = yaml.safe_load(path.read_text(encoding="utf-8"))["cases"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise PipelineError(f"no case file: {error!r}", file=str(path)) from None
    for case in cases:
        if not isinstance(case, dict) or not {"name", "line"} <= case.keys():
            raise PipelineError("each case needs a name and a line", file=str(path))
    return list(cases)


def run_cases(
    configuration: Sequence[str | Path], files: Sequence[str | Path], *, environ: Mapping[str, str] = os.environ
) -> Iterator[CaseResult]:
    """Run case files against a configuration.

    A case has `name`, `line` (the text that is sent), and of what is expected any of `events` (in order; an empty list:
    dropped) and `index` (the data stream of the first). Variables come from `environ`; default: this process's.

    Raises:
        PipelineError: the configuration or a case file is wrong.
    """
    pipeline = load(configuration, environ=environ)
    for file in files:
        for case in _read(Path(file)):
            events = pipeline.filter(event_from_line(str(case["line"])))
            shown = json.loads(encode(events))
            faults: list[str] = []
            wanted = case.get("events", [{}])
            if len(shown) != len(wanted):
                faults.append(f"{len(shown)} events came out, not {len(wanted)}")
            for given, want in zip(shown, wanted, strict=False):
                faults += differences(given, want)
            if "index" in case:
                streams = [place.settings.get("index") for event in events for place in pipeline.destinations(event)]
                faults += differences(streams[:1], [case["index"]], "index")
            yield CaseResult(str(file), str(case["name"]), tuple(faults))
