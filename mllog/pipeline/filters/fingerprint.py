"""The fingerprint filter: a digest of fields, keyed (HMAC) or not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from typing import Any, Final

import regex  # type: ignore[import-untyped]

from mllog.pipeline import _field
from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event, write
from mllog.pipeline._settings import ARRAY, BOOLEAN, STRING, Schema, Setting
from mllog.pipeline._text import ruby_text
from mllog.pipeline.filters._common import COMMON, Filter, matched, reference
from mllog.pipeline.filters._murmur import murmur3_32, murmur3_128

_METHODS: Final = (
    "SHA1", "SHA256", "SHA384", "SHA512", "MD5", "MURMUR3", "MURMUR3_128", "IPV4_NETWORK", "UUID", "PUNCTUATION",
)  # fmt: skip

SCHEMA: Final = Schema(
    {
        **COMMON, "source": ARRAY, "target": STRING, "key": Setting("password"), "method": Setting(choices=_METHODS),
        "base64encode": BOOLEAN, "concatenate_sources": BOOLEAN, "concatenate_all_fields": BOOLEAN,
    },
    outside=frozenset({"ecs_compatibility"}),
)  # fmt: skip

_NO_PUNCTUATION: Final = regex.compile(r"[^\p{P}\p{S}]")

_Print = Callable[[Any], Any]


def _digest(method: str, key: str | None, *, base64encode: bool) -> _Print:
    name = method.lower()
    secret = None if key is None else key.encode()

    def make(value: Any) -> str:
        data = _serialised(value).encode("utf-8", "surrogatepass")
        raw = hashlib.new(name, data).digest() if secret is None else hmac.digest(secret, data, name)
        return base64.b64encode(raw).decode() if base64encode else raw.hex()

    return make


def _murmur32(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        # Integers are hashed as their eight bytes, not as their digits.
        return murmur3_32((value & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little"))
    return murmur3_32(ruby_text(value).encode("utf-8", "surrogatepass"))


def _murmur128(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        # Integers are hashed as the four or eight bytes that they need.
        size = 4 if -(2**31) <= value < 2**31 else 8
        return murmur3_128((value & ((1 << 8 * size) - 1)).to_bytes(size, "little"))
    return murmur3_128(_serialised(value).encode("utf-8", "surrogatepass"))


def _base64_of(make: _Print) -> _Print:
    return lambda value: base64.b64encode(bytes.fromhex(make(value))).decode()


def _network(bits: str) -> _Print:
    def make(value: Any) -> str | None:
        address, _, own = ruby_text(value).partition("/")
        try:
            return str(ipaddress.ip_interface(f"{address}/{own or bits}").network.network_address)
        except ValueError:
            return None

    return make


def _punctuation(value: Any) -> str:
    return str(_NO_PUNCTUATION.sub("", ruby_text(value)))


def _print(plugin: Plugin) -> _Print:
    method = plugin.settings.get("method", "SHA1")
    key = plugin.settings.get("key")
    match method:
        case "UUID":
            raise plugin.setting_place("method").error("the method UUID is random, and outside the embedded subset")
        case "MURMUR3":
            return _murmur32
        case "MURMUR3_128":
            return _base64_of(_murmur128) if plugin.settings.get("base64encode", False) else _murmur128
        case "PUNCTUATION":
            return _punctuation
        case "IPV4_NETWORK":
            if key is None:
                raise plugin.place.error("the method IPV4_NETWORK needs its prefix length as key")
            return _network(key)
        case _:
            return _digest(method, key, base64encode=plugin.settings.get("base64encode", False))


def _sorted(value: Any) -> Any:
    """Hashes by key, at every level, so that the order of fields does not matter."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _serialised(value: Any) -> str:
    """Names and values in one text, a bar between them.

    Example:
        >>> _serialised({"k": ["v", 1]})
        'k|v|1'
    """
    if isinstance(value, dict):
        return "|".join(f"{name}|{_serialised(item)}" for name, item in value.items())
    return "|".join(map(_serialised, value)) if isinstance(value, list) else ruby_text(value)


def build(plugin: Plugin) -> Filter:
    """A function that writes the fingerprint of the sources to `target` (by default `[event][hash]`)."""
    settings = plugin.settings
    source = [str(name) for name in settings.get("source", ["message"])]
    names_of = {name: _field.path(name) for name in source}
    target = reference(plugin, "target", "[event][hash]")
    make, done = _print(plugin), matched(plugin)
    every, together = settings.get("concatenate_all_fields", False), settings.get("concatenate_sources", False)

    readers = [(f"|{name}", _field.getter(names_of[name])) for name in sorted(names_of)]

    def joined(event: Event) -> str:
        if every:
            return f"|{_serialised(_sorted({name: item for name, item in event.items() if name != '@metadata'}))}|"
        return "".join([f"{name}|{_serialised(_sorted(read(event)))}" for name, read in readers]) + "|"

    def run(event: Event) -> bool:
        if target is None:
            return True
        if every or together:
            write(event, target, make(joined(event)))
        else:
            for names in names_of.values():
                if _field.includes(event, names):
                    value = _sorted(_field.get(event, names))
                    write(event, target, [make(item) for item in value] if isinstance(value, list) else make(value))
        if done is not None:
            done(event)
        return True

    return run
