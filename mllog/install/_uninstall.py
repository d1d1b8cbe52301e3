"""Removes what setup made, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mllog.cluster._elasticsearch import Cluster
from mllog.errors import ClusterError
from mllog.install._keys import our_keys
from mllog.install._objects import ORDER, ROLE, Item, Kind, files, is_ours
from mllog.install._plan import STREAMS, installed_objects


@dataclass(frozen=True)
class Removal:
    """What would go, and what stays.

    Attributes:
        items: objects, in the order in which they go.
        keys: names of API keys by id.
        streams: data streams, with all their events.
        kept: why something stays; a line each.
    """

    items: tuple[Item, ...]
    keys: dict[str, str]
    streams: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """A line for each thing that would go."""
        return [
            *(f"data stream {name} and all its events" for name in self.streams),
            *(f"API key {name}" for name in self.keys.values()),
            *(item.title for item in self.items),
        ]


def removal(cluster: Cluster, *, with_data: bool) -> Removal:
    """What an uninstallation would remove.

    Args:
        cluster: to look at.
        with_data: the data streams go too. Without it, what they need to be written and to age stays with them.

    Raises:
        ClusterError: the cluster refuses to answer.
    """
    names = [
        one["name"] for one in cluster.request("GET", f"_data_stream/{STREAMS}", missing={}).get("data_streams", ())
    ]
    kept: list[str] = []
    kinds: tuple[Kind, ...] = tuple(reversed(ORDER))
    if names and not with_data:
        kinds = (ROLE,)
        kept.append(
            f"{len(names)} data streams stay ({', '.join(names[:3])}{', …' if len(names) > 3 else ''}), and with them "
            "the templates, policies and the pipeline that they need; --with-data removes them all"
        )
    items: list[Item] = []
    keys: dict[str, str] = {}
    for kind in kinds:
        try:
            role_names = ",".join(item.name for item in files(ROLE)) if kind is ROLE else None
            items += [
                Item(kind, name, body)
                for name, body in sorted(installed_objects(cluster, kind, role_names).items())
                if is_ours(kind, body)
            ]
            if kind is ROLE:
                keys = our_keys(cluster)
        except ClusterError as error:
            if kind is not ROLE or error.status not in (400, 405):
                raise
            kept.append("security is off in this cluster, so there are no roles and keys")
    return Removal(tuple(items), keys, tuple(names if with_data else ()), tuple(kept))


def remove(cluster: Cluster, planned: Removal) -> Iterator[str]:
    """Carry a removal out; a line for each thing that went.

    Raises:
        ClusterError: the cluster refuses.
    """
    for name in planned.streams:
        cluster.request("DELETE", f"_data_stream/{name}", missing={})
        yield f"removed data stream {name}"
    if planned.keys:
        cluster.request("DELETE", "_security/api_key", {"ids": list(planned.keys)})
        yield from (f"invalidated API key {name}" for name in planned.keys.values())
    for item in planned.items:
        cluster.request("DELETE", f"{item.kind.path}/{item.name}", missing={})
        yield f"removed {item.title}"
