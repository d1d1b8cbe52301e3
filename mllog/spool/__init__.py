"""Segments on disk: what the service writes, and how it is read back.

The emitting side imports only the writer; `mllog.spool` itself pulls in nothing but
the standard library and orjson.
"""

from __future__ import annotations

from mllog.spool._reader import Batch, SpoolReader, Status, events, status
from mllog.spool._writer import MAX_BYTES, SEGMENT_BYTES, SpoolWriter

__all__ = ["MAX_BYTES", "SEGMENT_BYTES", "Batch", "SpoolReader", "SpoolWriter", "Status", "events", "status"]
