"""The canary: an event with fabricated secrets that goes the way of all events, and what must have become of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from mllog.event._envelope import data_stream_fields, envelope
from mllog.event._names import slug
from mllog.event._stamps import timestamp, uuid7

STREAM: Final = "logs-mllog.canary-*"
DATASET: Final = "mllog.canary"

# Made up: no address, card, account or number of anybody.
_SECRETS: Final[Mapping[str, str]] = {
    "email": "canary.of.mllog@example.com",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "token": "ghp_" + "A1b2C3d4" * 4 + "E5f6",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLW9mLWEtY2FuYXJ5",
    "key": "correct-horse-battery",
}
_TYPES: Final[Mapping[str, str]] = {
    "@timestamp": "date_nanos",
    "event.ingested": "date_nanos",
    "event.action": "keyword",
    "mllog.input.number.amount": "double",
    "mllog.input.category.colour": "keyword",
    "mllog.input.boolean.wet": "boolean",
    "mllog.input.text.note": "text",
}
"""How the templates keep the canary's fields."""


@dataclass(frozen=True)
class Canary:
    """An event of a check.

    Attributes:
        id: `event.id`.
        source: the event.
    """

    id: str
    source: Mapping[str, Any]

    @property
    def line(self) -> bytes:
        """As a sender writes it."""
        return orjson.dumps(self.source) + b"\n"

    @property
    def stream(self) -> str:
        """Where it must arrive."""
        return f"logs-{DATASET}-{self.source['data_stream']['namespace']}"


def canary(environment: str = "default", *, secrets: bool = True) -> Canary:
    """A new canary.

    Args:
        environment: of the data stream.
        secrets: whether it carries any; where nothing on the way redacts, it must not.

    Example:
        >>> canary("demo").stream
        'logs-mllog.canary-demo'
    """
    ns = time.time_ns()
    now, identity = timestamp(ns), uuid7(ns)
    namespace = slug(environment)
    inputs: dict[str, Any] = {"number": {"amount": 1.5}, "category": {"colour": "yellow"}, "boolean": {"wet": True}}
    inputs["text"] = {"note": "sings where something is wrong"}
    if secrets:
        secret_values = {name: value for name, value in _SECRETS.items() if name != "key"}
        inputs["category"] |= {f"c{place}": value for place, value in enumerate(secret_values.values())}
        inputs["category"]["password"] = _SECRETS["key"]
        inputs["text"]["note"] = f"{' and '.join(secret_values.values())}; password={_SECRETS['key']}"
    message = "the canary of mllog check"
    source = {
        **envelope(
            DATASET,
            message,
            at=now,
            level="info",
            logger="mllog.check",
            action="canary",
            event_id=identity,
            created=now,
        ),
        "service": {"name": "mllog-check", "environment": namespace},
        "data_stream": data_stream_fields(DATASET, environment),
        "mllog": {"input": inputs},
    }
    return Canary(identity, source)


def leaks(stored: Mapping[str, Any]) -> list[str]:
    """Kinds of secrets that a stored canary still holds, whatever field they are in.

    Example:
        >>> leaks({"message": "ask canary.of.mllog@example.com"}), leaks({"message": "ask [REDACTED:email]"})
        (['email'], [])
    """
    text = orjson.dumps(stored).decode()
    return [kind for kind, value in _SECRETS.items() if value in text or value.replace(" ", "") in text]


def unrecorded(stored: Mapping[str, Any]) -> list[str]:
    """Kinds that were removed without a word in `mllog.redaction.kinds`."""
    kinds = stored.get("mllog", {}).get("redaction", {}).get("kinds", ())
    return [kind for kind in _SECRETS if kind not in kinds]


def wrong_types(types: Mapping[str, Sequence[str]]) -> list[str]:
    """Fields that are not kept as the templates say.

    Args:
        types: types by field, from `_field_caps`.

    Example:
        >>> wrong_types({name: [kind] for name, kind in _TYPES.items()} | {"event.action": ["text"]})
        ['event.action is text, not keyword']
    """
    return [
        f"{name} is {' and '.join(types.get(name, ())) or 'absent'}, not {wanted}"
        for name, wanted in _TYPES.items()
        if list(types.get(name, ())) != [wanted]
    ]


def typed_fields() -> list[str]:
    """The fields whose types are compared."""
    return list(_TYPES)


def changed_values(stored: Mapping[str, Any]) -> list[str]:
    """Values of the canary that did not come back as they were sent."""
    inputs = stored.get("mllog", {}).get("input", {})
    sent = {"number": ("amount", 1.5), "category": ("colour", "yellow"), "boolean": ("wet", True)}
    return [
        f"{kind}.{name} is {inputs.get(kind, {}).get(name)!r}"
        for kind, (name, value) in sent.items()
        if inputs.get(kind, {}).get(name) != value
        or isinstance(inputs[kind][name], bool) is not isinstance(value, bool)
    ]
