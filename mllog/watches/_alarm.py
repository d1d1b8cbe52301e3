"""What every watch has: a window with both ends closed, a text that says what and where, a throttle, actions."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from mllog.errors import ConfigurationError
from mllog.event._names import data_stream, slug
from mllog.profile import Feature, Profile
from mllog.watches._limits import Limits
from mllog.watches._links import MOMENT, link_to

DELAY: Final = "1m"
"""The window ends before the evaluation, so that late events are in it."""

UNTIL: Final = f"{MOMENT}||-{DELAY}"
TOTAL: Final = "{{ctx.payload.hits.total}}"
WINDOW: Final = "{{ctx.metadata.window}}"
THRESHOLD: Final = "{{ctx.metadata.threshold}}"

# The seven monitoring tests of "The ML Test Score: A Rubric for ML Production Readiness and Technical Debt Reduction"
# (Breck et al., IEEE Big Data 2017), section V.
DEPENDENCIES: Final = "Monitor 1: dependency changes"
INVARIANTS: Final = "Monitor 2: data invariants hold"
SKEW: Final = "Monitor 3: training and serving are not skewed"
STALENESS: Final = "Monitor 4: models are not too stale"
STABILITY: Final = "Monitor 5: the model is numerically stable"
PERFORMANCE: Final = "Monitor 6: no regression of speed, latency, throughput or errors"
QUALITY: Final = "Monitor 7: no regression of prediction quality"
OPERATIONS: Final = "operations"


@dataclass(frozen=True)
class Scope:
    """What all watches of a model are built from.

    Attributes:
        profile: of the model; None for what belongs to no model.
        environment: namespace of the data streams; `*` for all.
        page_url: where `mllog serve` shows its page, for the links.
        kibana_url: where Kibana is; then the links lead there.
        webhook: https address that watches of severity `automate` call.
        dataset: where the model shares a data stream, the name of that.
        limits: what a team changed.
    """

    profile: Profile | None
    environment: str = "*"
    page_url: str = ""
    kibana_url: str = ""
    webhook: str = ""
    dataset: str | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def name(self) -> str:
        """What the ids of the watches begin with."""
        return "mllog" if self.profile is None else slug(self.profile.name)

    @property
    def model(self) -> Profile:
        """The profile, of a watch that needs one."""
        assert self.profile is not None
        return self.profile

    @property
    def plain(self) -> bool:
        """Whether the model's name and version can stand in a search; see `opens_template`."""
        return not opens_template(self.model.name) and not opens_template(self.model.version)

    @property
    def inputs(self) -> list[Feature]:
        """The inputs whose names can stand in a search."""
        return [feature for feature in self.model.inputs if not opens_template(feature.name)]

    @property
    def outputs(self) -> list[Feature]:
        """The outputs whose names can stand in a search."""
        return [feature for feature in self.model.outputs if not opens_template(feature.name)]

    @property
    def own(self) -> dict[str, Any]:
        """The filter for the model's own events, in a data stream that it may share."""
        if self.plain:
            return {"term": {"mllog.model.name": self.model.name}}
        return {"term": {"event.dataset": f"mllog.{slug(self.dataset or self.model.name)}"}}

    def stream(self, reserved: str | None = None) -> str:
        """Pattern of the model's data streams, or of mllog's own of a name."""
        space = "*" if self.environment == "*" else slug(self.environment)
        if reserved is not None:
            return f"logs-mllog.{reserved}-{space}"
        name = self.dataset or self.model.name
        return f"logs-mllog.{slug(name)}-*" if space == "*" else data_stream(name, self.environment)

    @functools.cached_property
    def panels(self) -> Mapping[tuple[str, str], str]:
        """Ids of the page's panels, by role and feature."""
        from mllog.dashboards import Distribution, build  # noqa: PLC0415 - dashboards are above alerts

        drawn = build(self.model).panels if self.profile is not None else ()
        return {(panel.role, panel.feature): panel.id for panel in drawn if isinstance(panel, Distribution)}


@dataclass(frozen=True)
class Alarm:
    """One watch, without its frame.

    Attributes:
        kind: as `watches.toml` names it.
        about: what it means, for people.
        rubric: the monitoring test that it answers.
        text: what it says when it fires; counts and names only.
        query: filters of the search, beside the time.
        aggs: what is counted.
        condition: when it fires.
        statistic: what is compared with the threshold.
        threshold: the limit; None where it is not a number.
        severity: notify, triage or automate.
        window: how long the window is.
        interval: how often it is evaluated.
        span: how far back the search goes, where that is further than the window.
        feature: the feature it is about.
        role: `input` or `output`, of the feature.
        suffix: tells apart watches of one kind.
        index: pattern of the data streams, where these are not the model's own.
        look: narrows the events of the link down.
        more: further metadata.
        esql: the same condition in ES|QL, behind the source; empty where ES|QL cannot say it.
    """

    kind: str
    about: str
    rubric: str
    text: str
    query: Sequence[Mapping[str, Any]]
    condition: Mapping[str, Any]
    statistic: str
    threshold: float | None
    aggs: Mapping[str, Any] = field(default_factory=dict)
    severity: str = "triage"
    window: str = "1h"
    interval: str = "5m"
    span: str | None = None
    feature: str | None = None
    role: str = "input"
    suffix: str = ""
    index: Sequence[str] = ()
    look: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    esql: str = ""


def opens_template(text: str) -> bool:
    """Whether a text cannot stand in a search: Watcher fills in the whole of it, as one template.

    Example:
        >>> opens_template("delay {minutes}"), opens_template("{{ctx.payload}}")
        (False, True)
    """
    return "{{" in text


