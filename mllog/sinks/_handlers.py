"""The sinks, as logging handlers: the spool, a file, standard output.

An event reaches them as a finished line. Where one of them is the only handler of the logger
`mllog`, it is called directly; making a LogRecord alone would cost more than the whole event.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mllog._state import LOGGER, STATE, Sink
from mllog.errors import MissingExtraError, must_propagate
from mllog.event import _records
from mllog.event._envelope import own_event
from mllog.event._stamps import timestamp
from mllog.spool import BLOCK_SECONDS, MAX_BYTES, SEGMENT_BYTES, Drops, SpoolWriter, WhenFull

if TYPE_CHECKING:
    from mllog.shipping import ServiceShipper

STDOUT_BYTES: Final = 16 * 1024 - 64
"""Longest event for standard output: container runtimes split lines at 16 KiB."""

EVENT_BYTES: Final = 256 * 1024
"""Longest event elsewhere; far below the page of Logstash's persistent queue."""

DRAIN_SECONDS: Final = 2.0
"""How long an exit waits for the rest to be delivered; what is left stays in the spool for the next start."""

LINE: Final = "mllog_line"
"""Attribute of a LogRecord that carries an event to handlers that are not mllog's own."""


class EventHandler(Sink):
    """A handler that takes events as lines; what comes as a LogRecord becomes a small event of its own.

    Args:
        max_bytes: bytes of the longest line that it takes.
    """

    target = ""
    """What the sink writes to, for people."""

    def __init__(self, max_bytes: int = EVENT_BYTES) -> None:
        super().__init__()
        self.max_bytes = max_bytes
        self._counting = threading.Lock()
        self._accepted = self._dropped = 0
        self._problem: str | None = None

    def write(self, line: bytes | bytearray) -> bool:
        """Store a line that ends in a newline; False where it was dropped. Never raises."""
        # One system call, so that lines of several writers never mix.
        problem = None
        try:
            if os.write(self._open(), line) != len(line):
                problem = f"{self.target}: no room left"
        except OSError as error:
            problem = f"{self.target}: {error.strerror}"
        with self._counting:
            self._problem = problem
            if problem is None:
                self._accepted += 1
            else:
                self._dropped += 1
        return problem is None

    def counts(self) -> tuple[int, int, str | None]:
        """Events accepted, events dropped, and what is wrong now."""
        return self._accepted, self._dropped, self._problem

    def _open(self) -> int:
        """The descriptor to write to."""
        raise NotImplementedError

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record of the logging module: an event of mllog as it is, anything else as an event of its own.

        Records of mllog's own threads stay out: shipping a spool must not fill it.
        """
        if (record.threadName or "").startswith("mllog-"):
            return
        if _writing.busy:  # a `__str__` that itself logs
            STATE.counts.errors += 1
            return
        if not _writing.first(record, self):
            return
        _writing.busy = True
        try:
            line = getattr(record, LINE, None)
            self.write(line if isinstance(line, bytes) else self._line_of(record))
        except BaseException as error:  # logging's own rule: a handler never raises
            if must_propagate(error):
                raise
            STATE.counts.errors += 1
            STATE.counts.last_error = f"a log record could not be logged: {type(error).__name__}"
        finally:
            _writing.busy = False

    def _line_of(self, record: logging.LogRecord) -> bytes:
        # What any other formatter makes is for people, and a message in it could pass for an event of its own.
        if getattr(self.formatter, "makes_events", False) and self.formatter is not None:
            line = self.formatter.format(record).encode() + b"\n"
            if len(line) <= self.max_bytes:
                return line
        return _records.encode(_records.from_log_record(record), self.max_bytes)


class _Writing(threading.local):
    """What a thread is writing. The record itself is not changed: other handlers may pickle or print it."""

    busy = False
    _last: weakref.ref[logging.LogRecord] | None = None

    def first(self, record: logging.LogRecord, handler: logging.Handler) -> bool:
        """Whether a handler sees this record for the first time: it may stand on `mllog` and on the root logger."""
        if self._last is None or self._last() is not record:
            self._last, self._takers = weakref.ref(record), {id(handler)}
            return True
        if id(handler) in self._takers:
            return False
        self._takers.add(id(handler))
        return True


_writing: Final = _Writing()


class RecordHandler(logging.Handler):
    """Hands the records of an application to the sink of mllog, whichever `configure()` attached.

    On the root logger it brings the application's own records into the one spool, with the trace id of the
    request that caused them. Without a sink it does nothing.

    Example:
        >>> import logging, mllog
        >>> logger = logging.getLogger("shop")
        >>> handler = mllog.RecordHandler()
        >>> logger.addHandler(handler)
        >>> with mllog.testing.capture() as events, mllog.bound(tenant=7):
        ...     logger.warning("out of %s", "stock")
        >>> events[0]["message"], events[0]["labels"], events[0]["log"]["level"]
        ('out of stock', {'tenant': '7'}, 'warning')
        >>> logger.removeHandler(handler)
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on."""
        for handler in attached():
            handler.handle(record)


def attached() -> list[Sink]:
    """The sinks of mllog: the one of `configure()`, whatever logging.config made of the logger, then those on it."""
    sink = STATE.sink
    others = [handler for handler in LOGGER.handlers if isinstance(handler, Sink) and handler is not sink]
    return others if sink is None else [sink, *others]


def deliver(event: dict[str, Any]) -> None:
    """Give an event that is no prediction to mllog's sinks. Never raises."""
    for sink in attached():
        sink.write(_records.encode(event, sink.max_bytes))


