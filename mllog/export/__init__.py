"""From stored events back to training frames, and to all events of a person (extra `profile`)."""

from __future__ import annotations

from mllog.errors import MissingExtraError

try:
    from mllog.export._export import Export, to_frame
    from mllog.export._files import write
except ModuleNotFoundError as missing:
    raise MissingExtraError("mllog.export", "profile") from missing
from mllog.store._subject import Subject, subject_events

__all__ = ["Export", "Subject", "subject_events", "to_frame", "write"]
