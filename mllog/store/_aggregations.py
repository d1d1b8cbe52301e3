"""Elasticsearch's aggregations: passed to tantivy where it has them, assembled from its results where not."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mllog.errors import QueryError
from mllog.store._dates import floored, moment_of, resolve, shifted, since_epoch, text_of
from mllog.store._fields import DATES, TIME, column
from mllog.store._literals import NONE
from mllog.store._metrics import FORMATTED, METRICS, checked_format, finite, number, whole, with_text
from mllog.store._pipelines import PIPELINES, pipeline
from mllog.store._query import Translator

Answers = Mapping[str, Any]
Bounds = Callable[[], tuple[float, float] | None]
"""Least and greatest `@timestamp` of what is aggregated, in microseconds."""

SEGMENT: Final = 65_000
"""Terms that each segment of the index hands over: fewer would make counts of rare terms inexact."""

_PERCENTS: Final = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
_MILLION: Final = 1_000_000
_FIXED: Final = {"ms": 1000, "s": _MILLION, "m": 60 * _MILLION, "h": 3600 * _MILLION, "d": 86400 * _MILLION}
_CALENDAR: Final = {
    "minute": "m", "1m": "m", "hour": "h", "1h": "h", "day": "d", "1d": "d", "week": "w", "1w": "w",
    "month": "M", "1M": "M", "year": "y", "1y": "y",
}  # fmt: skip
_MOST_BUCKETS: Final = 65_536


@dataclass(frozen=True)
class Part:
    """One aggregation, ready to run: the request to tantivy, and how its answers become Elasticsearch's."""

    ask: dict[str, Any]
    read: Callable[[Answers], Any]


