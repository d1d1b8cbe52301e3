"""How long events are kept: lifecycle policies, the greatest age that follows, and the number of shards."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mllog._durations import seconds
from mllog.errors import ConfigurationError
from mllog.event._names import RESERVED, slug

EVENTS: Final = "28d"
OWN: Final = "400d"
"""Of what mllog says itself: results of the monitor, alerts, counts of shippers."""

_SHORTEST_HOURS: Final = 24
_WARM_HOURS: Final = 24
_SHARD: Final = "50gb"


@dataclass(frozen=True)
class Retention:
    """How long events stay after their index was rolled over.

    Attributes:
        events: of every model that has none of its own.
        own: of the monitor's results, alerts and counts of shippers.
        models: by slug of the model.
    """

    events: str | None = None
    own: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)


KEPT: Final = Retention()
"""What an earlier setup chose, else the defaults."""


def parse(texts: Sequence[str]) -> Retention:
    """Read `28d`, `own=400d` and `MODEL=90d`.

    Raises:
        ConfigurationError: one of them is no length of time, or is named twice.

    Example:
        >>> parse(["30d", "late=90d"])
        Retention(events='30d', own=None, models={'late': '90d'})
    """
    found: dict[str, str] = {}
    for text in texts:
        name, _, length = text.rpartition("=")
        if name in found:
            raise ConfigurationError(f"--retention {text}: {name or 'the default'} is given twice")
        if name in RESERVED:
            raise ConfigurationError(
                f"--retention {text}: {name} is not a model; `own={length}` is for mllog's own streams"
            )
        hours(length)
        found[name] = length
    events, own = found.pop("", None), found.pop("own", None)
    return Retention(events, own, {slug(name): length for name, length in found.items()})


def hours(length: str) -> int:
    """Hours of a retention.

    Raises:
        ConfigurationError: it is none, or too short to be rolled over in quarters.

    Example:
        >>> hours("28d"), hours("36h")
        (672, 36)
    """
    if not re.fullmatch(r"\d{1,6}[dh]", length):
        raise ConfigurationError(f"--retention {length}: not a retention; write 28d, 36h, own=400d or MODEL=90d")
    found = int(seconds(length)) // 3600
    if found < _SHORTEST_HOURS:
        raise ConfigurationError(f"--retention {length}: too short; the shortest retention is one day, 1d")
    return found


def length_of(hours: int) -> str:
    """Hours as Elasticsearch writes them.

    Example:
        >>> length_of(168), length_of(180)
        ('7d', '180h')
    """
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def policy(retention: str) -> dict[str, Any]:
    """The lifecycle policy: rolled over at 50 GB or a quarter of the retention, force-merged, deleted.

    Example:
        >>> policy("30d")["policy"]["phases"]["hot"]["actions"]["rollover"]
        {'max_age': '180h', 'max_primary_shard_size': '50gb'}
    """
    whole = hours(retention)
    quarter = whole // 4
    return {
        "policy": {
            "_meta": {
                "managed_by": "mllog",
                "description": f"{retention}; rolled over at a quarter of that, or at 50 GB.",
                "retention": retention,
            },
            "phases": {
                "hot": {
                    "min_age": "0ms",
                    "actions": {
                        "set_priority": {"priority": 100},
                        "rollover": {"max_age": length_of(quarter), "max_primary_shard_size": _SHARD},
                    },
                },
                "warm": {
                    "min_age": length_of(min(_WARM_HOURS, quarter)),
                    "actions": {"set_priority": {"priority": 50}, "forcemerge": {"max_num_segments": 1}},
                },
                "delete": {"min_age": retention, "actions": {"delete": {}}},
            },
        }
    }


@dataclass(frozen=True)
class Outlook:
    """What a retention means for one data stream.

    Attributes:
        retention: as it was chosen; every event is kept at least that long.
        oldest: age of the oldest event at the moment that its index is deleted.
        shards: primaries at most, as long as no quarter holds more than 50 GB; each further 50 GB is one more.
    """

    retention: str
    oldest: str
    shards: int


def outlook(retention: str) -> Outlook:
    """The greatest age of an event and the number of primary shards of a data stream.

    An index takes events for a quarter of the retention and is deleted one retention after its rollover.

    Example:
        >>> outlook("28d")
        Outlook(retention='28d', oldest='35d', shards=5)
    """
    whole = hours(retention)
    quarter = whole // 4
    return Outlook(retention, f"{(whole + quarter) / 24:g}d", math.ceil(whole / quarter) + 1)
