"""What any test may ask for."""

from __future__ import annotations

import pytest
from clitools import Cli


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line."""
    return Cli(capfd, monkeypatch)
