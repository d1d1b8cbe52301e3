"""What setup would change in a cluster, as a diff; then the change itself, what others name coming first."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

import orjson

from mllog.cluster._elasticsearch import Cluster
from mllog.errors import ClusterError
from mllog.install._models import (
    BASE,
    PRIORITY,
    composed,
    model_policy,
    model_template,
    name_of,
    rollover_reasons,
)
from mllog.install._objects import (
    COMPONENT,
    ORDER,
    PIPELINE,
    POLICY,
    ROLE,
    TEMPLATE,
    Item,
    Json,
    Kind,
    files,
    is_ours,
    is_untouched,
    meta,
    normal,
    stamped,
)
from mllog.install._retention import EVENTS, KEPT, OWN, Outlook, Retention, outlook, policy
from mllog.profile import Profile

STREAMS: Final = "logs-mllog.*"
_OWN: Final = "logs-mllog-own"
_ABSENT: Final = object()
_DIGEST: Final = re.compile(r". (?:policy\._meta|_meta|metadata)\.digest: ")
"""It changes with everything else, and says nothing to people."""


class Reason(enum.Enum):
    """Why an object differs from what it should be."""

    ABSENT = "create"
    OUTDATED = "update"
    MODIFIED = "changed by hand"
    FOREIGN = "not made by mllog"


@dataclass(frozen=True)
class Change:
    """One object that is not as it should be.

    Attributes:
        item: as it should be.
        why: why it differs.
        diff: a line for each member that differs.
    """

    item: Item
    why: Reason
    diff: tuple[str, ...] = ()

    @property
    def needs_force(self) -> bool:
        """Whether the change would overwrite changes that mllog did not make."""
        return self.why in (Reason.MODIFIED, Reason.FOREIGN)


@dataclass(frozen=True)
class Rollover:
    """A data stream whose present index cannot take what its template now says."""

    stream: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What setup would do.

    Attributes:
        changes: in the order in which they are applied.
        rollovers: of data streams, after that.
        winners: foreign templates that take precedence over ours: a line each.
        outlooks: what the retention means, by policy.
        streams: the data streams that are there.
    """

    changes: tuple[Change, ...]
    rollovers: tuple[Rollover, ...]
    winners: tuple[str, ...]
    outlooks: Mapping[str, Outlook]
    streams: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Nothing is to be done."""
        return not self.changes and not self.rollovers


def installed_objects(cluster: Cluster, kind: Kind, names: str | None = None) -> dict[str, Json]:
    """The objects of a kind in a cluster by name: all that could be ours, or the named ones."""
    path = f"{kind.path}/{names or kind.names}"
    response = cluster.request("GET", path, missing={})
    if kind.member:
        return {one["name"]: one[kind.member] for one in response.get(f"{kind.member}s", ())}
    if kind is POLICY:
        return {name: {"policy": one["policy"]} for name, one in response.items()}
    return dict(response)


def plan(
    cluster: Cluster, *, retention: Retention = KEPT, profiles: Sequence[Profile] = (), roles: bool = False
) -> Plan:
    """Compare a cluster with what should be there; nothing is changed.

    Args:
        cluster: to look at.
        retention: what is not given stays as an earlier setup chose it.
        profiles: of models that get a template of their own.
        roles: whether roles belong to it.

    Raises:
        ClusterError: the cluster refuses to answer.
    """
    present_objects = {kind: installed_objects(cluster, kind) for kind in ORDER if kind is not ROLE}
    present_objects[ROLE] = (
        installed_objects(cluster, ROLE, ",".join(item.name for item in files(ROLE))) if roles else {}
    )
    wanted = list(_wanted(present_objects, retention, profiles, roles=roles))
    changes = [
        change for item in wanted if (change := compared(item, present_objects[item.kind].get(item.name))) is not None
    ]
    templates = {
        name: Item(TEMPLATE, name, body) for name, body in present_objects[TEMPLATE].items() if is_ours(TEMPLATE, body)
    }
    templates |= {item.name: item for item in wanted if item.kind is TEMPLATE}
    streams = {one["name"]: one["indices"][-1]["index_name"] for one in _data_streams(cluster)}
    others = [
        Item(TEMPLATE, one["name"], one["index_template"])
        for one in cluster.request("GET", "_index_template").get("index_templates", ())
        if not is_ours(TEMPLATE, one["index_template"])
    ]
    return Plan(
        changes=tuple(changes),
        rollovers=tuple(_rollovers(cluster, streams, [*templates.values(), *others])),
        winners=tuple(_winners(templates.values(), others, streams)),
        outlooks={item.name: outlook(meta(POLICY, item.body)["retention"]) for item in wanted if item.kind is POLICY},
        streams=tuple(streams),
    )


def _wanted(
    present_objects: Mapping[Kind, Mapping[str, Json]],
    retention: Retention,
    profiles: Sequence[Profile],
    *,
    roles: bool,
) -> Iterator[Item]:
    policies = {
        name: str(kept)
        for name, body in present_objects[POLICY].items()
        if is_ours(POLICY, body) and (kept := meta(POLICY, body).get("retention"))
    }
    policies[BASE] = retention.events or policies.get(BASE, EVENTS)
    policies[_OWN] = retention.own or policies.get(_OWN, OWN)
    policies |= {name_of(model): length for model, length in retention.models.items()}
    for name, length in sorted(policies.items()):
        if name in (BASE, _OWN):
            yield Item(POLICY, name, stamped(POLICY, policy(length)))
        else:
            yield model_policy(name.removeprefix(f"{BASE}."), length)
    yield from files(PIPELINE)
    yield from files(COMPONENT)
    yield from files(TEMPLATE)
    by_name = {name_of(profile.name): profile for profile in profiles}
    for name, profile in sorted(by_name.items()):
        yield model_template(profile.name, profile, own_policy=name in policies)
    for model in sorted(retention.models):
        if name_of(model) not in by_name:
            yield _with_policy(model, present_objects[TEMPLATE].get(name_of(model)))
    if roles:
        yield from files(ROLE)


def _with_policy(model: str, present: Json | None) -> Item:
    """A model's template with a policy of its own; the fields that an earlier setup knew stay."""
    if present is None or not is_untouched(TEMPLATE, present):
        return model_template(model, own_policy=True)
    body: Json = orjson.loads(orjson.dumps(present))
    body["template"]["settings"]["index"]["lifecycle"] = {"name": name_of(model)}
    return Item(TEMPLATE, name_of(model), stamped(TEMPLATE, normal(TEMPLATE, body)))


