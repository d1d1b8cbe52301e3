"""`mllog erase`: a person's events are taken out of every place that can be reached, and counted again."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from mllog._configure import default_spool
from mllog._durations import seconds
from mllog.cli._output import print_json
from mllog.cli._store import Ca, Index, KeyFile, Place, opened
from mllog.errors import ConfigurationError, EraseError, StoreError

if TYPE_CHECKING:
    from mllog.erase import Erasure
    from mllog.store import Store

_WIDE = 160


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("erase")(erase)


def erase(
    *,
    subject: Annotated[str, typer.Option(metavar="FIELD=VALUE", help="The person, as in customer=17 or user.id=ann.")],
    store: Place = None,
    spools: Annotated[list[Path] | None, typer.Option("--spool", help="A spool; may be given again.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of mllog serve --data, where its store is elsewhere: what it set aside.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="redaction.toml, where the field is stored as a keyed hash: all keys are tried.")
    ] = None,
    environment: Annotated[
        str, typer.Option(help="Environment of the services, for the keyed hashes and for the event about it.")
    ] = "default",
    wait: Annotated[str, typer.Option(help="How long to wait until running services seal their segments.")] = "90s",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
    index: Index = "logs-mllog.*",
    api_key_file: KeyFile = None,
    ca: Ca = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for machines.")] = False,
) -> None:
    """Remove a person's events from spools, files that were set aside, and the store; count again."""
    from mllog.erase import Erasure  # noqa: PLC0415 - an extra
    from mllog.export import Subject  # noqa: PLC0415 - the same
    from mllog.redaction._file import load_file  # noqa: PLC0415 - the same

    person = Subject.of(subject, None if rules is None else load_file(rules).pseudonyms(environment))
    if not dry_run and not yes and (as_json or not sys.stdin.isatty()):
        raise ConfigurationError("nothing was erased: nobody can be asked here; say --yes, or --dry-run")
    with _places(store, spools or [], data, index, api_key_file, ca, seconds(wait), mend=not dry_run) as found:
        opened_store, places, closed = found
        erasure = Erasure(person, places)
        with _progress() as progress:
            task = progress.add_task("looked at", total=None)
            erasure.look(lambda count: progress.advance(task, count))
        total = sum(erasure.found.values())
        if not as_json:
            _print_counts(erasure)
        if dry_run or not total:
            _say(erasure, closed, None, as_json=as_json, dry_run=dry_run)
            return
        if not yes and not typer.confirm(f"Erase {total:,} events for good?"):
            raise EraseError("nothing was erased")
        with _progress() as progress:
            task = progress.add_task("erased", total=None)
            erasure.run(lambda count: progress.advance(task, count))
        audit = _audit(erasure, opened_store, person.field, environment)
    _say(erasure, closed, audit, as_json=as_json, dry_run=False)
    left = sum(erasure.left.values())
    if left or erasure.problems:
        reasons = (f"{place}: {reason.removeprefix(f'{place}: ')}" for place, reason in erasure.problems.items())
        why = "; ".join(reasons) or "they came in meanwhile"
        raise EraseError(f"{left:,} of {total:,} events are left ({why}); run it again")


@contextlib.contextmanager
def _places(
    store: str | None,
    spools: list[Path],
    data: Path | None,
    index: str,
    api_key_file: Path | None,
    ca: Path | None,
    wait: float,
    *,
    mend: bool,
) -> Iterator[tuple[Store | None, list[Any], list[str]]]:
    """The store, all places, and the indices that are closed; those that deliver come first."""
    from mllog.erase import Quarantine, Spool, Stored  # noqa: PLC0415 - an extra
    from mllog.store import is_cluster  # noqa: PLC0415 - the same

    named = store or os.environ.get("MLLOG_ELASTICSEARCH_URL")
    if not named and not spools and not data:
        raise ConfigurationError("where? say --store and --spool, as often as there are spools on this host")
    for folder in (*spools, *([data] if data else [])):
        if not folder.is_dir():
            raise ConfigurationError(f"{folder}: no such folder")
    places: list[Any] = [place for folder in spools for place in (Spool(folder, wait=wait), Quarantine(folder))]
    folders = [*spools]
    if data is None and named and not is_cluster(named):
        data = _data_of(Path(named))
    if data is not None and data not in folders:
        places.append(Quarantine(data))
    if not named:
        yield None, places, []
        return
    with opened(named, api_key_file, ca) as found:
        if not is_cluster(named):
            yield found, [*places, Stored(found, index)], []
            return
        from mllog.erase._elasticsearch import Clustered  # noqa: PLC0415 - an extra
        from mllog.store import ElasticsearchStore  # noqa: PLC0415 - the same

        assert isinstance(found, ElasticsearchStore)
        cluster = Clustered(found, index, named.rstrip("/"), default_spool().parent / "erase-blocks.json")
        if mend and (again := cluster.restore_left()):
            typer.echo(f"write blocks that an earlier run had lifted are back on {', '.join(again)}", err=True)
        yield found, [*places, cluster], cluster.closed(index)


def _data_of(folder: Path) -> Path:
    """The folder of `mllog serve --data`, given that or its store."""
    is_store = (folder / "index").is_dir()
    return folder.parent if is_store and folder.name == "store" else folder


def _audit(erasure: Erasure, store: Store | None, field: str, environment: str) -> str | None:
    """Write the event about the erasure; its id."""
    from mllog.erase import audit_event, write  # noqa: PLC0415 - an extra

    if store is None:
        return None
    places = {
        name: (erasure.found.get(name, 0), erasure.left.get(name, 0)) for name in {**erasure.found, **erasure.left}
    }
    try:
        return write(store, audit_event(field, places, environment))
    except StoreError as error:
        erasure.problems["the event about it"] = str(error)
        return None


def _say(erasure: Erasure, closed: list[str], audit: str | None, *, as_json: bool, dry_run: bool) -> None:
    from mllog.erase import UNREACHABLE  # noqa: PLC0415 - an extra

    unreachable = [*(f"the closed index {name}; open it and run this again" for name in closed), *UNREACHABLE]
    if as_json:
        said = {
            "field": erasure.subject.field,
            "dry_run": dry_run,
            "found": erasure.found,
            "left": erasure.found if dry_run else erasure.left,
            "problems": erasure.problems,
            "audit": audit,
            "unreachable": unreachable,
        }
        print_json(said)
        return
    if not dry_run and erasure.found:
        left = sum(erasure.left.values())
        typer.echo(f"{sum(erasure.found.values()) - left:,} events erased, {left:,} left")
        for place, count in erasure.left.items():
            typer.echo(f"  {place}: {count:,}")
        typer.echo(f"audit event: {audit or 'none was written'}")
    typer.echo("This does not reach:")
    for what in unreachable:
        typer.echo(f"  - {what}")


def _print_counts(erasure: Erasure) -> None:
    if not erasure.found:
        typer.echo("no events found")
        return
    table = Table("place", "events")
    for place, count in erasure.found.items():
        table.add_row(Text(place), f"{count:,}")
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description} {task.completed:,.0f} events"),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
