"""What a watch is, and the watches of a model, derived from its profile."""

from __future__ import annotations

from mllog.watches._catalogue import build, build_common, reasons, threshold_of
from mllog.watches._limits import Limits, load_limits
from mllog.watches._links import link_to
from mllog.watches._watch import Action, Watch, load, load_folder, parse

__all__ = [
    "Action",
    "Limits",
    "Watch",
    "build",
    "build_common",
    "link_to",
    "load",
    "load_folder",
    "load_limits",
    "parse",
    "reasons",
    "threshold_of",
]
