"""Runs events through the filters of a configuration with a real Logstash."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mllog.errors import PipelineError
from mllog.pipeline._config import config_files
from mllog.pipeline._event import Event, encode
from mllog.pipeline._grammar import parse

_END: Final = "mllog_case_end"
_METADATA: Final = "mllog_case_metadata"
_SECONDS: Final = 600
"""Logstash needs some ten to start; what takes longer than this hangs."""


def filter_bodies(text: str, file: str) -> str:
    """What stands within the `filter { … }` sections of a file.

    Example:
        >>> filter_bodies('input { stdin { } } filter { drop { } }', "a.conf").strip()
        'drop { }'
    """
    bodies = []
    for section in parse(text, file).find_data("section"):
        begin, end = section.meta.start_pos, section.meta.end_pos
        if text[begin:end].startswith("filter"):
            bodies.append(text[text.index("{", begin) + 1 : end - 1])
    return "\n".join(bodies)


def _configuration(paths: Sequence[str | Path]) -> str:
    """The filters behind one input of JSON lines; a mark behind each event passes by them, so that none is mixed up."""
    files = config_files([Path(path) for path in paths])
    bodies = "\n".join(filter_bodies(file.read_text(encoding="utf-8"), str(file)) for file in files)
    return (
        "input { stdin { codec => json_lines { ecs_compatibility => disabled } ecs_compatibility => disabled } }\n"
        f"filter {{ if ![{_END}] {{\n"
        'mutate { remove_field => ["host", "[event][original]"] }\n'
        f"{bodies}\n"
        f'mutate {{ copy => {{ "@metadata" => "{_METADATA}" }} }}\n}} }}\n'
        "output { stdout { codec => json_lines } }\n"
    )


def run_logstash(
    program: Path, paths: Sequence[str | Path], events: Sequence[Event], environ: Mapping[str, str]
) -> list[list[Any]]:
    """For each event those that come out of the filters, with `@metadata` where there is any left.

    Raises:
        PipelineError: it cannot be run, failed, or gave something else than events.
    """
    lines = []
    for number, event in enumerate(events):
        lines += [encode(event), json.dumps({_END: str(number)})]
    with tempfile.TemporaryDirectory(prefix="mllog-logstash-") as folder:
        config = Path(folder) / "cases.conf"
        config.write_text(_configuration(paths), encoding="utf-8")
        command = [
            str(program), "--path.config", str(config), "--path.data", f"{folder}/data", "--pipeline.workers", "1",
            "--pipeline.ordered", "true", "--pipeline.ecs_compatibility", "v8", "--log.level", "error",
        ]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603 - the program that the user names, without a shell
                command,
                input="".join(line + "\n" for line in lines).encode(),
                capture_output=True,
                timeout=_SECONDS,
                env={**os.environ, **environ},
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PipelineError(f"Logstash cannot be run: {error}", file=str(program)) from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
        raise PipelineError(f"Logstash ended with {done.returncode}: {last[0]}", file=str(program))
    return _grouped(done.stdout, len(events), str(program))


def _grouped(output: bytes, count: int, program: str) -> list[list[Any]]:
    groups: list[list[Any]] = []
    current: list[Any] = []
    for line in output.splitlines():
        if not line.startswith(b"{"):
            continue
        event = json.loads(line)
        if _END in event:
            groups.append(current)
            current = []
            continue
        metadata = event.pop(_METADATA, None)
        current.append({**event, **({"@metadata": metadata} if metadata else {})})
    if len(groups) != count:
        raise PipelineError(f"Logstash gave an answer to {len(groups)} of {count} cases", file=program)
    return groups
