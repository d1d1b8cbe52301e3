"""`mllog watches`: built from profiles, and tried on events."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from mllog.cli._options import AsJsonLines, LimitsFile, OutFolder, Profiles
from mllog.cli._output import print_json, progress
from mllog.errors import ConfigurationError, WatchError

app = typer.Typer(name="watches", help="Build watches from profiles, and try them.", no_args_is_help=True)

_LATEST: Final = dt.timedelta(minutes=1, milliseconds=1)
_BATCH: Final = 5000


@app.command()
def build(
    paths: Profiles,
    out: OutFolder,
    *,
    environment: Annotated[str, typer.Option(help="Namespace of the data streams.")] = "*",
    page: Annotated[str, typer.Option(help="Where `mllog serve` shows its page, for the links.")] = "",
    kibana: Annotated[str, typer.Option(help="Where Kibana is; then the links lead there.")] = "",
    webhook: Annotated[str, typer.Option(help="https address that watches of severity automate call.")] = "",
    dataset: Annotated[str | None, typer.Option(help="The data stream that the model shares with others.")] = None,
    limits: LimitsFile = None,
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
            kibana_rules = rules_of(scope_of(profile, **own))
            files |= {rules / f"{name}.json": alerts.encoded(rule) for name, rule in kibana_rules.items()}
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise WatchError(f"{path}: cannot be written: {error.strerror}") from error
        typer.echo(str(path))


@app.command("test")
def evaluate(
    path: Annotated[Path, typer.Argument(help="File of a watch.")],
    events: Annotated[Path, typer.Option("--events", help="Events as NDJSON, as `mllog spool cat` prints them.")],
    *,
    now: Annotated[
        str | None, typer.Option(help="Time of the evaluation, ISO 8601; default: just after the last event.")
    ] = None,
    as_json: AsJsonLines = False,
) -> None:
    """Evaluate a watch over given events: whether it fires, and with what text."""
    from mllog import alerts, watches  # noqa: PLC0415 - an extra
    from mllog.alerts._trial import documents, last  # noqa: PLC0415 - the same
    from mllog.store import open_store  # noqa: PLC0415 - the same

    watch = watches.load(path)
    given = list(documents(events))
    moment = _moment(now) if now else (last(given) or dt.datetime.now(dt.UTC)) + _LATEST
    with tempfile.TemporaryDirectory(prefix="mllog-watch-") as folder:
        store = open_store(folder)
        try:
            with progress() as bar:
                for start in bar.track(range(0, len(given), _BATCH), description="events"):
                    store.index(given[start : start + _BATCH])
            store.commit()
            result = alerts.evaluate(watch, store, now=moment)
        finally:
            store.close()
    if as_json:
        report = {name: getattr(result, name) for name in ("id", "severity", "fired", "text")}
        print_json({**report, "events": len(given)})
    else:
        at = moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        typer.echo(f"{result.id} {'fires' if result.fired else 'is silent'} over {len(given):,} events at {at}")
        if result.fired:
            typer.echo(result.text)


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--now: {text!r} is not a time; write it as 2026-05-04T12:00:00Z") from None
    return moment.replace(tzinfo=moment.tzinfo or dt.UTC)