class Aggregator:
    """Compiles aggregation bodies.

    Args:
        translator: for the queries inside aggregations.
        bounds: for calendar intervals.
        now: what `now` means.
    """

    def __init__(self, translator: Translator, bounds: Bounds, now: dt.datetime) -> None:
        self._translator = translator
        self._bounds = bounds
        self._now = now
        self._names = 0

    def compile(self, body: Any, where: str = "aggs") -> Part:
        """All aggregations of one level.

        Raises:
            QueryError: something is not supported; the message begins with its place.
        """
        if not isinstance(body, Mapping):
            raise QueryError(f"{where}: expected an object")
        over = {
            str(name): pipeline(item, f"{where}.{name}", body)
            for name, item in body.items()
            if isinstance(item, Mapping) and not PIPELINES.keys().isdisjoint(item)
        }
        parts = {str(name): self._one(item, f"{where}.{name}") for name, item in body.items() if name not in over}
        ask = {key: value for part in parts.values() for key, value in part.ask.items()}

        def read(answers: Answers) -> dict[str, Any]:
            found = {name: part.read(answers) for name, part in parts.items()}
            return found | {name: compute(found) for name, compute in over.items()}

        return Part(ask, read)

    def _one(self, body: Any, where: str) -> Part:
        if not isinstance(body, Mapping):
            raise QueryError(f"{where}: expected an object")
        inner = body.get("aggs", body.get("aggregations", {}))
        kinds = [name for name in body if name not in ("aggs", "aggregations", "meta")]
        if len(kinds) != 1:
            raise QueryError(f"{where}: expected one kind of aggregation, found {kinds or 'none'}")
        kind = str(kinds[0])
        settings = body[kind]
        if not isinstance(settings, Mapping):
            raise QueryError(f"{where}.{kind}: expected an object")
        if kind in METRICS:
            return self._metric(kind, settings, f"{where}.{kind}")
        make = getattr(self, f"_{kind}", None)
        if kind not in BUCKETS or make is None:
            supported = ", ".join((*METRICS, *BUCKETS, *PIPELINES))
            raise QueryError(f"{where}.{kind}: this aggregation is not supported here; supported are {supported}")
        part: Part = make(settings, self.compile(inner, f"{where}.aggs"), f"{where}.{kind}")
        return part

    def _name(self) -> str:
        self._names += 1
        return f"a{self._names}"

    def _field(self, settings: Mapping[str, Any], where: str, *more: str) -> str:
        unknown = set(settings) - {"field", *more}
        if unknown:
            raise QueryError(f"{where}.{min(unknown)}: this setting is not supported here")
        field = settings.get("field")
        if not isinstance(field, str) or not field:
            raise QueryError(f"{where}.field: expected the name of a field")
        return field

    # -- one number, or a few ------------------------------------------------------------------

    def _metric(self, kind: str, settings: Mapping[str, Any], where: str) -> Part:
        takes_format = kind in FORMATTED
        field = self._field(settings, where, "missing", "precision_threshold", *(["format"] if takes_format else ()))
        pattern = checked_format(settings.get("format"), where)
        name = self._name()
        body: dict[str, Any] = {"field": column(field)}
        if "missing" in settings:
            body["missing"] = settings["missing"]

        def read(answers: Answers) -> Any:
            return with_text(number(kind, answers.get(name, {}), is_date=field in DATES), pattern)

        return Part({name: {kind: body}}, read)

    def _percentiles(self, settings: Mapping[str, Any], _: Part, where: str) -> Part:
        field = self._field(settings, where, "percents", "keyed", "tdigest", "hdr")
        percents = [float(percent) for percent in settings.get("percents", _PERCENTS)]
        name = self._name()
        ask = {name: {"percentiles": {"field": column(field), "percents": percents}}}

        def read(answers: Answers) -> Any:
            found = answers.get(name, {}).get("values", {})
            values = {str(percent): finite(found.get(str(percent))) for percent in percents}
            if settings.get("keyed", True):
                return {"values": values}
            return {"values": [{"key": float(percent), "value": value} for percent, value in values.items()]}

        return Part(ask, read)

    # -- buckets -------------------------------------------------------------------------------

    def _terms(self, settings: Mapping[str, Any], inner: Part, where: str) -> Part:
        field = self._field(
            settings, where, "size", "order", "min_doc_count", "missing", "shard_size", "include", "exclude"
        )
        size = int(settings.get("size", 10))
        body: dict[str, Any] = {"field": column(field) if field != "_index" else "_index", "size": size}
        body["segment_size"] = max(SEGMENT, size)
        for option in ("order", "missing", "include", "exclude"):
            if option in settings:
                body[option] = settings[option]
        if settings.get("min_doc_count", 1) != 1:
            body["min_doc_count"] = settings["min_doc_count"]
        name = self._name()

        def read(answers: Answers) -> Any:
            answer = answers.get(name, {})
            buckets = []
            for bucket in answer.get("buckets", ()):
                head = {"key": whole(bucket["key"])}
                if "key_as_string" in bucket:
                    head["key_as_string"] = bucket["key_as_string"]
                buckets.append({**head, "doc_count": bucket["doc_count"], **inner.read(bucket)})
            return {
                "doc_count_error_upper_bound": 0,
                "sum_other_doc_count": answer.get("sum_other_doc_count", 0),
                "buckets": buckets,
            }

        return Part({name: _with({"terms": body}, inner)}, read)

    def _filter(self, settings: Mapping[str, Any], inner: Part, where: str) -> Part:
        return self._filtered(self._translator.translate(settings, where), inner)

    def _filtered(self, query: str, inner: Part, head: Mapping[str, Any] | None = None) -> Part:
        if query == NONE:  # not worth a pass over the index
            return Part({}, lambda _: {**(head or {}), "doc_count": 0, **inner.read({})})
        name = self._name()

        def read(answers: Answers) -> Any:
            answer = answers.get(name, {})
            return {**(head or {}), "doc_count": answer.get("doc_count", 0), **inner.read(answer)}

        return Part({name: _with({"filter": query}, inner)}, read)

    def _filters(self, settings: Mapping[str, Any], inner: Part, where: str) -> Part:
        queries = settings.get("filters")
        if isinstance(queries, Mapping):
            named = {
                str(name): self._filtered(self._translator.translate(query, f"{where}.filters.{name}"), inner)
                for name, query in queries.items()
            }
            ask = {key: value for part in named.values() for key, value in part.ask.items()}
            return Part(ask, lambda answers: {"buckets": {name: part.read(answers) for name, part in named.items()}})
        if not isinstance(queries, list):
            raise QueryError(f"{where}.filters: expected an object or an array of queries")
        texts = [self._translator.translate(query, f"{where}.filters[{place}]") for place, query in enumerate(queries)]
        once = {text: self._filtered(text, inner) for text in texts}  # the same query is run once
        return _listed([once[text] for text in texts])

    def _missing(self, settings: Mapping[str, Any], inner: Part, where: str) -> Part:
        return self._filtered(f"(* -{column(self._field(settings, where))}:*)", inner)

    def _range(self, settings: Mapping[str, Any], inner: Part, where: str) -> Part:
        field = self._field(settings, where, "ranges", "keyed")
        parts = []
        for place, item in enumerate(settings.get("ranges", ())):
            if not isinstance(item, Mapping) or set(item) - {"from", "to", "key"}:
                raise QueryError(f"{where}.ranges[{place}]: expected an object of from, to and key")
            bounds = {name: item[side] for side, name in (("from", "gte"), ("to", "lt")) if item.get(side) is not None}
            head: dict[str, Any] = {"key": str(item.get("key", _range_key(item)))}
            head |= {side: float(item[side]) for side in ("from", "to") if item.get(side) is not None}
            parts.append((head, bounds))
        native = self._native_ranges(field, parts, inner)
        if native is not None:
            part = native
        else:
            queries = [self._translator.translate({"range": {field: bounds}}, where) for _, bounds in parts]
            part = _listed([self._filtered(q, inner, head) for q, (head, _) in zip(queries, parts, strict=True)])
        if settings.get("keyed"):
            return Part(part.ask, lambda answers: _keyed(part.read(answers)))
        return part

    def _native_ranges(
        self, field: str, parts: Sequence[tuple[dict[str, Any], dict[str, Any]]], inner: Part
    ) -> Part | None:
        """One pass over the column, where the ranges follow one another without overlap."""
        edges = [(head.get("from", -math.inf), head.get("to", math.inf)) for head, _ in parts]
        ordered = all(low < high for low, high in edges) and all(a[1] <= b[0] for a, b in itertools.pairwise(edges))
        if not ordered or not edges or field in DATES:
            return None
        name = self._name()
        ranges = [{k: v for k, v in (("from", low), ("to", high)) if math.isfinite(v)} for low, high in edges]
        ask = {name: _with({"range": {"field": column(field), "ranges": ranges}}, inner)}

        def read(answers: Answers) -> Any:
            found = {(b.get("from", -math.inf), b.get("to", math.inf)): b for b in _buckets(answers, name)}
            buckets = []
            for (head, _), edge in zip(parts, edges, strict=True):
                bucket = found.get(edge, {})
                buckets.append({**head, "doc_count": bucket.get("doc_count", 0), **inner.read(bucket)})
            return {"buckets": buckets}

        return Part(ask, read)

    def _histogram(self, settings: Mapping[str, Any], inner: Part, where: str) -> Part:
        field = self._field(
            settings, where, "interval", "offset", "min_doc_count", "extended_bounds", "hard_bounds", "keyed"
        )
        interval = settings.get("interval")
        if not isinstance(interval, (int, float)) or interval <= 0:
            raise QueryError(f"{where}.interval: expected a number above zero")
        name = self._name()
        body = {"field": column(field), "interval": float(interval)}
        body |= {
            option: settings[option]
            for option in ("offset", "min_doc_count", "extended_bounds", "hard_bounds")
            if option in settings
        }

        def read(answers: Answers) -> Any:
            buckets = _buckets(answers, name)
            return {"buckets": [{"key": b["key"], "doc_count": b["doc_count"], **inner.read(b)} for b in buckets]}

        return Part({name: _with({"histogram": body}, inner)}, read)

    def _date_histogram(self, settings: Mapping[str, Any], inner: Part, where: str) -> Part:
        intervals = ("fixed_interval", "calendar_interval")
        field = self._field(settings, where, *intervals, "min_doc_count", "extended_bounds", "time_zone", "format")
        if field not in DATES:
            raise QueryError(f"{where}.field: {field} is not a date; dates are {', '.join(sorted(DATES))}")
        if settings.get("time_zone", "UTC") not in ("UTC", "Z", "+00:00"):
            raise QueryError(f"{where}.time_zone: times here are UTC")
        bounds = self._extended(settings, where)
        if "fixed_interval" in settings:
            return self._fixed(field, _fixed(settings["fixed_interval"], where), 0, settings, bounds, inner)
        unit = _CALENDAR.get(str(settings.get("calendar_interval")))
        if unit is None:
            raise QueryError(f"{where}.calendar_interval: expected one of {', '.join(sorted(_CALENDAR))}")
        if unit == "w":  # the epoch began on a Thursday, weeks begin on Mondays
            return self._fixed(field, 7 * _FIXED["d"], 4 * _FIXED["d"], settings, bounds, inner)
        if unit not in ("M", "y"):
            return self._fixed(field, _FIXED[unit], 0, settings, bounds, inner)
        return self._calendar(field, unit, settings, bounds, inner, where)

    def _extended(self, settings: Mapping[str, Any], where: str) -> tuple[int, int] | None:
        bounds = settings.get("extended_bounds")
        if bounds is None:
            return None
        low, high = (resolve(bounds.get(side), now=self._now) for side in ("min", "max"))
        if low is None or high is None:
            raise QueryError(f"{where}.extended_bounds: expected min and max as dates")
        return low, high

    def _fixed(
        self,
        field: str,
        interval: int,
        offset: int,
        settings: Mapping[str, Any],
        bounds: tuple[int, int] | None,
        inner: Part,
    ) -> Part:
        name = self._name()
        body: dict[str, Any] = {"field": column(field), "interval": float(interval), "offset": float(offset)}
        body["min_doc_count"] = settings.get("min_doc_count", 0)
        if bounds is not None and body["min_doc_count"] == 0:
            body["extended_bounds"] = {"min": float(bounds[0]), "max": float(bounds[1])}

        def read(answers: Answers) -> Any:
            return {"buckets": [_dated(b["key"], b, inner) for b in _buckets(answers, name)]}

        return Part({name: _with({"histogram": body}, inner)}, read)

    def _calendar(
        self,
        field: str,
        unit: str,
        settings: Mapping[str, Any],
        bounds: tuple[int, int] | None,
        inner: Part,
        where: str,
    ) -> Part:
        """Months and years differ in length: each is a filter of its own between its edges."""
        if field != "@timestamp":
            raise QueryError(f"{where}.calendar_interval: months and years are counted over @timestamp only")
        found = self._bounds()
        spans = [span for span in (found, bounds) if span is not None]
        if not spans:
            return Part({}, lambda _: {"buckets": []})
        moment = floored(moment_of(min(low for low, _ in spans)), unit)
        last = max(high for _, high in spans)
        parts: list[tuple[int, Part]] = []
        while since_epoch(moment) <= last and len(parts) < _MOST_BUCKETS:
            following = shifted(moment, unit, 1)
            query = f"{TIME}:[{since_epoch(moment)} TO {since_epoch(following)}}}"
            parts.append((since_epoch(moment), self._filtered(query, inner)))
            moment = following
        ask = {key: value for _, part in parts for key, value in part.ask.items()}
        least = settings.get("min_doc_count", 0)

        def read(answers: Answers) -> Any:
            buckets = [
                {"key_as_string": text_of(start), "key": start // 1000, **part.read(answers)} for start, part in parts
            ]
            return {"buckets": [bucket for bucket in buckets if bucket["doc_count"] >= least]}

        return Part(ask, read)


BUCKETS: Final = ("terms", "filter", "filters", "missing", "range", "histogram", "date_histogram", "percentiles")


def _buckets(answers: Answers, name: str) -> Sequence[Answers]:
    """The buckets of an answer; an empty index answers nothing at all."""
    buckets: Sequence[Answers] = answers.get(name, {}).get("buckets", ())
    return buckets


def _with(body: dict[str, Any], inner: Part) -> dict[str, Any]:
    return {**body, "aggs": inner.ask} if inner.ask else body


def _listed(parts: Sequence[Part]) -> Part:
    ask = {key: value for part in parts for key, value in part.ask.items()}
    return Part(ask, lambda answers: {"buckets": [part.read(answers) for part in parts]})


def _keyed(answer: dict[str, Any]) -> dict[str, Any]:
    return {"buckets": {bucket.pop("key"): bucket for bucket in answer["buckets"]}}


def _range_key(item: Mapping[str, Any]) -> str:
    low, high = item.get("from"), item.get("to")
    return f"{'*' if low is None else float(low)}-{'*' if high is None else float(high)}"


def _fixed(text: Any, where: str) -> int:
    for unit in ("ms", "s", "m", "h", "d"):
        amount = str(text).removesuffix(unit)
        if amount != str(text) and amount.isdigit() and int(amount):
            return int(amount) * _FIXED[unit]
    raise QueryError(f"{where}.fixed_interval: {text!r} is none; write 30s, 5m, 12h or 1d")


def _dated(micros: float, bucket: Answers, inner: Part) -> dict[str, Any]:
    head = {"key_as_string": text_of(micros), "key": int(micros // 1000), "doc_count": bucket["doc_count"]}
    return {**head, **inner.read(bucket)}
