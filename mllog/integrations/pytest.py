"""The pytest plugin: a fixture with the events of a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def mllog_events() -> Iterator[list[dict[str, Any]]]:
    """What the test logged so far, oldest first: a list of dictionaries; no other sink sees it."""
    from mllog.testing import capture  # noqa: PLC0415 - a plugin is imported by every run of pytest

    with capture() as events:
        yield events
