"""How mllog is set up: `configure()`, the MLLOG_* variables, and the state that the emitting side reads."""

from __future__ import annotations

import atexit
import os
import re
import warnings
from pathlib import Path
from typing import Any, Final

from mllog._durations import seconds
from mllog._names import text_fault
from mllog._state import LOGGER, STATE, Counts, default_service
from mllog.errors import ConfigurationError
from mllog.event._names import slug
from mllog.redaction import Redactor, Rule
from mllog.sinks._handlers import EventHandler, FileHandler, SpoolHandler, StdoutHandler
from mllog.spool import BLOCK_SECONDS, MAX_BYTES, WHEN_FULL, WhenFull

_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kmgt]?i?b?)", re.IGNORECASE)
_UNITS: Final = {
    "": 1,
    **{letter: 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}i": 1024**power for power, letter in enumerate("kmgt", 1)},
    "i": 1,
}
_LARGEST: Final = 2**63


def default_spool() -> Path:
    """The default folder of the spool: in the user's state folder (XDG).

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
    max_bytes: int | str | None = None,
    when_full: str | None = None,
    block_seconds: float | str | None = None,
    spool_group: str | int | None = None,
) -> None:
    """Attach a sink to the logger `mllog`; without it every call returns at once.

    What is not given, or is `""`, comes from the variable of the same name: `MLLOG_SERVICE`, `MLLOG_ENVIRONMENT`, and
    so on. It starts no thread and writes no file: that comes with the first event, so a server that forks its workers
    may call it before the fork. Calling it again replaces the sink.

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
        max_bytes: bound of the spool, in bytes or as `1GB`.
        when_full: at the bound, `drop_newest` drops the event (default), `drop_oldest` the oldest segment, and
            `block` makes the caller wait, then drops the event.
        block_seconds: how long a caller waits at most, in seconds or as `2s`.
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
    place = _text("environment", environment) or "default"
    named = {"name": _text("service", service) or default_service(), "environment": place}
    if release := _text("version", version):
        named["version"] = release
    redactor = _redactor(_given("redaction", redaction)[1], place)
    texts = _text("free_text", free_text) or "summary"
    if texts not in {"summary", "keep"}:
        raise ConfigurationError(f"free_text: {texts!r} is neither 'summary' nor 'keep'")
    address = _text("endpoint", endpoint)
    folder = _path("spool", spool)
    # A folder that the caller names goes before MLLOG_SINK.
    target = "spool" if spool and not sink else _path("sink", sink) or "spool"
    policy = _when_full(_text("when_full", when_full) or "drop_newest")
    bound = _bytes("max_bytes", max_bytes)
    wait = _number("block_seconds", block_seconds)
    group = _group("spool_group", spool_group)
    if slug(place) != place:
        warnings.warn(f"environment {place!r} is written as {slug(place)!r} in index names", stacklevel=2)
    if target == "spool":
        handler: EventHandler = SpoolHandler(
            Path(folder or default_spool()),
            max_bytes=MAX_BYTES if bound is None else bound,
            when_full=policy,
            block_seconds=BLOCK_SECONDS if wait is None else wait,
            group=group,
            endpoint=address,
            service=named,
        )
    elif address is not None:
        raise ConfigurationError(f"endpoint: only a spool can be delivered; the sink is {target!r}")
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


def _redactor(redaction: Any, environment: str) -> Redactor | None:
    if isinstance(redaction, str) and redaction == "off":
        return None
    if redaction is None or (isinstance(redaction, str) and redaction == "default"):
        return Redactor()
    if isinstance(redaction, tuple | list) and all(isinstance(rule, Rule) for rule in redaction):
        return Redactor(tuple(redaction))
    if isinstance(redaction, os.PathLike) or (isinstance(redaction, str) and redaction.endswith(".toml")):
        from mllog.redaction._file import load_file  # noqa: PLC0415 - most services have none

        file = load_file(_path("redaction", redaction) or "")
        return Redactor(file.rules, strategies=file.strategies, pseudonyms=file.pseudonyms(environment))
    raise ConfigurationError(
        f"redaction: {redaction!r} is neither 'default', 'off', a redaction.toml nor a tuple of rules"
    )


def _given(name: str, value: Any) -> tuple[str, Any]:
    """What an argument is, and where it stands: in the call, else in the variable MLLOG_<NAME>; "" is not given."""
    if value is None or (isinstance(value, str) and not value):
        variable = f"MLLOG_{name.upper()}"
        return variable, os.environ.get(variable) or None
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise ConfigurationError(f"{name}: the number is too large: it must be below 2**63")
    return name, value


def _text(name: str, value: object) -> str | None:
    where, text = _given(name, value)
    if text is None:
        return None
    if fault := text_fault(text):
        raise ConfigurationError(f"{where}: {text!r} {fault}")
    return str(text)


def _path(name: str, value: object) -> str | None:
    where, given = _given(name, value)
    if given is None:
        return None
    path = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(path, str):
        raise ConfigurationError(f"{where}: {given!r} is not a path: give a string or a pathlib.Path")
    if fault := text_fault(path, path=True):
        raise ConfigurationError(f"{where}: {path!r} {fault}")
    return path


def _group(name: str, value: object) -> str | int | None:
    where, group = _given(name, value)
    if isinstance(group, bool) or not isinstance(group, str | int | None) or (isinstance(group, int) and group < 0):
        raise ConfigurationError(f"{where}: {group!r} is not the name or id of a group")
    return _text(name, group) if isinstance(group, str) else group


def _number(name: str, value: object) -> float | None:
    """A number of seconds, as `0.5` or `2s`."""
    where, given = _given(name, value)
    if given is None:
        return None
    try:
        number = seconds(given) if isinstance(given, str) and given[-1:] in "smhd" else float(given)
    except (TypeError, ValueError, OverflowError, ConfigurationError):
        raise ConfigurationError(f"{where}: {given!r} is not a number of seconds, such as 0.5 or 2s") from None
    if isinstance(given, bool) or not 0 < number < float("inf"):
        raise ConfigurationError(f"{where}: {given!r} is not above zero")
    return number


def _bytes(name: str, value: object) -> int | None:
    """A number of bytes, as `536870912` or `512MB`."""
    where, given = _given(name, value)
    if given is None:
        return None
    match = _SIZE.fullmatch(str(given).strip()) if isinstance(given, int | float | str) else None
    if match is None or isinstance(given, bool):
        raise ConfigurationError(f"{where}: {given!r} is not a size; write a number of bytes, or 512MB, 1GiB")
    size = float(match[1]) * _UNITS[match[2].lower().removesuffix("b")]
    if size < 1:
        raise ConfigurationError(f"{where}: {given!r} is not above zero")
    if size >= _LARGEST:
        raise ConfigurationError(f"{where}: {given!r} is too large: it must be below 2**63; write for example 1GB")
    return int(size)


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
    """Counts of the events of this process, and the current problem if there is one.

    Returns:
        `accepted`, `dropped` (for any reason), `errors` (calls that could not be made an event),
        `redacted` (values), `sink`, `problem`: None, or one line about what is wrong now; `spool`: its folder and
        filesystem, its bound, and how many accepted events were evicted for newer ones (`evicted`, part of
        `dropped`); and `shipper`: what the thread of this process delivered. The last two are None without one.

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
