"""A store with events, and a place that takes webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.alerts import Taken, fill
from support.loopback import Handler, listening

from mllog.store import EmbeddedStore, open_store


@pytest.fixture
def hook() -> Iterator[Taken]:
    """A server on this machine that takes what is posted."""
    taken = Taken()

    class Hook(Handler):
        def handle_any(self) -> None:
            """Take it, and point elsewhere."""
            taken.requests.append((self.path, self.named(), self.body()))
            self.answer(taken.status, b"", location=f"http://127.0.0.1:{taken.port}/elsewhere")

    with listening(Hook) as url:
        taken.port = int(url.rpartition(":")[2])
        yield taken


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A store with ten events of the last hour."""
    store = open_store(tmp_path / "store")
    fill(store)
    yield store
    store.close()
