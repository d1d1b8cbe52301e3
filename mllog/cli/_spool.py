"""`mllog spool`: the events on disk, and their delivery."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from mllog._durations import seconds
from mllog.cli._options import AsJson, EndpointOptions, Model, Spool, with_options
from mllog.cli._output import log_to_stderr, print_json, print_table, printable
from mllog.errors import SpoolError

app = typer.Typer(name="spool", help="Look into a spool folder.", no_args_is_help=True)


@app.command()
def cat(folder: Spool) -> None:
    """Print the accepted events as NDJSON, oldest first; a torn tail is left out."""
    from mllog.spool import events  # noqa: PLC0415 - only this command needs it

    out = sys.stdout.buffer
    for line in events(folder):
        out.write(line + b"\n")
    out.flush()


@app.command()
def status(folder: Spool, *, as_json: AsJson = False) -> None:
    """Show how much a spool holds and how much of it is not yet delivered."""
    from mllog.spool import status as status_of  # noqa: PLC0415 - only this command needs it

    state = asdict(status_of(folder))
    if as_json:
        print_json(state)
        return
    table = Table("what", "value", title=f"spool {folder}")
    for name in ("segments", "live", "events", "bytes", "oldest"):
        value = state[name]
        table.add_row(name, "-" if value is None else f"{value:,}" if isinstance(value, int) else value)
    for name, reason in state["set_aside"].items():
        table.add_row(Text(f"set aside: {printable(name)}"), Text(printable(reason)))
    for consumer, pending in state["consumers"].items():
        table.add_row(f"bytes that {consumer} has not stored", f"{pending:,}")
    print_table(table)


@app.command()
@with_options
def ship(
    folder: Spool,
    *,
    options: EndpointOptions,
    keep: Annotated[str | None, typer.Option(help="How long delivered segments stay for a replay, such as 7d.")] = None,
    once: Annotated[bool, typer.Option(help="End when everything is delivered.")] = False,
    drain: Annotated[float, typer.Option(help="Seconds to deliver the rest after a signal to stop.")] = 10.0,
    timeout: Annotated[
        float | None,
        typer.Option(help="With --once: stop trying after so many seconds without progress; default: --drain."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Deliver a spool to Logstash, or to `mllog serve`, until it is stopped."""
    from mllog.shipping import Shipper  # noqa: PLC0415 - an extra

    endpoint = options.endpoint()
    if not folder.is_dir():  # a service may wait for its folder; whoever types one has mistyped it
        what = (
            "is a file, not the folder of a spool" if folder.exists() else "no such folder; it comes with the service"
        )
        raise SpoolError(f"{folder}: {what}")
    log_to_stderr(logging.INFO)
    shipper = Shipper(folder, endpoint, keep=None if keep is None else seconds(keep))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: shipper.stop(drain))
    delivered = shipper.run(once=once, patience=drain if timeout is None else timeout)
    if as_json:
        print_json(asdict(shipper.status))
    if once and not delivered:
        reason = shipper.status.problem or "see `mllog spool status`"
        raise SpoolError(f"{folder}: not everything was delivered: {reason}; the rest stays in the spool")


@app.command()
@with_options
def replay(
    folder: Spool,
    *,
    options: EndpointOptions,
    since: Annotated[dt.datetime | None, typer.Option(help="Only events from this moment on, UTC.")] = None,
    model: Model = None,
    timeout: Annotated[
        float | None,
        typer.Option(help="Stop trying after so many seconds without progress; default: wait as long as it takes."),
    ] = None,
) -> None:
    """Deliver what a spool still holds once more; the store keeps each event once."""
    from mllog.shipping import Shipper  # noqa: PLC0415 - an extra
    from mllog.shipping import replay as deliver_again  # noqa: PLC0415 - the same
    from mllog.spool import events  # noqa: PLC0415 - only this command needs it

    endpoint = options.endpoint()
    log_to_stderr(logging.INFO)  # says what it waits for
    moment = None if since is None else since.replace(tzinfo=since.tzinfo or dt.UTC).astimezone(dt.UTC)
    sent = deliver_again(Shipper(folder, endpoint), events(folder), since=moment, model=model, patience=timeout)
    typer.echo(f"sent {sent:,} events to {endpoint.url}")
