"""The commands `mllog setup` and `mllog check`; what they do is in mllog.install."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mllog.errors import ConfigurationError

Elasticsearch = Annotated[
    str | None,
    typer.Option("--elasticsearch", help="https://host:port, or a cloud id; default: MLLOG_ELASTICSEARCH_URL."),
]
User = Annotated[str | None, typer.Option(help="Default: MLLOG_ELASTICSEARCH_USER.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File with the password; default: MLLOG_ELASTICSEARCH_PASSWORD, or …_PASSWORD_FILE.")
]
ApiKeyFile = Annotated[
    Path | None, typer.Option(help="File with an API key; default: MLLOG_ELASTICSEARCH_API_KEY, or …_API_KEY_FILE.")
]
Authority = Annotated[
    Path | None, typer.Option("--ca", help="Certificates of the authority; default: MLLOG_ELASTICSEARCH_CA.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for machines.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(setup)
    app.command()(check)


def setup(
    *,
    elasticsearch: Elasticsearch = None,
    kibana: Annotated[
        str | None, typer.Option(help="https://host:port, or a cloud id: dashboards and rules go there.")
    ] = None,
    profiles: Annotated[
        list[Path] | None, typer.Option("--profile", help="Profile of a model; may be given again.")
    ] = None,
    retention: Annotated[
        list[str] | None,
        typer.Option(help="28d, MODEL=90d or own=400d; may be given again. What is not given stays as it is."),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="Make the roles, and a key for each in a file of this folder.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over what was changed by hand.")] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Remove what setup made.")] = False,
    with_data: Annotated[bool, typer.Option("--with-data", help="With --uninstall: all events too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --uninstall: do not ask.")] = False,
    user: User = None,
    password_file: PasswordFile = None,
    api_key_file: ApiKeyFile = None,
    ca: Authority = None,
    as_json: AsJson = False,
) -> None:
    """Install templates, policies, dashboards and rules into a cluster; what is right already is left alone."""
    from mllog.cli import _setup_report as run  # noqa: PLC0415 - httpx is an extra
    from mllog.profile import Profile  # noqa: PLC0415 - the same

    access = run.Access(elasticsearch, kibana, user, password_file, api_key_file, ca)
    loaded = [Profile.load(path) for path in profiles or ()]
    if uninstall:
        if keys or retention or force:
            raise ConfigurationError("--uninstall: goes with none of --keys, --retention and --force")
        run.uninstall(access, loaded, with_data=with_data, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    if with_data or yes:
        raise ConfigurationError("--with-data and --yes belong to --uninstall")
    run.setup(access, loaded, retention or (), keys, dry_run=dry_run, force=force, as_json=as_json)


def check(
    *,
    elasticsearch: Elasticsearch = None,
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
    streams: Annotated[str, typer.Option(help="With --duplicates: which data streams.")] = "logs-mllog.*",
    user: User = None,
    password_file: PasswordFile = None,
    api_key_file: ApiKeyFile = None,
    ca: Authority = None,
    as_json: AsJson = False,
) -> None:
    """Check a running installation from end to end: a canary with made-up secrets must arrive once, and redacted."""
    from mllog.cli import _check_report as run  # noqa: PLC0415 - httpx is an extra
    from mllog.cli._setup_report import Access  # noqa: PLC0415 - the same

    access = Access(elasticsearch, None, user, password_file, api_key_file, ca)
    if duplicates:
        good = run.duplicates(access, streams, remove=remove, as_json=as_json)
    elif remove:
        raise ConfigurationError("--remove belongs to --duplicates")
    else:
        embedded = elasticsearch is None and not os.environ.get("MLLOG_ELASTICSEARCH_URL")
        intake = run.Intake(endpoint, endpoint_ca, environment, wait)
        good = run.check(None if embedded else access, intake, writer_key_file, as_json=as_json)
    if not good:
        raise typer.Exit(1)
