"""Kept events are sent once more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import orjson

from mllog.errors import SpoolError
from mllog.shipping._shipper import DeadlineError, Shipper
from mllog.spool._tombstones import Tombstones


def replay(
    shipper: Shipper,
    lines: Iterable[bytes],
    *,
    since: dt.datetime | None = None,
    model: str | None = None,
    patience: float | None = None,
) -> int:
    """Deliver kept events once more; the store keeps each once, by its id.

    Args:
        shipper: delivers them.
        lines: events, as `mllog.spool.events` gives them.
        since: earlier events are skipped.
        model: only events of this model.
        patience: seconds without progress after which it stops; default: none, it waits as long as it takes.

    Returns:
        The number of events sent; erased events are skipped.

    Raises:
        SpoolError: the list of erased events cannot be read, or `patience` is over.
    """
    Tombstones(shipper.folder).digests()
    before = shipper.status.delivered + shipper.status.quarantined
    try:
        shipper.deliver_all(_selected(lines, since, model), patience)
    except DeadlineError:
        sent = shipper.status.delivered + shipper.status.quarantined - before
        raise SpoolError(
            f"{shipper.folder}: only {sent} events were sent: {shipper.status.problem}; repeat the replay, "
            "the store keeps each event once"
        ) from None
    return shipper.status.delivered + shipper.status.quarantined - before


def _selected(lines: Iterable[bytes], since: dt.datetime | None, model: str | None) -> Iterator[bytes]:
    for line in lines:
        if since is not None or model is not None:
            try:
                event = orjson.loads(line)
                moment, name = dt.datetime.fromisoformat(event["@timestamp"]), event["mllog"]["model"]["name"]
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                continue
            if (since is not None and moment < since) or (model is not None and name != model):
                continue
        yield line
