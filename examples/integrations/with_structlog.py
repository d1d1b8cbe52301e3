"""structlog and mllog in one spool, with the same labels.

python with_structlog.py SPOOL && mllog spool cat SPOOL
"""

from __future__ import annotations

import sys

import structlog

import mllog
from mllog.integrations.structlog import configure


def main() -> None:
    """Log a record and a prediction that belong together."""
    mllog.configure(service="shop", spool=sys.argv[1])
    configure()  # structlog writes into mllog's sink; what it binds is on the predictions too
    log = structlog.get_logger("shop")
    late = mllog.model("late", "1.0")
    with structlog.contextvars.bound_contextvars(tenant="blue"):
        log.info("asking", flight="UA 1545")
        late.prediction({"delay": 12.5, "carrier": "UA"}, {"late": True})


if __name__ == "__main__":
    main()
