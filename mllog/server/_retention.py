"""How long the embedded store keeps events: older ones are deleted once a day."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from mllog._timestamps import iso_utc
from mllog.errors import MllogError
from mllog.server._worker import Worker
from mllog.store import EVERY, Store

DAY_SECONDS: Final = 86400.0

OWN: Final = ("monitor", "alerts", "shipper")
"""Streams that mllog writes about itself: small, and needed for long."""

OWN_LEAST: Final = dt.timedelta(days=400)

_AGAIN_SECONDS: Final = 600.0


class Retention(Worker):
    """Deletes events that are too old, in a thread: when the server starts, and every day.

    A deletion marks documents in the index; the disk comes free as the store merges its parts.

    Args:
        store: the embedded store.
        keep: how long events stay, by their `@timestamp`; those about mllog itself for 400 days at least.
    """

    def __init__(self, store: Store, keep: dt.timedelta) -> None:
        super().__init__("mllog-retention")
        self._store = store
        self._keep = keep
        self.failure: str | None = None

    def apply(self, now: dt.datetime) -> int:
        """Delete the events that are too old; returns their number.

        Raises:
            StoreError: the store failed.
        """
        own: list[dict[str, Any]] = [{"wildcard": {"_index": f"logs-mllog.{name}-*"}} for name in OWN]
        old = _before(now - self._keep)
        older = _before(now - max(self._keep, OWN_LEAST))
        gone = 0
        for query in ({"bool": {"filter": [old], "must_not": own}}, {"bool": {"filter": [older]}}):
            if self._store.count(query, index=EVERY):  # usually there is none, and a deletion costs a commit
                gone += self._store.delete_by_query(query, index=EVERY)
        return gone

    def _run(self) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            try:
                self.apply(dt.datetime.now(dt.UTC))
                self.failure, wait = None, DAY_SECONDS
            except (MllogError, OSError, ValueError) as error:  # for instance a full disk: retried, and shown meanwhile
                self.failure, wait = f"retention: {error}", _AGAIN_SECONDS


def _before(moment: dt.datetime) -> dict[str, Any]:
    return {"range": {"@timestamp": {"lt": iso_utc(moment)}}}
