"""Sends the demo's requests, in a process of its own: a client costs as much as the service that it asks.

    python -m mllog.demo._sender EVENTS

reads the later months and says `ready` and their number; takes the service's address from standard input; then
writes the id of each prediction that was answered, a line each.
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
_AGAIN_SECONDS: Final = 0.05


def example(name: str) -> ModuleType:
    """A module of the flights example; it is no package, so it is found by its file."""
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
    found: list[dict[str, Any]] = data.requests(later, now=dt.datetime.now(dt.UTC).replace(microsecond=0))
    return found


async def send(url: str, requests: list[dict[str, Any]]) -> None:
    """Send every request, in order, over a few connections."""
    waiting = iter(requests)

    async def worker() -> None:
        # A client of its own: one that is shared looks at every connection before every request.
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            for body in waiting:
                sys.stdout.write(await _ask(client, body) + "\n")
                sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(worker())


async def _ask(client: httpx.AsyncClient, body: dict[str, Any]) -> str:
    while True:
        try:
            response = await client.post("/predict", json=body)
            response.raise_for_status()
            return str(response.json()["prediction_id"])
        except httpx.TransportError:  # the service died with this request in hand; the demo starts it again
            await asyncio.sleep(_AGAIN_SECONDS)


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
    except (KeyboardInterrupt, BrokenPipeError):  # the demo was stopped, and says so itself
        sys.exit(1)
    except ExceptionGroup as errors:
        sys.exit(f"sending requests failed: {errors.exceptions[0]}")
