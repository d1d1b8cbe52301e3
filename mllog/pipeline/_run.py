"""Loading a pipeline, and running events through its filter stage."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mllog.errors import PipelineError
from mllog.pipeline._compile import Compiler, Destination, guarded, resolver
from mllog.pipeline._config import Plugin, Sections, config_files, read_text
from mllog.pipeline._coverage import Coverage
from mllog.pipeline._event import Event, event_from_json, event_from_line, now, timestamp
from mllog.pipeline.filters.json import parsed


class Pipeline:
    """A compiled configuration.

    Attributes:
        inputs: the inputs as they stand in the configuration, checked.
        outputs: the outputs, those within conditions too.

    Example:
        >>> pipeline = load_text('filter { mutate { add_field => { "b" => "%{a}!" } } }')
        >>> pipeline.filter(event_from_json({"a": 1}))[0]["b"]
        '1!'
    """

    def __init__(self, sections: Sections, environ: Mapping[str, str], coverage: Coverage | None = None) -> None:
        compiler = Compiler(environ, coverage)
        self._run = guarded(compiler.stage(sections["filter"]))
        self.inputs: tuple[Plugin, ...] = compiler.inputs(sections["input"])
        self.outputs, self._reach = compiler.outputs(sections["output"])
        self._resolve = {id(plugin): resolver(plugin) for plugin in self.outputs}

    def filter(self, event: Event) -> list[Event]:
        """The events that come out for one that goes in: none if it was dropped, several if it was cloned or split.

        The event is changed in place.

        Never raises: what cannot be processed is dropped and reported to the logger `mllog.pipeline`.
        """
        given = event.get("@timestamp")
        if type(given) is str:
            event["@timestamp"] = timestamp(given) or now()
        return self._run(event)

    def destinations(self, event: Event) -> list[Destination]:
        """The outputs that an event reaches, their settings filled from it."""
        return [self._resolve[id(plugin)](event) for plugin in self._reach(event)]


def _sections(texts: Iterable[tuple[str, str]]) -> Sections:
    sections: Sections = {"input": [], "filter": [], "output": []}
    for name, text in texts:
        for stage, statements in read_text(text, name).items():
            sections[stage] += statements
    return sections


def load(
    paths: Sequence[str | Path], *, environ: Mapping[str, str] = os.environ, coverage: Coverage | None = None
) -> Pipeline:
    """The pipeline of files and folders; of a folder its `*.conf` in name order.

    Args:
        paths: files and folders.
        environ: the variables.
        coverage: takes down the branches that events reach; without it that costs nothing.

    Raises:
        PipelineError: with file, line and column: a fault, or something outside the embedded subset.
    """
    return Pipeline(_sections(_texts(paths)), environ, coverage)


def _texts(paths: Sequence[str | Path]) -> Iterator[tuple[str, str]]:
    for path in config_files([Path(path) for path in paths]):
        try:
            yield str(path), path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PipelineError(f"cannot be read: {error}", file=str(path)) from None


def with_index_pipeline(paths: Sequence[str | Path]) -> list[Path]:
    """The paths, and the folder `index` beside a pipeline that ends there: its output is what stores.

    Example:
        >>> [path.name for path in with_index_pipeline([Path("elsewhere.conf")])]
        ['elsewhere.conf']
    """
    given = [Path(path) for path in paths]
    beside = [path.resolve().parent / "index" for path in given if path.is_dir() and path.resolve().name == "pipeline"]
    return [*given, *(folder for folder in beside if folder.is_dir())]


def load_text(text: str, *, name: str = "<config>", environ: Mapping[str, str] = os.environ) -> Pipeline:
    """The pipeline of one text.

    Raises:
        PipelineError: as `load`.

    Example:
        >>> load_text("filter { nosuch { } }")
        Traceback (most recent call last):
        ...
        mllog.errors.PipelineError: <config>:1:10: the filter 'nosuch' is unknown: use clone, date, ...
    """
    return Pipeline(_sections([(name, text)]), environ)


def check(paths: Sequence[str | Path], *, environ: Mapping[str, str] = os.environ) -> str:
    """One line that says what a configuration holds.

    Raises:
        PipelineError: as `load`.
    """
    files = config_files([Path(path) for path in paths])
    pipeline = load(paths, environ=environ)
    counts = {"file": len(files), "input": len(pipeline.inputs), "output": len(pipeline.outputs)}
    shown = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items())
    return f"the configuration is inside the embedded subset: {shown}"


def _event(line: str | bytes, *, raw: bool) -> Event:
    if raw:
        return event_from_line(line)
    value: Any = parsed(line.decode("utf-8", "replace") if isinstance(line, bytes) else line)
    if not isinstance(value, dict):
        raise PipelineError("each line of the input must be a JSON object; --raw takes text lines", file="<stdin>")
    return event_from_json(value)


def evaluate(
    paths: Sequence[str | Path],
    lines: Iterable[str | bytes],
    *,
    raw: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[list[Event]]:
    """For each line the events that come out of the filter stage.

    Args:
        paths: files and folders of the configuration.
        lines: a JSON object each, or with `raw` a text each; a line feed at the end is taken off.
        raw: take the lines as texts.
        environ: the variables.

    Raises:
        PipelineError: as `load`, or a line is no JSON object.
    """
    pipeline = load(paths, environ=environ)
    for number, line in enumerate(lines, 1):
        bare = line.removesuffix(b"\n") if isinstance(line, bytes) else line.removesuffix("\n")
        try:
            event = _event(bare, raw=raw)
        except ValueError as error:
            raise PipelineError(f"no JSON: {error}", file="<stdin>", line=number) from None
        yield pipeline.filter(event)
