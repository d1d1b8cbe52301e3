"""The shipper: delivers a spool to an endpoint, at least once, in the order of each writer."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import random
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import orjson

from mllog._files import write_atomically
from mllog._timestamps import iso_utc
from mllog.errors import SpoolError, SpoolInUseError
from mllog.event._envelope import own_event
from mllog.shipping._endpoint import Endpoint, Verdict
from mllog.spool import MAX_BYTES
from mllog.spool._folder import QUARANTINE
from mllog.spool._reader import SpoolReader
from mllog.spool._rewrite import append
from mllog.spool._tombstones import Tombstones

LOGGER: Final = logging.getLogger("mllog.shipper")
CONSUMER: Final = "ship"
STATUS: Final = "ship.status"

BATCH_BYTES: Final = 1 << 20
QUARANTINE_BYTES: Final = 64 << 20
"""Bytes of quarantined events that a spool keeps; when they are reached, nothing more is set aside."""

_IDLE_SECONDS: Final = 0.5
_FIRST_WAIT_SECONDS: Final = 0.2
_MAX_WAIT_SECONDS: Final = 30.0
_MISCONFIGURED_WAIT_SECONDS: Final = 60.0
_STANDBY_SECONDS: Final = 2.0
_REPORT_SECONDS: Final = 60.0
_FAILURES_BEFORE_PROBE: Final = 4
_PROBE: Final = b"\n"
"""An empty line: a working endpoint accepts it and makes no event of it."""

_TO_PROBE_TOO: Final = (
    "{reason}, and a probe was refused too: the endpoint is misconfigured, so no event is set aside; "
    "check the address and what is between here and there"
)


class DeadlineError(Exception):
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
        max_bytes: limit of the spool; quarantined events take at most half of it, and at most 64 MiB.
    """

    def __init__(
        self,
        folder: Path,
        endpoint: Endpoint,
        *,
        keep: float | None = None,
        batch_bytes: int = BATCH_BYTES,
        service: dict[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
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
        self._moved, self._moved_at = 0, time.monotonic()
        self._proven = False  # whether an event was delivered since the last one was quarantined
        self._quarantine_bytes = min(QUARANTINE_BYTES, max_bytes // 2)
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
            once: end when everything is delivered.
            patience: seconds without progress after which `once` stops trying.

        Returns:
            Whether everything that was accepted is delivered.

        Raises:
            SpoolError: the spool cannot be used; or, with `once`, another process is delivering it.
        """
        self._reader = reader = self._acquire_reader(once=once)
        if reader is None:
            return False
        self._patience = patience if once else None
        self._moved_at = time.monotonic()
        try:
            while True:
                stopping = self._stop.is_set()
                moved = self._pass(reader)
                self._report(reader, force=False)
                if moved:
                    continue
                if stopping or (once and reader.pending() == 0):
                    break
                self._check_patience()
                self._stop.wait(_IDLE_SECONDS)
        except DeadlineError:
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

    def deliver_all(self, lines: Iterable[bytes], patience: float | None) -> None:
        """Deliver lines in batches, without a cursor."""
        self._patience, self._moved_at = patience, time.monotonic()
        batch: list[bytes] = []
        size = 0
        for line in lines:
            batch.append(line)
            size += len(line)
            if size >= self._batch_bytes:
                self.deliver(batch)
                batch, size = [], 0
        if batch:
            self.deliver(batch)

    def deliver(self, lines: Sequence[bytes]) -> None:
        """Send lines until each is delivered or quarantined; erased events are skipped."""
        wait = _FIRST_WAIT_SECONDS
        failures = 0
        while True:
            lines = self._without_erased(lines)  # before every attempt: events may be erased while it waits
            if not lines:
                return
            verdict, reason = self.endpoint.post(self._client, b"\n".join(lines) + b"\n")
            if verdict is Verdict.DELIVERED:
                self.status.delivered += len(lines)
                self._proven = True
                self._recovered()
                return
            failures = failures + 1 if verdict is Verdict.FAILED else 0
            misconfigured = verdict is Verdict.MISCONFIGURED
            if verdict is Verdict.REFUSED or failures >= _FAILURES_BEFORE_PROBE:
                if not self._blames(lines):
                    misconfigured = verdict is Verdict.REFUSED
                    reason = _TO_PROBE_TOO.format(reason=reason) if misconfigured else reason
                elif len(lines) > 1:
                    middle = len(lines) // 2
                    self.deliver(lines[:middle])
                    self.deliver(lines[middle:])
                    return
                elif (problem := self._quarantine(lines[0], reason)) is None:
                    return
                else:
                    misconfigured, reason = True, problem
            self._report_problem(reason, as_error=misconfigured)
            self.status.retries += 1
            self._check_patience()
            self._wait(_MISCONFIGURED_WAIT_SECONDS if misconfigured else wait)
            wait = min(wait * 2, _MAX_WAIT_SECONDS)

    def _without_erased(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        while True:
            try:
                return self._erased.without(lines)
            except SpoolError as error:  # erased events are unknown, so nothing is delivered
                self._report_problem(str(error), as_error=True)
                self._check_patience()
                self._wait(_MISCONFIGURED_WAIT_SECONDS)

    def _blames(self, lines: Sequence[bytes]) -> bool:
        """Whether the endpoint refuses these lines and not everything: it accepts a probe.

        Before a single event is blamed, the endpoint must have accepted some event since the last one that it refused:
        an endpoint may accept an empty line and refuse every event.
        """
        if self.endpoint.post(self._client, _PROBE)[0] is not Verdict.DELIVERED:
            return False
        if len(lines) == 1 and not self._proven:
            message = "the endpoint refused an event; this one shows whether it accepts others"
            line = own_event("probe", message, {"shipper": {"quarantined": 0}}, self._service, level="info")
            self._proven = self.endpoint.post(self._client, line)[0] is Verdict.DELIVERED
            return self._proven
        return True

    def _quarantine(self, line: bytes, reason: str) -> str | None:
        """Set an event aside; None, or why that is not possible: then nothing else is delivered either."""
        path = self.folder / QUARANTINE
        record = {"@timestamp": _now(), "reason": reason, "event": line.decode("utf-8", "backslashreplace")}
        data = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        try:
            if _quarantined_bytes(self.folder) + len(data) > self._quarantine_bytes:
                return (
                    f"{reason}, and {path} is full ({self._quarantine_bytes} bytes): the event stays in the spool and "
                    "nothing is delivered; move that file away"
                )
            append(path, data)
        except OSError as error:
            return f"{path}: {error.strerror}; the event stays in the spool and nothing is delivered"
        self.status.quarantined += 1
        self._proven = False
        LOGGER.warning("an event was quarantined in %s: %s", path, reason)
        return None

    def _report_problem(self, reason: str, *, as_error: bool) -> None:
        if self.status.problem != reason:
            level = logging.ERROR if as_error else logging.WARNING
            LOGGER.log(level, "%s: %s; waiting until it accepts events", self.endpoint.url, reason)
            self.status.problem = reason
            self._write_status()

    def _recovered(self) -> None:
        if self.status.problem is not None:
            LOGGER.warning("%s: accepts events again", self.endpoint.url)
            self.status.problem = None

    def _check(self) -> None:
        if self._stop.is_set() and time.monotonic() >= self._deadline:
            raise DeadlineError

    def _check_patience(self) -> None:
        """Stop trying if nothing was delivered for as long as the caller allows."""
        moved = self.status.delivered + self.status.quarantined
        now = time.monotonic()
        if moved != self._moved:
            self._moved, self._moved_at = moved, now
        if self._patience is not None and now - self._moved_at > self._patience:
            raise DeadlineError

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


def _quarantined_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.glob("quarantine*.ndjson"))


def _now() -> str:
    return iso_utc(dt.datetime.now(dt.UTC), "seconds")


def _age(line: bytes) -> float:
    """Seconds since an event was created; 0 if unknown."""
    try:
        created = dt.datetime.fromisoformat(orjson.loads(line)["event"]["created"])
        return max(0.0, round(time.time() - created.timestamp(), 3))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0.0
