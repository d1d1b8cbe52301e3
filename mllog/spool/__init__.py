"""Segments on disk: what the service writes, and how it is read back.

The emitting side imports only the writer; `mllog.spool` itself pulls in nothing but
the standard library and orjson.
"""

from __future__ import annotations

from mllog.spool._drops import Drops
from mllog.spool._reader import Batch, SpoolReader, events
from mllog.spool._segments import MAX_BYTES, SEGMENT_BYTES, WHEN_FULL, WhenFull
from mllog.spool._status import Status, status
from mllog.spool._writer import BLOCK_SECONDS, SpoolWriter

__all__ = [
    "BLOCK_SECONDS",
    "MAX_BYTES",
    "SEGMENT_BYTES",
    "WHEN_FULL",
    "Batch",
    "Drops",
    "SpoolReader",
    "SpoolWriter",
    "Status",
    "WhenFull",
    "events",
    "status",
]
