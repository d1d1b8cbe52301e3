"""docs/architecture.md agrees with the package: its rooms, their order, and the modules that an event passes."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (.+) \|$", re.MULTILINE)
HOP = re.compile(r"^\| (\d+) \| `(mllog/[\w/]+\.py)` \| (.+) \|$", re.MULTILINE)


def section(title: str) -> str:
    """The text under a heading of the page."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rooms() -> list[str]:
    """The rooms of the page, from the top down."""
    return [name for name, _ in ROW.findall(section("The rooms"))]


def test_the_rooms_are_those_of_the_import_contract() -> None:
    """In the order of the layers, so that the page shows what `make lint` enforces."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert rooms() == [name.strip() for layer in layers for name in layer.split("|")]


def test_every_folder_and_top_module_is_a_room() -> None:
    """Nothing in the package is missing on the page, and nothing on it is missing in the package."""
    package = ROOT / "mllog"
    entries = {path.stem for path in package.glob("*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    assert set(rooms()) == entries - {"__init__"}


def test_every_inner_folder_is_mentioned() -> None:
    """A room within a room is named with the room that it belongs to."""
    for path in (ROOT / "mllog").glob("*/*/__init__.py"):
        assert f"`{path.parent.parent.name}/{path.parent.name}`" in section("The rooms")


def test_an_event_never_returns_to_a_room() -> None:
    """Each hop is a module that exists, in order, and a room that was left is not entered again."""
    hops = HOP.findall(section("One event, from the call to an alert"))
    assert [int(number) for number, _, _ in hops] == list(range(1, len(hops) + 1))
    for _, module, _ in hops:
        assert (ROOT / module).is_file(), module
    passed = [room for room, _ in itertools.groupby(module.split("/")[1] for _, module, _ in hops)]
    assert len(passed) == len(set(passed)), passed


def test_the_functions_of_a_hop_are_in_its_module() -> None:
    """What the page calls by name can be found where the page says."""
    for _, module, text in HOP.findall(section("One event, from the call to an alert")):
        for name in re.findall(r"`(\w+)\([^`]*\)`", text):
            assert f"def {name}(" in (ROOT / module).read_text(), (module, name)
