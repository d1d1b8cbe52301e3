"""Erases a person's events from spools, quarantine files, the embedded store and Elasticsearch."""

from __future__ import annotations

from mllog.erase._audit import audit_event, write
from mllog.erase._erase import UNREACHABLE, Erasure
from mllog.erase._files import Quarantine, Spool
from mllog.erase._place import Place
from mllog.erase._store import Stored

__all__ = ["UNREACHABLE", "Erasure", "Place", "Quarantine", "Spool", "Stored", "audit_event", "write"]
