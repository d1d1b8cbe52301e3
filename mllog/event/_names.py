r"""How a model's name becomes part of an index, a path or a link.

One check guards them all: a slug matches `\\A[a-z0-9][a-z0-9_.]{0,63}\\Z` and is not reserved.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

RESERVED: Final = frozenset({"dead_letter", "monitor", "alerts", "shipper", "canary", "log"})
"""Names of mllog's own data streams: a model of that name gets a digest as its suffix."""

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_.]{0,63}")
_DIGEST: Final = 8


def is_slug(text: str) -> bool:
    """Whether `text` may stand in an index name, a path or a link as it is.

    Example:
        >>> is_slug("flights_delay"), is_slug("../etc"), is_slug("monitor")
        (True, False, False)
    """
    return _SLUG.fullmatch(text) is not None and text not in RESERVED


def slug(name: str) -> str:
    """The slug of a model's or an environment's name; a digest tells apart what the change made alike.

    Example:
        >>> slug("flights_delay")
        'flights_delay'
        >>> slug("Flights Delay")
        'flights_delay_e8c50d11'
    """
    if is_slug(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    plain = re.sub(r"[^a-z0-9_.]", "_", name.lower()).lstrip("_.")[: 63 - _DIGEST] or "model"
    return f"{plain}_{digest}"


def data_stream(model: str, environment: str) -> str:
    """Name of the data stream of a model in an environment.

    Example:
        >>> data_stream("flights_delay", "demo")
        'logs-mllog.flights_delay-demo'
    """
    return f"logs-mllog.{slug(model)}-{slug(environment)}"
