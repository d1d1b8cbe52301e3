"""What the licence of a cluster does not allow, and what mllog does instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mllog.cluster._elasticsearch import Cluster
from mllog.errors import ClusterError


def limits(cluster: Cluster) -> list[str]:
    """A line for each thing that the licence does not allow; empty where everything is."""
    try:
        response = cluster.request("GET", "_license", missing={})
    except ClusterError as error:
        return [f"the licence could not be read ({error})"]
    return limits_of(response.get("license", {}))


def limits_of(licence: Mapping[str, Any]) -> list[str]:
    """The same, of the answer of `GET _license`.

    Example:
        >>> limits_of({"type": "platinum", "status": "active"})
        []
        >>> limits_of({"type": "basic", "status": "active"})[0]
        'licence basic: no Watcher; `mllog alerts run` evaluates the same watches'
    """
    kind, status = licence.get("type"), licence.get("status")
    if kind is None:
        return ["no licence is known here; Watcher and synthetic source may be missing"]
    lines = []
    if status != "active":
        lines.append(f"licence {kind}: it is {status}; what needs it has stopped")
    if kind == "basic" or status != "active":
        lines.append(f"licence {kind}: no Watcher; `mllog alerts run` evaluates the same watches")
        lines.append(
            f"licence {kind}: no synthetic source; events are kept with stored source, which any licence allows"
        )
        lines.append(
            f"licence {kind}: Kibana's rules act by index and server log only; `mllog alerts run` has webhooks"
        )
    elif kind == "trial":
        ends = str(licence.get("expiry_date", "soon"))[:10]
        lines.append(f"licence trial: it ends {ends}, and Watcher with it; `mllog alerts run` goes on")
    elif kind in ("standard", "gold"):
        lines.append(f"licence {kind}: no synthetic source; events are kept with stored source")
    return lines
