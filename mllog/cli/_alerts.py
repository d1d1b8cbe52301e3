"""The commands of `mllog watches` and `mllog alerts`."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from mllog._configure import default_spool
from mllog._timestamps import iso_utc
from mllog.cli._output import print_json
from mllog.cli._store import Ca, KeyFile, Place, opened
from mllog.errors import ConfigurationError, WatchError

watches_app = typer.Typer(help="Build watches from profiles, and try them.", no_args_is_help=True)
alerts_app = typer.Typer(help="Evaluate watches and act, without Watcher.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="A JSON object a line for each watch, for machines.")]
StatePath = Annotated[Path | None, typer.Option("--state", help="File of throttles and acknowledgements.")]
_LATEST = dt.timedelta(minutes=1, milliseconds=1)


@watches_app.command("build")
def watches_build(
    paths: Annotated[list[Path], typer.Argument(help="Profile files, as Profile.save wrote them.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; made where it is missing.")],
    *,
    environment: Annotated[str, typer.Option(help="Namespace of the data streams.")] = "*",
    page: Annotated[str, typer.Option(help="Where `mllog serve` shows its page, for the links.")] = "",
    kibana: Annotated[str, typer.Option(help="Where Kibana is; then the links lead there.")] = "",
    webhook: Annotated[str, typer.Option(help="https address that watches of severity automate call.")] = "",
    dataset: Annotated[str | None, typer.Option(help="The data stream that the model shares with others.")] = None,
    limits: Annotated[Path | None, typer.Option(help="watches.toml with limits of your own.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Folder for the same conditions as Kibana rules.")] = None,
) -> None:
    """Write the watches of each profile as Elasticsearch Watcher JSON, and those on the way of the events."""
    from mllog import alerts, watches  # noqa: PLC0415 - an extra
    from mllog.profile import Profile  # noqa: PLC0415 - the same
    from mllog.watches._catalogue import rules_of, scope_of  # noqa: PLC0415 - the same

    options: dict[str, Any] = {"environment": environment, "page_url": page, "kibana_url": kibana, "webhook": webhook}
    options["limits"] = watches.load_limits(limits) if limits else None
    profiles = [Profile.load(path) for path in paths]
    files: dict[Path, bytes] = {}
    for profile in (None, *profiles):
        own = options if profile is None else {**options, "dataset": dataset}
        built = watches.build_common(**own) if profile is None else watches.build(profile, **own)
        files |= {out / f"{name}.json": alerts.encoded(watch) for name, watch in built.items()}
        if rules is not None:
            found = rules_of(scope_of(profile, **own))
            files |= {rules / f"{name}.json": alerts.encoded(rule) for name, rule in found.items()}
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise WatchError(f"{path}: cannot be written: {error.strerror}") from error
        typer.echo(str(path))


@watches_app.command("test")
def watches_test(
    path: Annotated[Path, typer.Argument(help="File of a watch.")],
    events: Annotated[Path, typer.Option("--events", help="Events as NDJSON, as `mllog spool cat` prints them.")],
    *,
    now: Annotated[
        str | None, typer.Option(help="Time of the evaluation, ISO 8601; default: just after the last event.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a watch over given events: whether it fires, and with what text."""
    from mllog import alerts, watches  # noqa: PLC0415 - an extra
    from mllog.alerts._trial import documents, last  # noqa: PLC0415 - the same
    from mllog.store import open_store  # noqa: PLC0415 - the same

    watch = watches.load(path)
    found = list(documents(events))
    moment = _moment(now) if now else (last(found) or dt.datetime.now(dt.UTC)) + _LATEST
    with tempfile.TemporaryDirectory(prefix="mllog-watch-") as folder:
        store = open_store(folder)
        try:
            steps = range(0, len(found), 5000)
            shown = track(
                steps, "events", console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
            )
            for start in shown:
                store.index(found[start : start + 5000])
            store.commit()
            said = alerts.evaluate(watch, store, now=moment)
        finally:
            store.close()
    if as_json:
        print_json(
            {"id": said.id, "severity": said.severity, "fired": said.fired, "text": said.text, "events": len(found)}
        )
    else:
        at = iso_utc(moment, "seconds")
        typer.echo(f"{said.id} {'fires' if said.fired else 'is silent'} over {len(found):,} events at {at}")
        if said.fired:
            typer.echo(said.text)


