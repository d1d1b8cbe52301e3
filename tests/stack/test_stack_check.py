"""`mllog check` on a real Elasticsearch with security on: the installation, a canary from end to end, duplicates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from support.cli import Cli
from support.fakehttp import Asked, serving
from support.securednode import SecuredNode

from mllog.pipeline import Pipeline, encode, event_from_line, load

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
NOW = "2026-05-04T12:00:00Z"


@pytest.fixture
def installed(admin: httpx.Client, cli: Cli, tmp_path: Path) -> Path:
    """The folder of the keys of a fresh installation."""
    cli.does("setup", "--keys", tmp_path / "keys")
    return tmp_path / "keys"


class Intake:
    """Logstash's http input, filters and output: the real pipeline on the embedded runner, and the writer's key."""

    def __init__(self, pipeline: Pipeline, writer: httpx.Client) -> None:
        self.pipeline = pipeline
        self.writer = writer

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        for line in asked.body.splitlines():
            for event in self.pipeline.filter(event_from_line(line)):
                stored = orjson.loads(encode(event))
                meta = stored.pop("@metadata")
                index = f"logs-mllog.{meta['model']}-{meta['environment']}"
                action = {"create": {"_index": index, "_id": stored["event"]["id"]}}
                lines = f"{json.dumps(action)}\n{json.dumps(stored)}\n"
                answer = self.writer.post("/_bulk", content=lines, headers={"content-type": "application/x-ndjson"})
                assert answer.json()["items"][0]["create"]["status"] in (201, 409), answer.text
        return 200, b"ok"


def pipeline(*, without: str = "none") -> Pipeline:
    """The filters of logstash/pipeline, but for one stage."""
    paths = [path for path in sorted((ROOT / "logstash/pipeline").glob("*.conf")) if not path.name.startswith(without)]
    return load(paths, environ={"MLLOG_LOGSTASH_ID_KEY": "of the tests", "MLLOG_LOGSTASH_PASSWORD": "x"})


@pytest.fixture
def writer(secured: SecuredNode, installed: Path) -> Iterator[httpx.Client]:
    """A client with Logstash's key."""
    with secured.client((installed / "writer.api_key").read_text()) as client:
        yield client


