"""The JSON schemas of the configuration files fit the types that read them, and the examples of the guide."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path

import jsonschema
import pytest

from mllog import watches
from mllog.profile import Profile

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "docs" / "schemas"


GENERATOR = runpy.run_path(str(SCHEMAS / "generate.py"))
FILES = GENERATOR["FILES"]


def test_the_committed_schemas_are_current() -> None:
    """`python docs/schemas/generate.py` writes them."""
    assert {path.name: path.read_text() for path in SCHEMAS.glob("*.json")} == GENERATOR["schemas"]()


@pytest.mark.parametrize("name", FILES)
def test_the_schemas_are_valid(name: str) -> None:
    """By their own meta-schema."""
    jsonschema.Draft202012Validator.check_schema(json.loads((SCHEMAS / f"{name}.json").read_text()))


def test_the_examples_of_the_guide_match_the_schemas() -> None:
    """docs/alerts.md has one of each TOML file."""
    guide = (ROOT / "docs/alerts.md").read_text()
    for name, text in zip(("watches", "alerts"), re.findall(r"```toml\n(.*?)```", guide, re.DOTALL), strict=True):
        schema = json.loads((SCHEMAS / f"{name}.toml.json").read_text())
        jsonschema.validate(tomllib.loads(text), schema)


def test_built_watches_match_the_schema() -> None:
    """Those of every model and of none."""
    schema = json.loads((SCHEMAS / "watch.json").read_text())
    for watch in (watches.build(Profile("late", "1.0", ())) | watches.build_common()).values():
        jsonschema.validate(watch, schema)