def listening() -> bool:
    """Whether there is a sink for what is no prediction."""
    return STATE.sink is not None or any(isinstance(handler, Sink) for handler in LOGGER.handlers)


class SpoolHandler(EventHandler):
    """Writes events to a spool folder: they survive the death of the process.

    Args:
        path: the folder; made with mode 0700 when the first event comes, and tightened to it if it is too open.
        max_bytes: limit of the events in the folder, quarantined ones included.
        segment_bytes: size of one segment.
        when_full: at the bound, `drop_newest`, `drop_oldest` or `block`.
        block_seconds: how long a caller waits at most, for `block`.
        group: name or id of a group that may read and write the spool too.
        endpoint: where a thread of this process delivers the spool to; None where something else does.
        service: name, version and environment of the service, for mllog's events about itself.

    Raises:
        ConfigurationError: the endpoint cannot be used.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        max_bytes: int = MAX_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        when_full: WhenFull = "drop_newest",
        block_seconds: float = BLOCK_SECONDS,
        group: str | int | None = None,
        endpoint: str | None = None,
        service: dict[str, str] | None = None,
    ) -> None:
        self._service = service or {}
        self.shipper: ServiceShipper | None = None
        self.drain_seconds = DRAIN_SECONDS
        if endpoint is not None:  # what can fail comes before logging knows the handler
            try:
                from mllog.shipping import ServiceShipper  # noqa: PLC0415 - an extra
            except ModuleNotFoundError:
                raise MissingExtraError("endpoint=", "ship") from None

            self.shipper = ServiceShipper(Path(path), endpoint, self._service, max_bytes=max_bytes)
        super().__init__()
        self.writer = SpoolWriter(
            Path(path),
            max_bytes=max_bytes,
            segment_bytes=segment_bytes,
            when_full=when_full,
            block_seconds=block_seconds,
            group=group,
            report=self._report,
            started=None if self.shipper is None else self.shipper.start,
        )
        self.target = str(path)
        # One call less on the hot path.
        self.write = self.writer.append  # type: ignore[method-assign]

    def _report(self, drops: Drops) -> bytes:
        payload = {
            "dropped": drops.count,
            "reason": drops.reason,
            "since": timestamp(drops.since),
            "until": timestamp(drops.until),
        }
        message = f"{drops.count} events were dropped: {drops.reason}"
        return own_event("dropped", message, {"spool": payload}, self._service, level="warning")

    def counts(self) -> tuple[int, int, str | None]:
        """Events accepted, events dropped, and what is wrong now."""
        return self.writer.accepted, self.writer.dropped, self.writer.problem

    def state(self) -> dict[str, Any]:
        """Filesystem and bound of the spool, and how many events were evicted."""
        segments = self.writer.segments
        return {
            "filesystem": segments.filesystem.type or None,
            "kind": segments.filesystem.kind,
            "warning": segments.filesystem.warning,
            "max_bytes": segments.max_bytes,
            "when_full": segments.when_full,
            "evicted": segments.evicted,
        }

    def close(self) -> None:
        """Seal the segments, and give the shipper a moment to deliver them."""
        self.writer.close()
        if self.shipper is not None:
            self.shipper.stop(self.drain_seconds)
        super().close()


class FileHandler(EventHandler):
    """Appends events to a file.

    Args:
        path: the file; made with mode 0600 when the first event comes.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.target = str(path)
        self._fd = -1

    def _open(self) -> int:
        if self._fd < 0:
            self._fd = os.open(self.target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._fd

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        super().close()


class StdoutHandler(EventHandler):
    """Writes events to standard output, for containers whose output is collected."""

    target = "stdout"

    def __init__(self) -> None:
        super().__init__(STDOUT_BYTES)

    def _open(self) -> int:
        return 1
