"""What a dashboard consists of: panels, the aggregations of each, and its position.

The page and Kibana draw the same panels. A panel defines its aggregations (Elasticsearch bodies), not its rendering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

COLUMNS: Final = 48
"""Kibana's grid is this many columns wide."""

TIME: Final = "@timestamp"
BELOW: Final = "below"
ABOVE: Final = "above"
_MOST_FEATURES: Final = 8
_MOST_TERMS: Final = 6

Body = dict[str, Any]
Interval = str | Mapping[str, Any]
"""Width of a time bucket, such as `30m`, or a placeholder that Kibana replaces with one."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The position of a panel: left, top, width and height in units of Kibana's grid."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        id: unique within the dashboard; ascii letters, digits and hyphens.
        title: what it shows.
        about: how to read it, one sentence.
        section: the heading above it.
        grid: its place.
    """

    kind: ClassVar[str]
    id: str
    title: str
    about: str
    section: str
    grid: Grid

    def aggregations(self, interval: Interval) -> Body:
        """The aggregations that this panel shows, by name."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Metric(Panel):
    """One number over the whole time range.

    Attributes:
        aggregation: of Elasticsearch: `count`, `avg`, `sum` or `percentile`.
        field: the field that is aggregated; empty for `count`.
        percentile: which one, for `percentile`.
        unit: how to write the number.
        only: a (field, value) that an event must have to be counted, for `share`.
        reference: the value in the training data, if known.
    """

    kind = "metric"
    aggregation: Literal["count", "avg", "sum", "percentile", "share"]
    field: str = ""
    percentile: int = 0
    unit: Literal["count", "share", "nanoseconds"] = "count"
    only: tuple[str, str] | None = None
    reference: float | None = None

    def aggregations(self, interval: Interval) -> Body:  # noqa: ARG002 - the signature of every panel
        """See Panel."""
        if self.aggregation == "count":
            return {}
        if self.aggregation == "share":
            assert self.only is not None
            return {"share": {"terms": {"field": self.only[0], "size": 10}}}
        if self.aggregation == "percentile":
            return {"value": {"percentiles": {"field": self.field, "percents": [self.percentile]}}}
        return {"value": {self.aggregation: {"field": self.field}}}


@dataclass(frozen=True, kw_only=True)
class Breakdown(Panel):
    """Events over time, split by the values of a field."""

    kind = "breakdown"
    field: str
    size: int = _MOST_TERMS

    def aggregations(self, interval: Interval) -> Body:
        """See Panel."""
        return {"time": _over_time(interval, {"split": {"terms": {"field": self.field, "size": self.size}}})}


@dataclass(frozen=True, kw_only=True)
class Average(Panel):
    """The mean of a number over time, with that of the training data as a reference; of 0 and 1 it is a share."""

    kind = "average"
    field: str
    reference: float | None = None

    def aggregations(self, interval: Interval) -> Body:
        """See Panel."""
        return {"time": _over_time(interval, {"value": {"avg": {"field": self.field}}})}


@dataclass(frozen=True, kw_only=True)
class Percentiles(Panel):
    """Percentiles of a number of nanoseconds over time."""

    kind = "percentiles"
    field: str
    percents: tuple[int, ...] = (50, 95, 99)

    def aggregations(self, interval: Interval) -> Body:
        """See Panel."""
        value = {"percentiles": {"field": self.field, "percents": list(self.percents)}}
        return {"time": _over_time(interval, {"value": value})}


@dataclass(frozen=True, kw_only=True)
class FeatureShares(Panel):
    """Of all events over time, the share that names a feature in one of these lists.

    Attributes:
        fields: (field of the event, its meaning for the feature); the meaning is empty if the title states it.
        size: how many features are drawn, the most frequent first.
    """

    kind = "feature_shares"
    fields: tuple[tuple[str, str], ...]
    size: int = _MOST_FEATURES

    def aggregations(self, interval: Interval) -> Body:
        """See Panel."""
        split = {
            f"list{place}": {"terms": {"field": field, "size": self.size}}
            for place, (field, _) in enumerate(self.fields)
        }
        return {"time": _over_time(interval, split)}


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a distribution.

    Attributes:
        key: name of the bucket in the response of the store.
        label: for people.
        training: share of the training rows with a value, 0 to 1.
        low: least value; None if open, or if the feature is not a number.
        high: the first value above it; None likewise.
    """

    key: str
    label: str
    training: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Distribution(Panel):
    """Live values of one feature compared with the training data, as shares.

    Attributes:
        role: `input` or `output`.
        feature: its name.
        type: `number`, `category` or `boolean`.
        field: its path in the event.
        bins: the bars, in order.
        outer: labels of the bars below and above the bins of a number.
        training_count: training rows with a value.
        training_missing: share of the training rows without one.
        checked: values outside these bins are violations of the profile.
    """

    kind = "distribution"
    role: Literal["input", "output"]
    feature: str
    type: Literal["number", "category", "boolean"]
    field: str
    bins: tuple[Bin, ...]
    outer: tuple[str, str]
    training_count: int
    training_missing: float
    checked: bool = True

    def aggregations(self, interval: Interval) -> Body:  # noqa: ARG002 - the signature of every panel
        """See Panel."""
        if self.type == "number":
            buckets: Body = {"range": {"field": self.field, "ranges": self._ranges()}}
        elif self.type == "category":
            values = [bin_.key for bin_ in self.bins]
            buckets = {"terms": {"field": self.field, "include": values, "size": len(values)}}
        else:
            buckets = {"terms": {"field": self.field, "size": 2}}
        body: Body = {"bins": buckets, "present": {"value_count": {"field": self.field}}}
        if self.role == "input":
            body["missing"] = {"terms": {"field": "mllog.quality.missing", "include": [self.feature], "size": 1}}
            if self.type == "category" and self.checked:
                unseen = {"field": "mllog.quality.unseen_category", "include": [self.feature], "size": 1}
                body["unseen"] = {"terms": unseen}
        return body

    def _ranges(self) -> list[Body]:
        inner = [{"key": bin_.key, "from": bin_.low, "to": bin_.high} for bin_ in self.bins]
        first, last = self.bins[0].low, self.bins[-1].high
        return [{"key": BELOW, "to": first}, *inner, {"key": ABOVE, "from": last}]


