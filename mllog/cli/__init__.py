"""The commands; each a thin face of a function of the library."""

from __future__ import annotations

import datetime as dt
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mllog._configure import default_spool
from mllog._durations import seconds
from mllog._resources import resource
from mllog._version import __version__
from mllog.cli import _setup
from mllog.cli._alerts import alerts_app, watches_app
from mllog.cli._erase import register as register_erase
from mllog.cli._output import print_json
from mllog.cli._retention import retention_app
from mllog.cli._store import Ca, KeyFile, register
from mllog.errors import ConfigurationError, ProfileError, SpoolError

app = typer.Typer(
    name="mllog",
    help="Record what machine-learning models were asked and what they answered.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
spool_app = typer.Typer(help="Look into a spool folder.", no_args_is_help=True)
pipeline_app = typer.Typer(help="Run Logstash configuration without Logstash.", no_args_is_help=True)
redaction_app = typer.Typer(help="Keys of pseudonyms.", no_args_is_help=True)
profile_app = typer.Typer(help="Learn and show profiles.", no_args_is_help=True)
dashboards_app = typer.Typer(help="Build Kibana dashboards from profiles.", no_args_is_help=True)
app.add_typer(spool_app, name="spool")
app.add_typer(pipeline_app, name="pipeline")
app.add_typer(redaction_app, name="redaction")
app.add_typer(profile_app, name="profile")
app.add_typer(dashboards_app, name="dashboards")
app.add_typer(watches_app, name="watches")
app.add_typer(alerts_app, name="alerts")
register(app)
_setup.register(app)
register_erase(app)
app.add_typer(retention_app, name="retention")

_STACK = ("logstash", "elastic", "kibana", "docker-compose.yml", ".env.example")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for machines.")]
Profiles = Annotated[list[Path], typer.Argument(help="Profile files, as Profile.save wrote them.")]
Spool = Annotated[Path, typer.Argument(help="The spool folder.")]
Configs = Annotated[
    list[Path], typer.Argument(help="Files, or folders whose *.conf are taken in the order of their names.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder for the files; made where it is missing.")]


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Record what machine-learning models were asked and what they answered."""


@app.command()
def demo(
    *,
    once: Annotated[bool, typer.Option(help="End when everything is stored, instead of keeping the page up.")] = False,
    events: Annotated[int, typer.Option(help="How many flights to send.")] = 20_000,
    port: Annotated[int, typer.Option(help="Port of the page on 127.0.0.1; 0 takes a free one.")] = 8650,
    directory: Annotated[Path | None, typer.Option("--dir", help="Folder for model, spool and store.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on in what an earlier demo left.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch a real model being observed: flights are predicted, logged, redacted, stored and drawn."""
    from mllog.demo._demo import run  # noqa: PLC0415 - heavy, and an extra

    folder = directory or default_spool().parent / "demo"
    console = Console(stderr=True)
    result = run(folder, events=events, port=port, stay=not once, resume=resume, console=console)
    if as_json:
        print_json(result)
    if result["lost"] or result["stored"] < result["emitted"]:
        raise typer.Exit(1)


@app.command()
def serve(
    *,
    spools: Annotated[list[Path] | None, typer.Option("--spool", help="Spool to follow; may be given again.")] = None,
    profiles: Annotated[
        list[Path] | None, typer.Option("--profile", help="Profile of a model; may be given again.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the store, and of what it refused.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Folder or cluster (https://…) that keeps the events instead.")
    ] = None,
    api_key_file: KeyFile = None,
    ca: Ca = None,
    pipeline: Annotated[
        Path | None, typer.Option(help="Logstash configuration; default: the one that comes along.")
    ] = None,
    environment: Annotated[str, typer.Option(help="Namespace of alerts.")] = "default",
    alerts: Annotated[Path | None, typer.Option(help="alerts.toml: where alerts may go.")] = None,
    limits: Annotated[Path | None, typer.Option(help="watches.toml with limits of your own.")] = None,
    retention: Annotated[
        str | None, typer.Option(help="How long the embedded store keeps events, as 30d; default: for ever.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1 of page and receiver; 0 takes a free one.")] = 8650,
) -> None:
    """Run the whole chain on this machine: receiver, pipeline, store, watches and page."""
    import logging  # noqa: PLC0415 - only where something is said

    import uvicorn  # noqa: PLC0415 - heavy, and an extra

    from mllog.alerts import load_config  # noqa: PLC0415 - the same
    from mllog.profile import Profile  # noqa: PLC0415 - the same
    from mllog.server import HOST, bind, create_app, open_chain  # noqa: PLC0415 - the same
    from mllog.watches import load_limits  # noqa: PLC0415 - the same

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)  # the follower says what its warnings say
    followed = spools or ([] if store else [default_spool()])
    with bind(port) as listening:
        url = f"http://{HOST}:{listening.getsockname()[1]}"
        chain = open_chain(
            data or default_spool().parent / "data",
            store=store,
            api_key_file=api_key_file,
            ca=ca,
            spools=followed,
            profiles=[Profile.load(path) for path in profiles or ()],
            pipeline=pipeline,
            environment=environment,
            page_url=url,
            alerts_config=load_config(alerts) if alerts else None,
            limits=load_limits(limits) if limits else None,
            retention=seconds(retention) if retention else None,
        )
        Console(stderr=True).print(
            f"page and receiver: {url}   following: {', '.join(map(str, followed)) or 'no spool'}", highlight=False
        )
        server = uvicorn.Server(uvicorn.Config(create_app(chain), log_level="warning", access_log=False))
        server.run(sockets=[listening])


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Where to; made where it is missing.")]) -> None:
    """Write out the configuration of the Elastic stack: logstash/, elastic/, kibana/ and docker-compose.yml."""
    for name in _STACK:
        if (folder / name).exists():
            raise ConfigurationError(f"{folder / name} is there already; nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    for name in _STACK:
        source = resource(name)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    typer.echo(f"wrote {', '.join(_STACK)} to {folder}")


@spool_app.command("cat")
def spool_cat(folder: Spool) -> None:
    """Print the accepted events as NDJSON, oldest first; a torn tail is left out."""
    from mllog.spool import events  # noqa: PLC0415 - as light as it gets

    out = sys.stdout.buffer
    for line in events(folder):
        out.write(line + b"\n")
    out.flush()


@spool_app.command("status")
def spool_status(folder: Spool, *, as_json: AsJson = False) -> None:
    """Show how much a spool holds and how much of it is not yet delivered."""
    from dataclasses import asdict  # noqa: PLC0415 - the same

    from mllog.spool import status  # noqa: PLC0415 - the same

    found = asdict(status(folder))
    if as_json:
        print_json(found)
        return
    table = Table("what", "value", title=f"spool {folder}")
    for name in ("segments", "live", "events", "bytes", "oldest"):
        table.add_row(
            name, "-" if found[name] is None else f"{found[name]:,}" if isinstance(found[name], int) else found[name]
        )
    for consumer, pending in found["consumers"].items():
        table.add_row(f"bytes that {consumer} has not stored", f"{pending:,}")
    Console().print(table)


To = Annotated[str | None, typer.Option("--to", help="https://host:port; default: MLLOG_ENDPOINT.")]
User = Annotated[str | None, typer.Option(help="Of basic authentication; default: MLLOG_ENDPOINT_USER.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File with the password; default: MLLOG_ENDPOINT_PASSWORD, or …_PASSWORD_FILE.")
]
ApiKeyFile = Annotated[
    Path | None, typer.Option(help="File with an API key; default: MLLOG_ENDPOINT_API_KEY, or …_API_KEY_FILE.")
]
Authority = Annotated[
    Path | None, typer.Option("--ca", help="Certificates of the authority; default: MLLOG_ENDPOINT_CA.")
]


@spool_app.command("ship")
def spool_ship(
    folder: Spool,
    *,
    to: To = None,
    user: User = None,
    password_file: PasswordFile = None,
    api_key_file: ApiKeyFile = None,
    ca: Authority = None,
    keep: Annotated[str | None, typer.Option(help="How long delivered segments stay for a replay, as in 7d.")] = None,
    once: Annotated[bool, typer.Option(help="End when nothing is left.")] = False,
    drain: Annotated[float, typer.Option(help="Seconds to deliver the rest in when it is told to stop.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Deliver a spool to Logstash, or to `mllog serve`, until it is stopped."""
    import logging  # noqa: PLC0415 - only where something is said
    import signal  # noqa: PLC0415 - the same
    from dataclasses import asdict  # noqa: PLC0415 - the same

    from mllog.shipping import Shipper, endpoint_from  # noqa: PLC0415 - an extra

    endpoint = endpoint_from(to, user=user, password_file=password_file, api_key_file=api_key_file, ca=ca)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    shipper = Shipper(folder, endpoint, keep=None if keep is None else seconds(keep))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: shipper.stop(drain))
    done = shipper.run(once=once, patience=drain)
    if as_json:
        print_json(asdict(shipper.status))
    if once and not done:
        raise SpoolError(f"{folder}: not everything was delivered: {shipper.status.problem}; what is left stays")


@spool_app.command("replay")
def spool_replay(
    folder: Spool,
    *,
    to: To = None,
    user: User = None,
    password_file: PasswordFile = None,
    api_key_file: ApiKeyFile = None,
    ca: Authority = None,
    since: Annotated[dt.datetime | None, typer.Option(help="Only events from this moment on, UTC.")] = None,
    model: Annotated[str | None, typer.Option(help="Only events of this model.")] = None,
) -> None:
    """Deliver what a spool still holds once more; the store keeps each event once."""
    from mllog.shipping import Shipper, endpoint_from, replay  # noqa: PLC0415 - an extra
    from mllog.spool import events  # noqa: PLC0415 - as light as it gets

    endpoint = endpoint_from(to, user=user, password_file=password_file, api_key_file=api_key_file, ca=ca)
    moment = None if since is None else since.replace(tzinfo=since.tzinfo or dt.UTC).astimezone(dt.UTC)
    sent = replay(Shipper(folder, endpoint), events(folder), since=moment, model=model)
    typer.echo(f"sent {sent:,} events to {endpoint.url}")


@pipeline_app.command("check")
def pipeline_check(paths: Configs) -> None:
    """Say whether a configuration lies inside the embedded subset; else where it does not, and why."""
    from mllog.pipeline import check, environ_with_key  # noqa: PLC0415 - an extra

    typer.echo(check(paths, environ=environ_with_key()[0]))


@pipeline_app.command("eval")
def pipeline_eval(
    paths: Configs,
    *,
    raw: Annotated[bool, typer.Option(help="Standard input holds lines of text, not of JSON.")] = False,
) -> None:
    """Run the filter stage over standard input: an event per line in, one JSON array of the resulting events out."""
    from mllog.pipeline import encode, environ_with_key, evaluate  # noqa: PLC0415 - an extra

    out = sys.stdout
    for events in evaluate(paths, sys.stdin.buffer, raw=raw, environ=environ_with_key()[0]):
        out.write(encode(events) + "\n")
    out.flush()


@pipeline_app.command("test")
def pipeline_test(
    paths: Configs,
    *,
    cases: Annotated[
        list[Path] | None, typer.Option(help="Case file, may be given again; default: cases/*.yml beside the folder.")
    ] = None,
    coverage: Annotated[bool, typer.Option(help="Name the branches that no case reaches; they fail the run.")] = False,
    logstash: Annotated[
        Path | None, typer.Option(help="bin/logstash of an installation that runs the cases instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the case files of a configuration: what goes in, and the events that must come of it."""
    from mllog.cli._pipeline import run_tests  # noqa: PLC0415 - an extra

    if not run_tests(paths, cases, coverage=coverage, logstash=logstash, as_json=as_json):
        raise typer.Exit(1)


@pipeline_app.command("build")
def pipeline_build(
    *,
    out: Annotated[Path, typer.Option(help="Folder of the filters.")] = Path("logstash/pipeline"),
    rules: Annotated[Path | None, typer.Option(help="redaction.toml with rules and names of your own.")] = None,
    profile: Annotated[
        list[Path] | None, typer.Option(help="Profile whose sensitive features are names too; may be given again.")
    ] = None,
) -> None:
    """Write 20-redact.conf and 35-redacted.conf from the redaction rules."""
    from mllog.cli._pipeline import build  # noqa: PLC0415 - an extra

    for line in build(out, rules, profile or []):
        typer.echo(line)


@pipeline_app.command("scan")
def pipeline_scan(
    source: Annotated[str, typer.Argument(help="NDJSON or Parquet file, folder of the embedded store, or URL.")],
    *,
    index: Annotated[str, typer.Option(help="Data streams, of a store.")] = "logs-mllog.*",
    rules: Annotated[Path | None, typer.Option(help="redaction.toml with rules and names of your own.")] = None,
    api_key_file: Annotated[Path | None, typer.Option(help="File with the API key of the cluster.")] = None,
    ca: Annotated[Path | None, typer.Option(help="CA certificate of the cluster.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look for sensitive values in stored events: kinds, fields and counts, never a value."""
    from mllog.cli._pipeline import scan  # noqa: PLC0415 - an extra

    if not scan(source, index=index, rules=rules, api_key_file=api_key_file, ca=ca, as_json=as_json):
        raise typer.Exit(1)


@redaction_app.command("key")
def redaction_key(
    file: Annotated[Path, typer.Argument(help="Key file; made at mode 0600 where it is missing.")],
    *,
    name: Annotated[str, typer.Option("--id", help="Id of the new key; it stands in every pseudonym.")],
) -> None:
    """Put a new key in front of a key file; the old ones stay, so that older events are found too."""
    from mllog.redaction import write_key  # noqa: PLC0415 - not needed to emit

    write_key(file, name)
    typer.echo(f"{file}: {name} is the key of new pseudonyms")


@profile_app.command("learn")
def profile_learn(
    frame: Annotated[Path, typer.Argument(help="Training frame as CSV or Parquet.")],
    out: Annotated[Path, typer.Option("--out", help="The profile file to write.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the model.")],
    version: Annotated[str, typer.Option(help="Version of the model.")],
    output: Annotated[list[str] | None, typer.Option(help="A column that is an output; may be given again.")] = None,
    sensitive: Annotated[list[str] | None, typer.Option(help="A column whose values must not be kept.")] = None,
) -> None:
    """Learn a profile from the frame that a model was trained on."""
    import pandas as pd  # noqa: PLC0415 - an extra

    from mllog.profile import Profile  # noqa: PLC0415 - the same

    try:
        table = pd.read_parquet(frame) if frame.suffix == ".parquet" else pd.read_csv(frame)
    except (OSError, ValueError) as error:
        raise ProfileError(f"{frame}: cannot read the frame: {error}") from error
    missing = [column for column in output or () if column not in table]
    if missing:
        raise ProfileError(f"{frame}: no column {missing[0]!r} to be an output")
    answers = table[output] if output else None
    inputs = table.drop(columns=output or [])
    profile = Profile.learn(inputs, answers, name=name, version=version, sensitive=sensitive or ())
    profile.save(out)
    typer.echo(f"{out}: {len(profile.inputs)} inputs, {len(profile.outputs)} outputs, {profile.rows:,} rows")


@profile_app.command("show")
def profile_show(path: Annotated[Path, typer.Argument(help="A profile file.")], *, as_json: AsJson = False) -> None:
    """Show what training showed of each feature."""
    from mllog.profile import Profile  # noqa: PLC0415 - as light as it gets

    profile = Profile.load(path)
    if as_json:
        print_json(profile.to_json())
        return
    table = Table("feature", "type", "missing", "what training showed", title=f"{profile.name} {profile.version}")
    for feature in (*profile.inputs, *profile.outputs):
        if feature.type == "number" and feature.min is not None:
            shown = f"{feature.min:g} … {feature.max:g}, mean {feature.mean:.4g}"
        elif feature.type == "category":
            head = ", ".join(value for value, _ in feature.categories[:5])
            shown = f"{feature.distinct:,} different: {head}{' …' if len(feature.categories) > 5 else ''}"
        elif feature.type == "boolean":
            shown = f"true {feature.true:,}, false {feature.false:,}"
        else:
            shown = f"text of {feature.length.get('mean', 0):.0f} characters"
        table.add_row(feature.name, feature.type, f"{feature.missing_share:.1%}", shown)
    Console().print(table)


@dashboards_app.command("build")
def dashboards_build(paths: Profiles, out: Out) -> None:
    """Write a dashboard per profile as NDJSON that Kibana imports as it is."""
    from mllog import dashboards  # noqa: PLC0415 - an extra
    from mllog.profile import Profile  # noqa: PLC0415 - the same

    for written in dashboards.write([Profile.load(path) for path in paths], out):
        typer.echo(str(written))


@dashboards_app.command("check")
def dashboards_check(paths: Annotated[list[Path], typer.Argument(help="NDJSON files of saved objects.")]) -> None:
    """Check what Kibana would only find out when a dashboard is opened."""
    from mllog import dashboards  # noqa: PLC0415 - an extra

    problems = [f"{path}: {problem}" for path in paths for problem in dashboards.check(path)]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo("nothing wrong found")
