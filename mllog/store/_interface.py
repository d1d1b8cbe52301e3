"""The interface of every store: Elasticsearch request bodies in, Elasticsearch responses out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson

EVERY: Final = "logs-mllog.*"
"""The data streams of all models."""

PAGE: Final = 1000
"""Documents that a scan has in memory at a time."""


@dataclass(frozen=True, slots=True)
class Document:
    """An event on its way into the store."""

    index: str
    """Name of the data stream."""
    id: str
    """`event.id`; the second document of the same index and id changes nothing."""
    source: bytes | Mapping[str, Any]
    """The event: encoded as a JSON object, or as a mapping that the store encodes."""

    @property
    def is_complete(self) -> bool:
        """Whether it has an index, an id and an object."""
        is_object = self.source[:1] == b"{" if isinstance(self.source, bytes) else isinstance(self.source, Mapping)
        return bool(self.id and self.index) and is_object

    def encoded(self) -> bytes:
        """The event as JSON.

        Raises:
            TypeError: it holds a value that JSON cannot express.
        """
        return self.source if isinstance(self.source, bytes) else orjson.dumps(self.source)

    def parsed(self) -> Mapping[str, Any]:
        """The event as a mapping.

        Raises:
            ValueError: the bytes are not JSON.
        """
        if isinstance(self.source, bytes):
            event: Mapping[str, Any] = orjson.loads(self.source)
            return event
        return self.source


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document that cannot be stored, with the reason."""

    id: str
    reason: str


@dataclass(slots=True)
class IndexResult:
    """The results of the documents of one call."""

    created: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)


class Store(Protocol):
    """A store of events, which can be searched and aggregated."""

    def index(self, documents: Iterable[Document]) -> IndexResult:
        """Take documents; they are durable and visible after `commit`.

        A second document of the same index and id changes nothing. One that cannot be stored is rejected, with a
        reason that quotes none of its values; it does not affect others.

        Raises:
            StoreError: the store failed; what was not committed must be sent again.
        """

    def commit(self) -> None:
        """Make everything that was indexed durable and visible.

        Raises:
            StoreError: the store failed; what was not committed must be sent again.
        """

    def search(self, body: Mapping[str, Any], *, index: str = EVERY) -> dict[str, Any]:
        """Run an Elasticsearch search body; the response has Elasticsearch's shape.

        Raises:
            QueryError: the body holds something that this store does not support; the message says what and where.
        """

    def count(self, query: Mapping[str, Any] | None = None, *, index: str = EVERY) -> int:
        """The number of documents that match a query, or of all.

        Raises:
            QueryError: as for `search`.
        """

    def scan(self, query: Mapping[str, Any] | None = None, *, index: str = EVERY) -> Iterator[dict[str, Any]]:
        """Every matching document (`_index`, `_id`, `_source`), oldest first, as it was when the scan began.

        Raises:
            QueryError: as for `search`.
        """

    def delete_by_query(self, query: Mapping[str, Any], *, index: str = EVERY) -> int:
        """Delete the matching documents; returns their number.

        Raises:
            QueryError: as for `search`.
        """

    def close(self) -> None:
        """Close the store."""
