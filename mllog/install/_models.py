"""Templates of single models, derived from their profiles, and whether an index can go on with a new one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mllog.event._names import slug
from mllog.install._objects import COMPONENT, POLICY, TEMPLATE, Item, Json, files, flat_settings, stamped
from mllog.install._retention import policy
from mllog.profile import Profile

PRIORITY: Final = 502
BASE: Final = "logs-mllog"
COMPONENTS: Final = ("logs-mllog-settings", "logs-mllog-mappings")

_LIMIT: Final = 1000
_FIELDS: Final[Mapping[str, Json]] = {
    "number": {"type": "double", "index": False},
    "category": {"type": "keyword", "ignore_above": 1024},
    "boolean": {"type": "boolean"},
    "text": {"type": "text", "norms": False},
}
_NEW_INDEX: Final = (
    "index.mode",
    "index.codec",
    "index.final_pipeline",
    "index.lifecycle.name",
    "index.mapping.source.mode",
    "index.mapping.ignore_malformed",
    "index.mapping.total_fields.limit",
    "index.mapping.total_fields.ignore_dynamic_beyond_limit",
)
_FIXED: Final[Mapping[str, Any]] = {
    "type": "object",
    "index": True,
    "doc_values": True,
    "enabled": True,
    "subobjects": True,
}
"""Parameters of a field that are compared with a live index, with their defaults; clusters vary in the others."""


def name_of(model: str) -> str:
    """Name of a model's template, and of its policy if it has one.

    Example:
        >>> name_of("flights_delay")
        'logs-mllog.flights_delay'
    """
    return f"{BASE}.{slug(model)}"


def model_policy(model: str, retention: str) -> Item:
    """The lifecycle policy of a model with a retention of its own."""
    return Item(POLICY, name_of(model), stamped(POLICY, policy(retention)))


def model_template(model: str, profile: Profile | None = None, *, own_policy: bool = False) -> Item:
    """The index template of a model: the generic one, and the exact fields of its profile.

    The type is part of a field's path, so a field never changes its type from one version to the next.

    Args:
        model: its name.
        profile: gives the fields and their budget; without one only the retention is the model's own.
        own_policy: the model has a lifecycle policy of its own.

    Example:
        >>> made = model_template("late", Profile("late", "2", ())).body
        >>> made["index_patterns"], made["priority"], made["_meta"]["model_version"]
        (['logs-mllog.late-*'], 502, '2')
    """
    index: Json = {"lifecycle": {"name": name_of(model) if own_policy else BASE}}
    metadata: Json = {"managed_by": "mllog", "description": f"Events of the model {model}."}
    template: Json = {"settings": {"index": index}}
    if profile is not None:
        metadata |= {"profile": profile.digest, "model_version": profile.version}
        sides = {"input": profile.inputs, "output": profile.outputs}
        mapped = {side: _typed((one.name, one.type) for one in features) for side, features in sides.items()}
        count = sum(len(kind["properties"]) for side in mapped.values() for kind in side.values())
        # Half as much again, and room for the other side of a next version, as the generic template has.
        index["mapping"] = {"total_fields": {"limit": max(_LIMIT, -(-count * 3 // 2 // 500) * 500 + _LIMIT // 2)}}
        template["mappings"] = {
            "properties": {
                "mllog": {
                    "properties": {side: {"properties": kinds} for side, kinds in mapped.items() if kinds},
                }
            }
        }
    body = {
        "_meta": metadata,
        "index_patterns": [f"{name_of(model)}-*"],
        "priority": PRIORITY,
        "data_stream": {},
        "composed_of": list(COMPONENTS),
        "template": template,
    }
    return Item(TEMPLATE, name_of(model), stamped(TEMPLATE, body))


def _typed(features: Iterator[tuple[str, str]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, kind in features:
        typed = found.setdefault(kind, {"type": "object", "dynamic": "true", "subobjects": False, "properties": {}})
        typed["properties"][name] = dict(_FIELDS[kind])
    return found


def composed(template: Item, components: Mapping[str, Json] | None = None) -> Json:
    """Settings and mappings that a template gives to a new index.

    Args:
        template: an index template.
        components: bodies by name; default: the files of elastic/.
    """
    known = components or {item.name: item.body for item in files(COMPONENT)}
    settings: dict[str, str] = {}
    mappings: Json = {}
    for body in (*(known[name] for name in template.body.get("composed_of", ()) if name in known), template.body):
        part = body.get("template", {})
        settings |= dict(flat_settings(part.get("settings", {})))
        mappings = _merged(mappings, part.get("mappings", {}))
    return {"settings": settings, "mappings": mappings}


def _merged(one: Json, other: Json) -> Json:
    found = dict(one)
    for name, value in other.items():
        both = isinstance(found.get(name), dict) and isinstance(value, dict)
        found[name] = _merged(found[name], value) if both else value
    return found


def fields(mappings: Mapping[str, Any]) -> dict[str, Json]:
    """The fields of a mapping by their paths.

    Example:
        >>> fields({"properties": {"a": {"properties": {"b": {"type": "long"}}}}})
        {'a.b': {'type': 'long'}}
    """
    found: dict[str, Json] = {}
    stack = [("", mappings.get("properties", {}))]
    while stack:
        prefix, properties = stack.pop()
        for name, field in properties.items():
            if "properties" in field:
                stack.append((f"{prefix}{name}.", field["properties"]))
            if "type" in field:
                found[prefix + name] = {key: value for key, value in field.items() if key != "properties"}
    return found


def rollover_reasons(index: Json, wanted: Json) -> list[str]:
    """Reason a new index must begin for what a template wants; empty where the present one can go on.

    A feature that is new may come at any time: its typed object maps it as the template does. What cannot change
    in an index is how a field is kept that it has already, or a field that the closed root would not map.

    Args:
        index: `settings` and `mappings` of the write index.
        wanted: the same of the template, from `composed`.

    Example:
        >>> double = {"mappings": {"properties": {"a": {"type": "double"}}}, "settings": {}}
        >>> rollover_reasons({"mappings": {"properties": {"a": {"type": "long"}}}, "settings": {}}, double)
        ['a: type is "long", to be "double"']
    """
    reasons = []
    present, wanted_fields = fields(index["mappings"]), fields(wanted["mappings"])
    for path, field in sorted(wanted_fields.items()):
        if path not in present:
            if not path.startswith(("mllog.input.", "mllog.output.")):
                reasons.append(f"{path}: the index does not know it")
            continue
        for key, default in _FIXED.items():
            has_it, wants_it = present[path].get(key, default), field.get(key, default)
            if has_it != wants_it:
                reasons.append(f"{path}: {key} is {_formatted(has_it)}, to be {_formatted(wants_it)}")
    reasons += [
        f"{name.replace('_', ' ')} of the mapping differ"
        for name in ("dynamic", "dynamic_templates")
        if name in wanted["mappings"] and index["mappings"].get(name) != wanted["mappings"][name]
    ]
    has, wants = dict(flat_settings(index["settings"])), wanted["settings"]
    reasons += [
        f"{name} is {_formatted(has.get(name))}, to be {_formatted(wants[name])}"
        for name in _NEW_INDEX
        if name in wants and has.get(name) != wants[name]
    ]
    return reasons


def _formatted(value: Any) -> str:
    return "absent" if value is None else f'"{str(value).lower() if isinstance(value, bool) else value}"'
