"""`mllog serve`: the whole chain on one machine."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mllog._configure import default_spool
from mllog._durations import seconds
from mllog.cli._options import PORT, AlertsConfig, ApiKeyFile, Ca, LimitsFile, Port, ProfileFiles, SpoolFolders
from mllog.cli._output import log_to_stderr

app = typer.Typer()


@app.command()
def serve(
    *,
    spools: SpoolFolders = None,
    profiles: ProfileFiles = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the store, and of the events it refused.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Folder or cluster (https://…) that keeps the events instead.")
    ] = None,
    api_key_file: ApiKeyFile = None,
    ca: Ca = None,
    pipeline: Annotated[Path | None, typer.Option(help="Logstash configuration; default: the one of mllog.")] = None,
    environment: Annotated[str, typer.Option(help="Namespace of alerts.")] = "default",
    alerts: AlertsConfig = None,
    limits: LimitsFile = None,
    retention: Annotated[
        str | None, typer.Option(help="How long the embedded store keeps events, such as 30d; default: for ever.")
    ] = None,
    port: Port = PORT,
) -> None:
    """Run the whole chain on this machine: receiver, pipeline, store, watches and page."""
    import uvicorn  # noqa: PLC0415 - heavy, and an extra

    from mllog.alerts import load_config  # noqa: PLC0415 - the same
    from mllog.profile import Profile  # noqa: PLC0415 - the same
    from mllog.server import HOST, bind, configured, create_app, open_chain  # noqa: PLC0415 - the same
    from mllog.watches import load_limits  # noqa: PLC0415 - the same

    log_to_stderr(logging.WARNING)
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)  # the follower reports the same faults itself
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
        server = uvicorn.Server(configured(create_app(chain)))
        server.run(sockets=[listening])
