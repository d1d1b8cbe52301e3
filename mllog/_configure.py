"""How mllog is set up: `configure()`, the MLLOG_* variables, and the state that the emitting side reads."""

from __future__ import annotations

import atexit
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mllog._state import LOGGER, STATE, Counts, default_service
from mllog.errors import ConfigurationError
from mllog.event._names import slug
from mllog.redaction import Redactor, Rule
from mllog.sinks._handlers import EventHandler, FileHandler, SpoolHandler, StdoutHandler
from mllog.spool import BLOCK_SECONDS, MAX_BYTES, WHEN_FULL, WhenFull


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
    redaction: str | os.PathLike[str] | tuple[Rule, ...] | None = None,
    free_text: str | None = None,
    max_bytes: int | None = None,
    when_full: str | None = None,
    block_seconds: float | None = None,
    spool_group: str | int | None = None,
) -> None:
    """Attach a sink to the logger `mllog`; without it every call returns at once.

    What is not given comes from the variable of the same name: `MLLOG_SERVICE`, `MLLOG_ENVIRONMENT`, and so on.
    It starts no thread and writes no file: that comes with the first event, so a server that forks its workers may
    call it before the fork. Calling it again replaces the sink.

    Args:
        service: name of the service; default: the program's name.
        environment: such as `production`; becomes the namespace of the data stream. Default: `default`.
        version: version of the service.
        sink: `spool` (default), `stdout`, or the path of a file.
        spool: folder of the spool; implies `sink="spool"`.
        endpoint: `https://host:port` to which a thread of the service delivers the spool; default: nothing does, and
            `mllog spool ship` runs beside the service. Credentials come from `MLLOG_ENDPOINT_USER`,
            `MLLOG_ENDPOINT_PASSWORD_FILE`, `MLLOG_ENDPOINT_API_KEY_FILE` and `MLLOG_ENDPOINT_CA`.
        redaction: `default`, `off`, the path of a `redaction.toml`, or rules of your own.
        free_text: what is written of strings too long for a category: `summary` (their length and number of words; the
            default), or `keep` for the redacted text. `[features] note = "keep"` in a `redaction.toml` keeps one.
        max_bytes: bound of the spool in bytes.
        when_full: at the bound, `drop_newest` gives up the event (default), `drop_oldest` the oldest segment, and
            `block` makes the caller wait, and gives the event up then.
        block_seconds: how long a caller waits at most.
        spool_group: name or id of a group that may read and write the spool too, for a shipper of another user.

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
    target = sink if sink is not None else ("spool" if spool is not None else os.environ.get("MLLOG_SINK", "spool"))
    named = {
        "name": service or os.environ.get("MLLOG_SERVICE") or default_service(),
        "environment": environment or os.environ.get("MLLOG_ENVIRONMENT") or "default",
    }
    if version or os.environ.get("MLLOG_VERSION"):
        named["version"] = version or os.environ["MLLOG_VERSION"]
    place = named["environment"]
    redactor = _redactor(redaction if redaction is not None else os.environ.get("MLLOG_REDACTION", "default"), place)
    texts = free_text or os.environ.get("MLLOG_FREE_TEXT") or "summary"
    if texts not in {"summary", "keep"}:
        raise ConfigurationError(f"free_text: {texts!r} is neither 'summary' nor 'keep'")
    if slug(place) != place:
        warnings.warn(f"environment {place!r} is written as {slug(place)!r} in index names", stacklevel=2)
    address = endpoint or os.environ.get("MLLOG_ENDPOINT") or None
    if target == "spool":
        bound = max_bytes if max_bytes is not None else _number("MLLOG_MAX_BYTES", int)
        wait = block_seconds if block_seconds is not None else _number("MLLOG_BLOCK_SECONDS", float)
        handler: EventHandler = SpoolHandler(
            Path(spool if spool is not None else os.environ.get("MLLOG_SPOOL") or default_spool()),
            max_bytes=MAX_BYTES if bound is None else _positive("max_bytes", bound),
            when_full=_when_full(when_full or os.environ.get("MLLOG_WHEN_FULL") or "drop_newest"),
            block_seconds=BLOCK_SECONDS if wait is None else _positive("block_seconds", wait),
            group=spool_group if spool_group is not None else os.environ.get("MLLOG_SPOOL_GROUP") or None,
            endpoint=address,
            service=named,
        )
    elif address is not None:
        raise ConfigurationError(f"endpoint: what is delivered is the spool, and the sink is {os.fspath(target)!r}")
    else:
        handler = StdoutHandler() if target == "stdout" else FileHandler(Path(target))
    import mllog.emit._encoder  # noqa: F401, PLC0415 - now, since the first event would wait for msgspec

    _detach()
    STATE.service = named
    STATE.redactor = redactor
    STATE.keep_texts = texts == "keep"
    STATE.generation += 1
    LOGGER.addHandler(handler)
    STATE.sink = handler


def _redactor(redaction: str | os.PathLike[str] | tuple[Rule, ...], environment: str) -> Redactor | None:
    if redaction == "off":
        return None
    if redaction == "default":
        return Redactor()
    if isinstance(redaction, os.PathLike) or (isinstance(redaction, str) and redaction.endswith(".toml")):
        from mllog.redaction._file import load_file  # noqa: PLC0415 - most services have none

        file = load_file(os.fspath(redaction))
        return Redactor(file.rules, strategies=file.strategies, pseudonyms=file.pseudonyms(environment))
    if isinstance(redaction, str) or not all(isinstance(rule, Rule) for rule in redaction):
        raise ConfigurationError(
            f"redaction: {redaction!r} is neither 'default', 'off', a redaction.toml nor a tuple of rules"
        )
    return Redactor(tuple(redaction))


def _number[N: (int, float)](variable: str, kind: Callable[[str], N]) -> N | None:
    text = os.environ.get(variable)
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise ConfigurationError(f"{variable}: {text!r} is not a number") from None


def _positive[N: (int, float)](name: str, value: N) -> N:
    if value <= 0:
        raise ConfigurationError(f"{name}: {value} is not above zero")
    return value


def _when_full(policy: str) -> WhenFull:
    for known in WHEN_FULL:
        if policy == known:
            return known
    raise ConfigurationError(f"when_full: {policy!r} is none of {', '.join(WHEN_FULL)}")


def _detach(drain: float | None = None) -> None:
    if STATE.sink is not None:
        LOGGER.removeHandler(STATE.sink)
        sink, STATE.sink = STATE.sink, None
        if drain is not None and isinstance(sink, SpoolHandler):
            sink.drain_seconds = drain
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
        timeout: seconds to wait at most for what an endpoint has not yet taken; default 2. What is left stays in the
            spool for the next start.
    """
    _detach(timeout)


