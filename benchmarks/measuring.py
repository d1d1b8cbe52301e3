"""What the benchmarks share: options, progress, percentiles, the spread over rounds, Markdown tables."""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

HERE = Path(__file__).parent


def parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The options of every benchmark."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=rounds, help=f"interleaved rounds; default: {rounds}")
    options.add_argument("--json", type=Path, help="file for the figures")
    options.add_argument("--quick", action="store_true", help="a smoke run: too few calls for figures")
    options.add_argument("--only", default="", help="only contenders whose name matches this regular expression")
    options.add_argument("--check", action="store_true", help="exit code 1 where a budget is not kept")
    return options


def steps[T](items: Sequence[T], what: str) -> Iterable[T]:
    """The items, with a progress bar on standard error."""
    return track(items, description=what, console=Console(stderr=True), transient=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles over rounds."""
    if len(values) < 2:
        return {"low": values[0], "median": values[0], "high": values[0]}
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"low": low, "median": median, "high": high}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all but the first column are figures."""
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def finish(options: argparse.Namespace, figures: dict[str, Any], over: Sequence[str]) -> None:
    """Write the figures, say which budgets are not kept, and fail where that was asked for."""
    if options.json:
        options.json.write_text(json.dumps({**figures, "over_budget": list(over)}, indent=2) + "\n")
    if over:
        print("\nNot within the budget: " + "; ".join(over) + ".")
        if options.check:
            sys.exit(1)


@contextlib.contextmanager
def beside(script: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A script of this folder in a process of its own, and the first line that it says.

    It ends when its standard input does.
    """
    command = [sys.executable, str(HERE / script), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
