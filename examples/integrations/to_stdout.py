"""Plain NDJSON on standard output, for a container whose output is collected: records and predictions alike.

python to_stdout.py | jq .message
"""

from __future__ import annotations

import logging

import mllog


def main() -> None:
    """Log a record and a prediction."""
    mllog.configure(service="shop", sink="stdout")
    logging.basicConfig(level=logging.INFO, handlers=[mllog.RecordHandler()])
    logging.getLogger("shop").info("asking")
    mllog.model("late", "1.0").prediction({"delay": 12.5, "carrier": "UA"}, {"late": True})


if __name__ == "__main__":
    main()
