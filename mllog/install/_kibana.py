"""Saved objects and rules in Kibana, through its HTTP API."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from mllog._resources import resource
from mllog.cluster._kibana import Kibana
from mllog.errors import ClusterError, ConfigurationError
from mllog.event._names import slug
from mllog.profile import Profile

_MARK: Final = "mllog-installed"
_FIXED: Final = ("rule_type_id", "consumer")
"""Of a rule what cannot be changed once it is there."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Bundle:
    """Saved objects that are imported together.

    Attributes:
        name: slug of the model.
        content: NDJSON.
    """

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    @property
    def mark(self) -> Json:
        """A tag that says which content was imported: Kibana rewrites the objects themselves on import."""
        return {
            "type": "tag",
            "id": f"{_MARK}-{self.name}",
            "attributes": {
                "name": f"mllog: {self.name}",
                "description": f"installed {self.digest}",
                "color": "#1f6feb",
            },
            "references": [],
            "coreMigrationVersion": "8.8.0",
            "typeMigrationVersion": "8.0.0",
        }


@dataclass(frozen=True)
class Rule:
    """A rule of Kibana's alerting."""

    name: str
    body: Json

    @property
    def id(self) -> str:
        """The same for the same name."""
        return str(uuid5(NAMESPACE_URL, f"mllog/rules/{self.name}"))


@dataclass(frozen=True)
class KibanaPlan:
    """What setup would do in Kibana."""

    bundles: tuple[Bundle, ...]
    new_rules: tuple[Rule, ...]
    changed_rules: tuple[Rule, ...]

    @property
    def lines(self) -> list[str]:
        """A line for each change."""
        return [
            *(f"import saved objects {bundle.name}" for bundle in self.bundles),
            *(f"create rule {rule.name}" for rule in self.new_rules),
            *(f"update rule {rule.name}" for rule in self.changed_rules),
        ]


def bundles_of(profiles: Sequence[Profile]) -> list[Bundle]:
    """Saved objects of the profiles, else those of kibana/saved_objects.

    Raises:
        MissingExtraError: a profile is given, and the extra `kibana` is not installed.
    """
    if not profiles:
        folder = resource("kibana") / "saved_objects"
        return [Bundle(path.stem, path.read_bytes()) for path in sorted(folder.glob("*.ndjson"))]
    from mllog.dashboards import kibana  # noqa: PLC0415 - an extra

    return [Bundle(slug(profile.name), kibana.compile(profile)) for profile in profiles]


def rules_of(profiles: Sequence[Profile], folder: Path | None = None) -> list[Rule]:
    """Rules of the profiles and those of no model, else those of kibana/rules: bodies of Kibana's own API.

    Args:
        profiles: whose conditions they are.
        folder: where they lie without a profile; default: kibana/rules.

    Raises:
        ConfigurationError: a file is none.
    """
    if profiles:
        from mllog.watches import _catalogue as watches  # noqa: PLC0415 - it takes a while

        scopes = [watches.scope_of(profile) for profile in (None, *profiles)]
        return [Rule(name, body) for scope in scopes for name, body in watches.rules_of(scope).items()]
    found = []
    for path in sorted((folder or resource("kibana") / "rules").glob("*.json")):
        try:
            found.append(Rule(path.stem, orjson.loads(path.read_bytes())))
        except (OSError, orjson.JSONDecodeError) as error:
            raise ConfigurationError(f"{path}: not a rule: {error}") from error
    return found


def plan_kibana(kibana: Kibana, bundles: Sequence[Bundle], rules: Sequence[Rule]) -> KibanaPlan:
    """Compare Kibana with what should be there; nothing is changed.

    Raises:
        ClusterError: Kibana refuses to answer.
    """
    stale = [bundle for bundle in bundles if _installed(kibana, bundle) != bundle.mark["attributes"]["description"]]
    new, changed = [], []
    for rule in rules:
        present = kibana.request("GET", f"api/alerting/rule/{rule.id}", missing={})
        if not present:
            new.append(rule)
        elif any(not _holds(present.get(key), value) for key, value in rule.body.items() if key != "enabled"):
            changed.append(rule)
    return KibanaPlan(tuple(stale), tuple(new), tuple(changed))


def _installed(kibana: Kibana, bundle: Bundle) -> str:
    found = kibana.request("GET", f"api/saved_objects/tag/{bundle.mark['id']}", missing={})
    return str(found.get("attributes", {}).get("description", ""))


def _holds(present: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; Kibana adds defaults of its own."""
    if isinstance(present, dict) and isinstance(wanted, dict):
        return all(_holds(present.get(key), value) for key, value in wanted.items())
    if isinstance(present, list) and isinstance(wanted, list):
        return len(present) == len(wanted) and all(map(_holds, present, wanted))
    return bool(present == wanted)


def apply_kibana(kibana: Kibana, planned: KibanaPlan) -> Iterator[str]:
    """Carry a plan out; a line for each thing that was done.

    Raises:
        ClusterError: Kibana refuses, or imports only a part.
    """
    for bundle in planned.bundles:
        content = bundle.content.rstrip(b"\n") + b"\n" + orjson.dumps(bundle.mark) + b"\n"
        response = kibana.upload("api/saved_objects/_import", f"{bundle.name}.ndjson", content, overwrite="true")
        if not response.get("success"):
            wrong = [
                f"{one.get('type')} {one.get('id')}: {one.get('error', {}).get('type')}" for one in response["errors"]
            ]
            raise ClusterError(f"{kibana.target.url}: saved objects {bundle.name}: not imported: {'; '.join(wrong)}")
        yield f"imported saved objects {bundle.name}"
    for rule in planned.new_rules:
        kibana.request("POST", f"api/alerting/rule/{rule.id}", rule.body)
        yield f"created rule {rule.name}"
    for rule in planned.changed_rules:
        body = {key: value for key, value in rule.body.items() if key not in (*_FIXED, "enabled")}
        kibana.request("PUT", f"api/alerting/rule/{rule.id}", body)
        yield f"updated rule {rule.name}"


def remove_kibana(kibana: Kibana, bundles: Sequence[Bundle], rules: Sequence[Rule]) -> Iterator[str]:
    """Remove the saved objects of bundles that setup imported, and its rules; a line for each.

    Raises:
        ClusterError: Kibana refuses.
    """
    for bundle in bundles:
        if not _installed(kibana, bundle):
            continue
        objects = [orjson.loads(line) for line in bundle.content.splitlines() if line.strip()]
        # The common tag stays: other dashboards may carry it.
        ours = [one for one in objects if "type" in one and one["type"] != "tag"]
        for one in [*ours, bundle.mark]:
            kibana.request("DELETE", f"api/saved_objects/{one['type']}/{one['id']}", missing={}, force="true")
        yield f"removed saved objects {bundle.name}"
    for rule in rules:
        if kibana.request("GET", f"api/alerting/rule/{rule.id}", missing={}):
            kibana.request("DELETE", f"api/alerting/rule/{rule.id}", missing={})
            yield f"removed rule {rule.name}"
