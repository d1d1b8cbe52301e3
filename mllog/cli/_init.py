"""`mllog init`: the configuration of the Elastic stack, written out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Final

import typer

from mllog._resources import resource
from mllog.errors import ConfigurationError

app = typer.Typer()

_STACK: Final = ("logstash", "elastic", "kibana", "docker-compose.yml", ".env.example")


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Target folder; created if it does not exist.")]) -> None:
    """Write out the configuration of the Elastic stack: logstash/, elastic/, kibana/ and docker-compose.yml."""
    for name in _STACK:
        if (folder / name).exists():
            raise ConfigurationError(f"{folder / name} exists already; nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    for name in _STACK:
        source = resource(name)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    typer.echo(f"wrote {', '.join(_STACK)} to {folder}")
