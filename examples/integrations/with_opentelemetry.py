"""Predictions and records with the ids of the OpenTelemetry span that they were made in.

python with_opentelemetry.py SPOOL && mllog spool cat SPOOL
"""

from __future__ import annotations

import logging
import sys

from opentelemetry.sdk.trace import TracerProvider

import mllog
from mllog.integrations.opentelemetry import install


def main() -> None:
    """Log a record and a prediction inside one span."""
    mllog.configure(service="shop", spool=sys.argv[1])
    logging.basicConfig(level=logging.INFO, handlers=[mllog.RecordHandler()])
    install()
    late = mllog.model("late", "1.0")
    with TracerProvider().get_tracer("shop").start_as_current_span("ask"):
        logging.getLogger("shop").info("asking")
        late.prediction({"delay": 12.5, "carrier": "UA"}, {"late": True})


if __name__ == "__main__":
    main()
