"""`mllog query` and `mllog export`: working with stored events."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import orjson
import typer
from rich.table import Table
from rich.text import Text

from mllog.cli._options import STREAMS, HashRules, Index, Model, Since, StoreOptions, Until, with_options
from mllog.cli._output import print_json, print_table, printable, progress
from mllog.errors import ConfigurationError

if TYPE_CHECKING:
    from mllog.export import Export, Subject
    from mllog.store import Store

app = typer.Typer()

_TYPES: Final = ("number", "category", "boolean", "text")


@app.command()
@with_options
def query(
    text: Annotated[str, typer.Argument(help="In Lucene's syntax, as the page takes it; empty for all events.")] = "",
    *,
    options: StoreOptions,
    model: Model = None,
    since: Since = None,
    until: Until = None,
    size: Annotated[int, typer.Option(min=1, max=10_000, help="How many events.")] = 20,
    sort: Annotated[Literal["desc", "asc"], typer.Option(help="By time: the newest or the oldest first.")] = "desc",
    field: Annotated[
        list[str] | None, typer.Option(help="A feature, or the path of a field, as a column; may be given again.")
    ] = None,
    index: Index = STREAMS,
    as_json: Annotated[bool, typer.Option("--json", help="One event a line, as JSON.")] = False,
) -> None:
    """Find events: a table for people, JSON lines for machines."""
    from mllog.store._models import check_model  # noqa: PLC0415 - an extra
    from mllog.store._selection import selection  # noqa: PLC0415 - an extra

    start, end = _period(since, until)
    body = {
        "query": selection(model=model, since=start, until=end, text=text),
        "size": size,
        "sort": [{"@timestamp": {"order": sort}}],
        "track_total_hits": True,
    }
    with options.open() as store:
        if model is not None:
            check_model(store, model, index=index)
        hits = store.search(body, index=index)["hits"]
    if as_json:
        for hit in hits["hits"]:
            print_json(hit["_source"])
        return
    print_table(_table(hits["hits"], field or []))
    typer.echo(f"{len(hits['hits']):,} of {hits['total']['value']:,} events")


@app.command()
@with_options
def export(
    *,
    options: StoreOptions,
    out: Annotated[Path | None, typer.Option(help="File to write: .parquet or .csv; with --subject, .ndjson.")] = None,
    profile: Annotated[Path | None, typer.Option(help="Profile of the model: names, order and types.")] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model; default: that of the profile.")] = None,
    since: Since = None,
    until: Until = None,
    text: Annotated[str, typer.Option("--query", help="Only events that match, in Lucene's syntax.")] = "",
    outputs: Annotated[bool, typer.Option(help="With the model's outputs.")] = True,
    meta: Annotated[bool, typer.Option("--meta", help="With time, ids, outcome and version.")] = False,
    feedback: Annotated[bool, typer.Option("--feedback", help="With the actual outcome, from feedback.")] = False,
    subject: Annotated[
        str | None,
        typer.Option(metavar="FIELD=VALUE", help="All events of a person, as NDJSON, for an access request."),
    ] = None,
    rules: HashRules = None,
    environment: Annotated[str, typer.Option(help="Environment of the services, for the keyed hashes.")] = "default",
    index: Index = STREAMS,
    as_json: Annotated[bool, typer.Option("--json", help="Report the export as one JSON object.")] = False,
) -> None:
    """Write a model's events as a training frame, or all events of a person."""
    with options.open() as store:
        if subject is not None:
            count = _write_subject(store, subject, rules, environment, out, index)
            typer.echo(f"{count:,} events", err=True)
            return
        if out is None:
            raise ConfigurationError("no file given: use --out FILE.parquet or --out FILE.csv")
        from mllog.export import Export  # noqa: PLC0415 - an extra
        from mllog.profile import Profile  # noqa: PLC0415 - the same

        start, end = _period(since, until)
        wanted = Export(
            store,
            None if profile is None else Profile.load(profile),
            model=model,
            since=start,
            until=end,
            text=text,
            outputs=outputs,
            meta=meta,
            feedback=feedback,
            index=index,
        )
        wanted.check()
        report = _write_frame(wanted, out)
    if as_json:
        print_json(report)
        return
    typer.echo(f"{out}: {report['events']:,} events")
    for column, reasons in report["unrestored"].items():
        for why, number in reasons.items():
            typer.echo(f"  {printable(column)}: {number:,} values not as they were sent: {why}")


