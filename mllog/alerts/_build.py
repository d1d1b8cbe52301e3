"""The watch of a model, derived from its profile: the share of inputs that training did not show."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from mllog._names import data_stream, slug
from mllog.profile import Profile

LEAST_THRESHOLD: Final = 0.05
FACTOR: Final = 3
"""An alert needs three times the share that training itself would have had."""

WINDOW: Final = "1d"
DELAY: Final = "1m"
"""The window ends before the evaluation, so that late events are in it."""

_MOMENT: Final = "ctx.trigger.scheduled_time"

KINDS: Final = (
    "missing",
    "below_min",
    "above_max",
    "unseen_category",
    "wrong_type",
    "non_finite",
)


def threshold_of(profile: Profile) -> float:
    """The share of invalid inputs above which the watch fires.

    Example:
        >>> threshold_of(Profile("late", "1.0", (), invalid_share=0.04))
        0.12
    """
    return round(max(LEAST_THRESHOLD, FACTOR * profile.invalid_share), 6)


def link_to(profile: Profile, *, page_url: str = "", kibana_url: str = "") -> str:
    """The address of a model's dashboard, the window's end a template: in Kibana where that is given, else the page.

    Example:
        >>> link_to(Profile("late", "1.0", ()), page_url="http://127.0.0.1:8650/")
        'http://127.0.0.1:8650/models/late?to={{ctx.trigger.scheduled_time}}'
    """
    name = quote(slug(profile.name), safe="")
    if kibana_url:
        time = f"(from:'{{{{{_MOMENT}}}}}||-{WINDOW}',to:'{{{{{_MOMENT}}}}}')"
        return f"{kibana_url.rstrip('/')}/app/dashboards#/view/mllog-{name}?_g=(time:{time})"
    return f"{page_url.rstrip('/')}/models/{name}?to={{{{{_MOMENT}}}}}"


def reasons(profile: Profile) -> dict[str, Any]:
    """Aggregations that say which features were not as in training, by kind.

    Only names that the profile knows come into the text of an alert; whatever else an event brings is counted.
    """
    names = [feature.name for feature in profile.inputs]
    never_missing = [feature.name for feature in profile.inputs if not feature.missing]
    return {
        kind: {"terms": {"field": f"mllog.quality.{kind}", "size": 5, "include": known}}
        for kind in KINDS
        if (known := never_missing if kind == "missing" else names)
    }


def build(
    profile: Profile,
    *,
    environment: str = "*",
    page_url: str = "",
    kibana_url: str = "",
    threshold: float | None = None,
) -> dict[str, Any]:
    """The watch on the share of invalid inputs, as Watcher JSON.

    Args:
        profile: of the model; its `invalid_share` sets the threshold.
        environment: namespace of the data streams; `*` for all.
        page_url: where `mllog serve` shows its page, for the link.
        kibana_url: where Kibana is; then the link leads there.
        threshold: a share of your own, 0 to 1.

    Example:
        >>> watch = build(Profile("late", "1.0", ()))
        >>> watch["condition"]
        {'compare': {'ctx.payload.aggregations.invalid.value': {'gt': 0.05}}}
    """
    limit = threshold_of(profile) if threshold is None else threshold
    name = slug(profile.name)
    index = data_stream(profile.name, environment) if environment != "*" else f"logs-mllog.{name}-*"
    link = link_to(profile, page_url=page_url, kibana_url=kibana_url)
    until = f"{{{{{_MOMENT}}}}}||-{DELAY}"
    window = {"range": {"@timestamp": {"gte": f"{until}-{WINDOW}", "lt": until}}}
    predictions = [{"term": {"event.action": "prediction"}}, {"term": {"mllog.model.role": "live"}}]
    which = reasons(profile)
    features = "".join(
        f"{{{{#ctx.payload.aggregations.{kind}.buckets}}}}{kind}: {{{{key}}}} ({{{{doc_count}}}}); "
        f"{{{{/ctx.payload.aggregations.{kind}.buckets}}}}"
        for kind in which
    )
    which["unexpected"] = {"filter": {"exists": {"field": "mllog.quality.unexpected"}}}
    features += "with unexpected features: {{ctx.payload.aggregations.unexpected.doc_count}}. "
    return {
        "metadata": {
            "name": f"{name}-invalid_inputs",
            "severity": "triage",
            "model": profile.name,
            "version": profile.version,
            "threshold": limit,
            "window": WINDOW,
            "link": link,
            "description": "Inputs that training did not show: a broken source, or data that has moved on.",
        },
        "trigger": {"schedule": {"interval": "5m"}},
        "throttle_period": "1h",
        "input": {
            "search": {
                "request": {
                    "indices": [index],
                    "rest_total_hits_as_int": True,
                    "indices_options": {"ignore_unavailable": True, "allow_no_indices": True},
                    "body": {
                        "size": 0,
                        "query": {"bool": {"filter": [window, *predictions]}},
                        "aggs": {"invalid": {"avg": {"field": "mllog.quality.invalid"}}, **which},
                    },
                }
            }
        },
        "condition": {"compare": {"ctx.payload.aggregations.invalid.value": {"gt": limit}}},
        "actions": {
            "log": {
                "logging": {
                    "level": "warn",
                    "text": (
                        "{{ctx.metadata.model}}: share of invalid inputs {{ctx.payload.aggregations.invalid.value}}"
                        " is above {{ctx.metadata.threshold}}, over {{ctx.payload.hits.total}} predictions in"
                        f" {{{{ctx.metadata.window}}}}. {features}Look at {link}"
                    ),
                }
            }
        },
    }
