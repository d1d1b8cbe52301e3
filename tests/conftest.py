"""What any test may ask for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("support")

from support.cli import Cli  # noqa: E402 - what it asserts is to be explained too

# A machine that is slow, or shared, makes no property false.
settings.register_profile("mllog", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mllog")


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line."""
    return Cli(capfd, monkeypatch)
