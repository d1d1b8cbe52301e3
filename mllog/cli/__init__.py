"""The command line: one module for each noun, each a thin layer over a function of the library."""

from __future__ import annotations

from typing import Annotated

import typer

from mllog._version import __version__
from mllog.cli import (
    _alerts,
    _dashboards,
    _demo,
    _erase,
    _init,
    _pipeline,
    _profile,
    _redaction,
    _retention,
    _serve,
    _setup,
    _spool,
    _store,
    _watches,
)

app = typer.Typer(
    name="mllog",
    help="Record what machine-learning models were asked and what they answered.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

# In the order of `mllog --help`; the commands of a module without a name of its own stand at the top level.
for _module in (
    _demo,
    _serve,
    _store,
    _erase,
    _setup,
    _init,
    _spool,
    _pipeline,
    _redaction,
    _profile,
    _dashboards,
    _watches,
    _alerts,
    _retention,
):
    app.add_typer(_module.app)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Record what machine-learning models were asked and what they answered."""
