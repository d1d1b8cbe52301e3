"""What setup installs: the files of elastic/, and how an object of a cluster compares with one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from mllog._resources import resource
from mllog.errors import ConfigurationError

Json = dict[str, Any]

MANAGED_BY: Final = "mllog"


@dataclass(frozen=True)
class Kind:
    """A kind of object of a cluster.

    Attributes:
        name: what people call it.
        folder: of its files in elastic/.
        path: of its API.
        names: pattern of the names of ours.
        member: of the answer that holds the objects; empty where the answer is keyed by name.
    """

    name: str
    folder: str
    path: str
    names: str
    member: str = ""


POLICY: Final = Kind("ILM policy", "ilm", "_ilm/policy", "logs-mllog*")
PIPELINE: Final = Kind("ingest pipeline", "ingest_pipelines", "_ingest/pipeline", "mllog-*")
COMPONENT: Final = Kind(
    "component template", "component_templates", "_component_template", "logs-mllog*", "component_template"
)
TEMPLATE: Final = Kind("index template", "index_templates", "_index_template", "logs-mllog*", "index_template")
ROLE: Final = Kind("role", "roles", "_security/role", "")

ORDER: Final = (POLICY, PIPELINE, COMPONENT, TEMPLATE, ROLE)
"""What others name comes first."""


@dataclass(frozen=True)
class Item:
    """An object as it should be."""

    kind: Kind
    name: str
    body: Json

    @property
    def title(self) -> str:
        """What people see.

        Example:
            >>> Item(POLICY, "logs-mllog", {}).title
            'ILM policy logs-mllog'
        """
        return f"{self.kind.name} {self.name}"


def meta(kind: Kind, body: Json) -> Json:
    """What an object says about itself, to be changed in place.

    Example:
        >>> meta(POLICY, {"policy": {"_meta": {"managed_by": "mllog"}}})
        {'managed_by': 'mllog'}
    """
    holder = body["policy"] if kind is POLICY else body
    found: Json = holder.setdefault("metadata" if kind is ROLE else "_meta", {})
    return found


def normal(kind: Kind, body: Json) -> Json:
    """The same object in one form, whichever defaults and types a cluster gave back.

    Example:
        >>> normal(TEMPLATE, {"template": {"settings": {"index": {"mapping": {"total_fields": {"limit": 1000}}}}}})
        {'template': {'settings': {'index.mapping.total_fields.limit': '1000'}}}
    """
    found: Json = orjson.loads(orjson.dumps(body))
    if kind is POLICY:
        for phase in found["policy"].get("phases", {}).values():
            deletion = phase.get("actions", {}).get("delete")
            if deletion is not None and deletion.get("delete_searchable_snapshot") is True:
                del deletion["delete_searchable_snapshot"]
        return found
    for added in [name for name in found if name.startswith(("created_date", "modified_date"))]:
        del found[added]
    if kind in (COMPONENT, TEMPLATE):
        template = found.get("template", {})
        if "settings" in template:
            template["settings"] = dict(flat_settings(template["settings"]))
        if "data_stream" in found:
            found["data_stream"] = {name: value for name, value in found["data_stream"].items() if value}
        for name in ("composed_of", "ignore_missing_component_templates"):
            if found.get(name) == []:
                del found[name]
    if kind is ROLE:
        for name in ("applications", "run_as"):
            if found.get(name) == []:
                del found[name]
        if found.get("transient_metadata") == {"enabled": True}:
            del found["transient_metadata"]
        for grant in found.get("indices", []):
            if grant.get("allow_restricted_indices") is False:
                del grant["allow_restricted_indices"]
    return found


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Settings by their full names, as texts; a cluster takes them nested, dotted, with and without `index`.

    Example:
        >>> dict(flat_settings({"index": {"codec": "default"}, "mapping.ignore_malformed": True}))
        {'index.codec': 'default', 'index.mapping.ignore_malformed': 'true'}
    """
    for name, value in sorted(settings.items()):
        full = f"{prefix}.{name}" if prefix else name
        if isinstance(value, Mapping):
            yield from flat_settings(value, full)
        else:
            named = full if full.startswith("index.") else f"index.{full}"
            yield named, str(value).lower() if isinstance(value, bool) else str(value)


def digest(kind: Kind, body: Json) -> str:
    """Digest of an object without the digest that it carries: one that was changed by hand does not fit its own."""
    found = normal(kind, body)
    meta(kind, found).pop("digest", None)
    return hashlib.sha256(orjson.dumps(found, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def stamped(kind: Kind, body: Json) -> Json:
    """A copy that carries its own digest."""
    found: Json = orjson.loads(orjson.dumps(body))
    meta(kind, found)["digest"] = digest(kind, found)
    return found


def is_ours(kind: Kind, body: Json) -> bool:
    """Whether mllog made an object."""
    return bool(meta(kind, normal(kind, body)).get("managed_by") == MANAGED_BY)


def is_untouched(kind: Kind, body: Json) -> bool:
    """Whether an object is unchanged since mllog created it."""
    return bool(meta(kind, normal(kind, body)).get("digest") == digest(kind, body))


def files(kind: Kind, folder: Path | None = None) -> list[Item]:
    """The objects of a kind that lie in elastic/.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    found = []
    for path in sorted(((folder or resource("elastic")) / kind.folder).glob("*.json")):
        try:
            found.append(Item(kind, path.stem, orjson.loads(path.read_bytes())))
        except (OSError, orjson.JSONDecodeError) as error:
            raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    return found


def stamp(folder: Path) -> list[Path]:
    """Write the digests into the files of elastic/ after they were changed; the files that were.

    `python -m mllog.install elastic` does.
    """
    changed = []
    for kind in ORDER:
        for item in files(kind, folder):
            body = stamped(kind, item.body)
            if body != item.body:
                path = folder / kind.folder / f"{item.name}.json"
                path.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
                changed.append(path)
    return changed
