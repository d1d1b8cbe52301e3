"""Reads watches, evaluates them on a store, and says what is wrong and where to look."""

from __future__ import annotations

from mllog.alerts._build import build, link_to, reasons, threshold_of
from mllog.alerts._evaluate import Evaluation, encoded, evaluate, render, to_event
from mllog.alerts._watch import Watch, load, parse

__all__ = [
    "Evaluation",
    "Watch",
    "build",
    "encoded",
    "evaluate",
    "link_to",
    "load",
    "parse",
    "reasons",
    "render",
    "threshold_of",
    "to_event",
]
