"""The watches of a model, derived from its profile: Elasticsearch Watcher JSON without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mllog.profile import Profile
from mllog.watches import _delivery, _distributions, _inputs, _model, _service
from mllog.watches._alarm import Alarm, Scope, identity, to_watcher
from mllog.watches._inputs import reasons, threshold_of
from mllog.watches._limits import Limits

__all__ = ["alarms", "build", "build_common", "reasons", "rules_of", "scope_of", "threshold_of"]


def scope_of(
    profile: Profile | None,
    *,
    environment: str = "*",
    page_url: str = "",
    kibana_url: str = "",
    webhook: str = "",
    dataset: str | None = None,
    limits: Limits | None = None,
) -> Scope:
    """What the watches of a model are built from; see `build`."""
    return Scope(profile, environment, page_url, kibana_url, webhook, dataset, limits or Limits())


def build(profile: Profile, **options: Any) -> dict[str, dict[str, Any]]:
    """The watches of a model by id, as Watcher JSON.

    Args:
        profile: of the model; thresholds are derived from it.
        **options: `environment`, namespace of the data streams (`*` for all); `page_url`, where `mllog serve` shows
            its page; `kibana_url`, where Kibana is, and then links lead there; `webhook`, the https address that
            watches of severity `automate` call (without one they are `triage`); `dataset`, where the model shares a
            data stream; `limits`, what a `watches.toml` says.

    Example:
        >>> watches = build(Profile("late", "1.0", ()))
        >>> watches["late-invalid_inputs"]["condition"]
        {'compare': {'ctx.payload.aggregations.invalid.value': {'gt': 0.05}}}
    """
    return _build_all(scope_of(profile, **options))


def build_common(**options: Any) -> dict[str, dict[str, Any]]:
    """The watches that belong to no model, by id; options as for `build`.

    Example:
        >>> sorted(build_common())
        ['mllog-dead_letters', 'mllog-dropped', 'mllog-lag']
    """
    return _build_all(scope_of(None, **options))


def rules_of(scope: Scope) -> dict[str, dict[str, Any]]:
    """The conditions of a scope that ES|QL can say, as rules of Kibana, by id."""
    from mllog.watches._kibana_rules import rule_of  # noqa: PLC0415 - it is made of what this package has

    found = ((identity(scope, alarm), rule_of(scope, alarm)) for alarm in alarms(scope))
    return {name: rule for name, rule in found if rule is not None}


def alarms(scope: Scope) -> Iterator[Alarm]:
    """Every watch of a scope that is not switched off, without its frame."""
    parts = (_delivery,) if scope.profile is None else (_inputs, _distributions, _service, _model)
    for part in parts:
        for alarm in part.alarms(scope):
            if scope.limits.get(alarm.kind, "enabled", True):
                yield alarm


def _build_all(scope: Scope) -> dict[str, dict[str, Any]]:
    return {identity(scope, alarm): to_watcher(scope, alarm) for alarm in alarms(scope)}
