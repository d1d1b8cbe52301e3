"""Real nodes for the stack tier; a test is skipped, saying why, where no address is given."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]


def node(variable: str) -> httpx.Client:
    """A client for the node that a variable names."""
    url = os.environ.get(variable)
    if not url:
        if os.environ.get("MLLOG_REQUIRE_STACK"):
            pytest.fail(f"{variable} is not set, and this run requires the stack")
        pytest.skip(f"{variable} is not set")
    return httpx.Client(base_url=url, timeout=60, trust_env=False)


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[httpx.Client]:
    """Elasticsearch 9 with everything of elastic/ installed; what the tests made is removed again."""
    with node("MLLOG_TEST_ELASTICSEARCH") as client:
        for _ in range(2):  # it may be repeated
            command = ["sh", str(ROOT / "elastic" / "install.sh"), str(client.base_url).rstrip("/")]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            assert done.stdout.split() == [
                "ilm/logs-mllog",
                "ingest_pipelines/mllog-ingested",
                "index_templates/logs-mllog",
            ]
        yield client
        client.delete("/_data_stream/logs-mllog.*-stacktest")


@pytest.fixture(scope="session")
def watcher() -> Iterator[httpx.Client]:
    """Elasticsearch 6.8 with Watcher."""
    with node("MLLOG_TEST_WATCHER") as client:
        yield client


@pytest.fixture(scope="session")
def esql() -> Iterator[httpx.Client]:
    """Elasticsearch 8.19 with ES|QL."""
    with node("MLLOG_TEST_ESQL") as client:
        yield client


@pytest.fixture
def stream() -> str:
    """A data stream that no other test has."""
    return f"logs-mllog.m{uuid.uuid4().hex[:12]}-stacktest"
