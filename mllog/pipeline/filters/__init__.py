"""The filters of the embedded subset: one module each, with the schema of its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mllog.pipeline._config import Plugin
from mllog.pipeline._settings import Schema
from mllog.pipeline.filters import (
    clone,
    date,
    de_dot,
    dissect,
    drop,
    fingerprint,
    grok,
    json,
    kv,
    mutate,
    prune,
    split,
    translate,
    truncate,
    urldecode,
    uuid,
)
from mllog.pipeline.filters._common import Filter, Spread

FILTERS: Final[dict[str, tuple[Schema, Callable[[Plugin], Filter | Spread]]]] = {
    "clone": (clone.SCHEMA, clone.build),
    "date": (date.SCHEMA, date.build),
    "de_dot": (de_dot.SCHEMA, de_dot.build),
    "dissect": (dissect.SCHEMA, dissect.build),
    "drop": (drop.SCHEMA, drop.build),
    "fingerprint": (fingerprint.SCHEMA, fingerprint.build),
    "grok": (grok.SCHEMA, grok.build),
    "json": (json.SCHEMA, json.build),
    "kv": (kv.SCHEMA, kv.build),
    "mutate": (mutate.SCHEMA, mutate.build),
    "prune": (prune.SCHEMA, prune.build),
    "split": (split.SCHEMA, split.build),
    "translate": (translate.SCHEMA, translate.build),
    "truncate": (truncate.SCHEMA, truncate.build),
    "urldecode": (urldecode.SCHEMA, urldecode.build),
    "uuid": (uuid.SCHEMA, uuid.build),
}
"""By name: the settings that the plugin takes, and what builds its function."""

OUTSIDE: Final = frozenset(
    {
        "aggregate", "anonymize", "bytes", "cidr", "cipher", "csv", "dns", "elapsed",
        "elasticsearch", "environment", "extractnumbers", "geoip", "http", "i18n", "jdbc_static",
        "jdbc_streaming", "json_encode", "memcached", "metricize", "metrics", "range", "ruby", "sleep",
        "syslog_pri", "threats_classifier", "throttle", "tld", "useragent", "xml",
    }
)  # fmt: skip
"""Filters that Logstash has and the embedded runner refuses."""
