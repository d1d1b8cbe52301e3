"""The embedded server: the receiver of events, the page, and the threads behind them, in one application."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from mllog.errors import QueryError, StoreError
from mllog.profile import Profile
from mllog.server._ingest import Ingest, SpoolFollower, status_of
from mllog.server._receiver import Receiver
from mllog.server._retention import Retention
from mllog.server._watching import Watching
from mllog.server.page import create_router
from mllog.store import Store

HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass
class Chain:
    """Everything that the server runs, ready to start."""

    store: Store
    ingest: Ingest
    profiles: Mapping[str, Profile]
    followers: Sequence[SpoolFollower] = ()
    watching: Watching | None = None
    retention: Retention | None = None
    stopped: bool = False

    def start(self) -> None:
        """Start the threads."""
        for follower in self.followers:
            follower.start()
        if self.watching is not None:
            self.watching.start()
        if self.retention is not None:
            self.retention.start()

    def stop(self) -> None:
        """Stop the threads and close the store, once; what was read and not stored is read again next time."""
        if self.stopped:
            return
        self.stopped = True
        for follower in self.followers:
            follower.stop()
        if self.watching is not None:
            self.watching.stop()
        if self.retention is not None:
            self.retention.stop()
        self.store.close()

    def report(self) -> dict[str, Any]:
        """Counts of the chain and what is wrong, if anything."""
        report = status_of(self.ingest, self.followers)
        if self.watching is not None and self.watching.failure:
            report["failure"] = report["failure"] or self.watching.failure
        if self.retention is not None and self.retention.failure:
            report["failure"] = report["failure"] or self.retention.failure
        return report

    def alerts(self) -> list[dict[str, Any]]:
        """The last evaluation of each watch."""
        return [] if self.watching is None else self.watching.latest()


def create_app(chain: Chain, *, hosts: Sequence[str] = HOSTS) -> FastAPI:
    """The application over a chain; its lifespan starts and stops the chain.

    Args:
        chain: what to run.
        hosts: host names that a request may address (a page of another site cannot reach the server through
            a name of its own).
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        chain.start()
        try:
            yield
        finally:
            await run_in_threadpool(chain.stop)

    app = FastAPI(title="mllog", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))

    receiver = Receiver(chain.ingest)

    # Where the http input of logstash/pipeline/10-input.conf listens, the embedded server takes the same requests.
    @app.post("/", response_class=PlainTextResponse)
    async def receive(request: Request) -> PlainTextResponse:
        return await receiver.receive(request)

    @app.exception_handler(QueryError)
    async def bad_query(_: Request, error: QueryError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 400)

    @app.exception_handler(StoreError)
    async def no_store(_: Request, error: StoreError) -> JSONResponse:
        return JSONResponse({"error": f"the store cannot answer: {error}"}, 503)

    @app.get("/api/status")
    async def status() -> dict[str, Any]:
        return await run_in_threadpool(chain.report)

    @app.get("/api/alerts")
    async def alerts(*, evaluate: bool = False) -> list[dict[str, Any]]:
        if evaluate and chain.watching is not None:
            await run_in_threadpool(chain.watching.evaluate, dt.datetime.now(dt.UTC))
        return chain.alerts()

    # For `mllog check`: of other events than its canary these two show nothing and delete nothing.
    @app.get("/api/canary/{identity}")
    async def canary(identity: str) -> dict[str, Any]:
        body = {"query": _canary(identity), "size": 10}
        response = await run_in_threadpool(chain.store.search, body)
        hits = response["hits"]["hits"]
        return {"hits": [{name: hit[name] for name in ("_index", "_id", "_source")} for hit in hits]}

    @app.delete("/api/canary/{identity}")
    async def remove_canary(identity: str) -> dict[str, int]:
        return {"deleted": await run_in_threadpool(chain.store.delete_by_query, _canary(identity))}

    app.include_router(create_router(chain.store, chain.profiles, alerts=chain.alerts, status=chain.report))
    return app


def _canary(identity: str) -> dict[str, Any]:
    """The query for one canary."""
    return {"bool": {"filter": [{"ids": {"values": [identity]}}, {"term": {"event.action": "canary"}}]}}
