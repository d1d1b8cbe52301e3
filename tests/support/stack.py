"""What the tests of this tier share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson

ROOT = Path(__file__).parents[2]


def bulk(client: httpx.Client, stream: str, sources: dict[str, Any]) -> dict[str, Any]:
    """Create documents by id and make them visible."""
    lines = b"".join(
        orjson.dumps({"create": {"_id": name}}) + b"\n" + orjson.dumps(source) + b"\n"
        for name, source in sources.items()
    )
    answer = client.post(
        f"/{stream}/_bulk?refresh=true", content=lines, headers={"content-type": "application/x-ndjson"}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fields(client: httpx.Client, stream: str) -> dict[str, str]:
    """The fields of a data stream with their types."""
    (index,) = client.get(f"/{stream}/_mapping").json().values()
    found: dict[str, str] = {}
    stack = [("", index["mappings"]["properties"])]
    while stack:
        prefix, properties = stack.pop()
        for name, field in properties.items():
            if "properties" in field:
                stack.append((f"{prefix}{name}.", field["properties"]))
            elif field["type"] != "object":
                found[prefix + name] = field["type"]
    return found
