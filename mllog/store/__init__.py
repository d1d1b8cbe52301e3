"""Where events are kept: one interface, spoken in Elasticsearch's bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mllog.store._interface import EVERY, Document, IndexResult, Rejected, Store
from mllog.store._open import is_cluster, open_store
from mllog.store._subject import Subject, subject_events

if TYPE_CHECKING:
    from mllog.store._elasticsearch import ElasticsearchStore
    from mllog.store._tantivy import EmbeddedStore

__all__ = [
    "EVERY",
    "Document",
    "ElasticsearchStore",
    "EmbeddedStore",
    "IndexResult",
    "Rejected",
    "Store",
    "Subject",
    "is_cluster",
    "open_store",
    "subject_events",
]


def __getattr__(name: str) -> Any:
    """Each store's packages are an extra of their own, so neither is imported before it is needed."""
    if name == "EmbeddedStore":
        from mllog.store._tantivy import EmbeddedStore  # noqa: PLC0415 - an extra

        return EmbeddedStore
    if name == "ElasticsearchStore":
        from mllog.store._elasticsearch import ElasticsearchStore  # noqa: PLC0415 - an extra

        return ElasticsearchStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
