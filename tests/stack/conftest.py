"""Real nodes for the stack tier; a test is skipped, saying why, where no address is given."""

from __future__ import annotations

import os
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
        for folder, path in (
            ("ilm", "_ilm/policy"),
            ("ingest_pipelines", "_ingest/pipeline"),
            ("index_templates", "_index_template"),
        ):
            for file in sorted((ROOT / "elastic" / folder).glob("*.json")):
                answer = client.put(
                    f"/{path}/{file.stem}", content=file.read_bytes(), headers={"content-type": "application/json"}
                )
                assert answer.status_code == 200, f"{file}: {answer.text}"
        yield client
        client.delete("/_data_stream/logs-mllog.*-stacktest")


@pytest.fixture(scope="session")
def watcher() -> Iterator[httpx.Client]:
    """Elasticsearch 6.8 with Watcher."""
    with node("MLLOG_TEST_WATCHER") as client:
        yield client


@pytest.fixture
def stream() -> str:
    """A data stream that no other test has."""
    return f"logs-mllog.m{uuid.uuid4().hex[:12]}-stacktest"
