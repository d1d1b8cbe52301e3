"""The shipper: delivers a spool to an endpoint, at least once, in the order of each writer."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import orjson

from mllog._files import write_atomically
from mllog._timestamps import iso_utc
from mllog.errors import SpoolError, SpoolInUseError
from mllog.event._envelope import own_event
from mllog.shipping._endpoint import Endpoint, Verdict
from mllog.spool._reader import SpoolReader
from mllog.spool._rewrite import append
from mllog.spool._tombstones import Tombstones

LOGGER: Final = logging.getLogger("mllog.shipper")
CONSUMER: Final = "ship"
STATUS: Final = "ship.status"
QUARANTINE: Final = "quarantine.ndjson"

BATCH_BYTES: Final = 1 << 20
QUARANTINE_BYTES: Final = 64 << 20
"""Where the quarantine file is put aside, replacing the one before it."""

_IDLE_SECONDS: Final = 0.5
_FIRST_WAIT_SECONDS: Final = 0.2
_MAX_WAIT_SECONDS: Final = 30.0
_MISCONFIGURED_WAIT_SECONDS: Final = 60.0
_STANDBY_SECONDS: Final = 2.0
_REPORT_SECONDS: Final = 60.0
_FAILURES_BEFORE_PROBE: Final = 4
_PROBE: Final = b"\n"
"""An empty line: a working endpoint accepts it and makes no event of it."""


class _DeadlineError(Exception):
    """The time for draining has elapsed."""


@dataclass
class ShipStatus:
    """Counts of the events, and how far the shipper is behind.

    Attributes:
        delivered: events that the endpoint accepted.
        quarantined: events that it refused, kept in `quarantine.ndjson`.
        retries: requests that were sent again.
        pending_bytes: accepted and not yet delivered.
        oldest_seconds: age of the oldest event that is being delivered; 0 if none is.
        problem: why nothing is delivered at present, or None.
    """

    delivered: int = 0
    quarantined: int = 0
    retries: int = 0
    pending_bytes: int = 0
    oldest_seconds: float = 0.0
    problem: str | None = None
    endpoint: str = ""
    pid: int = field(default_factory=os.getpid)


class Shipper:
    """Delivers one spool; one process at a time does, and another one takes over when it dies.

    Once a minute it delivers an event of its own (`event.action` is `shipped`): what it delivered, quarantined and
    retried since the last one, and how far it is behind.

    Args:
        folder: the spool.
        endpoint: where to deliver.
        keep: seconds for which a delivered segment stays for a replay; None deletes it at once. What is
            kept counts towards the bound of the spool.
        batch_bytes: size of a request, about.
        service: name, version and environment on the shipper's own events, as far as they are known.
    """

    def __init__(
        self,
        folder: Path,
        endpoint: Endpoint,
        *,
        keep: float | None = None,
        batch_bytes: int = BATCH_BYTES,
        service: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.endpoint = endpoint
        self.status = ShipStatus(endpoint=endpoint.url)
        self._keep = keep
        self._batch_bytes = batch_bytes
        self._client = endpoint.client()
        self._stop = threading.Event()
        self._deadline = float("inf")
        self._patience: float | None = None
        self._service = service or {}
        self._erased = Tombstones(folder)
        self._reader: SpoolReader | None = None
        self._reported = time.monotonic()
        self._last_report = (0, 0, 0, self._reported)
        self._random = random.Random()  # noqa: S311 - jitter

    def stop(self, drain: float = 0.0) -> None:
        """Deliver what is pending for `drain` seconds at most, then stop; for signal handlers and other threads."""
        self._deadline = time.monotonic() + drain
        self._stop.set()

    def run(self, *, once: bool = False, patience: float = 30.0) -> bool:
        """Deliver until `stop`, or with `once` until nothing is left.

        Args:
            once: end when the spool is empty.
            patience: seconds after which `once` gives up on an endpoint that accepts nothing.

        Returns:
            Whether everything that was accepted is delivered.

        Raises:
            SpoolError: the spool cannot be used; or, with `once`, another process is delivering it.
        """
        self._reader = reader = self._acquire_reader(once=once)
        if reader is None:
            return False
        self._patience = patience if once else None
        try:
            while True:
                stopping = once or self._stop.is_set()
                moved = self._pass(reader)
                self._report(reader, force=False)
                if not moved and stopping:
                    break
                if not moved:
                    self._stop.wait(_IDLE_SECONDS)
        except _DeadlineError:
            pass
        finally:
            self._report(reader, force=True)
            done = reader.pending() == 0
            reader.close()
            self._client.close()
        return done

    def abandon(self) -> None:
        """Release the copy of the parent's lock in a forked child."""
        if self._reader is not None:
            self._reader.close()  # its copy of the descriptor; the parent still holds the lock

    def _acquire_reader(self, *, once: bool) -> SpoolReader | None:
        """The reader, as soon as no other process has its lock; None if the shipper is stopped first."""
        waiting_logged = False
        while True:
            try:
                return SpoolReader(self.folder, consumer=CONSUMER, keep=self._keep)
            except SpoolInUseError:
                if once:
                    raise
                if not waiting_logged:
                    LOGGER.info("standing by: another process delivers %s", self.folder)
                    waiting_logged = True
            if self._stop.is_set():
                return None
            self._stop.wait(_STANDBY_SECONDS)  # then try once more: the other shipper may just have stopped

    def _pass(self, reader: SpoolReader) -> bool:
        moved = False
        reader.tidy()
        for batch in reader.read(size=self._batch_bytes):
            self._check()
            self.status.oldest_seconds = _age(batch.lines[0]) if batch.lines else 0.0
            self.deliver(batch.lines)
            try:
                reader.commit(batch)
            except SpoolError as error:  # a full disk, say; the next commit saves this one too
                self._report_problem(str(error), as_error=True)
            moved = True
            self._report(reader, force=False)
        self.status.oldest_seconds = 0.0
        return moved

    def deliver(self, lines: Sequence[bytes]) -> None:
        """Send lines until each is delivered or quarantined; erased events are skipped."""
        wait = _FIRST_WAIT_SECONDS
        failures = 0
        began = time.monotonic()
        while True:
            lines = self._without_erased(lines)  # before every attempt: events may be erased while it waits
            if not lines:
                return
            verdict, reason = self.endpoint.post(self._client, b"\n".join(lines) + b"\n")
            if verdict is Verdict.DELIVERED:
                self.status.delivered += len(lines)
                self._recovered()
                return
            failures = failures + 1 if verdict is Verdict.FAILED else 0
            if verdict is Verdict.REFUSED or (failures >= _FAILURES_BEFORE_PROBE and self._endpoint_works()):
                self._bisect(lines, reason)
                return
            self._report_problem(reason, as_error=verdict is Verdict.MISCONFIGURED)
            self.status.retries += 1
            if self._patience is not None and time.monotonic() - began > self._patience:
                raise _DeadlineError
            self._wait(_MISCONFIGURED_WAIT_SECONDS if verdict is Verdict.MISCONFIGURED else wait)
            wait = min(wait * 2, _MAX_WAIT_SECONDS)

    def _without_erased(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        began = time.monotonic()
        while True:
            try:
                return self._erased.without(lines)
            except SpoolError as error:  # erased events are unknown, so nothing is delivered
                self._report_problem(str(error), as_error=True)
                if self._patience is not None and time.monotonic() - began > self._patience:
                    raise _DeadlineError from None
                self._wait(_MISCONFIGURED_WAIT_SECONDS)

    def _endpoint_works(self) -> bool:
        return self.endpoint.post(self._client, _PROBE)[0] is Verdict.DELIVERED

    def _bisect(self, lines: Sequence[bytes], reason: str) -> None:
        if len(lines) == 1:
            for line in self._without_erased(lines):
                self._quarantine(line, reason)
            return
        middle = len(lines) // 2
        self.deliver(lines[:middle])
        self.deliver(lines[middle:])

    def _quarantine(self, line: bytes, reason: str) -> None:
        path = self.folder / QUARANTINE
        record = {"@timestamp": _now(), "reason": reason, "event": line.decode("utf-8", "replace")}
        while True:
            try:
                _append_to_quarantine(path, orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
                break
            except OSError as error:  # nothing else is delivered until the event is kept
                self._report_problem(f"{path}: {error.strerror}", as_error=True)
                self._wait(_MISCONFIGURED_WAIT_SECONDS)
        self.status.quarantined += 1
        LOGGER.warning("an event was quarantined in %s: %s", path, reason)

    def _report_problem(self, reason: str, *, as_error: bool) -> None:
        if self.status.problem != reason:
            LOGGER.log(logging.ERROR if as_error else logging.WARNING, "%s: %s", self.endpoint.url, reason)
            self.status.problem = reason
            self._write_status()

    def _recovered(self) -> None:
        if self.status.problem is not None:
            LOGGER.warning("%s: accepts events again", self.endpoint.url)
            self.status.problem = None

    def _check(self) -> None:
        if self._stop.is_set() and time.monotonic() >= self._deadline:
            raise _DeadlineError

    def _wait(self, seconds: float) -> None:
        """Wait with jitter, but not beyond the deadline."""
        seconds *= self._random.uniform(0.5, 1.0)
        if self._patience is not None:
            seconds = min(seconds, self._patience / 4)
        if self._stop.is_set():
            time.sleep(min(seconds, max(0.0, self._deadline - time.monotonic())))
        else:
            self._stop.wait(seconds)
        self._check()

    def _report(self, reader: SpoolReader, *, force: bool) -> None:
        now = time.monotonic()
        if force or now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            self.status.pending_bytes = reader.pending()
            self._write_status()
            LOGGER.info("%s", asdict(self.status))
            self._send_report(force=force)

    def _send_report(self, *, force: bool) -> None:
        """Deliver a report about the time since the last one; if that fails, the next one covers it too."""
        status, (delivered, quarantined, retries, since) = self.status, self._last_report
        counts = (status.delivered - delivered, status.quarantined - quarantined, status.retries - retries)
        if status.problem is not None or (force and not any(counts)):
            return
        now = time.monotonic()
        report = {
            "delivered": counts[0],
            "quarantined": counts[1],
            "retries": counts[2],
            "pending_bytes": status.pending_bytes,
            "oldest_seconds": status.oldest_seconds,
            "seconds": round(now - since, 3),
        }
        message = f"{counts[0]} events were delivered, {counts[1]} set aside"
        line = own_event("shipped", message, {"shipper": report}, self._service, level="info")
        if self.endpoint.post(self._client, line)[0] is Verdict.DELIVERED:
            self._last_report = (status.delivered, status.quarantined, status.retries, now)

    def _write_status(self) -> None:
        with contextlib.suppress(OSError):  # informational; the counts are also in the log
            write_atomically(self.folder / STATUS, orjson.dumps({**asdict(self.status), "@timestamp": _now()}))


def _append_to_quarantine(path: Path, line: bytes) -> None:
    if path.exists() and path.stat().st_size > QUARANTINE_BYTES:
        path.replace(path.with_suffix(".1.ndjson"))
    append(path, line)


def replay(
    shipper: Shipper, lines: Iterable[bytes], *, since: dt.datetime | None = None, model: str | None = None
) -> int:
    """Deliver kept events once more; the store keeps each once, by its id.

    Args:
        shipper: delivers them.
        lines: events, as `mllog.spool.events` gives them.
        since: earlier events are skipped.
        model: only events of this model.

    Returns:
        The number of events sent; erased events are skipped.

    Raises:
        SpoolError: the list of erased events cannot be read.
    """
    Tombstones(shipper.folder).digests()
    batch: list[bytes] = []
    size = 0
    before = shipper.status.delivered + shipper.status.quarantined
    for line in _selected(lines, since, model):
        batch.append(line)
        size += len(line)
        if size >= BATCH_BYTES:
            shipper.deliver(batch)
            batch, size = [], 0
    if batch:
        shipper.deliver(batch)
    return shipper.status.delivered + shipper.status.quarantined - before


def _selected(lines: Iterable[bytes], since: dt.datetime | None, model: str | None) -> Iterator[bytes]:
    for line in lines:
        if since is not None or model is not None:
            try:
                event = orjson.loads(line)
                moment, name = dt.datetime.fromisoformat(event["@timestamp"]), event["mllog"]["model"]["name"]
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                continue
            if (since is not None and moment < since) or (model is not None and name != model):
                continue
        yield line


def _now() -> str:
    return iso_utc(dt.datetime.now(dt.UTC), "seconds")


def _age(line: bytes) -> float:
    """Seconds since an event was created; 0 if unknown."""
    try:
        created = dt.datetime.fromisoformat(orjson.loads(line)["event"]["created"])
        return max(0.0, round(time.time() - created.timestamp(), 3))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0.0
