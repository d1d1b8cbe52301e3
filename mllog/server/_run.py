"""Opens everything that the server needs; one line names what cannot be opened."""

from __future__ import annotations

import datetime as dt
import errno
import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

from mllog import alerts, watches
from mllog._resources import resource
from mllog.errors import ConfigurationError, StoreError
from mllog.event._names import slug
from mllog.pipeline import environ_with_kept_key, load, with_index_pipeline
from mllog.profile import Profile
from mllog.server._app import Chain
from mllog.server._connections import configured
from mllog.server._ingest import Ingest, SpoolFollower
from mllog.server._retention import DAY_SECONDS, Retention
from mllog.server._watching import Watching
from mllog.spool._tombstones import prune
from mllog.store import is_cluster, open_store

HOST: Final = "127.0.0.1"
PORT: Final = 8650
TOMBSTONE_SECONDS: Final = 400 * 86400.0
"""How long erased events are refused; older events would get a new timestamp anyway."""

_START_SECONDS: Final = 30.0


def bind(port: int, host: str = HOST) -> socket.socket:
    """A listening socket, before anything else is opened.

    Raises:
        ConfigurationError: the port is in use or not allowed.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        if isinstance(error, OverflowError):
            raise ConfigurationError(f"port {port}: a port is a number from 0 to 65535") from error
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(f"port {port} on {host} is in use; choose another with --port") from error
        raise ConfigurationError(f"port {port} on {host}: {error.strerror}") from error
    return listening


def usable(folder: Path, what: str, least_bytes: int = 0) -> Path:
    """A folder that exists and can be written, with some room.

    Raises:
        ConfigurationError: it cannot be made or written, or the disk is full.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{what} {folder}: it is a file, and a folder is needed; nothing was written")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".probe-{secrets.token_hex(8)}"
        fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if least_bytes:
                os.posix_fallocate(fd, 0, least_bytes)
        finally:
            os.close(fd)
            probe.unlink()
    except OSError as error:
        raise ConfigurationError(f"{what} {folder}: {error.strerror}; nothing was written") from error
    return folder


def open_chain(
    data: Path,
    *,
    store: Path | str | None = None,
    api_key_file: Path | None = None,
    ca: Path | None = None,
    spools: Sequence[Path] = (),
    profiles: Sequence[Profile] = (),
    pipeline: Path | None = None,
    environment: str = "default",
    page_url: str = "",
    alerts_config: alerts.Config | None = None,
    limits: watches.Limits | None = None,
    retention: float | None = None,
) -> Chain:
    """Open store, pipeline, spools and watches.

    Args:
        data: folder of the store and of the events that it refused.
        store: another folder, or the address of a cluster, where events are kept instead.
        api_key_file: file with the API key of the cluster.
        ca: certificates of the cluster's authority.
        spools: folders to follow.
        profiles: of the models, for their dashboards and watches.
        pipeline: folder or file of the Logstash configuration; default: the one that comes with mllog.
        environment: namespace of the alerts.
        page_url: where people open the page, for the links in alerts.
        alerts_config: where alerts may go; default: the log and the store.
        limits: what a team changed in the watches.
        retention: seconds for which the embedded store keeps events; None for ever. A cluster has ILM for that.

    Raises:
        MllogError: one of them cannot be opened; nothing is left open.
    """
    if retention is not None and is_cluster(str(store)):
        raise ConfigurationError("retention: a cluster deletes by its ILM policy (see `mllog retention show`)")
    if retention is not None and retention < DAY_SECONDS:
        raise ConfigurationError("retention: the shortest is one day, 1d, since it is applied once a day")
    usable(data, "data folder")
    folders = with_index_pipeline([pipeline or resource("logstash/pipeline")])
    compiled = load(folders, environ=environ_with_kept_key(data))
    if not any(output.name == "elasticsearch" for output in compiled.outputs):
        raise ConfigurationError(f"{folders[0]}: no output is elasticsearch, so no event would be stored")
    prune(data, time.time() - TOMBSTONE_SECONDS)
    opened = open_store(data / "store" if store is None else store, api_key_file=api_key_file, ca=ca)
    followers: list[SpoolFollower] = []
    try:
        ingest = Ingest(compiled, opened, data / "quarantine.ndjson")
        followers.extend(SpoolFollower(usable(spool, "spool"), ingest) for spool in spools)
        runner = alerts.Runner(
            _watches(profiles, page_url, limits),
            opened,
            environment=environment,
            config=alerts_config,
            state=alerts.StateFile(data / "alerts.state.json"),
        )
    except BaseException:
        for follower in followers:
            follower.stop()
        opened.close()
        raise
    by_slug = {slug(profile.name): profile for profile in profiles}
    kept = None if retention is None else Retention(opened, dt.timedelta(seconds=retention))
    return Chain(opened, ingest, by_slug, followers, Watching(runner), kept)


def _watches(profiles: Sequence[Profile], page_url: str, limits: watches.Limits | None) -> list[watches.Watch]:
    """The watches of every model, and those on the way of the events."""
    built = watches.build_common(page_url=page_url, limits=limits)
    for profile in profiles:
        built |= watches.build(profile, page_url=page_url, limits=limits)
    return [watches.parse(watch, where=name) for name, watch in built.items()]


class Background:
    """The application in a thread of this process.

    Args:
        app: what to serve.
        listening: the socket to serve it on.
    """

    def __init__(self, app: FastAPI, listening: socket.socket) -> None:
        self._server = uvicorn.Server(configured(app))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, name="mllog-server", daemon=True
        )

    def start(self) -> None:
        """Start, and wait until requests are answered.

        Raises:
            StoreError: it did not start.
        """
        self._thread.start()
        pause = threading.Event()
        waited = 0.0
        while not self._server.started:
            if not self._thread.is_alive() or waited > _START_SECONDS:
                raise StoreError("the embedded server did not start")
            pause.wait(0.05)
            waited += 0.05

    def stop(self) -> None:
        """Finish the current requests, then stop."""
        self._server.should_exit = True
        self._thread.join()
