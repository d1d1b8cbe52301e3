"""Evaluates watches on a store and runs their actions."""

from __future__ import annotations

from mllog.alerts._config import Config, load_config
from mllog.alerts._evaluate import Evaluation, encoded, evaluate
from mllog.alerts._runner import Outcome, Runner, to_event
from mllog.alerts._state import StateFile, acknowledge
from mllog.alerts._template import render

__all__ = [
    "Config",
    "Evaluation",
    "Outcome",
    "Runner",
    "StateFile",
    "acknowledge",
    "encoded",
    "evaluate",
    "load_config",
    "render",
    "to_event",
]
