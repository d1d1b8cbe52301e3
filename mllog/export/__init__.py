"""From stored events back to what they were made of: training frames, and all that is known of a person."""

from __future__ import annotations

from mllog.export._export import Export, to_frame
from mllog.export._files import write
from mllog.store._subject import Subject, subject_events

__all__ = ["Export", "Subject", "subject_events", "to_frame", "write"]
