"""What an event takes on the disk of Elasticsearch: the project's index template beside dynamic mapping.

The same events of the flights service, as the Logstash pipeline leaves them, go into one shard of a data stream under
each template, and are merged into one segment. The answers are drawn at random: those of the example's tree repeat, and
would compress too well. A cluster without the licence for synthetic source keeps what came; its row then says so by the
JSON that comes back. A node is needed: --elasticsearch or MLLOG_TEST_ELASTICSEARCH says where it is. What is made there
is named mllog-storage-…, and removed again.

    python benchmarks/storage.py [--elasticsearch URL] [--events N] [--json FILE] [--quick] [--check]
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import measuring
import orjson

import mllog
from mllog import Profile, _context
from mllog.demo._sender import bodies
from mllog.integrations._http import Request
from mllog.pipeline import encode, event_from_line, load

VARIABLE = "MLLOG_TEST_ELASTICSEARCH"
ROOT = measuring.HERE.parent
DYNAMIC = "dynamic mapping, Elasticsearch's default"
OURS = "the project's template"
SYNTHETIC = "the project's template, synthetic source (licensed)"
MOST = {OURS: 0.5, SYNTHETIC: 0.35}
"""Of what dynamic mapping takes."""

IDS = ("trace.id", "http.request.id", "mllog.prediction.id", "event.id")
PARTS = (  # the first that fits names the part of a field
    ("the event as it was (`_source`)", r"_source|_ignored_source|.*\._original"),
    ("the document's id", r"_id"),
    ("ids to search by", "|".join(map(re.escape, IDS))),
    ("inputs and outputs", r"mllog\.(?:input|output)\..*"),
    ("times", r"@timestamp|event\.(?:created|ingested|duration)"),
    ("all else", r".*"),
)
_COMPARED = 2000
_BULK = 5000
_SETTLING_SECONDS = 60.0


def flights(count: int) -> list[bytes]:
    """Events of the flights service, as an output of the pipeline would send them."""
    draw = random.Random(7)
    profile = Profile.load(ROOT / "examples" / "flights" / "profile.json")
    with tempfile.TemporaryDirectory(prefix="mllog-bench-") as folder:
        path = Path(folder) / "events.ndjson"
        mllog.configure(service="flights", environment="bench", version="1.0.0", sink=path)
        log = mllog.model(profile.name, profile=profile)
        for body in measuring.steps(bodies(count), "storage: events"):
            token = _context.request.set(Request("POST", "/predict", None, None))
            with log.observe(body["inputs"], timestamp=dt.datetime.fromisoformat(body["timestamp"])) as call:
                probability = draw.betavariate(1, 4)
                call.outputs = {"probability": probability, "late": probability > 0.5}
            _context.request.reset(token)
        mllog.shutdown()
        lines = path.read_bytes().splitlines()
    pipeline = load([ROOT / "logstash" / "pipeline"], environ={"MLLOG_LOGSTASH_ID_KEY": "of the benchmark"})
    return [
        orjson.dumps({name: value for name, value in orjson.loads(encode(event)).items() if name != "@metadata"})
        for line in measuring.steps(lines, "storage: pipeline")
        for event in pipeline.filter(event_from_line(line))
    ]


def variants() -> dict[str, dict[str, Any]]:
    """Templates by what is said of them: `settings` and `mappings`."""
    ours: dict[str, Any] = {}
    for part in ("mappings", "settings"):  # without the policy: nothing may roll over meanwhile
        component = ROOT / "elastic" / "component_templates" / f"logs-mllog-{part}.json"
        ours |= orjson.loads(component.read_bytes())["template"]

    def with_settings(template: dict[str, Any], **settings: Any) -> dict[str, Any]:
        found = copy.deepcopy(template)
        found.setdefault("settings", {}).setdefault("index", {}).update(settings)
        return found

    budget = ours["settings"]["index"]["mapping"]
    plain = {**budget, "source": {"mode": "stored"}}
    as_ecs = with_settings(ours)
    for path in IDS[:-1]:
        del _field(as_ecs, path)["doc_values"]
    return {
        DYNAMIC: {},
        "dynamic mapping, `best_compression`": with_settings({}, codec="best_compression"),
        "dynamic mapping, logsdb": with_settings({}, mode="logsdb", mapping={"source": {"mode": "stored"}}),
        "the project's template, mode `standard`": with_settings(ours, mode="standard", mapping=plain),
        "the project's template, ids with doc values, as in ECS": as_ecs,
        OURS: ours,
        SYNTHETIC: with_settings(ours, mapping={**budget, "source": {"mode": "synthetic"}}),
    }


def _field(template: dict[str, Any], path: str) -> dict[str, Any]:
    found = template["mappings"]
    for name in path.split("."):
        found = found["properties"][name]
    return found


class Node:
    """A real Elasticsearch, on which one data stream at a time is filled, measured and removed.

    Args:
        url: where it is.
    """

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=300, trust_env=False)
        self._name = f"mllog-storage-{random.getrandbits(48):012x}"
        try:
            self.version = str(self.ask("GET", "/")["version"]["number"])
        except httpx.TransportError as error:
            sys.exit(f"storage.py: {url}: {error}; start a node there, or name another with --elasticsearch")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request; anything but success ends the benchmark."""
        content = body if isinstance(body, bytes | None) else orjson.dumps(body)
        headers = {"content-type": "application/x-ndjson" if isinstance(body, bytes) else "application/json"}
        answer = self._client.request(method, path, content=content, headers=headers)
        if answer.is_error:
            sys.exit(f"storage.py: {method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    def measured(self, template: dict[str, Any], lines: list[bytes]) -> dict[str, Any]:
        """Bytes of an event under a template, by part, and how events come back."""
        name, template = self._name, copy.deepcopy(template)
        index = template.setdefault("settings", {}).setdefault("index", {})
        index |= {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}
        if "final_pipeline" in index:
            pipeline = ROOT / "elastic" / "ingest_pipelines" / f"{index['final_pipeline']}.json"
            self.ask("PUT", f"/_ingest/pipeline/{name}", orjson.loads(pipeline.read_bytes()))
            index["final_pipeline"] = name
        body = {"index_patterns": [name], "priority": 900, "data_stream": {}, "template": template}
        try:
            self.ask("PUT", f"/_index_template/{name}", body)
            for start in range(0, len(lines), _BULK):
                answer = self.ask("POST", f"/{name}/_bulk", b"".join(_actions(lines[start : start + _BULK])))
                if answer["errors"]:
                    sys.exit(f"storage.py: an event was refused: {answer['items'][0]}")
            return {
                "bytes": self._merged(len(lines)) / len(lines),
                "parts": self._parts(len(lines)),
                **self._back(lines[:: max(1, len(lines) // _COMPARED)]),
            }
        finally:
            for path in (f"/_data_stream/{name}", f"/_index_template/{name}", f"/_ingest/pipeline/{name}"):
                self._client.delete(path)

    def _merged(self, events: int) -> int:
        """Bytes on disk when there is one segment."""
        end = time.monotonic() + _SETTLING_SECONDS
        for what in ("_flush", "_forcemerge?max_num_segments=1", "_refresh", "_flush"):
            self.ask("POST", f"/{self._name}/{what}")
        while True:
            found = self.ask("GET", f"/{self._name}/_stats/store,segments,docs")["_all"]["primaries"]
            if found["segments"]["count"] == 1 and found["docs"]["count"] == events:
                return int(found["store"]["size_in_bytes"])
            if time.monotonic() > end:
                sys.exit(f"storage.py: {found['segments']['count']} segments with {found['docs']['count']} events")
            time.sleep(0.2)

    def _parts(self, events: int) -> dict[str, float]:
        """What the fields take, by part."""
        answer = self.ask("POST", f"/{self._name}/_disk_usage?run_expensive_tasks=true")
        (usage,) = (value for key, value in answer.items() if key != "_shards")
        found = dict.fromkeys((name for name, _ in PARTS), 0.0)
        for field, taken in usage["fields"].items():
            part = next(name for name, pattern in PARTS if re.fullmatch(pattern, field.removesuffix(".keyword")))
            found[part] += taken["total_in_bytes"] / events
        return found

    def _back(self, lines: list[bytes]) -> dict[str, float]:
        """Shares of events that come back as the same JSON, and with the same values."""
        sent = {event["event"]["id"]: event for event in map(orjson.loads, lines)}
        same = equal = 0
        for ids in _some(list(sent)):
            body = {"size": len(ids), "query": {"ids": {"values": ids}}}
            for hit in self.ask("POST", f"/{self._name}/_search", body)["hits"]["hits"]:
                back, event = hit["_source"], sent[hit["_id"]]
                back["event"].pop("ingested", None)
                same += json.dumps(back, sort_keys=True) == json.dumps(event, sort_keys=True)
                equal += _values(back) == _values(event)
        return {"same": same / len(sent), "equal": equal / len(sent)}


def _actions(lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield b'{"create":{"_id":"%b"}}\n%b\n' % (orjson.loads(line)["event"]["id"].encode(), line)


def _some(ids: list[str], size: int = 1000) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _values(value: Any) -> Any:
    """A value without its spelling: 1 is 1.0, and a time is a time."""
    if isinstance(value, dict):
        return {name: _values(part) for name, part in value.items()}
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
        return dt.datetime.fromisoformat(value)
    return value


def main() -> None:
    parser = measuring.parser(__doc__, rounds=1)
    parser.add_argument("--events", type=int, default=100_000, help="events in each index")
    parser.add_argument("--elasticsearch", default=os.environ.get(VARIABLE), help=f"a node; default: ${VARIABLE}")
    options = parser.parse_args()
    if not options.elasticsearch:
        sys.exit(f"storage.py: which node? say --elasticsearch URL, or set {VARIABLE}")
    node = Node(options.elasticsearch)
    if options.quick:
        options.events = 500
    lines = flights(options.events)
    json_bytes = sum(map(len, lines)) / len(lines)
    chosen = {name: each for name, each in variants().items() if name == DYNAMIC or re.search(options.only, name)}
    found = {
        name: node.measured(chosen[name], lines) for name in measuring.steps(list(chosen), "storage: Elasticsearch")
    }
    for each in found.values():
        each["ratio"] = each["bytes"] / found[DYNAMIC]["bytes"]
    print(f"{len(lines):,} events of {json_bytes:,.0f} bytes of JSON, Elasticsearch {node.version}.\n")
    print(
        measuring.table(
            ["template", "bytes an event", "ratio", "same JSON back", "same values back"],
            [
                [name, f"{each['bytes']:.0f}", f"{each['ratio']:.2f}", f"{each['same']:.0%}", f"{each['equal']:.0%}"]
                for name, each in found.items()
            ],
        )
    )
    shown = [name for name in (DYNAMIC, OURS, SYNTHETIC) if name in found]
    print(
        measuring.table(
            ["bytes of an event", *shown],
            [[part, *(f"{found[name]['parts'][part]:.0f}" for name in shown)] for part, _ in PARTS],
        )
    )
    over = [
        f"{name} {found[name]['ratio']:.2f} (budget {most})"
        for name, most in MOST.items()
        if name in found and found[name]["ratio"] > most
    ]
    figures = {"events": len(lines), "json_bytes": json_bytes, "elasticsearch": node.version, "templates": found}
    measuring.finish(options, figures, () if options.quick else over)


if __name__ == "__main__":
    main()