@dataclass(frozen=True, kw_only=True)
class TopValues(Panel):
    """The most frequent values of a field, and the number of distinct values."""

    kind = "top_values"
    field: str
    size: int = 10

    def aggregations(self, interval: Interval) -> Body:  # noqa: ARG002 - the signature of every panel
        """See Panel."""
        return {
            "values": {"terms": {"field": self.field, "size": self.size}},
            "distinct": {"cardinality": {"field": self.field}},
            "present": {"value_count": {"field": self.field}},
        }


@dataclass(frozen=True, kw_only=True)
class Note(Panel):
    """Text: which features have no panel, and why."""

    kind = "note"
    text: str

    def aggregations(self, interval: Interval) -> Body:  # noqa: ARG002 - the signature of every panel
        """See Panel."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Events(Panel):
    """The newest events, one row each."""

    kind = "events"
    columns: tuple[str, ...]
    size: int = 10

    def aggregations(self, interval: Interval) -> Body:  # noqa: ARG002 - the signature of every panel
        """See Panel."""
        return {}


@dataclass(frozen=True)
class Dashboard:
    """The input dashboard of one model.

    Attributes:
        id: unique across models.
        title: for people.
        model: name of the model.
        version: version of the model that the profile was learnt for; empty without a profile.
        index: pattern of the data streams.
        filters: (field, value) that every event must have.
        panels: in reading order.
        rows: rows of the training frame; 0 without a profile.
    """

    id: str
    title: str
    model: str
    version: str
    index: str
    filters: tuple[tuple[str, str], ...]
    panels: tuple[Panel, ...]
    rows: int = 0

    def panel(self, panel_id: str) -> Panel | None:
        """The panel of that id, if there is one."""
        return next((panel for panel in self.panels if panel.id == panel_id), None)

    def query(self, *more: Mapping[str, Any]) -> Body:
        """The query that finds this model's predictions; `more` are further filter clauses.

        Example:
            >>> Dashboard("d", "t", "m", "1", "logs-*", (("mllog.model.name", "m"),), ()).query()
            {'bool': {'filter': [{'term': {'mllog.model.name': 'm'}}]}}
        """
        return {"bool": {"filter": [*({"term": {field: value}} for field, value in self.filters), *map(dict, more)]}}


def _over_time(interval: Interval, inner: Body) -> Body:
    return {"date_histogram": {"field": TIME, "fixed_interval": interval, "min_doc_count": 0}, "aggs": inner}
