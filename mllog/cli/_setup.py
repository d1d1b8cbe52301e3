"""`mllog setup` and `mllog check`; what they do is in mllog.install."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mllog.cli._options import STREAMS, AsJson, ClusterOptions, ProfileFiles, with_options
from mllog.errors import ConfigurationError

app = typer.Typer()


@app.command()
@with_options
def setup(
    *,
    options: ClusterOptions,
    kibana: Annotated[
        str | None, typer.Option(help="https://host:port, or a cloud id: dashboards and rules go there.")
    ] = None,
    profiles: ProfileFiles = None,
    retention: Annotated[
        list[str] | None,
        typer.Option(help="28d, MODEL=90d or own=400d; may be given again. What is not given stays."),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="Make the roles, and a key for each in a file of this folder.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what was changed by hand.")] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Remove what setup made.")] = False,
    with_data: Annotated[bool, typer.Option("--with-data", help="With --uninstall: all events too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --uninstall: do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Install templates, policies, dashboards and rules into a cluster; what is up to date is left alone."""
    from mllog.cli import _setup_report as run  # noqa: PLC0415 - httpx is an extra
    from mllog.profile import Profile  # noqa: PLC0415 - the same

    access = run.Access(options, kibana)
    loaded = [Profile.load(path) for path in profiles or ()]
    if uninstall:
        if keys or retention or force:
            raise ConfigurationError("--uninstall cannot be combined with --keys, --retention or --force")
        run.uninstall(access, loaded, with_data=with_data, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    if with_data or yes:
        raise ConfigurationError("--with-data and --yes need --uninstall")
    run.setup(access, loaded, retention or (), keys, dry_run=dry_run, force=force, as_json=as_json)


@app.command()
@with_options
def check(
    *,
    options: ClusterOptions,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Intake: Logstash's http input, or `mllog serve`; credentials as for `spool ship`."),
    ] = None,
    endpoint_ca: Annotated[
        Path | None, typer.Option(help="Certificates of the intake's authority; default: MLLOG_ENDPOINT_CA.")
    ] = None,
    environment: Annotated[str, typer.Option(help="Namespace of the canary.")] = "default",
    wait: Annotated[float, typer.Option(help="Seconds that the canary may take.")] = 30.0,
    writer_key_file: Annotated[
        Path | None, typer.Option(help="File with Logstash's API key: whether it may create events and nothing else.")
    ] = None,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Count events that a stream holds twice, and do nothing else.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="With --duplicates: remove the later copies.")] = False,
    streams: Annotated[str, typer.Option(help="With --duplicates: which data streams.")] = STREAMS,
    as_json: AsJson = False,
) -> None:
    """Check a running installation from end to end: a canary with made-up secrets must arrive once, and redacted."""
    from mllog.cli import _check_report as run  # noqa: PLC0415 - httpx is an extra
    from mllog.cli._setup_report import Access  # noqa: PLC0415 - the same

    access = Access(options)
    if duplicates:
        good = run.duplicates(access, streams, remove=remove, as_json=as_json)
    elif remove:
        raise ConfigurationError("--remove needs --duplicates")
    else:
        intake = run.Intake(endpoint, endpoint_ca, environment, wait)
        good = run.check(None if options.address is None else access, intake, writer_key_file, as_json=as_json)
    if not good:
        raise typer.Exit(1)
