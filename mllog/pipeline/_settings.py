"""Settings: `${VARIABLES}`, types and names, checked as Logstash checks them when it loads a pipeline."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mllog.pipeline._config import Place, Plugin, collected

Kind = Literal["string", "number", "boolean", "array", "hash", "password", "codec", "any"]

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_.][A-Za-z0-9_.]*)(?::([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a setting takes.

    Attributes:
        kind: its type; a string or a number for an array becomes an array of one.
        required: whether it must be given.
        choices: the only values a string may have.
    """

    kind: Kind = "string"
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """The settings of a plugin.

    Attributes:
        settings: those of the embedded subset.
        outside: those that Logstash has and the embedded runner has not.
    """

    settings: Mapping[str, Setting]
    outside: frozenset[str] = field(default_factory=frozenset)


STRING: Final = Setting()
NUMBER: Final = Setting("number")
BOOLEAN: Final = Setting("boolean")
ARRAY: Final = Setting("array")
HASH: Final = Setting("hash")
CODEC: Final = Setting("codec")


def _variables(value: Any, environ: Mapping[str, str], place: Place, *, unset: str | None) -> Any:
    """Variables replaced in all texts, except in the keys of hashes; `unset` stands for one without a value."""
    if isinstance(value, str):
        if "${" not in value:
            return value

        def look_up(found: re.Match[str]) -> str:
            name, default = found[1], found[2]
            text = environ.get(name, default if default is not None else unset)
            if text is None:
                raise place.error(
                    f"the variable {found[0]} is not set and has no default: set it or write ${{{name}:default}}"
                )
            return text

        return _VARIABLE.sub(look_up, value)
    if isinstance(value, list):
        return [_variables(item, environ, place, unset=unset) for item in value]
    if isinstance(value, dict):
        return {key: _variables(item, environ, place, unset=unset) for key, item in value.items()}
    return value


def variables(text: str, environ: Mapping[str, str], place: Place) -> str:
    """A text with its variables replaced.

    Raises:
        PipelineError: one is not set and has no default.
    """
    return str(_variables(text, environ, place, unset=None))


def _number(value: Any) -> int | float | None:
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", value):
        return float(value) if "." in value else int(value)
    return None


def _typed(name: str, value: Any, setting: Setting, place: Place) -> Any:
    kind = setting.kind
    if kind in {"string", "password"}:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, int | float):
            value = str(value)
        if not isinstance(value, str):
            raise place.error(f"{name} must be a string")
        if setting.choices and value not in setting.choices:
            raise place.error(f"{name} must be one of {', '.join(setting.choices)}, not {value!r}")
        return value
    if kind == "number":
        typed = _number(value)
        if typed is None:
            raise place.error(f"{name} must be a number")
        return typed
    if kind == "boolean":
        if value not in {"true", "false"} if isinstance(value, str) else True:
            raise place.error(f"{name} must be true or false")
        return value == "true"
    if kind == "array":
        return value if isinstance(value, list) else [value]
    if kind == "hash":
        return _hash(name, value, place)
    return value


def _hash(name: str, value: Any, place: Place) -> dict[str, Any]:
    """A hash may be written as an array of keys and values."""
    if isinstance(value, dict):
        return value
    items = value if isinstance(value, list) else [value]
    if len(items) % 2:
        raise place.error(f"{name} must be a hash: an even number of items is needed, got {len(items)}")
    pairs: dict[str, Any] = {}
    for key, item in zip(map(str, items[::2]), items[1::2], strict=True):
        pairs[key] = collected(pairs[key], item) if key in pairs else item
    return pairs


def checked(plugin: Plugin, schema: Schema, environ: Mapping[str, str], *, unset: str | None = None) -> Plugin:
    """The plugin with variables replaced and every setting of its type.

    Raises:
        PipelineError: a setting is unknown, outside the subset, missing or of the wrong type.

    Example:
        >>> plugin = Plugin("drop", {"percentage": "${P:100}"}, Place("a.conf", 1, 10))
        >>> checked(plugin, Schema({"percentage": NUMBER}), {}).settings
        {'percentage': 100}
    """
    settings: dict[str, Any] = {}
    for name, raw in plugin.settings.items():
        place = plugin.setting_place(name)
        if name in schema.outside:
            raise place.error(f"the setting {name!r} of {plugin.name} is outside the embedded subset")
        setting = schema.settings.get(name)
        if setting is None:
            raise place.error(f"unknown setting {name!r} for {plugin.name}")
        settings[name] = _typed(name, _variables(raw, environ, place, unset=unset), setting, place)
    for name, setting in schema.settings.items():
        if setting.required and name not in settings:
            raise plugin.place.error(f"missing the required setting {name!r} of {plugin.name}")
    return Plugin(plugin.name, settings, plugin.place, plugin.places)
