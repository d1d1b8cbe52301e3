"""The pytest plugin is there without an import, and light."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import mllog


def test_the_fixture_holds_what_the_test_logged(mllog_events: list[dict[str, Any]]) -> None:
    """`mllog_events` fills as the test logs."""
    assert mllog_events == []
    mllog.model("late", "1.0").prediction({"delay": 12.5}, True)
    assert mllog_events[0]["mllog"]["input"] == {"number": {"delay": 12.5}}


def test_the_plugin_imports_no_library_for_data() -> None:
    """A test run of a project that has mllog installed does not load pandas or numpy for it."""
    code = (
        "import sys, mllog.integrations.pytest; "
        "print([name for name in ('pandas', 'numpy', 'fastapi') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