def test_a_canary_from_end_to_end(
    admin: httpx.Client, cli: Cli, installed: Path, writer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the pipeline and the writer's key into the cluster, looked at with the key of setup, and gone again."""
    monkeypatch.delenv("MLLOG_ELASTICSEARCH_USER")
    given = ("--api-key-file", installed / "setup.api_key", "--writer-key-file", installed / "writer.api_key")
    with serving(Intake(pipeline(), writer)) as intake:
        out = cli.does("check", "--endpoint", intake.url, *given)
    verdicts = {line[9:].partition(":")[0]: line[:9].strip() for line in out.splitlines()}
    # The test node cannot say whether ILM runs; a real one does.
    assert {name for name, verdict in verdicts.items() if verdict != "ok"} == {"index lifecycle management runs"}
    for step in ("the writer's key may create events and nothing else", "the canary is stored once"):
        assert verdicts[step] == "ok"
    assert verdicts["no secret of the canary is stored, and the kinds are recorded"] == "ok"
    assert verdicts["every value has its type"] == "ok"
    admin.post("/logs-mllog.canary-default/_refresh")
    assert admin.get("/logs-mllog.*/_count").json()["count"] == 0


def test_an_intake_that_does_not_redact_fails_the_check(cli: Cli, writer: httpx.Client) -> None:
    """With cause and remedy, and exit code 1; the canary goes all the same."""
    with serving(Intake(pipeline(without="20-"), writer)) as intake:
        code, out, _ = cli.run("check", "--endpoint", intake.url)
    assert code == 1
    (line,) = (line for line in out.splitlines() if line.startswith("failed"))
    assert "it still contains email, card" in line
    assert "ok       the canary is removed" in out


def test_an_intake_that_does_nothing_fails_the_check(cli: Cli, installed: Path) -> None:
    """It takes the canary, and nothing arrives."""
    with serving(lambda _: (200, b"ok")) as intake:
        code, out, _ = cli.run("check", "--endpoint", intake.url, "--wait", "1")
    assert code == 1
    assert "failed   the canary arrives: it is in no stream after 1 s" in out


def test_without_an_intake_it_is_said_what_is_not_proved(cli: Cli, installed: Path) -> None:
    """The canary goes straight to the cluster, without secrets."""
    out = cli.does("check")
    assert "unproved events come through Logstash: no --endpoint was given" in out
    assert "unproved no secret of the canary is stored" in out
    assert "ok       the canary is stored once" in out


def test_an_installation_that_is_behind_fails_the_check(admin: httpx.Client, cli: Cli) -> None:
    """Nothing installed; then a pipeline that is gone: named, with the command that mends it."""
    code, out, _ = cli.run("check")
    assert code == 1
    assert "index template logs-mllog (create)" in out
    assert "`mllog setup` repairs it" in out
    cli.does("setup")
    settings = {"template": {"settings": {"index.codec": "default"}}, "_meta": {"managed_by": "mllog"}}
    admin.put("/_component_template/logs-mllog-settings", json=settings)
    code, out, _ = cli.run("check")
    assert code == 1
    assert "component template logs-mllog-settings (changed by hand)" in out
    assert "`mllog setup --force` repairs it" in out


def test_a_writer_with_more_rights_fails_the_check(
    admin: httpx.Client, cli: Cli, installed: Path, tmp_path: Path
) -> None:
    """And one with fewer: a Logstash with it would hold up every model."""
    for rights, said in (
        ({"cluster": ["monitor"], "indices": [{"names": ["logs-mllog.*"], "privileges": ["all"]}]}, "may also read"),
        ({"indices": [{"names": ["logs-mllog.*"], "privileges": ["create_doc"]}]}, "lacks monitor, auto_configure"),
    ):
        made = admin.post("/_security/api_key", json={"name": "t", "role_descriptors": {"t": rights}}).json()
        (tmp_path / "t.api_key").write_text(f"{made['id']}:{made['api_key']}")
        code, out, _ = cli.run("check", "--writer-key-file", tmp_path / "t.api_key")
        (line,) = (line for line in out.splitlines() if "the writer's key" in line)
        if "lacks" in said:  # without `monitor` it cannot even say hello
            assert "lacks the cluster privilege monitor" in line
        else:
            assert said in line
        assert code == 1


def store(client: httpx.Client, stream: str, ids: list[str]) -> None:
    """Deliver events as Logstash does."""
    source = json.dumps({"@timestamp": NOW})
    lines = "".join(f"{json.dumps({'create': {'_index': stream, '_id': name}})}\n{source}\n" for name in ids)
    answer = client.post("/_bulk", content=lines, headers={"content-type": "application/x-ndjson"}).json()
    assert all(item["create"]["status"] in (201, 409) for item in answer["items"])


def test_events_on_both_sides_of_a_rollover_are_counted_and_removed(
    admin: httpx.Client, cli: Cli, writer: httpx.Client
) -> None:
    """The first copy stays; a stream without any, and what is there once, are left alone."""
    ids = [f"id-{number:05}" for number in range(6000)]
    store(writer, "logs-mllog.late-x", ids)
    store(writer, "logs-mllog.other-x", ids[:10])
    assert admin.post("/logs-mllog.late-x/_rollover").status_code == 200
    store(writer, "logs-mllog.late-x", [*ids[:5500], "new-1", "new-2"])
    assert admin.post("/logs-mllog.late-x/_rollover").status_code == 200
    store(writer, "logs-mllog.late-x", ["new-1", ids[0]])
    admin.post("/logs-mllog.*/_refresh")
    code, out, err = cli.run("check", "--duplicates")
    assert (code, err) == (1, "")
    assert "logs-mllog.late-x: 5502 of 5504 events are stored twice\n" in out
    assert out.endswith("2 data streams, 5502 duplicates; --remove removes the later copies\n")
    assert admin.get("/logs-mllog.late-x/_count").json()["count"] == 6000 + 5502 + 2
    assert "5502 removed" in cli.does("check", "--duplicates", "--remove")
    assert admin.get("/logs-mllog.late-x/_count").json()["count"] == 6002
    assert cli.does("check", "--duplicates") == "2 data streams, 0 duplicates\n"
    indices = list(admin.get("/logs-mllog.late-x/_settings").json())
    assert [admin.get(f"/{index}/_count").json()["count"] for index in sorted(indices)] == [6000, 2, 0]
    told = json.loads(cli.does("check", "--duplicates", "--json", "--streams", "logs-mllog.other-*"))
    assert told == {
        "streams": [{"stream": "logs-mllog.other-x", "duplicates": 0, "removed": 0}],
        "duplicates": 0,
        "removed": 0,
    }


def test_a_copy_behind_a_write_block_is_said(admin: httpx.Client, cli: Cli, writer: httpx.Client) -> None:
    """Nothing else can be done about it here."""
    for _ in range(2):
        store(writer, "logs-mllog.late-x", ["a"])
        admin.post("/logs-mllog.late-x/_rollover")
    admin.post("/logs-mllog.late-x/_refresh")
    second = sorted(admin.get("/logs-mllog.late-x/_settings").json())[1]
    admin.put(f"/{second}/_settings", json={"index.blocks.write": True})
    said = cli.fails("check", "--duplicates", "--remove")
    assert f"{second}: a copy cannot be removed" in said
    assert "blocked" in said


def test_the_reader_s_key_is_enough_to_work_with_events(
    admin: httpx.Client, cli: Cli, installed: Path, writer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the commands of mllog; the writer's is not."""
    store(writer, "logs-mllog.late-x", ["a"])
    admin.post("/logs-mllog.late-x/_refresh")
    monkeypatch.delenv("MLLOG_ELASTICSEARCH_USER")
    url = str(admin.base_url)
    found = cli.does("query", "--store", url, "--api-key-file", installed / "reader.api_key", "--json")
    assert json.loads(found)["@timestamp"] == NOW
    said = cli.fails("query", "--store", url, "--api-key-file", installed / "writer.api_key")
    assert "lacks the index privilege read" in said


def test_the_monitor_s_key_is_enough_for_watches(
    admin: httpx.Client, cli: Cli, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every watch that ships is evaluated, and none has a problem."""
    monkeypatch.delenv("MLLOG_ELASTICSEARCH_USER")
    monkeypatch.setenv("MLLOG_ELASTICSEARCH_API_KEY_FILE", str(installed / "monitor.api_key"))
    watches = ROOT / "elastic/watches"
    arguments = ("--store", admin.base_url, "--watches", watches, "--state", tmp_path / "state.json")
    told = [json.loads(line) for line in cli.does("alerts", "run", *arguments, "--once", "--json").splitlines()]
    assert len(told) == len(list(watches.glob("*.json")))
    assert {one["problem"] for one in told} == {""}
