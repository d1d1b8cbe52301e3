"""Sends the demo's requests, in its own process: a client costs as much as the service that it calls.

    python -m mllog.demo._sender EVENTS

reads the later months and prints `ready` and their number; reads the service's address from standard input; then
prints the id of each prediction, one a line, as the responses arrive.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib.util
import sys
from types import ModuleType
from typing import Any, Final

import httpx

from mllog._resources import resource

CONNECTIONS: Final = 8
READY: Final = "ready"
_RETRY_SECONDS: Final = 0.05


def example(name: str) -> ModuleType:
    """A module of the flights example, loaded from its file, as the folder is not a package."""
    path = resource(f"examples/flights/{name}.py")
    spec = importlib.util.spec_from_file_location(f"mllog_flights_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bodies(events: int) -> list[dict[str, Any]]:
    """The requests, in the order of time; the last flight leaves now."""
    data = example("data")
    later = data.later(data.flights(), events)
    requests: list[dict[str, Any]] = data.requests(later, now=dt.datetime.now(dt.UTC).replace(microsecond=0))
    return requests


async def send(url: str, requests: list[dict[str, Any]]) -> None:
    """Send every request, in order, over a few connections."""
    waiting = iter(requests)

    async def worker() -> None:
        # One client each: a shared one looks at every connection before every request.
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            for body in waiting:
                sys.stdout.write(await _predict(client, body) + "\n")
                sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(worker())


async def _predict(client: httpx.AsyncClient, body: dict[str, Any]) -> str:
    while True:
        try:
            response = await client.post("/predict", json=body)
            response.raise_for_status()
            return str(response.json()["prediction_id"])
        except httpx.TransportError:  # the service died during this request; the demo restarts it
            await asyncio.sleep(_RETRY_SECONDS)


def main() -> None:
    """Send what the demo asks for."""
    requests = bodies(int(sys.argv[1]))
    sys.stdout.write(f"{READY} {len(requests)}\n")
    sys.stdout.flush()
    url = sys.stdin.readline().strip()
    if url:
        asyncio.run(send(url, requests))


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):  # the demo was stopped, and reports it
        sys.exit(1)
    except ExceptionGroup as errors:
        sys.exit(f"sending requests failed: {errors.exceptions[0]}")
