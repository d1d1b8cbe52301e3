"""The work of Logstash on one machine: spool or lines -> filters -> store."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from mllog.errors import MllogError, StoreError
from mllog.pipeline import Event, Pipeline, encode_bytes, event_from_line
from mllog.redaction import Redactor
from mllog.server._worker import Worker
from mllog.spool import Batch, SpoolReader
from mllog.spool._rewrite import append
from mllog.spool._tombstones import Tombstones, digest
from mllog.store import Document, IndexResult, Store
from mllog.store._interface import Rejected

LOGGER: Final = logging.getLogger("mllog.server")
IDLE_SECONDS: Final = 1.0
"""Wait between two reads of a spool; each read that finds events ends in a commit, which is expensive."""

QUARANTINE_BYTES: Final = 256 << 20
"""Bytes of rejected events that a data folder keeps; when they are reached, nothing more is accepted."""

_TIDY_EVERY: Final = 20
_MOST_REASONS: Final = 20
_LONGEST_TEXT: Final = 64 << 10
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
        self._redactor = Redactor()
        self._reasons: Counter[str] = Counter()

    def lines(self, lines: Iterable[bytes | str]) -> int:
        """Store lines; they are durable when this returns.

        A line that cannot be processed or stored is set aside in the quarantine, with the reason; it affects no other.

        Returns:
            The number of events that were new to the store.

        Raises:
            StoreError: the store failed, or the quarantine is full; none of these lines is stored for certain.
            SpoolError: the list of erased events cannot be read, so nothing was stored.
            OSError: the quarantine cannot be written.
        """
        received = discarded = 0
        documents: list[Document] = []
        aside: list[tuple[str, dict[str, Any]]] = []
        for line in lines:
            received += 1
            try:
                produced = self._documents(line)
            except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this line only
                aside.append((f"{type(error).__name__} in the pipeline", self._redacted(line)))
                continue
            discarded += not produced
            documents += produced
        before = len(documents)
        if gone := self._erased.digests():
            documents = [document for document in documents if digest(document.id) not in gone]
        with self._lock:
            result = self._index(documents)
            self.store.commit()
            aside += _rejected(documents, {item.id: item.reason for item in result.rejected})
            self._set_aside(aside)
            self.counts.received += received
            self.counts.stored += result.created
            self.counts.duplicates += result.duplicates
            self.counts.rejected += len(aside)
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

    def _index(self, documents: list[Document]) -> IndexResult:
        """Index all documents; where that raises what no store should, one by one."""
        try:
            return self.store.index(documents)
        except (MllogError, OSError):
            raise
        except Exception:
            LOGGER.exception("a batch could not be indexed; trying its documents one by one")
        result = IndexResult()
        for document in documents:
            try:
                one = self.store.index([document])
            except (MllogError, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - it concerns this document only
                one = IndexResult(rejected=[Rejected(document.id, f"{type(error).__name__} in the store")])
            result.created += one.created
            result.duplicates += one.duplicates
            result.rejected += one.rejected
        return result

    def _redacted(self, line: bytes | str) -> dict[str, Any]:
        """A line that the pipeline could not redact, as far as it can be kept: without sensitive values."""
        data = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
        facts = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        try:
            text, _ = self._redactor.text(data[:_LONGEST_TEXT].decode("utf-8", "replace"))
        except Exception:  # noqa: BLE001 - then only the facts are kept
            return facts
        return {**facts, "line": text}

    def _set_aside(self, records: list[tuple[str, dict[str, Any]]]) -> None:
        if not records:
            return
        dumped = b"".join(
            orjson.dumps({"reason": reason, **record}, default=repr, option=orjson.OPT_APPEND_NEWLINE)
            for reason, record in records
        )
        present = self._quarantine.lstat().st_size if self._quarantine.exists() else 0
        if present + len(dumped) > QUARANTINE_BYTES:
            raise StoreError(
                f"{self._quarantine} is full ({present} bytes); move it away, nothing is accepted until then"
            )
        append(self._quarantine, dumped)
        for reason, _ in records:
            if reason in self._reasons or len(self._reasons) < _MOST_REASONS:
                self._reasons[reason] += 1

    def reasons(self) -> Mapping[str, int]:
        """Why events were set aside, with their number."""
        return dict(self._reasons)

    def status(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self.counts)


def _rejected(documents: list[Document], reasons: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """The documents that the store refused, which the pipeline has redacted, with the reason; each id once."""
    return [
        (reasons.pop(document.id), {"index": document.index, "event": orjson.Fragment(document.encoded())})
        for document in documents
        if document.id in reasons
    ]


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

    def problems(self) -> dict[str, str]:
        """Files of the spool that are not read, with the reason."""
        return {str(self._folder / name): reason for name, reason in self._reader.problems.items()}

    def _run(self) -> None:
        rounds = 0
        while not self._stop.is_set():
            self._round(tidy=rounds % _TIDY_EVERY == 0)
            rounds += 1
            self._stop.wait(IDLE_SECONDS)

    def _round(self, *, tidy: bool) -> None:
        try:
            if tidy:
                self._reader.tidy()
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
    """Counts of the chain, pending bytes, the failure if there is one, and what was set aside with the reason."""
    followers = list(followers)
    return {
        **ingest.status(),
        "pending_bytes": sum(follower.pending() for follower in followers),
        "rejected_reasons": ingest.reasons(),
        "set_aside": {name: reason for follower in followers for name, reason in follower.problems().items()},
        "failure": next((follower.failure for follower in followers if follower.failure), None),
    }
