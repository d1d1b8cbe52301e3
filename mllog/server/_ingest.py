"""The work of Logstash on one machine: spool or lines -> filters -> store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from mllog.errors import MllogError
from mllog.pipeline import Event, Pipeline, encode_bytes, event_from_line
from mllog.server._worker import Worker
from mllog.spool import Batch, SpoolReader
from mllog.spool._rewrite import append
from mllog.spool._tombstones import Tombstones, digest
from mllog.store import Document, Store

LOGGER: Final = logging.getLogger("mllog.server")
IDLE_SECONDS: Final = 1.0
"""Wait between two reads of a spool; each read that finds events ends in a commit, which is expensive."""

_TIDY_EVERY: Final = 20
_BATCH_BYTES: Final = 2 << 20


@dataclass
class IngestCounts:
    """Counts of the lines received, by result."""

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    discarded: int = 0
    """Dropped by the pipeline itself, as its configuration says."""
    erased: int = 0
    """Skipped because their person was erased."""


class Ingest:
    """Filters lines and stores what comes out; one thread at a time.

    Args:
        pipeline: the Logstash configuration, compiled.
        store: where events go.
        quarantine: file for events that the store refuses, with the reason; they are redacted. Its folder also holds
            the list of erased events, which are skipped when they are sent again.
    """

    def __init__(self, pipeline: Pipeline, store: Store, quarantine: Path) -> None:
        self.pipeline = pipeline
        self.store = store
        self.counts = IngestCounts()
        self._quarantine = quarantine
        self._erased = Tombstones(quarantine.parent)
        self._lock = threading.Lock()

    def lines(self, lines: Iterable[bytes | str]) -> int:
        """Store lines; they are durable when this returns.

        Returns:
            The number of events that were new to the store.

        Raises:
            StoreError: the store failed; none of these lines is stored for certain.
            SpoolError: the list of erased events cannot be read, so nothing was stored.
        """
        received = 0
        documents: list[Document] = []
        discarded = 0
        for line in lines:
            received += 1
            found = self._documents(line)
            discarded += not found
            documents += found
        before = len(documents)
        if gone := self._erased.digests():
            documents = [document for document in documents if digest(document.id) not in gone]
        with self._lock:
            result = self.store.index(documents)
            self.store.commit()
            if result.rejected:
                self._set_aside(documents, {item.id: item.reason for item in result.rejected})
            self.counts.received += received
            self.counts.stored += result.created
            self.counts.duplicates += result.duplicates
            self.counts.rejected += len(result.rejected)
            self.counts.discarded += discarded
            self.counts.erased += before - len(documents)
        return result.created

    def _documents(self, line: bytes | str) -> list[Document]:
        documents = []
        for event in self.pipeline.filter(event_from_line(line)):
            for destination in self.pipeline.destinations(event):
                if destination.plugin != "elasticsearch":
                    continue
                settings = destination.settings
                documents.append(Document(str(settings["index"]), str(settings["document_id"]), _encoded(event)))
        return documents

    def _set_aside(self, documents: list[Document], reasons: dict[str, str]) -> None:
        for document in documents:
            if document.id in reasons:
                record = {
                    "reason": reasons[document.id],
                    "index": document.index,
                    "event": orjson.Fragment(document.encoded()),
                }
                append(self._quarantine, orjson.dumps(record, default=repr, option=orjson.OPT_APPEND_NEWLINE))

    def status(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self.counts)


def _encoded(event: Event) -> bytes:
    """The event as an output of Logstash would send it: JSON, without its metadata."""
    return encode_bytes({name: value for name, value in event.items() if name != "@metadata"})


class SpoolFollower(Worker):
    """A thread that reads a spool as it grows; the cursor moves only over what the store holds for good.

    Args:
        folder: the spool.
        ingest: takes the lines.
    """

    def __init__(self, folder: Path, ingest: Ingest) -> None:
        super().__init__("mllog-follow")
        self._folder = folder
        self._reader = SpoolReader(folder, consumer="serve")
        self._erased = Tombstones(folder)
        self._ingest = ingest
        self._failure: str | None = None

    def stop(self) -> None:
        """Finish the current batch, then release the spool."""
        super().stop()
        self._reader.close()

    @property
    def failure(self) -> str | None:
        """Why nothing is stored at present, or None."""
        return self._failure

    def pending(self) -> int:
        """Bytes pending in the spool."""
        return self._reader.pending()

    def _run(self) -> None:
        rounds = 0
        while not self._stop.is_set():
            if rounds % _TIDY_EVERY == 0:
                self._reader.tidy()
            rounds += 1
            self._round()
            self._stop.wait(IDLE_SECONDS)

    def _round(self) -> None:
        try:
            for batch in self._reader.read(size=_BATCH_BYTES):
                self._ingest_batch(batch)
                if self._stop.is_set():
                    break
            self._set_failure(None)
        except Exception as error:  # noqa: BLE001 - a thread that ended would be silent; /api/status shows this
            # For instance a full disk: the cursor has not moved, so nothing is lost and the batch is retried.
            self._set_failure(str(error) if isinstance(error, (MllogError, OSError)) else repr(error))

    def _ingest_batch(self, batch: Batch) -> None:
        self._ingest.lines(self._erased.without(batch.lines))
        self._reader.commit(batch)
        self._set_failure(None)

    def _set_failure(self, failure: str | None) -> None:
        """Keep the failure, and log it when it changes."""
        if failure != self._failure:
            if failure is None:
                LOGGER.warning("%s: events are stored again", self._folder)
            else:
                LOGGER.error("%s: nothing is stored at present, and nothing is lost: %s", self._folder, failure)
        self._failure = failure


def status_of(ingest: Ingest, followers: Iterable[SpoolFollower]) -> dict[str, Any]:
    """Counts of the chain, pending bytes, and the failure if there is one."""
    followers = list(followers)
    return {
        **ingest.status(),
        "pending_bytes": sum(follower.pending() for follower in followers),
        "failure": next((follower.failure for follower in followers if follower.failure), None),
    }
