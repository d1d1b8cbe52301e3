"""Record what machine-learning models were asked and what they answered.

`import mllog` is silent and light: it needs the standard library and orjson, and installs a
NullHandler on the logger `mllog`. `configure()` attaches a sink.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

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
    "flush",
    "integrations",
    "model",
    "shutdown",
    "stats",
    "testing",
]

_LOGGER.addHandler(_SILENT[0])


def __getattr__(name: str) -> object:
    """What emitting does not need is imported when it is first asked for."""
    if name == "Profile":
        from mllog.profile import Profile  # noqa: PLC0415 - see above

        return Profile
    if name == "JsonFormatter":
        from mllog.integrations.stdlib import JsonFormatter  # noqa: PLC0415 - see above

        return JsonFormatter
    if name in ("integrations", "testing"):
        return _import_module(f"mllog.{name}")
    raise AttributeError(f"module 'mllog' has no attribute {name!r}")