def compared(item: Item, present: Json | None) -> Change | None:
    """How an object of a cluster differs from what it should be; None where it does not."""
    if present is None:
        return Change(item, Reason.ABSENT)
    lines = tuple(diff(normal(item.kind, present), normal(item.kind, item.body)))
    shown = tuple(line for line in lines if not _DIGEST.match(line)) or lines
    if not lines:
        return None
    if not is_ours(item.kind, present):
        return Change(item, Reason.FOREIGN, shown)
    return Change(item, Reason.OUTDATED if is_untouched(item.kind, present) else Reason.MODIFIED, shown)


def diff(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """The members that differ, a line each: `+` new, `-` gone, `~` changed.

    Example:
        >>> list(diff({"a": {"b": 1}, "c": 2}, {"a": {"b": 2}, "d": 3}))
        ['~ a.b: 1 -> 2', '- c: 2', '+ d: 3']
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            yield from diff(one.get(name, _ABSENT), other.get(name, _ABSENT), f"{path}.{name}" if path else name)
    elif one is _ABSENT:
        yield f"+ {path}: {_formatted(other)}"
    elif other is _ABSENT:
        yield f"- {path}: {_formatted(one)}"
    elif one != other:
        yield f"~ {path}: {_formatted(one)} -> {_formatted(other)}"


def _formatted(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 200 else f"{text[:197]}…"


def _data_streams(cluster: Cluster) -> list[Json]:
    return list(cluster.request("GET", f"_data_stream/{STREAMS}", missing={}).get("data_streams", ()))


def _rollovers(cluster: Cluster, streams: Mapping[str, str], templates: Sequence[Item]) -> Iterator[Rollover]:
    bodies = {item.name: item.body for item in files(COMPONENT)}
    for stream, write_index in streams.items():
        winner = _winning(stream, templates)
        if winner is None or not is_ours(TEMPLATE, winner.body):
            continue  # a new index would be theirs again
        (index,) = cluster.request("GET", write_index).values()
        reasons = rollover_reasons(index, composed(winner, bodies))
        if reasons:
            yield Rollover(stream, tuple(reasons))


def _winning(stream: str, templates: Iterable[Item]) -> Item | None:
    matching = [
        item for item in templates if any(fnmatchcase(stream, one) for one in item.body.get("index_patterns", ()))
    ]
    return max(matching, key=lambda item: int(item.body.get("priority", 0)), default=None)


def _winners(ours: Iterable[Item], others: Iterable[Item], streams: Iterable[str]) -> Iterator[str]:
    """Templates of others that would be taken instead of ours, for streams that are there or may come."""
    ours = list(ours)
    names = {*streams, *(one.replace("*", "x") for item in ours for one in item.body["index_patterns"])}
    for other in others:
        beaten = sorted(stream for stream in names if _winning(stream, [*ours, other]) is other)
        if beaten:
            yield (
                f"the index template {other.name} (priority {other.body.get('priority', 0)}) wins over mllog's for "
                f"{beaten[0]}{' and others' if len(beaten) > 1 else ''}; lower its priority below {PRIORITY - 1}, "
                f"or keep its patterns {', '.join(other.body['index_patterns'])} off {STREAMS}"
            )


def apply(cluster: Cluster, planned: Plan, *, force: bool = False) -> Iterator[str]:
    """Carry a plan out; a line for each thing that was done.

    Raises:
        ClusterError: something was changed by hand and `force` is not given: nothing is done; or the cluster refuses.
    """
    refused = [change for change in planned.changes if change.needs_force]
    if refused and not force:
        what = ", ".join(f"{change.item.title} ({change.why.value})" for change in refused)
        raise ClusterError(
            f"nothing was changed, since this would be overwritten: {what}; --dry-run shows it, --force overwrites it"
        )
    for change in planned.changes:
        item = change.item
        cluster.request("PUT", f"{item.kind.path}/{item.name}", item.body)
        yield f"{'created' if change.why is Reason.ABSENT else 'updated'} {item.title}"
    for rollover in planned.rollovers:
        cluster.request("POST", f"{rollover.stream}/_rollover")
        yield f"rolled over {rollover.stream}"
