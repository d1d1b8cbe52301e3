"""Which events are meant: a model, a time, a text."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mllog._durations import seconds
from mllog._timestamps import iso_utc
from mllog.errors import QueryError
from mllog.store._fields import leaves

KINDS: Final = ("number", "category", "boolean", "text")
"""The types of a feature, as they stand in the paths of an event."""

_AGO: Final = re.compile(r"\d{1,6}[smhdw]")


def moment(text: str, now: dt.datetime) -> dt.datetime:
    """A point in time: a duration ago (`7d`), a day, or a time; UTC if it names no zone.

    Raises:
        QueryError: it is none of these.

    Example:
        >>> now = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
        >>> moment("36h", now).isoformat(), moment("2026-05-01", now).isoformat()
        ('2026-05-03T00:00:00+00:00', '2026-05-01T00:00:00+00:00')
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            return now - dt.timedelta(seconds=seconds(ago[0]))
        parsed = dt.datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise QueryError(f"{text!r} is not a time: write 7d, 2026-05-04 or 2026-05-04T12:00:00Z") from None
    return parsed.replace(tzinfo=parsed.tzinfo or dt.UTC).astimezone(dt.UTC)


def selection(
    *clauses: Mapping[str, Any],
    model: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    text: str = "",
) -> dict[str, Any]:
    """The query for the events of a model, from one moment (inclusive) to another (exclusive), that match a text.

    Args:
        clauses: further filters.
        model: name of the model; None for all.
        since: the first moment.
        until: the moment before which they are.
        text: in Lucene's syntax, as the search bar of Kibana takes it.

    Raises:
        QueryError: `since` is not before `until`: no event can be between them.

    Example:
        >>> selection(model="late", text="event.outcome:failure")["bool"]["filter"][0]
        {'term': {'mllog.model.name': 'late'}}
    """
    ends = {name: iso_utc(end, "microseconds") for name, end in (("gte", since), ("lt", until)) if end is not None}
    if since is not None and until is not None and since >= until:
        raise QueryError(
            f"since ({ends['gte']}) is not before until ({ends['lt']}), so no event can be between them: swap them, or"
            " leave one out"
        )
    filters: list[Mapping[str, Any]] = list(clauses)
    if model is not None:
        filters.append({"term": {"mllog.model.name": model}})
    if ends:
        filters.append({"range": {"@timestamp": ends}})
    if text.strip():
        filters.append({"query_string": {"query": text, "default_operator": "AND"}})
    return {"bool": {"filter": filters}} if filters else {"match_all": {}}


def part(event: Any, *path: str) -> Mapping[str, Any]:
    """An object inside an event; empty where it is none: a foreign sender may have put anything there.

    Example:
        >>> part({"mllog": {"input": "none"}}, "mllog", "input")
        {}
    """
    for name in path:
        event = event.get(name) if isinstance(event, Mapping) else None
    return event if isinstance(event, Mapping) else {}


def get_path(value: Any, path: str) -> Any:
    """The value at a dotted path; None if there is none.

    Names may contain dots themselves; a number is an index into an array.

    Example:
        >>> get_path({"labels": {"route.to": "JFK"}}, "labels.route.to")
        'JFK'
        >>> get_path({"buckets": [{"key": "a"}]}, "buckets.0.key")
        'a'
    """
    if isinstance(value, list):
        index, _, rest = path.partition(".")
        if not index.isdecimal() or int(index) >= len(value):
            return None
        return get_path(value[int(index)], rest) if rest else value[int(index)]
    if not isinstance(value, Mapping):
        return None
    if path in value:
        return value[path]
    names: Sequence[str] = path.split(".")
    for length in range(1, len(names)):
        inner = get_path(value.get(".".join(names[:length])), ".".join(names[length:]))
        if inner is not None:
            return inner
    return None


def flat(event: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an event by path; the elements of an array are a list.

    Example:
        >>> flat({"tags": ["a", "b"], "mllog": {"input": {"number": {"delay": 1.5}}}})
        {'mllog.input.number.delay': 1.5, 'tags': ['a', 'b']}
    """
    found: dict[str, list[Any]] = {}
    for path, value in leaves(event):
        found.setdefault(path, []).insert(0, value)
    return {path: values[0] if len(values) == 1 else values for path, values in found.items()}
