"""The shipper inside the service: a thread that delivers the spool, without a separate process."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import weakref
from pathlib import Path
from typing import Any, Final

from mllog.errors import MllogError
from mllog.shipping._endpoint import Endpoint, endpoint_from
from mllog.shipping._shipper import Shipper
from mllog.spool import MAX_BYTES

LOGGER: Final = logging.getLogger("mllog.shipper")

_FORK_SECONDS: Final = 0.5


class ServiceShipper:
    """Delivers a spool from a thread of the service; one of several processes on a spool does.

    It starts with the first event. A fork stops it, and both sides start it again with their next event.

    Args:
        folder: the spool.
        endpoint: `https://host:port`; credentials come from the environment or from files.
        service: name, version and environment of the service.
        max_bytes: limit of the spool.

    Raises:
        ConfigurationError: the endpoint cannot be used.
    """

    def __init__(self, folder: Path, endpoint: str, service: dict[str, str], *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder
        self.endpoint: Endpoint = endpoint_from(endpoint)
        self._service = service
        self._max_bytes = max_bytes
        self._starting = threading.Lock()
        self._problem: str | None = None
        self._leftover: Shipper | None = None
        self._reset()
        _SHIPPERS.add(self)

    def _reset(self) -> None:
        self._shipper: Shipper | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to deliver; does nothing if it is running already."""
        with self._starting:
            if self._thread is not None:
                return
            try:
                self._shipper = Shipper(self.folder, self.endpoint, service=self._service, max_bytes=self._max_bytes)
                self._thread = threading.Thread(
                    target=self._run, args=(self._shipper,), name="mllog-shipper", daemon=True
                )
                self._thread.start()
            except (MllogError, OSError, RuntimeError) as error:  # RuntimeError: the interpreter is shutting down
                self._problem = str(error)

    def _run(self, shipper: Shipper) -> None:
        try:
            shipper.run()
        except Exception as error:  # a failure must not end the thread silently
            self._problem = f"{type(error).__name__}: {error}"
            LOGGER.exception("the shipper of %s stopped; restart the service to start it again", self.folder)

    def stop(self, drain: float) -> None:
        """Deliver what is pending for `drain` seconds at most, then stop."""
        shipper, thread = self._shipper, self._thread
        if shipper is None or thread is None:
            return
        shipper.stop(drain)
        if thread is not threading.current_thread():
            thread.join(drain + _FORK_SECONDS)
        if thread.is_alive():  # in the middle of a request: it holds the lock until that is done
            self._leftover = shipper
        self._reset()

    def state(self) -> dict[str, Any]:
        """Counts, and how far it is behind."""
        shipper = self._shipper
        if shipper is None:
            return {"endpoint": self.endpoint.url, "running": False, "problem": self._problem}
        status = shipper.status
        return {
            "endpoint": self.endpoint.url,
            "running": self._thread is not None and self._thread.is_alive(),
            "delivered": status.delivered,
            "quarantined": status.quarantined,
            "retries": status.retries,
            "pending_bytes": status.pending_bytes,
            "oldest_seconds": status.oldest_seconds,
            "problem": status.problem or self._problem,
        }

    def after_fork_in_child(self) -> None:
        """Drop the parent's shipper in a forked child."""
        leftover, self._leftover = self._leftover, None
        if leftover is not None:
            with contextlib.suppress(OSError):
                leftover.abandon()
        self._starting = threading.Lock()
        self._reset()


_SHIPPERS: Final[weakref.WeakSet[ServiceShipper]] = weakref.WeakSet()


def _before_fork() -> None:
    for shipper in list(_SHIPPERS):
        shipper.stop(0.0)  # a request in flight gets a moment; then the fork goes on regardless


def _after_fork_in_child() -> None:
    for shipper in list(_SHIPPERS):
        shipper.after_fork_in_child()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