@alerts_app.command("run")
def alerts_run(
    folder: Annotated[Path, typer.Option("--watches", help="Folder of watches, or one file.")],
    *,
    store: Place = None,
    api_key_file: KeyFile = None,
    ca: Ca = None,
    once: Annotated[bool, typer.Option(help="Evaluate every watch once and end, for cron.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what would be done, and do nothing.")] = False,
    config: Annotated[Path | None, typer.Option(help="alerts.toml: where alerts may go.")] = None,
    state: StatePath = None,
    environment: Annotated[str, typer.Option(help="Namespace of the alerts' data stream.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Evaluate watches over a store as Watcher would, and act where they fire."""
    from mllog import alerts, watches  # noqa: PLC0415 - an extra

    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(message)s")
    found = watches.load_folder(folder)
    settings = alerts.load_config(config) if config else alerts.Config()
    if settings.routes or config:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines hold addresses, and some are secrets
    state_file = alerts.StateFile(state or default_state())
    with opened(store, api_key_file, ca) as evaluated:
        runner = alerts.Runner(
            found,
            evaluated,
            environment=environment,
            config=settings,
            state=state_file,
            dry_run=dry_run,
        )
        if once:
            with Console(stderr=True).status(f"evaluating {len(found)} watches"):  # on a terminal
                outcomes = runner.run(dt.datetime.now(dt.UTC))
            ended = [_shown(outcome, as_json=as_json, dry_run=dry_run) for outcome in outcomes]
        else:
            with state_file.locked():
                pass  # whether the state can be kept is said before anything is done
            ended = _until_stopped(runner, as_json=as_json, dry_run=dry_run)
    if once and not all(ended):
        raise typer.Exit(1)


@alerts_app.command("ack")
def alerts_ack(
    watch: Annotated[str, typer.Argument(help="Id of the watch.")],
    *,
    state: StatePath = None,
) -> None:
    """Acknowledge a watch: it stays silent until its condition was false once."""
    from mllog import alerts  # noqa: PLC0415 - an extra

    done = alerts.acknowledge(state or default_state(), watch)
    typer.echo(f"{watch}: acknowledged ({', '.join(done)}); it speaks again after it was silent once")


def default_state() -> Path:
    """Where throttles and acknowledgements are kept if nobody says."""
    return default_spool().parent / "alerts.state.json"


def _until_stopped(runner: Any, *, as_json: bool, dry_run: bool) -> list[bool]:
    """Evaluate what is due until a signal comes."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while True:
        try:
            for outcome in runner.run(dt.datetime.now(dt.UTC), due=True):
                _shown(outcome, as_json=as_json, dry_run=dry_run)
        except WatchError as error:  # the state cannot be kept, for now; one that never can has said so at the start
            typer.echo(str(error), err=True)
        if stop.wait(max(1.0, runner.wait(dt.datetime.now(dt.UTC)))):
            return []


def _shown(outcome: Any, *, as_json: bool, dry_run: bool) -> bool:
    """Print an outcome; whether nothing went wrong with it."""
    said = outcome.evaluation
    if as_json:
        print_json(outcome.as_json())
    elif said.problem:
        typer.echo(f"{said.id} could not be evaluated: {said.problem}")
    elif said.fired:
        would = "would run " if dry_run else ""
        what = ", ".join(
            [*(would + name for name in outcome.done), *(f"{name} {why}" for name, why in outcome.held.items())]
        )
        typer.echo(f"{said.severity}: {said.text} [{what}]")
        for name, why in outcome.failed.items():
            typer.echo(f"  {name} failed: {why}")
    return not (said.problem or outcome.failed)


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--now: {text!r} is no time; say it as 2026-05-04T12:00:00Z") from None
    return moment.replace(tzinfo=moment.tzinfo or dt.UTC)
