"""`mllog redaction`: the keys of pseudonyms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="redaction", help="Keys of pseudonyms.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Keys of pseudonyms."""


@app.command()
def key(
    file: Annotated[Path, typer.Argument(help="Key file; created with mode 0600 if it does not exist.")],
    *,
    name: Annotated[str, typer.Option("--id", help="Id of the new key; every pseudonym carries it.")],
) -> None:
    """Put a new key in front of a key file; the old ones stay, so that older events are found too."""
    from mllog.redaction import write_key  # noqa: PLC0415 - only this command needs it

    write_key(file, name)
    typer.echo(f"{file}: {name} is the key of new pseudonyms")