def stats() -> dict[str, Any]:
    """What became of the events of this process, and why some were given up.

    Returns:
        `accepted`, `dropped` (given up, for whatever reason), `errors` (calls that could not be made an event),
        `redacted` (values), `sink`, `problem`: None, or one line about what is wrong now; `spool`: where it lies, on
        what, its bound, and how many accepted events were given up for newer ones (`evicted`, part of `dropped`); and
        `shipper`: what the thread of this process delivered. The last two are None where there is no such thing.

    Example:
        >>> sorted(stats())
        ['accepted', 'dropped', 'errors', 'problem', 'redacted', 'shipper', 'sink', 'spool']
    """
    counts, sink = STATE.counts, STATE.sink
    accepted, dropped, problem = sink.counts() if sink is not None else (0, 0, None)
    spool = sink if isinstance(sink, SpoolHandler) else None
    return {
        "accepted": counts.accepted + accepted,
        "dropped": counts.dropped + dropped,
        "errors": counts.errors,
        "redacted": counts.redacted,
        "sink": sink.target if sink is not None else None,
        "problem": problem or counts.last_error,
        "spool": spool.state() if spool is not None else None,
        "shipper": spool.shipper.state() if spool is not None and spool.shipper is not None else None,
    }


def _after_fork_in_child() -> None:
    STATE.generation += 1  # templates hold the process id
    STATE.counts = Counts()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(shutdown)
