"""The demo: a real model on real flights, observed from end to end on this machine.

A service predicts delays in its own process; the chain of `mllog serve` runs here; a third process sends the later
months of the data to the service as requests, in time order.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mllog._resources import resource
from mllog.demo._processes import ENVIRONMENT, Sender, Service
from mllog.demo._results import lost, report, totals, wait_stored
from mllog.errors import ConfigurationError, MllogError
from mllog.event._names import data_stream
from mllog.profile import Profile
from mllog.server._app import Chain, create_app
from mllog.server._run import HOST, Background, bind, open_chain, usable

SPOOL_BYTES: Final = 64 << 20

_MARKER: Final = ".mllog-demo"
_PARTS: Final = ("model", "spool", "data")
_SHOW_EVERY: Final = 100


def prepare(folder: Path, *, resume: bool) -> None:
    """An empty folder for the demo; the folder of an earlier demo is emptied, any other is refused.

    Raises:
        ConfigurationError: the folder holds other things, or cannot be written.
    """
    usable(folder, "demo folder")
    marker = folder / _MARKER
    if not marker.exists():
        if any(folder.iterdir()):
            raise ConfigurationError(
                f"{folder} is not empty and not the folder of an earlier demo; choose another with --dir"
            )
        marker.touch()
    if not resume:
        for part in _PARTS:
            shutil.rmtree(folder / part, ignore_errors=True)
    usable(folder / "spool", "spool", SPOOL_BYTES)


def _train(folder: Path) -> Profile:
    target = folder / "model"
    command = [sys.executable, str(resource("examples/flights/train.py")), str(target)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own example
    if done.returncode:
        raise MllogError(f"training failed: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}")
    return Profile.load(target / "profile.json")


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, and stops the processes that it started."""

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
        folder: of model, spool and store.
        events: how many requests to send.
        port: of the page; 0 takes a free one.
        stay: keep the page up until Ctrl-C.
        resume: continue with what an earlier demo left.
        console: for people; progress bars and what happened.

    Returns:
        `emitted` (calls that returned), `stored`, `lost` (emitted and not stored), `dropped`, `redacted` by kind,
        `invalid`, `invalid_features` by kind, `seconds`, `events_per_second`, `restarts` of the service, `alerts`
        and the page's `url`.

    Raises:
        MllogError: something cannot be opened or does not run.
    """
    if events < 1:
        raise ConfigurationError(f"--events {events}: there must be at least one")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminable())
        listening = stack.enter_context(bind(port))
        url = f"http://{HOST}:{listening.getsockname()[1]}"
        prepare(folder, resume=resume)
        progress = stack.enter_context(_progress(console))
        sender = Sender(events)
        stack.callback(sender.stop)
        profile = _step(progress, "training on January to June", lambda: _train(folder))
        requests = _step(progress, "reading the later months", sender.ready)
        index = data_stream(profile.name, ENVIRONMENT)
        spool = folder / "spool"
        chain = open_chain(folder / "data", spools=[spool], profiles=[profile], environment=ENVIRONMENT, page_url=url)
        background = Background(create_app(chain), listening)
        background.start()
        stack.callback(background.stop)
        before = chain.store.count(index=index)
        service = Service(folder)
        stack.callback(service.stop)
        service.start()
        if stay:
            console.print(f"The page: [bold]{_page(url)}[/]", highlight=False)
        result = _observe(service, sender, requests, chain, profile, before, progress)
        progress.stop()
        result["url"] = url
        report(console, result, folder)
        if stay:
            _stay(console, url, service)
    return result


def _observe(
    service: Service, sender: Sender, requests: int, chain: Chain, profile: Profile, before: int, progress: Progress
) -> dict[str, Any]:
    index = data_stream(profile.name, ENVIRONMENT)
    _step(progress, "starting the service", service.stats)  # the model is loaded when this answers
    sending = progress.add_task("predicting, one request a flight", total=requests)
    storing = progress.add_task("redacted, parsed and stored", total=requests)
    began = time.monotonic()
    ids: list[str] = []
    for identity in sender.send(service.url):
        ids.append(identity)
        if len(ids) % _SHOW_EVERY == 0:
            progress.update(sending, completed=len(ids))
            progress.update(storing, completed=chain.ingest.counts.stored)
    progress.update(sending, completed=len(ids))
    stored = wait_stored(
        chain, index, before + len(ids), lambda count: progress.update(storing, completed=count - before)
    )
    seconds = time.monotonic() - began
    stats = service.stats()
    assert chain.watching is not None
    chain.watching.evaluate(dt.datetime.now(dt.UTC))
    return {
        "emitted": len(ids),
        "stored": stored - before,
        "lost": lost(chain, index, ids),
        "dropped": stats["dropped"] + stats["errors"],
        **totals(chain, index, profile),
        "seconds": round(seconds, 2),
        "events_per_second": round(len(ids) / seconds, 1),
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


def _page(url: str) -> str:
    """The address of the page with half a year of flights: one day of them shows little."""
    return f"{url}/?range=all"


def _stay(console: Console, url: str, service: Service) -> None:
    console.print(
        f"\nThe page: [bold]{_page(url)}[/]  (Ctrl-C ends the demo; the service listens on {service.url})",
        highlight=False,
    )
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        console.print("stopping")
