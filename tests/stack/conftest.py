"""Real nodes for the stack tier; a test is skipped, saying why, where no address is given."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.securednode import PASSWORD, USER, SecuredNode, secured_node, why_not
from support.waiting import PATIENCE

from mllog import install
from mllog.install._objects import ORDER, ROLE, files

ROOT = Path(__file__).parents[2]


def node(variable: str) -> httpx.Client:
    """A client for the node that a variable names."""
    url = os.environ.get(variable)
    if not url:
        if os.environ.get("MLLOG_REQUIRE_STACK"):
            pytest.fail(f"{variable} is not set, and this run requires the stack")
        pytest.skip(f"{variable} is not set")
    return httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[httpx.Client]:
    """Elasticsearch 9 with everything of elastic/ installed; what the tests made is removed again."""
    with node("MLLOG_TEST_ELASTICSEARCH") as client:
        for _ in range(2):  # it may be repeated
            command = ["sh", str(ROOT / "elastic" / "install.sh"), str(client.base_url).rstrip("/")]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
            assert done.returncode == 0, done.stderr
            assert done.stdout.split() == [
                f"{kind.folder}/{item.name}" for kind in ORDER if kind is not ROLE for item in files(kind)
            ]
        yield client
        client.delete("/_data_stream/logs-mllog.*-stacktest")


@pytest.fixture(scope="session")
def watcher() -> Iterator[httpx.Client]:
    """Elasticsearch 6.8 with Watcher."""
    with node("MLLOG_TEST_WATCHER") as client:
        # Each text of a watch is a script to it, and it compiles few of them in five minutes.
        setting = {"transient": {"script.max_compilations_rate": "100000/1m"}}
        assert client.put("/_cluster/settings", json=setting).status_code == 200
        yield client
        client.put("/_cluster/settings", json={"transient": dict.fromkeys(setting["transient"])})


@pytest.fixture(scope="session")
def esql() -> Iterator[httpx.Client]:
    """Elasticsearch 8.19 with ES|QL."""
    with node("MLLOG_TEST_ESQL") as client:
        yield client


@pytest.fixture
def stream() -> str:
    """A data stream that no other test has."""
    return f"logs-mllog.m{uuid.uuid4().hex[:12]}-stacktest"


@pytest.fixture(scope="session")
def secured() -> Iterator[SecuredNode]:
    """Elasticsearch 9 with security and TLS on, for this session alone."""
    home = os.environ.get("MLLOG_TEST_ELASTICSEARCH_HOME")
    reason = why_not(home)
    if reason:
        if os.environ.get("MLLOG_REQUIRE_STACK"):
            pytest.fail(f"{reason}, and this run requires the stack")
        pytest.skip(reason)
    assert home is not None
    with secured_node(Path(home)) as node:
        yield node


def access(node: SecuredNode) -> install.Target:
    """The superuser of a node."""
    return install.Target(node.url, None, USER, PASSWORD, node.ca)


def emptied(node: SecuredNode) -> None:
    """Remove what mllog has put into a node, and the templates of these tests."""
    with node.client() as client:
        client.delete("/_index_template/foreign")
    with install.Cluster(access(node)) as cluster:
        list(install.remove(cluster, install.removal(cluster, with_data=True)))


@pytest.fixture
def admin(secured: SecuredNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Its superuser, by the environment for the command line too; what mllog put there is gone when a test begins."""
    for name, value in {"URL": secured.url, "CA": secured.ca, "USER": USER, "PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(f"MLLOG_ELASTICSEARCH_{name}", str(value))
    emptied(secured)
    with secured.client() as client:
        yield client


@pytest.fixture(scope="module")
def keys(secured: SecuredNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, httpx.Client]]:
    """An installation by setup for a whole module: a client for each key, and one of the superuser."""
    emptied(secured)
    folder = tmp_path_factory.mktemp("keys")
    with install.Cluster(access(secured)) as cluster:
        list(install.apply(cluster, install.plan(cluster, roles=True)))
        list(install.make_keys(cluster, folder))
    clients = {path.stem: secured.client(path.read_text()) for path in folder.glob("*.api_key")}
    clients["admin"] = secured.client()
    yield clients
    for client in clients.values():
        client.close()
