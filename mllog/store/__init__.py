"""Where events are kept: one interface, spoken in Elasticsearch's bodies."""

from __future__ import annotations

from mllog.store._interface import EVERY, Document, IndexResult, Rejected, Store
from mllog.store._tantivy import EmbeddedStore, open_store

__all__ = ["EVERY", "Document", "EmbeddedStore", "IndexResult", "Rejected", "Store", "open_store"]
