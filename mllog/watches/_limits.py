"""`watches.toml`: what a team changes in the watches that are built from its profiles."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mllog.errors import ConfigurationError
from mllog.watches._watch import SEVERITIES

KINDS: Final = (
    *("invalid_inputs", "non_finite", "sensitive_data", "unexpected_inputs", "cardinality"),
    *("skew", "predictions", "drift"),
    *("versions", "service_versions", "errors", "latency", "throughput", "no_traffic"),
    *("stale_model", "stale_monitor", "quality", "shadow"),
    *("dropped", "dead_letters", "lag"),
)
"""The kinds of watches, as `watches.toml` names them."""

_KEYS: Final[Mapping[str, Any]] = {
    "limit": (int, float),
    "window": str,
    "interval": str,
    "throttle": str,
    "least": int,
    "severity": str,
    "enabled": bool,
    "age": str,
    "except": list,
    "known": list,
}


@dataclass(frozen=True)
class Limits:
    """What a `watches.toml` says, by kind of watch.

    Example:
        >>> limits = Limits({"errors": {"limit": 0.2}})
        >>> limits.of("errors", "limit", 0.05), limits.of("latency", "least", 100)
        (0.2, 100)
    """

    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, kind: str, key: str, default: Any) -> Any:
        """A setting of a kind of watch."""
        return self.tables.get(kind, {}).get(key, default)


def load_limits(path: str | Path) -> Limits:
    """Read a `watches.toml`.

    Raises:
        ConfigurationError: it cannot be read, or says something that no watch has.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None
    for kind, table in tables.items():
        if kind not in KINDS or not isinstance(table, dict):
            raise ConfigurationError(f"{path}: {kind}: no kind of watch; there are {', '.join(KINDS)}")
        for key, value in table.items():
            _check(f"{path}: {kind}.{key}", key, value)
    return Limits(tables)


def _check(where: str, key: str, value: Any) -> None:
    kind = _KEYS.get(key)
    if kind is None:
        raise ConfigurationError(f"{where}: unknown; there are {', '.join(_KEYS)}")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigurationError(f"{where}: {value!r} is of the wrong type")
    if key == "severity" and value not in SEVERITIES:
        raise ConfigurationError(f"{where}: {value!r} is none of {', '.join(SEVERITIES)}")
    # Elasticsearch's date math knows these units; a watch's interval knows no fractions.
    if key in ("window", "interval", "throttle", "age") and not re.fullmatch(r"[1-9]\d*[smhdw]", str(value)):
        raise ConfigurationError(f"{where}: {value!r} is no length of time; say it as 30m, 12h or 7d")
    if isinstance(value, (int, float)) and value < 0:
        raise ConfigurationError(f"{where}: {value!r} is below zero")
