"""`mllog pipeline`: Logstash configuration without Logstash, and the filters that redact."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from mllog.cli._options import STREAMS, ApiKeyFile, AsJson, Ca, Configs, Index, Rules
from mllog.cli._output import print_json, progress
from mllog.errors import ConfigurationError

if TYPE_CHECKING:
    from mllog.pipeline import CaseResult

app = typer.Typer(name="pipeline", help="Run Logstash configuration without Logstash.", no_args_is_help=True)


@app.command()
def check(paths: Configs) -> None:
    """Check that a configuration is inside the embedded subset; if it is not, print where and why."""
    from mllog import pipeline  # noqa: PLC0415 - an extra

    typer.echo(pipeline.check(paths, environ=pipeline.environ_with_key()[0]))


@app.command("eval")
def evaluate(
    paths: Configs,
    *,
    raw: Annotated[bool, typer.Option(help="Standard input holds lines of text, not of JSON.")] = False,
) -> None:
    """Run the filter stage over standard input: an event per line in, one JSON array of the resulting events out."""
    from mllog import pipeline  # noqa: PLC0415 - an extra

    out = sys.stdout
    for events in pipeline.evaluate(paths, sys.stdin.buffer, raw=raw, environ=pipeline.environ_with_key()[0]):
        out.write(pipeline.encode(events) + "\n")
    out.flush()


@app.command("test")
def run_cases(
    paths: Configs,
    *,
    cases: Annotated[
        list[Path] | None, typer.Option(help="Case file, may be given again; default: cases/*.yml beside the folder.")
    ] = None,
    coverage: Annotated[bool, typer.Option(help="List the branches that no case reaches; they fail the run.")] = False,
    logstash: Annotated[
        Path | None, typer.Option(help="bin/logstash of an installation that runs the cases instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the case files of a configuration: input lines and the events that are expected."""
    from mllog import pipeline  # noqa: PLC0415 - an extra

    if coverage and logstash is not None:
        raise ConfigurationError("--coverage needs the embedded runner; leave out --logstash")
    reached = pipeline.Coverage() if coverage else None
    results = list(
        pipeline.run_cases(
            pipeline.with_index_pipeline(paths),
            case_files(paths, cases),
            environ=pipeline.environ_with_key()[0],
            coverage=reached,
            logstash=logstash,
        )
    )
    failed = [result for result in results if result.faults]
    missed = [str(arm) for arm in reached.missed()] if reached is not None else []
    if as_json:
        report = {"cases": len(results), "failed": [asdict(result) for result in failed]}
        print_json(report | ({"branches": len(reached.counts), "missed": missed} if reached is not None else {}))
    else:
        for result in failed:
            _print_failure(result)
        typer.echo(f"{len(results) - len(failed)} of {len(results)} cases passed")
        if reached is not None:
            typer.echo(f"{len(reached.counts) - len(missed)} of {len(reached.counts)} branches reached")
            for arm in missed:
                typer.echo(f"not reached: {arm}")
    if failed or missed:
        raise typer.Exit(1)


@app.command()
def build(
    *,
    out: Annotated[Path, typer.Option(help="Folder of the filters.")] = Path("logstash/pipeline"),
    rules: Rules = None,
    profiles: Annotated[
        list[Path] | None,
        typer.Option("--profile", help="Profile whose sensitive features are names too; may be given again."),
    ] = None,
) -> None:
    """Write 20-redact.conf and 35-redacted.conf from the redaction rules."""
    for line in write_filters(out, rules, profiles or []):
        typer.echo(line)


@app.command()
def scan(
    source: Annotated[str, typer.Argument(help="NDJSON or Parquet file, folder of the embedded store, or URL.")],
    *,
    index: Index = STREAMS,
    rules: Rules = None,
    api_key_file: ApiKeyFile = None,
    ca: Ca = None,
    as_json: AsJson = False,
) -> None:
    """Look for sensitive values in stored events: kinds, fields and counts, never a value."""
    from mllog.redaction._file import load_file  # noqa: PLC0415 - only this command needs it
    from mllog.redaction._scan import events_of, scanned  # noqa: PLC0415 - an extra for some sources
    from mllog.redaction.rules import DEFAULT  # noqa: PLC0415 - the same

    with progress() as bar:
        task = bar.add_task("events", total=None)
        report = scanned(
            events_of(source, index=index, api_key_file=api_key_file, ca=ca),
            DEFAULT if rules is None else load_file(rules).rules,
            seen=lambda count: bar.update(task, completed=count),
        )
    if as_json:
        print_json(report.to_dict())
    else:
        for finding in report.findings():
            typer.echo(f"{finding.times:>8}  {finding.kind:<16} {finding.field}  in {', '.join(finding.ids)}")
        typer.echo(f"{report.events} events, {report.found} sensitive values in {report.affected} of them")
    if report.found:
        raise typer.Exit(1)


def case_files(paths: Sequence[Path], cases: Sequence[Path] | None) -> list[Path]:
    """The given case files, else those beside the configuration: of `cases/<its name>/`, or of `cases/`.

    Raises:
        ConfigurationError: there is none.
    """
    if cases:
        return list(cases)
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path}: no such file or folder; give a *.conf file or a folder of them")
    beside = [(path.resolve().parent / "cases", path.resolve().name) for path in paths]
    folders = [cases / name if (cases / name).is_dir() else cases for cases, name in beside]
    files = sorted({file for folder in folders for file in folder.glob("*.yml")})
    if not files:
        raise ConfigurationError(f"no case files in {', '.join(map(str, folders))}; name them with --cases")
    return files


def write_filters(out: Path, rules: Path | None, profiles: Iterable[Path]) -> list[str]:
    """Write the filters of the rules; a line for each file.

    Raises:
        ConfigurationError: a rule does not work in Logstash, or the folder does not exist.
    """
    from mllog.pipeline import environ_with_key, load  # noqa: PLC0415 - an extra
    from mllog.pipeline._config import config_files  # noqa: PLC0415 - the same
    from mllog.profile import Profile  # noqa: PLC0415 - the same
    from mllog.redaction._file import load_file, with_names  # noqa: PLC0415 - the same
    from mllog.redaction._lint import lint  # noqa: PLC0415 - the same
    from mllog.redaction._logstash import write_config  # noqa: PLC0415 - the same
    from mllog.redaction.rules import DEFAULT  # noqa: PLC0415 - the same

    chosen = DEFAULT if rules is None else load_file(rules).rules
    names = [name for name, action in chosen.features.items() if action != "keep"]
    names += [feature.name for path in profiles for feature in Profile.load(path).inputs if feature.sensitive]
    chosen = with_names(replace(chosen, features={}), names, "features")
    if not out.is_dir():
        raise ConfigurationError(f"{out}: no such folder; give the folder of the pipeline with --out")
    faults = [fault for rule in chosen.shapes if rule.name.startswith("own_") for fault in lint(rule)]
    if faults:
        raise ConfigurationError("; ".join(faults))
    changed = write_config(out, chosen)
    load(config_files([out]), environ=environ_with_key()[0])
    return [f"wrote {path}" for path in changed] or ["no changes"]


def _print_failure(result: CaseResult) -> None:
    """The faults of a case and the difference of its events, in colour on a terminal."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for fault in result.faults:
        console.print(Text(f"{result.file}: {result.name}: {fault}"))
    for line in result.diff:
        style = "red" if line.startswith("-") else "green" if line.startswith("+") else "dim"
        console.print(Text(line, style=style))
