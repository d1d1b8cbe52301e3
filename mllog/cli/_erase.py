"""`mllog erase`: removes a person's events from every place that can be reached, and counts again."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TextColumn
from rich.table import Table
from rich.text import Text

from mllog._configure import default_spool
from mllog._durations import seconds
from mllog.cli._options import STREAMS, AsJson, HashRules, Index, SpoolFolders, StoreOptions, Subject, with_options
from mllog.cli._output import print_json, print_table, progress
from mllog.cli._store import parse_subject
from mllog.errors import ConfigurationError, EraseError, StoreError

if TYPE_CHECKING:
    from mllog.erase import Erasure
    from mllog.store import Store

app = typer.Typer()

_COUNTED = TextColumn("{task.description} {task.completed:,.0f} events")


@app.command()
@with_options
def erase(
    *,
    subject: Subject,
    options: StoreOptions,
    spools: SpoolFolders = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of mllog serve --data, if its store is elsewhere: the events that it refused."),
    ] = None,
    rules: HashRules = None,
    environment: Annotated[
        str, typer.Option(help="Environment of the services, for the keyed hashes and for the audit event.")
    ] = "default",
    wait: Annotated[str, typer.Option(help="How long to wait until running services seal their segments.")] = "90s",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
    index: Index = STREAMS,
    as_json: AsJson = False,
) -> None:
    """Remove a person's events from spools, quarantine files and the store; count again."""
    from mllog.erase import Erasure  # noqa: PLC0415 - an extra

    person = parse_subject(subject, rules, environment)
    if not dry_run and not yes and (as_json or not sys.stdin.isatty()):
        raise ConfigurationError(
            "nothing was erased: there is no terminal to confirm on; use --yes, or --dry-run to count only"
        )
    with _places(options, spools or [], data, index, seconds(wait), repair=not dry_run) as (store, places, closed):
        erasure = Erasure(person, places)
        with progress(_COUNTED) as bar:
            task = bar.add_task("looked at", total=None)
            erasure.look(lambda count: bar.advance(task, count))
        total = sum(erasure.found.values())
        if not as_json:
            _print_counts(erasure)
        if dry_run or not total:
            _report(erasure, closed, None, as_json=as_json, dry_run=dry_run)
            return
        if not yes and not typer.confirm(f"Erase {total:,} events for good?"):
            raise EraseError("nothing was erased")
        with progress(_COUNTED) as bar:
            task = bar.add_task("erased", total=None)
            erasure.run(lambda count: bar.advance(task, count))
        audit = _audit(erasure, store, person.field, environment)
    _report(erasure, closed, audit, as_json=as_json, dry_run=False)
    left = sum(erasure.left.values())
    if left or erasure.problems:
        reasons = (f"{place}: {reason.removeprefix(f'{place}: ')}" for place, reason in erasure.problems.items())
        why = "; ".join(reasons) or "they arrived during the run"
        raise EraseError(f"{left:,} of {total:,} events are left ({why}); run it again")


@contextlib.contextmanager
def _places(
    options: StoreOptions, spools: list[Path], data: Path | None, index: str, wait: float, *, repair: bool
) -> Iterator[tuple[Store | None, list[Any], list[str]]]:
    """The store, all places, and the closed indices; places that deliver come first."""
    from mllog.erase import Quarantine, Spool, Stored  # noqa: PLC0415 - an extra
    from mllog.store import is_cluster  # noqa: PLC0415 - the same

    address = options.address
    if not address and not spools and not data:
        raise ConfigurationError("no place given: use --store PATH or URL, and --spool for each spool of this host")
    for folder in (*spools, *([data] if data else [])):
        if not folder.is_dir():
            raise ConfigurationError(f"{folder}: no such folder")
    places: list[Any] = [place for folder in spools for place in (Spool(folder, wait=wait), Quarantine(folder))]
    if data is None and address and not is_cluster(address):
        data = _data_folder(Path(address))
    if data is not None and data not in spools:
        places.append(Quarantine(data))
    if not address:
        yield None, places, []
        return
    with options.open() as store:
        if not is_cluster(address):
            yield store, [*places, Stored(store, index)], []
            return
        from mllog.erase._elasticsearch import Clustered  # noqa: PLC0415 - an extra
        from mllog.store import ElasticsearchStore  # noqa: PLC0415 - the same

        assert isinstance(store, ElasticsearchStore)
        cluster = Clustered(store, index, address.rstrip("/"), default_spool().parent / "erase-blocks.json")
        if repair and (restored := cluster.restore_left()):
            typer.echo(f"restored the write blocks that an earlier run had lifted from {', '.join(restored)}", err=True)
        yield store, [*places, cluster], cluster.closed(index)


def _data_folder(folder: Path) -> Path:
    """The folder of `mllog serve --data`, given that or its store."""
    is_store = (folder / "index").is_dir()
    return folder.parent if is_store and folder.name == "store" else folder


def _audit(erasure: Erasure, store: Store | None, field: str, environment: str) -> str | None:
    """Write the audit event of the erasure; its id."""
    from mllog.erase import audit_event, write  # noqa: PLC0415 - an extra

    if store is None:
        return None
    places = {
        name: (erasure.found.get(name, 0), erasure.left.get(name, 0)) for name in {**erasure.found, **erasure.left}
    }
    try:
        return write(store, audit_event(field, places, environment))
    except StoreError as error:
        erasure.problems["audit event"] = str(error)
        return None


def _report(erasure: Erasure, closed: list[str], audit: str | None, *, as_json: bool, dry_run: bool) -> None:
    from mllog.erase import UNREACHABLE  # noqa: PLC0415 - an extra

    unreachable = [*(f"the closed index {name}; open it and run this again" for name in closed), *UNREACHABLE]
    if as_json:
        report = {
            "field": erasure.subject.field,
            "dry_run": dry_run,
            "found": erasure.found,
            "left": erasure.found if dry_run else erasure.left,
            "problems": erasure.problems,
            "audit": audit,
            "unreachable": unreachable,
        }
        print_json(report)
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
    print_table(table)
