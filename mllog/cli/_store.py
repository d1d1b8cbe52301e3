"""The commands that work with stored events: `mllog query` and `mllog export`."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import orjson
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from mllog.cli._output import print_json
from mllog.errors import ConfigurationError

if TYPE_CHECKING:
    from mllog.store import Store

Place = Annotated[
    str | None,
    typer.Option("--store", help="Folder of the embedded store, or https://…; default: MLLOG_ELASTICSEARCH_URL."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--api-key-file", help="File with the cluster's API key; default: MLLOG_ELASTICSEARCH_API_KEY."),
]
Ca = Annotated[
    Path | None,
    typer.Option("--ca", help="Certificates of the cluster's authority; default: MLLOG_ELASTICSEARCH_CA."),
]
Index = Annotated[str, typer.Option(help="Data streams, with wildcards.")]
Since = Annotated[str | None, typer.Option(help="From this moment on: 7d ago, 2026-05-04, or a time; UTC.")]
Until = Annotated[str | None, typer.Option(help="Before this moment, said likewise.")]

_KINDS: Final = ("number", "category", "boolean", "text")
_WITHIN: Final = ("store", "data/store")
"""Where `mllog serve --data` and `mllog demo` keep it."""

_WIDE: Final = 240
_LONGEST: Final = 200


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("query")(query)
    app.command("export")(export)


@contextmanager
def opened(place: str | None, api_key_file: Path | None, ca: Path | None) -> Iterator[Store]:
    """The store that the options name; a folder must be there.

    Raises:
        StoreError: it cannot be opened.
        ConfigurationError: nothing names one, or the folder is none.
    """
    import os  # noqa: PLC0415 - as light as it gets

    from mllog.store import is_cluster, open_store  # noqa: PLC0415 - an extra

    named = place or os.environ.get("MLLOG_ELASTICSEARCH_URL")
    if not named:
        raise ConfigurationError("which store? say --store with a folder or https://…, or set MLLOG_ELASTICSEARCH_URL")
    if not is_cluster(named) and not (Path(named) / "index").is_dir():
        within = (Path(named) / part for part in _WITHIN)
        inner = next((folder for folder in within if (folder / "index").is_dir()), None)
        if inner is None:
            raise ConfigurationError(f"{named}: no store in this folder")
        named = str(inner)
    store = open_store(named, api_key_file=api_key_file, ca=ca)
    try:
        yield store
    finally:
        store.close()


def query(
    text: Annotated[str, typer.Argument(help="In Lucene's syntax, as the page takes it; all events without one.")] = "",
    *,
    store: Place = None,
    model: Annotated[str | None, typer.Option(help="Only events of this model.")] = None,
    since: Since = None,
    until: Until = None,
    size: Annotated[int, typer.Option(min=1, max=10_000, help="How many events.")] = 20,
    sort: Annotated[Literal["desc", "asc"], typer.Option(help="By time: the newest or the oldest first.")] = "desc",
    field: Annotated[
        list[str] | None, typer.Option(help="A feature, or the path of a field, as a column; may be given again.")
    ] = None,
    index: Index = "logs-mllog.*",
    api_key_file: KeyFile = None,
    ca: Ca = None,
    as_json: Annotated[bool, typer.Option("--json", help="One event a line, as JSON.")] = False,
) -> None:
    """Find events: a table for people, JSON lines for machines."""
    from mllog.store._selection import moment, selection  # noqa: PLC0415 - an extra

    now = dt.datetime.now(dt.UTC)
    asked = selection(
        model=model,
        since=None if since is None else moment(since, now),
        until=None if until is None else moment(until, now),
        text=text,
    )
    body = {"query": asked, "size": size, "sort": [{"@timestamp": {"order": sort}}], "track_total_hits": True}
    with opened(store, api_key_file, ca) as found:
        hits = found.search(body, index=index)["hits"]
    if as_json:
        for hit in hits["hits"]:
            print_json(hit["_source"])
        return
    Console(width=None if sys.stdout.isatty() else _WIDE).print(_table(hits["hits"], field or []))
    typer.echo(f"{len(hits['hits']):,} of {hits['total']['value']:,} events")


def _table(hits: list[Mapping[str, Any]], fields: list[str]) -> Table:
    from mllog.store._selection import get_path, part  # noqa: PLC0415 - an extra

    table = Table()
    for name in ("time", "model", "version", "action", "outcome"):
        table.add_column(name)
    table.add_column("id", no_wrap=True)
    for name in ("outputs", *fields):
        table.add_column(Text(_shown(name)), overflow="fold")
    for hit in hits:
        event = hit["_source"]
        outputs = part(event, "mllog", "output")
        answers = {name: value for kind in _KINDS for name, value in part(outputs, kind).items()}
        cells = [
            str(event.get("@timestamp", "")).replace("T", " ")[:19],
            get_path(event, "mllog.model.name"),
            get_path(event, "mllog.model.version"),
            get_path(event, "event.action"),
            get_path(event, "event.outcome"),
            hit["_id"],
            ", ".join(f"{name}={_shown(value)}" for name, value in answers.items()),
            *(_field(event, name) for name in fields),
        ]
        table.add_row(*(Text(_shown(cell)) for cell in cells))
    return table


def _field(event: Mapping[str, Any], name: str) -> Any:
    """A feature of that name, or what stands under that path."""
    from mllog.store._selection import get_path, part  # noqa: PLC0415 - an extra

    for where in ("input", "output"):
        for kind in _KINDS:
            typed = part(event, "mllog", where, kind)
            if name in typed:
                return typed[name]
    found = part(event, "mllog", "input_overflow").get(name)
    return get_path(event, name) if found is None else found


def _shown(value: Any) -> str:
    """A value as a cell: no character of an event may move the cursor or colour the terminal."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:_LONGEST])


