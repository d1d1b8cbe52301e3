"""`mllog retention show`: what each stream holds, and what deletes it."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mllog.cli._output import print_json
from mllog.cli._store import Ca, Index, KeyFile, Place, opened

retention_app = typer.Typer(help="How long events are kept.", no_args_is_help=True)

_WIDE = 200


@retention_app.callback()
def main() -> None:
    """How long events are kept."""


@retention_app.command("show")
def show(
    *,
    store: Place = None,
    index: Index = "logs-mllog.*",
    api_key_file: KeyFile = None,
    ca: Ca = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array on standard output, for machines.")] = False,
) -> None:
    """Show the events of each data stream, the oldest of them, and the ILM policy or lifecycle that deletes them."""
    from mllog.store import is_cluster  # noqa: PLC0415 - an extra
    from mllog.store._retention import kept  # noqa: PLC0415 - the same

    with opened(store, api_key_file, ca) as found:
        streams = kept(found, index=index)
    if as_json:
        print_json([asdict(stream) for stream in streams])
        return
    cluster = is_cluster(store or os.environ.get("MLLOG_ELASTICSEARCH_URL", ""))
    unknown = "nothing" if cluster else "mllog serve --retention"
    table = Table("stream", "events", "oldest", "indices", "deleted by", "after")
    for stream in streams:
        cells = (stream.stream, f"{stream.events:,}", stream.oldest or "-", str(stream.indices))
        table.add_row(*map(Text, (*cells, stream.managed or unknown, stream.keep or "-")))
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)
    if cluster:
        typer.echo("ages count from the rollover of an index; elastic/ilm/logs-mllog.json is the policy to change")
