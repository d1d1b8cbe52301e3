"""Record what machine-learning models were asked and what they answered.

`import mllog` is silent and light: it installs a NullHandler on the logger `mllog`, and `configure()` attaches a sink.
Emitting needs two packages, msgspec and orjson; everything else is an extra and is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from mllog import errors
from mllog._configure import configure, flush, shutdown, stats
from mllog._context import bind, bound
from mllog._models import model
from mllog._state import LOGGER as _LOGGER
from mllog._state import SILENT as _SILENT
from mllog._version import __version__
from mllog.emit._logger import ModelLogger
from mllog.errors import MllogError
from mllog.sinks._handlers import EventHandler, FileHandler, RecordHandler, SpoolHandler, StdoutHandler

if TYPE_CHECKING:
    from mllog import integrations, testing
    from mllog.integrations.stdlib import JsonFormatter
    from mllog.profile import Profile

__all__ = [
    "EventHandler",
    "FileHandler",
    "JsonFormatter",
    "MllogError",
    "ModelLogger",
    "Profile",
    "RecordHandler",
    "SpoolHandler",
    "StdoutHandler",
    "__version__",
    "bind",
    "bound",
    "configure",
    "errors",
    "flush",
    "integrations",
    "model",
    "shutdown",
    "stats",
    "testing",
]

_LAZY = {"JsonFormatter": "mllog.integrations.stdlib", "Profile": "mllog.profile"}
"""Names that emitting does not need, and the modules that they are imported from when they are first used."""

_LAZY_MODULES = ("integrations", "testing")

_LOGGER.addHandler(_SILENT[0])


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(_import_module(_LAZY[name]), name)
    if name in _LAZY_MODULES:
        return _import_module(f"mllog.{name}")
    raise AttributeError(f"module 'mllog' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
