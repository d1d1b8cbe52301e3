"""The Kibana files that ship with mllog are those of the flights profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from mllog.dashboards.kibana import check, write
from mllog.profile import Profile

ROOT = Path(__file__).parents[3]
FILES = ("dashboards/flights_delay.yaml", "saved_objects/flights_delay.ndjson")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `mllog dashboards build` writes for the flights profile now."""
    folder = tmp_path_factory.mktemp("kibana")
    write([Profile.load(ROOT / "examples" / "flights" / "profile.json")], folder)
    return folder


@pytest.mark.parametrize("name", FILES)
def test_committed_files_are_what_the_profile_gives(built: Path, name: str) -> None:
    """A change of the profile or of the definition is committed together with its dashboard."""
    assert (ROOT / "kibana" / name).read_bytes() == (built / name).read_bytes()


def test_committed_saved_objects_import_as_they_are() -> None:
    """The shipped bundle passes the check."""
    assert check(ROOT / "kibana" / "saved_objects" / "flights_delay.ndjson") == []
