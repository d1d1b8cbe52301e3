"""gunicorn: hooks that seal a worker's part of the spool when it ends, however it ends.

No event depends on them: what was accepted is in the page cache, and a reader finds the segment of a writer that
died. They make it a plain sealed file at once, which is what a collector of files reads.

In `gunicorn.conf.py`:

    from mllog.integrations.gunicorn import child_exit, worker_exit
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mllog._configure import shutdown
from mllog._state import STATE
from mllog.errors import MllogError
from mllog.sinks._handlers import SpoolHandler
from mllog.spool._segment import recover, segments

__all__ = ["child_exit", "worker_exit"]


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ARG001 - gunicorn's signature
    """In a worker that leaves: flush, and seal its segments."""
    shutdown(timeout=5.0)


def child_exit(server: Any, worker: Any) -> None:
    """In the master, after a worker has gone: seal what it left, if it was killed.

    The master knows the spool by `MLLOG_SPOOL`, or because it configured mllog before the fork (`preload_app`).
    """
    folder = _spool()
    if folder is None:
        return
    try:
        for segment in segments(folder):
            if segment.live:
                recover(segment)
    except (OSError, MllogError) as error:
        server.log.warning("mllog: the spool of worker %s is left to its reader: %s", worker.pid, error)


def _spool() -> Path | None:
    if isinstance(STATE.sink, SpoolHandler):
        return Path(STATE.sink.target)
    folder = os.environ.get("MLLOG_SPOOL")
    return Path(folder) if folder else None
