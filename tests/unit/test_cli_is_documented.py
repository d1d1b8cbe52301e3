"""Every command says what it does, and a page says what it is for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from typer.main import get_command

from mllog.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "logstash/README.md", ROOT / "elastic/README.md"]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Each command by its words, those of groups as well, and the groups themselves."""
    yield " ".join(("mllog", *path)), command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


EVERY = dict(commands(get_command(app)))
LEAVES = [name for name, command in EVERY.items() if not getattr(command, "commands", {})]


def test_the_tree_is_walked() -> None:
    """Groups and what is in them."""
    assert len(LEAVES) > 25
    assert {"mllog", "mllog serve", "mllog spool", "mllog spool ship"} <= set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_a_command_has_help(name: str, cli: Cli) -> None:
    """Of its own, and for each of its arguments and options."""
    assert EVERY[name].help
    assert [given.name for given in EVERY[name].params if not getattr(given, "help", None)] == []
    assert "Usage: " in cli.does(*name.split()[1:], "--help")


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_is_in_the_docs(name: str) -> None:
    """By all of its words, on at least one page."""
    words = re.compile(rf"\b{name.replace(' ', r'\s+')}\b")
    assert [page.name for page in PAGES if words.search(page.read_text(encoding="utf-8"))]


def test_the_docs_name_no_command_that_is_not_there() -> None:
    """What a page has in code is a command, or a group of some."""
    named: set[str] = set()
    for page in PAGES:
        named |= set(re.findall(r"[`$] ?mllog ([a-z]+(?: [a-z]+)?)", page.read_text(encoding="utf-8")))
    assert len(named) > 20
    groups = {name for name in EVERY if name not in LEAVES}
    wrong = set()
    for words in named:
        first, _, second = words.partition(" ")
        full = f"mllog {words}" if second and f"mllog {first}" in groups else f"mllog {first}"
        if full not in EVERY:
            wrong.add(words)
    assert wrong == set()
