"""The filters of the embedded subset: one module each, with the schema of its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mllog.pipeline._config import Plugin
from mllog.pipeline._settings import Schema
from mllog.pipeline.filters import date, drop, fingerprint, json, mutate, prune, truncate
from mllog.pipeline.filters._common import Filter

FILTERS: Final[dict[str, tuple[Schema, Callable[[Plugin], Filter]]]] = {
    "date": (date.SCHEMA, date.build),
    "drop": (drop.SCHEMA, drop.build),
    "fingerprint": (fingerprint.SCHEMA, fingerprint.build),
    "json": (json.SCHEMA, json.build),
    "mutate": (mutate.SCHEMA, mutate.build),
    "prune": (prune.SCHEMA, prune.build),
    "truncate": (truncate.SCHEMA, truncate.build),
}
"""By name: the settings that the plugin takes, and what builds its function."""

OUTSIDE: Final = frozenset(
    {
        "aggregate", "anonymize", "bytes", "cidr", "cipher", "clone", "csv", "de_dot", "dissect", "dns", "elapsed",
        "elasticsearch", "environment", "extractnumbers", "geoip", "grok", "http", "i18n", "jdbc_static",
        "jdbc_streaming", "json_encode", "kv", "memcached", "metricize", "metrics", "range", "ruby", "sleep", "split",
        "syslog_pri", "threats_classifier", "throttle", "tld", "translate", "urldecode", "useragent", "uuid", "xml",
    }
)  # fmt: skip
"""Filters that Logstash has and the embedded runner refuses."""
