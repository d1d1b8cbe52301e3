"""Write blocks that were lifted are written down first, and what stands there is never worse than before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fakecluster import Answer, FakeCluster, serving

from mllog.cluster._elasticsearch import client_of
from mllog.cluster._target import target_from
from mllog.erase._blocks import Blocks
from mllog.errors import EraseError, StoreError

WRITE = "index.blocks.write"


class Index:
    """An index of one name whose settings can be changed, unless it is told to refuse."""

    def __init__(self, **settings: str) -> None:
        self.settings: dict[str, Any] = settings
        self.refuses = False

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """As Elasticsearch does."""
        if method == "GET":
            return 200, {"x": {"settings": self.settings}}
        if self.refuses:
            reason = "action is unauthorized, this action is granted by the index privileges [manage,all]"
            return 403, {"error": {"type": "security_exception", "reason": reason}}
        for name, value in json.loads(body).items():
            self.settings = {**self.settings, name: value}
            if value is None:
                del self.settings[name]
        return 200, {"acknowledged": True}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """A cluster."""
    with serving() as found:
        yield found


def blocks(cluster: FakeCluster, index: Index, journal: Path) -> Blocks:
    """Of the cluster with that index."""
    cluster.answer = index.answer
    return Blocks(client_of(target_from(cluster.url)), cluster.url, journal)


def test_they_are_written_down_while_they_are_lifted(cluster: FakeCluster, tmp_path: Path) -> None:
    """And back afterwards, whatever happened."""
    index, journal = Index(**{WRITE: "true"}), tmp_path / "state/journal.json"
    found = blocks(cluster, index, journal)

    def fail() -> None:
        with found.lifted("x"):
            assert index.settings == {}
            assert json.loads(journal.read_bytes()) == {cluster.url: {"x": {WRITE: "true"}}}
            assert journal.stat().st_mode & 0o777 == 0o600
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert index.settings == {WRITE: "true"}
    assert not journal.exists()


def test_what_may_not_be_lifted_leaves_nothing_behind(cluster: FakeCluster, tmp_path: Path) -> None:
    """The privilege is named; the next run has nothing to put back."""
    index, journal = Index(**{WRITE: "true"}), tmp_path / "journal.json"
    index.refuses = True
    found = blocks(cluster, index, journal)
    with pytest.raises(StoreError, match="manage"), found.lifted("x"):
        pytest.fail("it was lifted")
    assert not journal.exists()
    assert found.restore_left() == []


def test_a_mounted_snapshot_is_said(cluster: FakeCluster, tmp_path: Path) -> None:
    """Nothing can be deleted from it."""
    found = blocks(cluster, Index(**{"index.store.type": "snapshot", WRITE: "true"}), tmp_path / "journal.json")
    with pytest.raises(EraseError, match="mounted snapshot"), found.lifted("x"):
        pytest.fail("it was lifted")


def test_a_damaged_journal_is_said(cluster: FakeCluster, tmp_path: Path) -> None:
    """Which blocks are missing is not known then."""
    journal = tmp_path / "journal.json"
    journal.write_text("else")
    with pytest.raises(EraseError, match="cannot read"):
        blocks(cluster, Index(), journal).restore_left()
