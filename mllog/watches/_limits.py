"""`watches.toml`: what a team changes in the watches that are built from its profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from mllog._decode import Duration, Text, load_toml
from mllog.watches._format import Severity

_Count = Annotated[int, Meta(ge=0)]
_Limit = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]


class _Kind(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The keys that the watches of every kind read."""

    enabled: bool = True
    severity: Severity | None = None
    window: Duration | None = None
    interval: Duration | None = None
    throttle: Duration | None = None


class _Limited(_Kind, frozen=True, kw_only=True):
    """A kind with a threshold."""

    limit: _Limit | None = None


class _Counted(_Limited, frozen=True, kw_only=True):
    """A kind that needs a number of events."""

    least: _Count | None = None


class _Distribution(_Counted, frozen=True, kw_only=True):
    """A kind with a watch for each feature."""

    except_: tuple[Text, ...] = msgspec.field(name="except", default=())


class _Versions(_Kind, frozen=True, kw_only=True):
    known: tuple[Text, ...] = ()


class _Traffic(_Kind, frozen=True, kw_only=True):
    least: _Count | None = None


class _Age(_Kind, frozen=True, kw_only=True):
    age: Duration | None = None


class LimitsFile(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The tables of a `watches.toml`: one for each kind of watch, with the keys that watches of that kind read."""

    invalid_inputs: _Limited = _Limited()
    non_finite: _Kind = _Kind()
    sensitive_data: _Kind = _Kind()
    unexpected_inputs: _Limited = _Limited()
    cardinality: _Limited = _Limited()
    skew: _Distribution = _Distribution()
    predictions: _Distribution = _Distribution()
    drift: _Limited = _Limited()
    versions: _Versions = _Versions()
    service_versions: _Kind = _Kind()
    errors: _Counted = _Counted()
    latency: _Counted = _Counted()
    throughput: _Counted = _Counted()
    no_traffic: _Traffic = _Traffic()
    stale_model: _Age = _Age()
    stale_monitor: _Kind = _Kind()
    quality: _Counted = _Counted()
    shadow: _Counted = _Counted()
    dropped: _Kind = _Kind()
    dead_letters: _Kind = _Kind()
    lag: _Limited = _Limited()


KINDS: Final = tuple(LimitsFile.__struct_fields__)
"""The kinds of watches, as `watches.toml` names them."""


@dataclass(frozen=True)
class Limits:
    """The settings of a `watches.toml`, by kind of watch.

    Example:
        >>> limits = Limits({"errors": {"limit": 0.2}})
        >>> limits.get("errors", "limit", 0.05), limits.get("latency", "least", 100)
        (0.2, 100)
    """

    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def get(self, kind: str, key: str, default: Any) -> Any:
        """A setting of a kind of watch, or its default."""
        return self.tables.get(kind, {}).get(key, default)


def load_limits(path: str | Path) -> Limits:
    """Read a `watches.toml`.

    Raises:
        ConfigurationError: it cannot be read, or has a key that no watch of the kind reads, or an invalid value.
    """
    return Limits(msgspec.to_builtins(load_toml(path, LimitsFile)))
