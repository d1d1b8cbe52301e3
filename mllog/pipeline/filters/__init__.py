"""The filters of the embedded subset: one module each, with the schema of its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mllog.pipeline._config import Plugin
from mllog.pipeline._settings import Schema
from mllog.pipeline.filters import (
    cidr,
    clone,
    date,
    de_dot,
    dissect,
    drop,
    fingerprint,
    grok,
    json,
    json_encode,
    kv,
    mutate,
    prune,
    split,
    syslog_pri,
    translate,
    truncate,
    urldecode,
    uuid,
)
from mllog.pipeline.filters._common import Filter, Spread

FILTERS: Final[dict[str, tuple[Schema, Callable[[Plugin], Filter | Spread]]]] = {
    "cidr": (cidr.SCHEMA, cidr.build),
    "clone": (clone.SCHEMA, clone.build),
    "date": (date.SCHEMA, date.build),
    "de_dot": (de_dot.SCHEMA, de_dot.build),
    "dissect": (dissect.SCHEMA, dissect.build),
    "drop": (drop.SCHEMA, drop.build),
    "fingerprint": (fingerprint.SCHEMA, fingerprint.build),
    "grok": (grok.SCHEMA, grok.build),
    "json": (json.SCHEMA, json.build),
    "json_encode": (json_encode.SCHEMA, json_encode.build),
    "kv": (kv.SCHEMA, kv.build),
    "mutate": (mutate.SCHEMA, mutate.build),
    "prune": (prune.SCHEMA, prune.build),
    "split": (split.SCHEMA, split.build),
    "syslog_pri": (syslog_pri.SCHEMA, syslog_pri.build),
    "translate": (translate.SCHEMA, translate.build),
    "truncate": (truncate.SCHEMA, truncate.build),
    "urldecode": (urldecode.SCHEMA, urldecode.build),
    "uuid": (uuid.SCHEMA, uuid.build),
}
"""By name: the settings that the plugin takes, and what builds its function."""

OUTSIDE: Final = frozenset(
    {
        "aggregate", "anonymize", "bytes", "cipher", "csv", "dns", "elapsed",
        "elasticsearch", "environment", "extractnumbers", "geoip", "http", "i18n", "jdbc_static",
        "jdbc_streaming", "memcached", "metricize", "metrics", "range", "ruby", "sleep",
        "threats_classifier", "throttle", "tld", "useragent", "xml",
    }
)  # fmt: skip
"""Filters that Logstash has and the embedded runner refuses."""

ADVICE: Final = {
    "geoip": "look the address up in an ingest pipeline of Elasticsearch (its geoip processor), or in the service",
    "ruby": "write the step with mutate, translate or kv, or compute the field in the service",
    "useragent": "parse it in an ingest pipeline of Elasticsearch (its user_agent processor)",
    "aggregate": "aggregate in the search, where all events are: a watch or a dashboard",
    "elasticsearch": "a filter must not depend on a search: join in the query, or log the field in the service",
    "xml": "send JSON, or keep the text",
}
"""What to do instead of what is refused."""
