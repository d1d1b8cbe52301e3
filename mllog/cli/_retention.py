"""`mllog retention show`: what each stream holds, and what deletes it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from mllog.cli._options import STREAMS, Index, StoreOptions, with_options
from mllog.cli._output import print_json, print_table

app = typer.Typer(name="retention", help="How long events are kept.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """How long events are kept."""


@app.command()
@with_options
def show(
    *,
    options: StoreOptions,
    index: Index = STREAMS,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array on standard output, for machines.")] = False,
) -> None:
    """Show the events of each data stream, the oldest of them, and the ILM policy or lifecycle that deletes them."""
    from mllog.store import is_cluster  # noqa: PLC0415 - an extra
    from mllog.store._retention import kept  # noqa: PLC0415 - the same

    with options.open() as store:
        streams = kept(store, index=index)
    if as_json:
        print_json([asdict(stream) for stream in streams])
        return
    cluster = is_cluster(options.address or "")
    default = "nothing" if cluster else "mllog serve --retention"
    table = Table("stream", "events", "oldest", "indices", "deleted by", "after")
    for stream in streams:
        cells = (stream.stream, f"{stream.events:,}", stream.oldest or "-", str(stream.indices))
        table.add_row(*map(Text, (*cells, stream.managed or default, stream.keep or "-")))
    print_table(table)
    if cluster:
        typer.echo("ages count from the rollover of an index; elastic/ilm/logs-mllog.json is the policy to change")
