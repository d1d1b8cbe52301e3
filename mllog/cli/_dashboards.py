"""`mllog dashboards`: Kibana dashboards, built from profiles and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mllog.cli._options import OutFolder, Profiles

app = typer.Typer(name="dashboards", help="Build Kibana dashboards from profiles.", no_args_is_help=True)


@app.command()
def build(paths: Profiles, out: OutFolder) -> None:
    """Write a dashboard per profile as NDJSON that Kibana imports as it is."""
    from mllog.dashboards import kibana  # noqa: PLC0415 - an extra
    from mllog.profile import Profile  # noqa: PLC0415 - the same

    for written in kibana.write([Profile.load(path) for path in paths], out):
        typer.echo(str(written))


@app.command()
def check(paths: Annotated[list[Path], typer.Argument(help="NDJSON files of saved objects.")]) -> None:
    """Find faults that Kibana would show only when a dashboard is opened."""
    from mllog.dashboards import kibana  # noqa: PLC0415 - an extra

    problems = [f"{path}: {problem}" for path in paths for problem in kibana.check(path)]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo("no problems found")
