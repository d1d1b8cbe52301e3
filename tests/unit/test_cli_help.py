"""The command line describes itself: every command and every option has a help text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from support.cli import Cli

from mllog.cli import app


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its path, the groups included."""
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


EVERY = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_and_option_has_help(path: tuple[str, ...]) -> None:
    """A sentence for the command, and a text for each of its options and arguments."""
    command = EVERY[path]
    assert (command.help or "").strip().endswith(".")
    for parameter in command.params:
        assert parameter.help, (path, parameter.name)


def test_the_commands_are_pinned() -> None:
    """These names are public: scripts and cron jobs use them."""
    assert sorted(" ".join(path) for path, command in EVERY.items() if not hasattr(command, "commands")) == [
        *("alerts ack", "alerts run", "check", "dashboards build", "dashboards check", "demo", "erase", "export"),
        *("init", "pipeline build", "pipeline check", "pipeline eval", "pipeline scan", "pipeline test"),
        *("profile learn", "profile show", "query", "redaction key", "retention show", "serve", "setup"),
        *("spool cat", "spool replay", "spool ship", "spool status", "watches build", "watches test"),
    ]


def test_shell_completion_can_be_installed(cli: Cli) -> None:
    """`mllog --install-completion` is offered."""
    assert "--install-completion" in cli.does("--help")
