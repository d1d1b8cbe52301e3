"""Counters and latencies of the models of a process, as Prometheus scrapes them.

python with_prometheus.py
"""

from __future__ import annotations

from prometheus_client import REGISTRY, generate_latest

import mllog
from mllog.integrations.prometheus import install


def main() -> None:
    """Count a prediction, and print what a scrape would see; a service calls `start_http_server`."""
    install()
    with mllog.model("late", "1.0").observe({"delay": 12.5}) as call:
        call.outputs = True
    print(generate_latest(REGISTRY).decode())


if __name__ == "__main__":
    main()
