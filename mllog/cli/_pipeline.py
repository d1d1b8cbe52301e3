"""What the commands of `mllog pipeline` do that is more than one call."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from mllog.cli._output import print_json
from mllog.errors import ConfigurationError
from mllog.pipeline import CaseResult, Coverage, environ_with_key, load, run_cases, with_index_pipeline
from mllog.pipeline._config import config_files
from mllog.redaction._file import load_file, with_names
from mllog.redaction._lint import lint
from mllog.redaction._logstash import write_config
from mllog.redaction.rules import DEFAULT, RuleSet


def case_files(paths: Sequence[Path], cases: Sequence[Path] | None) -> list[Path]:
    """The case files that are named, else those beside the configuration: of `cases/<its name>/`, or of `cases/`.

    Raises:
        ConfigurationError: there is none.
    """
    if cases:
        return list(cases)
    beside = [(path.resolve().parent / "cases", path.resolve().name) for path in paths]
    folders = [cases / name if (cases / name).is_dir() else cases for cases, name in beside]
    files = sorted({file for folder in folders for file in folder.glob("*.yml")})
    if not files:
        raise ConfigurationError(f"no case files in {', '.join(map(str, folders))}; name them with --cases")
    return files


def run_tests(
    paths: Sequence[Path], cases: Sequence[Path] | None, *, coverage: bool, logstash: Path | None, as_json: bool
) -> bool:
    """Run the cases and say how it went; whether all passed, and with `coverage` reached every branch."""
    if coverage and logstash is not None:
        raise ConfigurationError("--coverage: only the embedded runner can say which branches are reached")
    seen = Coverage() if coverage else None
    environ = environ_with_key()[0]
    results = list(
        run_cases(
            with_index_pipeline(paths), case_files(paths, cases), environ=environ, coverage=seen, logstash=logstash
        )
    )
    failed = [result for result in results if result.faults]
    missed = [str(arm) for arm in seen.missed()] if seen is not None else []
    if as_json:
        shown = {"cases": len(results), "failed": [asdict(result) for result in failed]}
        print_json(shown | ({"branches": len(seen.counts), "missed": missed} if seen is not None else {}))
    else:
        for result in failed:
            _tell(result)
        typer.echo(f"{len(results) - len(failed)} of {len(results)} cases passed")
        if seen is not None:
            typer.echo(f"{len(seen.counts) - len(missed)} of {len(seen.counts)} branches reached")
            for arm in missed:
                typer.echo(f"not reached: {arm}")
    return not failed and not missed


def _tell(result: CaseResult) -> None:
    """The faults of a case and the difference of its events, in colour on a terminal."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for fault in result.faults:
        console.print(Text(f"{result.file}: {result.name}: {fault}"))
    for line in result.diff:
        style = "red" if line.startswith("-") else "green" if line.startswith("+") else "dim"
        console.print(Text(line, style=style))


def build(out: Path, rules: Path | None, profiles: Iterable[Path]) -> list[str]:
    """Write the filters of the rules; a line for each file.

    Raises:
        ConfigurationError: a rule would not do in Logstash, or the folder is none.
    """
    chosen: RuleSet = DEFAULT if rules is None else load_file(rules).rules
    named = [name for name, how in chosen.features.items() if how != "keep"]
    for path in profiles:
        from mllog.profile import Profile  # noqa: PLC0415 - an extra

        named += [feature.name for feature in Profile.load(path).inputs if feature.sensitive]
    chosen = with_names(replace(chosen, features={}), named, "features")
    if not out.is_dir():
        raise ConfigurationError(f"{out}: no folder; name that of the pipeline with --out")
    faults = [fault for rule in chosen.shapes if rule.name.startswith("own_") for fault in lint(rule)]
    if faults:
        raise ConfigurationError("; ".join(faults))
    changed = write_config(out, chosen)
    load(config_files([out]), environ=environ_with_key()[0])
    return [f"wrote {path}" for path in changed] or ["no changes"]


def scan(
    source: str, *, index: str, rules: Path | None, api_key_file: Path | None, ca: Path | None, as_json: bool
) -> bool:
    """Look for sensitive values in stored events and say what was found; whether there was nothing."""
    from mllog.redaction._scan import Report, events_of, scanned  # noqa: PLC0415 - an extra for some sources

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("events", total=None)
        report: Report = scanned(
            events_of(source, index=index, api_key_file=api_key_file, ca=ca),
            DEFAULT if rules is None else load_file(rules).rules,
            seen=lambda count: progress.update(task, completed=count),
        )
    if as_json:
        print_json(report.to_dict())
    else:
        for finding in report.findings():
            typer.echo(f"{finding.times:>8}  {finding.kind:<16} {finding.field}  in {', '.join(finding.ids)}")
        typer.echo(f"{report.events} events, {report.found} sensitive values in {report.affected} of them")
    return report.found == 0
