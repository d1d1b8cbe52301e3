"""How the commands print: JSON for machines, tables and progress for people."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import orjson
from rich.console import Console
from rich.progress import Progress, ProgressColumn
from rich.table import Table

_WIDTH: Final = 240
"""Of a table that goes to a pipe or a file: no cell is cut for a terminal that is not there."""

_LONGEST: Final = 200


def print_json(value: Any) -> None:
    """One line of JSON on standard output, flushed at once, so that a reader of the pipe need not wait for the end."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def print_table(table: Table) -> None:
    """A table on standard output, as wide as it needs to be where that is not a terminal."""
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)


def printable(value: Any) -> str:
    r"""A value as text for a terminal: no character of an event may move the cursor or change colours.

    Example:
        >>> printable("a\x1b[31mb"), printable(None), printable([1, True])
        ('a�[31mb', '', '[1,true]')
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:_LONGEST])


def progress(*columns: str | ProgressColumn) -> Progress:
    """A progress bar on standard error, shown on a terminal only."""
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner on standard error while something is done, shown on a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


def log_to_stderr(level: int) -> None:
    """Show log records of a level and above; the libraries for HTTP report their warnings only."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(max(level, logging.WARNING))  # its lines hold addresses, and some are secrets
