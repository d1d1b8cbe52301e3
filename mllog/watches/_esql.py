"""The conditions once more in ES|QL, for rules of Kibana."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

_PLAIN = re.compile(r"@?[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")


def field(path: str) -> str:
    """The name of a field.

    Example:
        >>> field("event.action"), field("mllog.input.number.a b`")
        ('event.action', '`mllog.input.number.a b```')
    """
    return path if _PLAIN.fullmatch(path) else "`" + path.replace("`", "``") + "`"


def literal(value: Any) -> str:
    """A string, a number or a boolean."""
    return orjson.dumps(value).decode()


def where(query: Mapping[str, Any]) -> str:
    """A query of the few kinds that watches are made of.

    Example:
        >>> where({"bool": {"must_not": [{"term": {"event.action": "x"}}]}})
        'NOT (event.action == "x")'
    """
    ((kind, body),) = query.items()
    if kind == "bool":
        parts = [where(part) for part in (*body.get("filter", ()), *body.get("must", ()))]
        some = [where(part) for part in body.get("should", ())]
        parts += [f"({' OR '.join(some)})"] if some else []
        parts += [f"NOT ({where(part)})" for part in body.get("must_not", ())]
        return " AND ".join(parts)
    if kind == "exists":
        return f"{field(body['field'])} IS NOT NULL"
    ((path, value),) = body.items()
    if kind == "term" and path.startswith("mllog.quality."):
        # Of a field with several values ES|QL compares nothing: the names are looked for in one text of them all.
        names = f'CONCAT("|", MV_CONCAT({field(path)}, "|"), "|")'
        return f"COALESCE(LOCATE({names}, {literal(f'|{value}|')}), 0) > 0"
    if kind == "term":
        return f"{field(path)} == {literal(value)}"
    if kind == "terms":
        return f"{field(path)} IN ({', '.join(map(literal, value))})"
    signs = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
    return " AND ".join(f"{field(path)} {signs[sign]} {literal(bound)}" for sign, bound in value.items())


def share(parts: Sequence[str], limit: float, least: int) -> str:
    """More than a share of at least so many events lie in one of several parts."""
    sums = ", ".join(f"part{number} = SUM(CASE({part}, 1, 0))" for number, part in enumerate(parts))
    tests = " OR ".join(f"part{number} > {limit} * n" for number in range(len(parts)))
    return f"| STATS n = COUNT(*), {sums} | WHERE n >= {least} AND ({tests})"


def some() -> str:
    """Any event at all."""
    return "| STATS n = COUNT(*) | WHERE n > 0"
