"""What a run of the demo achieved: stored and lost events, redactions, invalid inputs; and the report for people."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from mllog import watches
from mllog.profile import Profile
from mllog.server._app import Chain

_STORE_SECONDS: Final = 120.0
_BATCH: Final = 1000


def wait_stored(chain: Chain, index: str, expected: int, update: Callable[[int], None]) -> int:
    """Wait until the store holds the emitted events, or has not grown for two minutes; how many it holds."""
    stored, moved = -1, time.monotonic()
    while stored < expected and time.monotonic() - moved < _STORE_SECONDS:
        now = chain.store.count(index=index)
        if now != stored:
            stored, moved = now, time.monotonic()
            update(stored)
        else:
            time.sleep(0.1)
    return stored


def lost(chain: Chain, index: str, ids: list[str]) -> int:
    """How many of these predictions are not in the store."""
    stored = 0
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        stored += chain.store.count({"terms": {"mllog.prediction.id": batch}}, index=index)
    return len(ids) - stored


def totals(chain: Chain, index: str, profile: Profile) -> dict[str, Any]:
    """Redactions by kind, and invalid inputs by kind and feature."""
    reasons = watches.reasons(profile)
    aggregations = {
        **reasons,
        "invalid": {"sum": {"field": "mllog.quality.invalid"}},
        "kinds": {"terms": {"field": "mllog.redaction.kinds", "size": 50}},
    }
    results = chain.store.search({"size": 0, "aggs": aggregations}, index=index)["aggregations"]
    kinds = {bucket["key"]: bucket["doc_count"] for bucket in results["kinds"]["buckets"]}
    features = {kind: {bucket["key"]: bucket["doc_count"] for bucket in results[kind]["buckets"]} for kind in reasons}
    return {
        "redacted": kinds,
        "invalid": int(results["invalid"]["value"] or 0),
        "invalid_features": {kind: counts for kind, counts in features.items() if counts},
    }


def report(console: Console, result: dict[str, Any], folder: Path) -> None:
    """Print the result for people."""
    kinds = ", ".join(f"{count} x {kind}" for kind, count in result["redacted"].items()) or "nothing"
    console.print(
        f"\n[bold]{result['emitted']:,}[/] predictions were logged and [bold]{result['stored']:,}[/] are stored "
        f"({result['lost']} lost, {result['dropped']} dropped), {result['events_per_second']:,.0f} a second."
    )
    console.print(f"Redacted before storage: {kinds}.")
    invalid = ", ".join(
        f"{feature} {kind} ({count:,})"
        for kind, features in result["invalid_features"].items()
        for feature, count in features.items()
    )
    console.print(
        f"Inputs that training did not show: {result['invalid']:,} of {result['stored']:,}: {invalid or 'none'}.",
        highlight=False,
    )
    for alert in result["alerts"]:
        console.print(f"[bold]{alert['severity']}[/]: {alert['text']}", markup=True, highlight=False)
    console.print(f"Everything is in {folder}.", highlight=False)
