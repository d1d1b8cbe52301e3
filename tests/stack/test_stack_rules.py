"""The conditions as ES|QL on a real Elasticsearch: each rule is silent on a healthy day and fires as its watch does."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import httpx
import orjson
import pytest
from support.watchcases import NOW, ROOT, Case, Maker, documents

pytestmark = pytest.mark.stack

RULES = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "kibana/rules").glob("*.json"))}
TEMPLATE = json.loads((ROOT / "elastic/component_templates/logs-mllog-mappings.json").read_text())["template"]
SPACE = "rulestest"
STREAMS = [f"logs-mllog.{name}-{SPACE}" for name in ("flights_delay", "shipper", "monitor", "dead_letter", "unknown")]
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@pytest.fixture(scope="module")
def day(esql: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Maker]]:
    """Plain indices with the project's own mapping: the node has ES|QL, and little else."""
    maker = Maker(SPACE, tmp_path_factory.mktemp("sink"))
    for name in STREAMS:
        esql.delete(f"/{name}")
        answer = esql.put(f"/{name}", json={"mappings": TEMPLATE["mappings"]})
        assert answer.status_code == 200, answer.text
    load(esql, Case(maker.healthy()))
    yield esql, maker
    for name in STREAMS:
        esql.delete(f"/{name}")


def load(client: httpx.Client, case: Case) -> list[tuple[str, str]]:
    """Index events; returns which."""
    found = documents(case.events)
    for start in range(0, len(found), 2000):
        lines = b"".join(
            orjson.dumps({"create": {"_index": item.index, "_id": item.id}}) + b"\n" + orjson.dumps(item.source) + b"\n"
            for item in found[start : start + 2000]
        )
        headers = {"content-type": "application/x-ndjson"}
        answer = client.post("/_bulk", params={"refresh": True}, content=lines, headers=headers).json()
        assert not answer["errors"], answer
    return [(item.index, item.id) for item in found]


def unload(client: httpx.Client, found: list[tuple[str, str]]) -> None:
    """Take them out again."""
    lines = b"".join(orjson.dumps({"delete": {"_index": index, "_id": name}}) + b"\n" for index, name in found)
    if lines:
        client.post("/_bulk", params={"refresh": True}, content=lines, headers={"content-type": "application/x-ndjson"})


def rows(client: httpx.Client, name: str, now: dt.datetime) -> list[object]:
    """What the query of a rule answers, in the window that Kibana would add."""
    params = RULES[name]["params"]
    start = now - dt.timedelta(**{UNITS[params["timeWindowUnit"]]: params["timeWindowSize"]})
    window = {"range": {"@timestamp": {"gte": start.isoformat(), "lt": now.isoformat()}}}
    answer = client.post("/_query", json={"query": params["esqlQuery"]["esql"], "filter": window})
    assert answer.status_code == 200, answer.text
    found: list[object] = answer.json()["values"]
    return found


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fires_as_its_watch_does(day: tuple[httpx.Client, Maker], name: str) -> None:
    """No row on a healthy day, one when something is wrong."""
    client, maker = day
    assert rows(client, name, NOW) == []
    case = maker.cases()[name]()
    found = load(client, case)
    try:
        assert len(rows(client, name, case.now)) == 1
    finally:
        unload(client, found)
