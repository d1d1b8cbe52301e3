"""The event: its fields and their encoding; the only place that spells field names for writing.

An event is one line of JSON in ECS, put together from bytes that were rendered once per
model (`Template`) and the few parts that change with every call. The order of the fields is
fixed, so that lines compress well and can be compared.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import sys
import time
from array import array
from random import getrandbits
from typing import Any, Final

import orjson

from mllog._names import slug
from mllog._plain import plain

ECS_VERSION: Final = "8.17.0"

_SECOND: Final = 1_000_000_000
_UNBOUNDED: Final = sys.maxsize
_DIGITS: Final = tuple(b"%03d" % number for number in range(1000))
_second: tuple[int, bytes] = (-1, b"")
_millisecond: tuple[int, str] = (-1, "")


def _hex(start: int) -> list[str]:
    """4096 numbers from `start` on as four hexadecimal digits each."""
    numbers = array("H", range(start, start + 4096))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes().hex(" ", 2).split()


_VERSION_7: Final = _hex(0x7000)
_VARIANT: Final = _hex(0x8000)
_random: list[str] = []  # twelve digits each, made many at a time: formatting one costs more than the rest of an id
_RANDOM_AT_ONCE: Final = 64


def timestamp(ns: int) -> bytes:
    """UTC in ISO 8601 with microseconds, from nanoseconds since the epoch.

    Example:
        >>> timestamp(1_700_000_000_123_456_789)
        b'2023-11-14T22:13:20.123456Z'
    """
    seconds, rest = divmod(ns, _SECOND)
    milliseconds, rest = divmod(rest, 1_000_000)
    return b"%b%b%bZ" % (_to_second(seconds), _DIGITS[milliseconds], _DIGITS[rest // 1000])


def since_epoch(when: dt.datetime | float) -> int:
    """Nanoseconds of a moment that a caller names, to the microsecond.

    Example:
        >>> since_epoch(1.5)
        1500000000
    """
    return round((when.timestamp() if isinstance(when, dt.datetime) else float(when)) * 1_000_000) * 1000


def _to_second(seconds: int) -> bytes:
    """The text up to the fraction; that of the last second is kept, since most calls fall into it."""
    global _second  # noqa: PLW0603 - one tuple, replaced as a whole, so no lock is needed
    last, text = _second
    if seconds != last:
        text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(seconds)).encode()
        _second = (seconds, text)
    return text


def uuid7(ns: int) -> str:
    """A UUID of version 7 (RFC 9562, 5.7) with the sub-millisecond part in `rand_a` (6.2, method 3).

    Ids made one after the other sort in that order, which keeps look-ups by id cheap in the store. The other sixty
    bits are random.

    Example:
        >>> uuid7(1_700_000_000_123_456_789)[:18]
        '018bcfe5-687b-774f'
    """
    global _millisecond  # noqa: PLW0603 - one tuple, replaced as a whole, so no lock is needed
    milliseconds, rest = divmod(ns, 1_000_000)
    last, text = _millisecond
    if milliseconds != last:
        text = f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-"
        _millisecond = (milliseconds, text)
    try:
        tail = _random.pop()
    except IndexError:
        fresh = os.urandom(6 * _RANDOM_AT_ONCE).hex(" ", 6).split()
        tail = fresh.pop()
        _random.extend(fresh)
    return f"{text}{_VERSION_7[(rest << 12) // 1_000_000]}-{_VARIANT[getrandbits(12)]}-{tail}"


os.register_at_fork(after_in_child=_random.clear)


def dumps(value: Any) -> bytes:
    """JSON of anything: what orjson refuses is made plain first, never raised.

    Example:
        >>> dumps({"a": float("nan"), 1: {1, 2} })
        b'{"a":null,"1":[1,2]}'
    """
    try:
        return orjson.dumps(value)
    except TypeError:  # a key that is no string, an integer beyond 64 bits, a lone surrogate, an unknown object
        return orjson.dumps(plain(value))


def own_event(
    action: str, message: str, said: dict[str, Any], service: dict[str, str], *, level: str = "info"
) -> bytes:
    """An event of mllog about itself, as a line: what the spool gave up, what the shipper delivered.

    Args:
        action: `dropped` or `shipped`.
        message: the same for people.
        said: what stands under `mllog`.
        service: name, version and environment of the service, as far as they are known.
        level: of the log.

    Example:
        >>> line = own_event("dropped", "2 events", {"spool": {"dropped": 2}}, {"environment": "test"})
        >>> orjson.loads(line)["data_stream"]["dataset"]
        'mllog.shipper'
    """
    ns = time.time_ns()
    now = timestamp(ns).decode()
    node = socket.gethostname()
    event = {
        "@timestamp": now,
        "ecs": {"version": ECS_VERSION},
        "message": message,
        "log": {"level": level, "logger": "mllog.shipper"},
        "event": {"kind": "event", "dataset": "mllog.shipper", "action": action, "id": uuid7(ns), "created": now},
        "service": {**service, "node": {"name": node}},
        "host": {"name": node},
        "process": {"pid": os.getpid()},
        "data_stream": {
            "type": "logs",
            "dataset": "mllog.shipper",
            "namespace": slug(service.get("environment", "default")),
        },
        "mllog": said,
    }
    return dumps(event) + b"\n"


class Template:
    """The parts of a model's events that do not change from call to call, already rendered.

    Args:
        model: name of the model; its slug names the dataset.
        version: version of the model.
        role: `live` or `shadow`.
        dataset: shares a data stream with other small models, where given.
        profile: digest of the profile that validates, or None.
        redaction: digest of the rules that redact, or None; the pipeline then leaves checksums to them.
        service: name, version and environment of the service.
        action: `event.action`.
    """

    __slots__ = ("_after_duration", "_failure", "_success")

    def __init__(
        self,
        model: str,
        version: str,
        *,
        role: str = "live",
        dataset: str | None = None,
        profile: str | None = None,
        redaction: str | None = None,
        service: dict[str, str],
        action: str = "prediction",
    ) -> None:
        environment = service["environment"]
        stream = f"mllog.{slug(dataset or model)}"
        node = socket.gethostname()
        named = {"name": model, "version": version, "role": role}
        if profile:
            named["profile"] = profile
        if redaction:
            named["redaction"] = redaction.removeprefix("sha256:")[:12]
        after_created = b'},"service":%b,"host":%b,"process":{"pid":%d},"data_stream":%b,"mllog":{"model":%b,' % (
            dumps({**service, "node": {"name": node}}),
            dumps({"name": node}),
            os.getpid(),
            dumps({"type": "logs", "dataset": stream, "namespace": slug(environment)}),
            dumps(named),
        )
        # What is static is rendered already; what changes stands between these.
        self._success, self._failure = (
            (
                b'Z","ecs":{"version":"%b"},"message":%b,"log":{"level":"%b","logger":"mllog"},"event":{"kind":"event",'
                b'"dataset":%b,"action":"%b","outcome":"%b","id":"'
                % (
                    ECS_VERSION.encode(),
                    dumps(f"{model} {version} {action} {outcome}"),
                    level,
                    dumps(stream),
                    action.encode(),
                    outcome.encode(),
                )
            )
            for outcome, level in (("success", b"info"), ("failure", b"error"))
        )
        self._after_duration = after_created + b'"prediction":{"id":"'

    def render(
        self,
        began: int,
        created: int,
        event_id: str,
        prediction_id: str | None,
        duration: int | None,
        failed: bool,
        body: bytes,
        context: bytes,
        longest: int = _UNBOUNDED,
    ) -> bytes:
        """One event as a line of JSON.

        Args:
            began: when the call began, ns since the epoch.
            created: when the event was made, ns since the epoch.
            event_id: `event.id`.
            prediction_id: `mllog.prediction.id`; None where it is the event's own.
            duration: how long the call took, ns.
            failed: whether `event.outcome` is `failure`.
            body: a JSON object: what stands under `mllog` beside the model; not empty.
            context: further top-level members, each with its comma in front.
            longest: bytes that the sink takes; a longer event keeps its context and loses its values.
        """
        began_second, began_rest = divmod(began, _SECOND)
        second, rest = divmod(created, _SECOND)
        last, began_text = _second
        if began_second != last:
            began_text = _to_second(began_second)
        text = began_text if second == began_second else _to_second(second)
        identity = event_id.encode()
        line = b"".join(
            (
                b'{"@timestamp":"',
                began_text,
                _DIGITS[began_rest // 1_000_000],
                _DIGITS[began_rest // 1000 % 1000],
                self._failure if failed else self._success,
                identity,
                b'","created":"',
                text,
                _DIGITS[rest // 1_000_000],
                _DIGITS[rest // 1000 % 1000],
                b'Z"' if duration is None else b'Z","duration":%d' % duration,
                self._after_duration,
                identity if prediction_id is None else dumps(str(prediction_id))[1:-1],
                b'"},',
                body[1:],
                context,
                b"}\n",
            )
        )
        if len(line) <= longest:
            return line
        short = dumps(_shortened(body, len(line)))
        return self.render(began, created, event_id, prediction_id, duration, failed, short, b"")


def _shortened(body: bytes, size: int) -> dict[str, Any]:
    """What is left of an event that no sink takes: everything but the values."""
    said = orjson.loads(body)
    return {
        "quality": {"invalid": said["quality"]["invalid"]},
        **({"redaction": said["redaction"]} if "redaction" in said and len(said["redaction"]["fields"]) < 100 else {}),
        "input_overflow": {"cut": f"an event of {size} bytes was cut to its context"},
    }
