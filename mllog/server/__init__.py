"""The embedded server: the whole chain on one machine, without a JVM or a cluster."""

from __future__ import annotations

from mllog.server._app import Chain, create_app
from mllog.server._connections import configured
from mllog.server._ingest import Ingest, SpoolFollower
from mllog.server._run import HOST, PORT, Background, bind, open_chain, usable

__all__ = [
    "HOST",
    "PORT",
    "Background",
    "Chain",
    "Ingest",
    "SpoolFollower",
    "bind",
    "configured",
    "create_app",
    "open_chain",
    "usable",
]