def _period(since: str | None, until: str | None) -> tuple[dt.datetime | None, dt.datetime | None]:
    from mllog.store._selection import moment  # noqa: PLC0415 - an extra

    now = dt.datetime.now(dt.UTC)
    return None if since is None else moment(since, now), None if until is None else moment(until, now)


def _table(hits: list[Mapping[str, Any]], fields: list[str]) -> Table:
    from mllog.store._selection import get_path, part  # noqa: PLC0415 - an extra

    table = Table()
    for name in ("time", "model", "version", "action", "outcome"):
        table.add_column(name)
    table.add_column("id", no_wrap=True)
    for name in ("outputs", *fields):
        table.add_column(Text(printable(name)), overflow="fold")
    for hit in hits:
        event = hit["_source"]
        outputs = part(event, "mllog", "output")
        values = {name: value for kind in _TYPES for name, value in part(outputs, kind).items()}
        cells = [
            str(event.get("@timestamp", "")).replace("T", " ")[:19],
            get_path(event, "mllog.model.name"),
            get_path(event, "mllog.model.version"),
            get_path(event, "event.action"),
            get_path(event, "event.outcome"),
            hit["_id"],
            ", ".join(f"{name}={printable(value)}" for name, value in values.items()),
            *(_field(event, name) for name in fields),
        ]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _field(event: Mapping[str, Any], name: str) -> Any:
    """The feature of that name, or the field get_path that path."""
    from mllog.store._selection import get_path, part  # noqa: PLC0415 - an extra

    for role in ("input", "output"):
        for kind in _TYPES:
            features = part(event, "mllog", role, kind)
            if name in features:
                return features[name]
    value = part(event, "mllog", "input_overflow").get(name)
    return get_path(event, name) if value is None else value


def _write_frame(wanted: Export, out: Path) -> dict[str, Any]:
    """Write the file; how many events it has, and which values are not as they were sent."""
    from mllog.export import write  # noqa: PLC0415 - an extra

    with progress() as bar:
        task = bar.add_task("events", total=wanted.count())
        rows = write(wanted, out, seen=lambda count: bar.advance(task, count))
    return {"out": str(out), "events": rows, "unrestored": wanted.lost.by_column()}


def _write_subject(store: Store, text: str, rules: Path | None, environment: str, out: Path | None, index: str) -> int:
    """Write a person's events, to standard output where no file is given; how many they are."""
    from mllog.export import subject_events  # noqa: PLC0415 - an extra

    lines = (
        orjson.dumps(hit["_source"], option=orjson.OPT_APPEND_NEWLINE)
        for hit in subject_events(store, parse_subject(text, rules, environment), index=index)
    )
    count = 0
    if out is None:
        for count, line in enumerate(lines, 1):  # noqa: B007 - counted
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return count
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            for count, line in enumerate(lines, 1):  # noqa: B007 - counted
                file.write(line)
    except OSError as error:
        raise ConfigurationError(f"{out}: cannot be written: {error.strerror}") from error
    return count


def parse_subject(text: str, rules: Path | None, environment: str) -> Subject:
    """The person of a `FIELD=VALUE`, with the keys of a redaction.toml where one is given.

    Raises:
        ConfigurationError: the text has no `=`, or the file cannot be used.
    """
    from mllog.export import Subject  # noqa: PLC0415 - an extra
    from mllog.redaction._file import load_file  # noqa: PLC0415 - the same

    return Subject.of(text, None if rules is None else load_file(rules).pseudonyms(environment))
