"""What stays the same in the events of a model, rendered once; and the line that is made of it.

msgspec takes what is static as it is (`Raw`), and such a part may reach over several members of the event: the one
under `ecs` ends inside `event`, the one under `kind` closes it and ends inside `mllog`, and what closes that comes with
the last member.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import orjson
from msgspec import Raw

from mllog.event._envelope import envelope, model_fields, placement
from mllog.event._names import slug
from mllog.event._stamps import dumps

_UNBOUNDED: Final = sys.maxsize
_HEAD: Final = ("@timestamp", "ecs", "id", "created", "duration", "kind", "prediction")


def members(names: Iterable[str], types: Iterable[Any] | None = None) -> type[msgspec.Struct]:
    """A JSON object of these names, in order; its constructor takes the values in that order.

    Args:
        names: of the members.
        types: what `msgspec.convert` allows there; default: anything.

    Raises:
        ValueError: a name that msgspec cannot write as it is, such as one with a quote.

    Example:
        >>> msgspec.json.encode(members(["a b", "c"])(1, None))
        b'{"a b":1,"c":null}'
    """
    fields = {f"f{place}": name for place, name in enumerate(names)}
    allowed = types if types is not None else (Any for _ in fields)
    given = list(zip(fields, allowed, strict=True))
    return msgspec.defstruct("Members", given, rename=fields, gc=False, forbid_unknown_fields=True)


Event: Final = members((*_HEAD, "input", "output", "quality"))
"""A prediction whose body is built by compiled code; its last member closes `mllog`."""

EventWithoutOutputs: Final = members((*_HEAD, "input", "quality"))
"""The same for a call without outputs."""

_Event: Final = members(_HEAD)
"""Any event: its last member brings all that follows."""

ENCODER: Final = msgspec.json.Encoder()
BUFFERS: Final[list[bytearray]] = []
"""Free buffers for lines; take one, copy the line, put it back."""


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

    Attributes:
        success: what follows `@timestamp`, under `ecs`.
        failure: the same for a call that failed.
        rest: what follows `event.duration`, under `kind`, up to the model.
    """

    __slots__ = ("failure", "rest", "success")

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
        stream = f"mllog.{slug(dataset or model)}"
        self.success, self.failure = (
            self._head(f"{model} {version} {action} {outcome}", level, stream, action, outcome)
            for outcome, level in (("success", "info"), ("failure", "error"))
        )
        members = {
            **placement(stream, service),
            "mllog": {"model": model_fields(model, version, role, profile, redaction)},
        }
        self.rest = Raw(b'"event"},' + dumps(members)[1:-2])

    @staticmethod
    def _head(message: str, level: str, stream: str, action: str, outcome: str) -> Raw:
        """The members from the version of ECS to `event.outcome`; `event` is left open."""
        members = envelope(stream, message, at="", level=level, logger="mllog", action=action, outcome=outcome)
        members["event"].pop("kind")
        head = dumps({name: members[name] for name in ("ecs", "message", "log", "event")})
        return Raw(head.removeprefix(b'{"ecs":')[:-2])

    def render(
        self,
        stamps: tuple[str, str, str],
        prediction_id: str,
        duration: int | None,
        failed: bool,
        body: bytes,
        context: bytes,
        max_bytes: int = _UNBOUNDED,
    ) -> bytes:
        """One event as a line of JSON.

        Args:
            stamps: `event.id`, when the event was made, when the call began.
            prediction_id: `mllog.prediction.id`.
            duration: how long the call took, ns.
            failed: whether `event.outcome` is `failure`.
            body: a JSON object: the members of `mllog` beside the model; not empty.
            context: further top-level members, each with its comma in front.
            max_bytes: bytes that the sink takes; a longer event keeps its context and loses its values.
        """
        event_id, created, began = stamps
        outcome = self.failure if failed else self.success
        took = msgspec.UNSET if duration is None else duration
        rest = Raw(b'{"id":%b},%b%b' % (dumps(prediction_id), body[1:], context))
        line = ENCODER.encode_lines([_Event(began, outcome, event_id, created, took, self.rest, rest)])
        if len(line) <= max_bytes:
            return line
        return self.render(stamps, prediction_id, duration, failed, dumps(_shortened(body, len(line))), b"")


def _shortened(body: bytes, size: int) -> dict[str, Any]:
    """What is left of an event that no sink takes: everything but the values."""
    members = orjson.loads(body)
    return {
        "quality": {"invalid": members["quality"]["invalid"]},
        **(
            {"redaction": members["redaction"]}
            if "redaction" in members and len(members["redaction"]["fields"]) < 100
            else {}
        ),
        "input_overflow": {"cut": f"an event of {size} bytes was cut to its context"},
    }
