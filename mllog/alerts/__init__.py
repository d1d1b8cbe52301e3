"""Reads watches, evaluates them on a store, says what is wrong and where to look, and acts."""

from __future__ import annotations

from mllog.alerts._config import Config, load_config
from mllog.alerts._evaluate import Evaluation, encoded, evaluate
from mllog.alerts._limits import Limits, load_limits
from mllog.alerts._links import link_to
from mllog.alerts._runner import Outcome, Runner, to_event
from mllog.alerts._state import StateFile, acknowledge
from mllog.alerts._template import render
from mllog.alerts._watch import Action, Watch, load, load_folder, parse
from mllog.alerts.watches import build, build_common, reasons, threshold_of

__all__ = [
    "Action",
    "Config",
    "Evaluation",
    "Limits",
    "Outcome",
    "Runner",
    "StateFile",
    "Watch",
    "acknowledge",
    "build",
    "build_common",
    "encoded",
    "evaluate",
    "link_to",
    "load",
    "load_config",
    "load_folder",
    "load_limits",
    "parse",
    "reasons",
    "render",
    "threshold_of",
    "to_event",
]
