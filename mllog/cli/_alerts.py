"""`mllog alerts`: watches evaluated without Watcher."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mllog._configure import default_spool
from mllog.cli._options import AlertsConfig, AsJsonLines, StateFile, StoreOptions, with_options
from mllog.cli._output import log_to_stderr, print_json, working
from mllog.errors import WatchError

if TYPE_CHECKING:
    from mllog.alerts import Outcome, Runner

app = typer.Typer(name="alerts", help="Evaluate watches and act, without Watcher.", no_args_is_help=True)


@app.command()
@with_options
def run(
    folder: Annotated[Path, typer.Option("--watches", help="Folder of watches, or one file.")],
    *,
    options: StoreOptions,
    once: Annotated[bool, typer.Option(help="Evaluate every watch once and end, for cron.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Print what would be done, and do nothing.")] = False,
    config: AlertsConfig = None,
    state: StateFile = None,
    environment: Annotated[str, typer.Option(help="Namespace of the alerts' data stream.")] = "default",
    as_json: AsJsonLines = False,
) -> None:
    """Evaluate watches over a store as Watcher would, and act where they fire."""
    from mllog import alerts, watches  # noqa: PLC0415 - an extra

    log_to_stderr(logging.ERROR)
    loaded = watches.load_folder(folder)
    settings = alerts.load_config(config) if config else alerts.Config()
    state_file = alerts.StateFile(state or default_state())
    with options.open() as store:
        runner = alerts.Runner(
            loaded, store, environment=environment, config=settings, state=state_file, dry_run=dry_run
        )
        if not once:
            with state_file.locked():
                pass  # a state that cannot be kept is reported before anything is done
            _run_until_stopped(runner, as_json=as_json, dry_run=dry_run)
            return
        with working(f"evaluating {len(loaded)} watches"):
            outcomes = runner.run(dt.datetime.now(dt.UTC))
    for outcome in outcomes:
        _print_outcome(outcome, as_json=as_json, dry_run=dry_run)
    if any(outcome.evaluation.problem or outcome.failed for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def ack(watch: Annotated[str, typer.Argument(help="Id of the watch.")], *, state: StateFile = None) -> None:
    """Acknowledge a watch: it stays silent until its condition was false once."""
    from mllog import alerts  # noqa: PLC0415 - an extra

    actions = alerts.acknowledge(state or default_state(), watch)
    typer.echo(f"{watch}: acknowledged ({', '.join(actions)}); it fires again after its condition was false once")


def default_state() -> Path:
    """Where throttles and acknowledgements are kept by default."""
    return default_spool().parent / "alerts.state.json"


def _run_until_stopped(runner: Runner, *, as_json: bool, dry_run: bool) -> None:
    """Evaluate what is due until a signal comes."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while True:
        try:
            for outcome in runner.run(dt.datetime.now(dt.UTC), due=True):
                _print_outcome(outcome, as_json=as_json, dry_run=dry_run)
        except WatchError as error:  # the state cannot be kept for now; a lasting fault ended the command at the start
            typer.echo(str(error), err=True)
        if stop.wait(max(1.0, runner.wait(dt.datetime.now(dt.UTC)))):
            return


def _print_outcome(outcome: Outcome, *, as_json: bool, dry_run: bool) -> None:
    evaluation = outcome.evaluation
    if as_json:
        print_json(outcome.as_json())
    elif evaluation.problem:
        typer.echo(f"{evaluation.id} could not be evaluated: {evaluation.problem}")
    elif evaluation.fired:
        would = "would run " if dry_run else ""
        actions = [
            *(would + name for name in outcome.done),
            *(f"{name} {why}" for name, why in outcome.held.items()),
        ]
        typer.echo(f"{evaluation.severity}: {evaluation.text} [{', '.join(actions)}]")
        for name, why in outcome.failed.items():
            typer.echo(f"  {name} failed: {why}")
