"""Opening a store by its place never creates an empty one beside the one that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from mllog.errors import StoreError
from mllog.store import Document, open_store


def fill(folder: Path) -> None:
    """A store with one event."""
    store = open_store(folder)
    store.index([Document("logs-mllog.late-test", "1", {"message": "hello"})])
    store.commit()
    store.close()


@pytest.mark.parametrize("within", [".", "store", "data/store"])
@pytest.mark.parametrize("create", [True, False])
def test_the_store_inside_is_opened(tmp_path: Path, within: str, create: bool) -> None:
    """The folder itself, the data folder of `mllog serve`, or the folder of the demo."""
    fill(tmp_path / within)
    (tmp_path / "quarantine.ndjson").touch()
    before = sorted(tmp_path.iterdir())
    store = open_store(tmp_path, create=create)
    assert store.count() == 1
    store.close()
    assert sorted(tmp_path.iterdir()) == before


def test_another_folder_is_refused(tmp_path: Path) -> None:
    """Nothing is created in it."""
    (tmp_path / "ship.status").touch()
    with pytest.raises(StoreError, match="no store in this folder, and it is not empty"):
        open_store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ship.status"]


def test_nothing_is_created_where_a_store_is_only_read(tmp_path: Path) -> None:
    """As every command with --store does."""
    with pytest.raises(StoreError, match="no store in this folder"):
        open_store(tmp_path / "nowhere", create=False)
    assert list(tmp_path.iterdir()) == []


def test_two_stores_are_named(tmp_path: Path) -> None:
    """An earlier version left an empty one around the other."""
    fill(tmp_path / "elsewhere")
    fill(tmp_path / "store")
    for path in (tmp_path / "elsewhere").iterdir():
        path.rename(tmp_path / path.name)
    (tmp_path / "elsewhere").rmdir()
    with pytest.raises(StoreError, match=r"several stores .*/store\); name one"):
        open_store(tmp_path)
