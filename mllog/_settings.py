"""How mllog is set up: `configure()`, the MLLOG_* variables, and the state that the emitting side reads."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mllog._errors import ConfigurationError
from mllog._handlers import EventHandler, FileHandler, SpoolHandler, StdoutHandler
from mllog._names import slug
from mllog.redaction import Redactor, Rule

LOGGER: Final = logging.getLogger("mllog")
SILENT: Final[list[logging.Handler]] = [logging.NullHandler()]
"""The handlers of the logger `mllog` where nobody listens."""


@dataclass
class Counts:
    """What became of the calls in this process; accepted and dropped of the sinks that are gone."""

    accepted: int = 0
    dropped: int = 0
    errors: int = 0
    redacted: int = 0
    last_error: str | None = None


@dataclass
class State:
    """What a logger reads with every call. `generation` changes when a template must be rendered anew."""

    service: dict[str, str] = field(default_factory=lambda: {"name": _default_service(), "environment": "default"})
    redactor: Redactor | None = field(default_factory=Redactor)
    sink: EventHandler | None = None
    generation: int = 0
    counts: Counts = field(default_factory=Counts)


def _default_service() -> str:
    """The name of the program: what `ps` would show."""
    main = sys.modules.get("__main__")
    package = getattr(getattr(main, "__spec__", None), "name", None)
    return str(package or Path(sys.argv[0] if sys.argv and sys.argv[0] else "python").stem).removesuffix(".__main__")


STATE: Final = State()


def default_spool() -> Path:
    """Where a spool lies unless told otherwise: in the user's folder for state (XDG).

    Example:
        >>> default_spool().name
        'spool'
    """
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "mllog" / "spool"


def configure(
    *,
    service: str | None = None,
    environment: str | None = None,
    version: str | None = None,
    sink: str | os.PathLike[str] | None = None,
    spool: str | os.PathLike[str] | None = None,
    endpoint: str | None = None,
    redaction: str | tuple[Rule, ...] | None = None,
    max_bytes: int | None = None,
) -> None:
    """Attach a sink to the logger `mllog`; without it every call returns at once.

    What is not given comes from `MLLOG_SERVICE`, `MLLOG_ENVIRONMENT`, `MLLOG_VERSION`, `MLLOG_SINK`,
    `MLLOG_SPOOL`, `MLLOG_REDACTION` and `MLLOG_MAX_BYTES`. It starts no thread and writes no file: that
    comes with the first event, so a server that forks its workers may call it before the fork. Calling
    it again replaces the sink.

    Args:
        service: name of the service; default: the program's name.
        environment: such as `production`; becomes the namespace of the data stream. Default: `default`.
        version: version of the service.
        sink: `spool` (default), `stdout`, or the path of a file.
        spool: folder of the spool; implies `sink="spool"`.
        endpoint: not yet; run `mllog spool ship` beside the service.
        redaction: `default`, `off`, or rules of your own.
        max_bytes: bound of the spool in bytes; beyond it the newest event is dropped and counted.

    Raises:
        ConfigurationError: a value that cannot work. A spool that cannot be written is no such value: the
            service goes on, events are dropped and counted, and `stats()` says why.

    Example:
        >>> import mllog
        >>> mllog.configure(service="checkout", environment="test", sink="/dev/null")
        >>> mllog.stats()["sink"]
        '/dev/null'
        >>> mllog.shutdown()
    """
    if endpoint is not None or os.environ.get("MLLOG_ENDPOINT"):
        raise ConfigurationError(
            "endpoint: events are not shipped from inside the service yet; run 'mllog spool ship' beside it"
        )
    target = sink if sink is not None else ("spool" if spool is not None else os.environ.get("MLLOG_SINK", "spool"))
    folder = Path(spool if spool is not None else os.environ.get("MLLOG_SPOOL") or default_spool())
    redactor = _redactor(redaction if redaction is not None else os.environ.get("MLLOG_REDACTION", "default"))
    bound = max_bytes if max_bytes is not None else _integer("MLLOG_MAX_BYTES")
    name = service or os.environ.get("MLLOG_SERVICE") or _default_service()
    place = environment or os.environ.get("MLLOG_ENVIRONMENT") or "default"
    handler = _handler(target, folder, bound)
    _detach()
    STATE.service = {"name": name, "environment": place}
    if version or os.environ.get("MLLOG_VERSION"):
        STATE.service["version"] = version or os.environ["MLLOG_VERSION"]
    if slug(place) != place:
        warnings.warn(f"environment {place!r} is written as {slug(place)!r} in index names", stacklevel=2)
    STATE.redactor = redactor
    STATE.generation += 1
    LOGGER.addHandler(handler)
    STATE.sink = handler


def _redactor(redaction: str | tuple[Rule, ...]) -> Redactor | None:
    if redaction == "off":
        return None
    if redaction == "default":
        return Redactor()
    if isinstance(redaction, str) or not all(isinstance(rule, Rule) for rule in redaction):
        raise ConfigurationError(f"redaction: {redaction!r} is neither 'default', 'off' nor a tuple of rules")
    return Redactor(tuple(redaction))


def _integer(variable: str) -> int | None:
    text = os.environ.get(variable)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise ConfigurationError(f"{variable}: {text!r} is not a number of bytes") from None


def _handler(target: str | os.PathLike[str], folder: Path, bound: int | None) -> EventHandler:
    if target == "stdout":
        return StdoutHandler()
    if target != "spool":
        return FileHandler(Path(target))
    if bound is not None and bound <= 0:
        raise ConfigurationError(f"max_bytes: {bound} leaves no room for an event")
    return SpoolHandler(folder) if bound is None else SpoolHandler(folder, max_bytes=bound)


def _detach() -> None:
    if STATE.sink is not None:
        LOGGER.removeHandler(STATE.sink)
        sink, STATE.sink = STATE.sink, None
        sink.close()
        accepted, dropped, _ = sink.counts()
        STATE.counts.accepted += accepted
        STATE.counts.dropped += dropped


def flush(timeout: float | None = None) -> bool:  # noqa: ARG001 - other sinks may have to wait
    """Whether everything accepted will survive this process; with the sinks there are it always does.

    Args:
        timeout: seconds to wait at most.

    Example:
        >>> flush()
        True
    """
    return True


def shutdown(timeout: float | None = None) -> None:
    """Seal the spool and detach the sink. It runs at the interpreter's exit by itself.

    Args:
        timeout: seconds to wait at most for what is not yet written.
    """
    flush(timeout)
    _detach()


def stats() -> dict[str, Any]:
    """What became of the events of this process, and why some were given up.

    Returns:
        `accepted`, `dropped`, `errors` (calls that could not be made an event), `redacted` (values),
        `sink`, and `problem`: None, or one line about what is wrong now.

    Example:
        >>> sorted(stats())
        ['accepted', 'dropped', 'errors', 'problem', 'redacted', 'sink']
    """
    counts, sink = STATE.counts, STATE.sink
    accepted, dropped, problem = sink.counts() if sink is not None else (0, 0, None)
    return {
        "accepted": counts.accepted + accepted,
        "dropped": counts.dropped + dropped,
        "errors": counts.errors,
        "redacted": counts.redacted,
        "sink": sink.target if sink is not None else None,
        "problem": problem or counts.last_error,
    }


def _after_fork_in_child() -> None:
    STATE.generation += 1  # templates hold the process id
    STATE.counts = Counts()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(shutdown)