def export(
    *,
    store: Place = None,
    out: Annotated[Path | None, typer.Option(help="File to write: .parquet or .csv; with --subject, .ndjson.")] = None,
    profile: Annotated[Path | None, typer.Option(help="Profile of the model: names, order and types.")] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model; default: that of the profile.")] = None,
    since: Since = None,
    until: Until = None,
    query: Annotated[str, typer.Option("--query", help="Only events that match, in Lucene's syntax.")] = "",
    outputs: Annotated[bool, typer.Option(help="With the model's answers.")] = True,
    meta: Annotated[bool, typer.Option("--meta", help="With time, ids, outcome and version.")] = False,
    feedback: Annotated[bool, typer.Option("--feedback", help="With what turned out.")] = False,
    subject: Annotated[
        str | None,
        typer.Option(metavar="FIELD=VALUE", help="All events of a person, as NDJSON, for an access request."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="redaction.toml, where the field is stored as a keyed hash: all keys are tried.")
    ] = None,
    environment: Annotated[str, typer.Option(help="Environment of the services, for the keyed hashes.")] = "default",
    index: Index = "logs-mllog.*",
    api_key_file: KeyFile = None,
    ca: Ca = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was exported as one JSON object.")] = False,
) -> None:
    """Write a model's events as a training frame, or all events of a person."""
    with opened(store, api_key_file, ca) as found:
        if subject is not None:
            _subject(found, subject, rules, environment, out, index)
            return
        if out is None:
            raise ConfigurationError("where to? say --out with a .parquet or .csv file")
        said = _frame(found, out, profile, model, since, until, query, outputs, meta, feedback, index)
    if as_json:
        print_json(said)
        return
    typer.echo(f"{out}: {said['events']:,} events")
    for column, reasons in said["unrestored"].items():
        for why, count in reasons.items():
            typer.echo(f"  {_shown(column)}: {count:,} values not as they were sent: {why}")


def _frame(
    store: Store,
    out: Path,
    profile: Path | None,
    model: str | None,
    since: str | None,
    until: str | None,
    text: str,
    outputs: bool,
    meta: bool,
    feedback: bool,
    index: str,
) -> dict[str, Any]:
    """Write the file; what it holds, and what of it is not as it was sent."""
    from mllog.export import Export, write  # noqa: PLC0415 - an extra
    from mllog.profile import Profile  # noqa: PLC0415 - the same
    from mllog.store._selection import moment  # noqa: PLC0415 - the same

    now = dt.datetime.now(dt.UTC)
    asked = Export(
        store,
        None if profile is None else Profile.load(profile),
        model=model,
        since=None if since is None else moment(since, now),
        until=None if until is None else moment(until, now),
        text=text,
        outputs=outputs,
        meta=meta,
        feedback=feedback,
        index=index,
    )
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("events", total=asked.count())
        rows = write(asked, out, seen=lambda count: progress.advance(task, count))
    return {"out": str(out), "events": rows, "unrestored": asked.lost.by_column()}


def _subject(store: Store, text: str, rules: Path | None, environment: str, out: Path | None, index: str) -> None:
    """Write a person's events, to standard output where no file is named; how many they are goes to standard error."""
    import os  # noqa: PLC0415 - as light as it gets

    from mllog.export import Subject, subject_events  # noqa: PLC0415 - an extra
    from mllog.redaction._file import load_file  # noqa: PLC0415 - the same

    subject = Subject.of(text, None if rules is None else load_file(rules).pseudonyms(environment))
    lines = (
        orjson.dumps(hit["_source"], option=orjson.OPT_APPEND_NEWLINE)
        for hit in subject_events(store, subject, index=index)
    )
    count = 0
    if out is None:
        for count, line in enumerate(lines, 1):  # noqa: B007 - counted
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    else:
        try:
            with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                for count, line in enumerate(lines, 1):  # noqa: B007 - counted
                    file.write(line)
        except OSError as error:
            raise ConfigurationError(f"{out}: cannot be written: {error.strerror}") from error
    typer.echo(f"{count:,} events", err=True)
