"""The writer and locks that others hold."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mllog.spool import SpoolWriter, events
from mllog.spool import _writer as module

LINE = b'{"n":1}\n'


def test_closing_ends_though_the_thread_waits_for_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the lock of the logging module, which `dictConfig` holds: no event is lost, and later ones are taken."""
    monkeypatch.setattr(module, "_JOIN_SECONDS", 0.05)
    lock, waits = threading.Lock(), threading.Event()
    writer = SpoolWriter(tmp_path)
    maintain = writer.segments.maintain

    def blocked(current: object) -> None:
        waits.set()
        with lock:
            maintain(current)  # type: ignore[arg-type]

    monkeypatch.setattr(writer.segments, "maintain", blocked)
    with lock:
        assert writer.append(LINE)
        assert waits.wait(10)
        writer.close()
        assert writer.append(LINE)
    writer.close()
    assert [line.strip() for line in events(tmp_path)] == [LINE.strip()] * 2