def since(window: str) -> str:
    """The beginning of a window that ends where all do."""
    return f"{UNTIL}-{window}"


def within(start: str, end: str = UNTIL) -> dict[str, Any]:
    """The query for a range of time; both ends are given, so what claims to come later waits."""
    return {"range": {"@timestamp": {"gte": start, "lt": end}}}


def predictions(scope: Scope, role: str = "live") -> list[dict[str, Any]]:
    """The filters for the model's predictions; those of a shadow are no answer that anybody got."""
    return [
        {"term": {"event.action": "prediction"}},
        {"term": {"mllog.model.role": role}},
        scope.own,
    ]


def each(path: str, label: str = "", root: str = "ctx.payload.aggregations.") -> str:
    """The names and counts of an aggregation's buckets."""
    whole = f"{root}{path}.buckets"
    return f"{{{{#{whole}}}}}{label}{{{{key}}}} ({{{{doc_count}}}}); {{{{/{whole}}}}}"


def concerning(path: str, name: str) -> str:
    """Query text for the events that have a feature or lack it; empty where its name would need escaping.

    Example:
        >>> concerning("mllog.input.number.delay", "delay"), concerning("mllog.input.number.a b", "a b")
        ('_exists_:mllog.input.number.delay OR mllog.quality.missing:delay', '')
    """
    return f"_exists_:{path} OR mllog.quality.missing:{name}" if re.fullmatch(r"[A-Za-z0-9_.]+", name) else ""


def to_watcher(scope: Scope, alarm: Alarm) -> dict[str, Any]:
    """The watch as Watcher JSON."""
    kind, limits = alarm.kind, scope.limits
    window = limits.get(kind, "window", alarm.window)
    severity = limits.get(kind, "severity", alarm.severity)
    if severity == "automate" and not scope.webhook:
        severity = "triage"  # nothing that could answer
    panel = scope.panels.get((alarm.role, alarm.feature), "") if alarm.feature is not None else ""
    link = link_to(
        scope.profile,
        page_url=scope.page_url,
        kibana_url=scope.kibana_url,
        window=window,
        query=alarm.look,
        panel=panel,
    )
    model = None if scope.profile is None else scope.profile.name
    version = None if scope.profile is None else scope.profile.version
    about = {"model": model, "version": version, "feature": alarm.feature}
    about |= {"statistic": alarm.statistic, "window": window}
    metadata = {
        "name": identity(scope, alarm),
        "kind": kind,
        "severity": severity,
        "rubric": alarm.rubric,
        **{key: escape_date(value, key) for key, value in about.items() if value is not None},
        # Watcher's own index maps metadata by what comes first: a threshold is a number, or there is none.
        **({} if alarm.threshold is None else {"threshold": alarm.threshold}),
        **alarm.more,
        "link": link,
        "description": alarm.about,
    }
    subject = "" if model is None else "{{ctx.metadata.model}}: "
    actions: dict[str, Any] = {
        "log": {"logging": {"level": "warn", "text": f"{subject}{alarm.text.strip()} Look at {link}"}}
    }
    if severity == "automate":
        details = {**about, "threshold": alarm.threshold, "watch": metadata["name"], "severity": severity}
        actions["automation"] = {"webhook": _webhook(scope.webhook, details)}
    indices = list(alarm.index) or [scope.stream()]
    return {
        "metadata": metadata,
        "trigger": {"schedule": {"interval": limits.get(kind, "interval", alarm.interval)}},
        # An alert and the next one of the same watch never speak of the same events.
        "throttle_period": limits.get(kind, "throttle", window),
        "input": {
            "search": {
                "request": {
                    "indices": indices,
                    "rest_total_hits_as_int": True,
                    "indices_options": {"ignore_unavailable": True, "allow_no_indices": True},
                    "body": {
                        "size": 0,
                        "track_total_hits": True,
                        "query": {"bool": {"filter": [within(since(alarm.span or window)), *alarm.query]}},
                        **({"aggs": dict(alarm.aggs)} if alarm.aggs else {}),
                    },
                }
            }
        },
        "condition": dict(alarm.condition),
        "actions": actions,
    }


def escape_date(text: str, what: str) -> str:
    """A text that Watcher's own index takes for no date: it would refuse every later one that is none.

    Example:
        >>> escape_date("1.0.0", "version"), escape_date("2026-01-05", "version")
        ('1.0.0', 'version 2026-01-05')
    """
    return f"{what} {text}" if text[:4].isdigit() and len(text) > 3 else text


def identity(scope: Scope, alarm: Alarm) -> str:
    """The watch's id, which is also the name of its file."""
    return "-".join((scope.name, alarm.kind, *([alarm.suffix] if alarm.suffix else [])))


def _webhook(url: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """The action that tells a machine: a JSON object of the watch, the count of events and the time."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or "{{" in url or parts.username is not None:
        raise ConfigurationError(f"webhook {url!r}: expected an https address without credentials")
    # A name may hold what opens a template; in a string of JSON that can be said otherwise.
    details = orjson.dumps(about).decode().replace("{{", "\\u007b\\u007b")
    return {
        "scheme": "https",
        "host": parts.hostname,
        "port": parts.port or 443,
        "method": "post",
        "path": parts.path or "/",
        "headers": {"Content-Type": "application/json"},
        "body": f'{details[:-1]},"count":{TOTAL},"time":"{MOMENT}"}}',
    }
