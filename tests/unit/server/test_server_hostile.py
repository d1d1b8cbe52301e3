"""Hostile lines, files and parameters: the others are stored, the answer is 200 or 400, and never 500."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.waiting import wait_until

from mllog import Profile
from mllog.server import _ingest as module
from mllog.server import create_app, open_chain
from mllog.server._app import Chain
from mllog.server._ingest import SpoolFollower

URL = "http://127.0.0.1"
INDEX = "logs-mllog.late-default"
NDJSON = {"content-type": "application/x-ndjson"}


def line(number: int, extra: str = "") -> bytes:
    """A good event, or one with a member that is none."""
    event = f'"event": {{"action": "prediction", "id": "event-{number:04}", "dataset": "mllog.late"}}'
    stream = '"data_stream": {"dataset": "mllog.late", "namespace": "default"}'
    model = '"model": {"name": "late", "version": "1", "role": "live"}'
    mllog = f'"mllog": {{{model}, "input": {extra or "{}"}}}'
    return f'{{"@timestamp": "2026-05-04T12:00:00Z", {event}, {stream}, {mllog}}}'.encode()


POISON = {
    "lone surrogate": line(100, '{"category": {"a": "\\ud800"}}'),
    "1e400": line(101, '{"number": {"a": 1e400}}'),
    "400 digits": line(102, '{"number": {"a": %s}}' % ("9" * 400)),
    "5000 digits": line(103, '{"number": {"a": 9}, "category": {"b": 9}}'.replace("9", "9" * 5000)),
    "400 digits elsewhere": line(104, '{"what": %s}' % ("9" * 400)),
    "invalid UTF-8": line(105, '{"category": {"a": "?"}}').replace(b"?", b"\xff\xfe"),
    "NUL": line(106, '{"category": {"a": "?"}}').replace(b"?", b"\x00"),
    "escaped NUL": line(107, '{"category": {"a": "\\u0000"}}'),
    "huge": line(108, '{"category": {"a": "%s"}}' % ("x" * 4_000_000)),
    "deep": line(109, '{"a": ' * 5000 + "1" + "}" * 5000),
    "deep array": line(110, '{"a": ' + "[" * 50_000 + "]" * 50_000 + "}"),
    "unclosed": b"[" * 200_000,
    "torn": line(111)[:-20],
    "not a time": line(112).replace(b"2026-05-04T12:00:00Z", b"99999-99-99T99:99:99Z"),
    "a huge time": line(113).replace(b'"2026-05-04T12:00:00Z"', b"9" * 30),
    "twice": line(114).replace(b'{"@timestamp"', b'{"@timestamp": [], "@timestamp"'),
    "empty names": line(115, '{"number": {"": 1, ".": 2, "..": 3, "a..b": 4}}'),
    "an id that is none": line(116).replace(b'"event-0116"', b'{"a": [1]}'),
    "a long name": line(117, '{"number": {"%s": 1}}' % ("n" * 70_000)),
    "control characters": b"\x00\x01\x02\x1b[2J\r",
    "a number": b"1",
    "null": b"null",
}


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A chain over an empty folder, not started."""
    (tmp_path / "spool").mkdir(0o700)
    opened = open_chain(tmp_path / "data", spools=[tmp_path / "spool"])
    yield opened
    opened.stop()


def stored(chain: Chain) -> set[str]:
    """The ids of the good events that are stored."""
    hits = chain.store.search({"size": 1000}, index=INDEX)["hits"]["hits"]
    return {hit["_id"] for hit in hits}


@pytest.mark.parametrize("name", POISON)
def test_one_line_stops_no_other_over_http(chain: Chain, name: str) -> None:
    """Before, after and between good ones; what is not stored is set aside with its reason."""
    with TestClient(create_app(chain), base_url=URL) as client:
        body = b"\n".join([line(1), POISON[name], line(2), POISON[name], line(3)])
        for content in (body, POISON[name] + b"\n" + line(4)):
            assert client.post("/", content=content, headers=NDJSON).status_code == 200
        assert {"event-0001", "event-0002", "event-0003", "event-0004"} <= stored(chain)
        status = client.get("/api/status").json()
        assert status["failure"] is None
        counted = sum(status[key] for key in ("stored", "duplicates", "rejected"))
        assert counted == status["received"] == 7
        assert sum(status["rejected_reasons"].values()) == status["rejected"]


def test_nor_in_a_spool_with_files_that_are_none(chain: Chain, tmp_path: Path) -> None:
    """All of it at once: the good ones are stored, nothing is pending, and each file is reported."""
    folder = tmp_path / "spool"
    for number, content in enumerate([line(1), *POISON.values(), line(2)]):
        (folder / f"{1_700_000_000_000_000 + number}-{number:016x}.ndjson").write_bytes(content + b"\n")
    os.mkfifo(folder / "1600000000000000-0000000000000001.ndjson")
    (folder / "1600000000000000-0000000000000002.live").symlink_to("/dev/zero")
    sparse = folder / "1600000000000000-0000000000000003.ndjson"
    sparse.touch()
    os.truncate(sparse, 6 << 30)
    os.utime(sparse, (0, 0))
    chain.start()
    wait_until(lambda: chain.report()["received"] >= len(POISON) + 2 and chain.report()["pending_bytes"] == 0)
    assert {"event-0001", "event-0002"} <= stored(chain)
    wait_until(lambda: len(chain.report()["set_aside"]) == 3)
    assert chain.report()["failure"] is None


@pytest.mark.parametrize("content", [b"-5", b"\xff\x00garbage", b"9" * (17 << 20)])
def test_a_damaged_cursor_stops_nothing(chain: Chain, tmp_path: Path, content: bytes) -> None:
    """It is set aside, and the spool is read from its beginning."""
    folder = tmp_path / "other"
    folder.mkdir(0o700)
    (folder / "serve.cursor").write_bytes(content)
    (folder / "1700000000000000-0000000000000001.ndjson").write_bytes(line(1) + b"\n")
    follower = SpoolFollower(folder, chain.ingest)
    follower.start()
    wait_until(lambda: stored(chain) == {"event-0001"})
    assert "serve.cursor.aside" in json.dumps(follower.problems())
    follower.stop()


@pytest.mark.parametrize("error", [ValueError, RecursionError, MemoryError, OverflowError, UnicodeError, KeyError])
def test_whatever_the_pipeline_raises_concerns_one_line(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """The line is set aside without its sensitive values."""
    real = chain.ingest.pipeline.filter

    def fail(event: Any) -> Any:
        if "poison" in event["message"]:
            raise error
        return real(event)

    monkeypatch.setattr(chain.ingest.pipeline, "filter", fail)
    assert chain.ingest.lines([line(1), b"poison ann@example.com", line(2)]) == 2
    record = json.loads((tmp_path / "data/quarantine.ndjson").read_text())
    assert record["reason"] == f"{error.__name__} in the pipeline"
    assert record["line"] == "poison [REDACTED:email]"


def test_a_full_quarantine_accepts_nothing(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender keeps its events: 503, with the file to move away."""
    monkeypatch.setattr(module, "QUARANTINE_BYTES", 10)
    with TestClient(create_app(chain), base_url=URL) as client:
        answer = client.post(
            "/", content=POISON["400 digits elsewhere"] + b"\n" + POISON["lone surrogate"], headers=NDJSON
        )
        if chain.report()["rejected"] == 0 and answer.status_code == 503:
            assert "quarantine.ndjson is full" in answer.text


PARAMETERS = ("q", "from", "to", "range", "version", "page", "ids", "evaluate", "v")
VALUES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            *("now-99999999y", "0001-01-01", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+23:59", "1d", "9999d"),
            *(
                "9" * 400,
                "-1",
                "1e999999999",
                "@timestamp:>now+99999999999y",
                "&& " * 330,
                "(" * 999,
                "x:/a/",
                "\ud800",
            ),
            *(
                "@timestamp:[0001-01-01 TO 9999-12-31]",
                "NaN",
                "\x00",
                "../..",
                "%ff%fe",
                "a" * 2000,
                "*",
                "_exists_:*",
            ),
        ]
    ),
)
PATHS = ["/", "/models/late", "/models/late/events", "/api/models/late/panels", "/api/status", "/api/alerts"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server with a model and an event of it."""
    profile = Profile.learn(pd.DataFrame({"delay": [1.0, 2.0, 3.0]}), name="late", version="1")
    opened = open_chain(tmp_path_factory.mktemp("fuzz") / "data", profiles=[profile])
    opened.ingest.lines([line(1)])
    with TestClient(create_app(opened), base_url=URL, raise_server_exceptions=False) as made:
        yield made


@given(st.sampled_from(PATHS), st.dictionaries(st.sampled_from(PARAMETERS), VALUES, max_size=4))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_no_parameter_is_a_500(client: TestClient, path: str, parameters: dict[str, str]) -> None:
    """Of the page and of the API."""
    chosen = {name: value.encode("utf-8", "surrogatepass") for name, value in parameters.items()}
    assert client.get(path, params=chosen).status_code in (200, 400, 404, 422)  # type: ignore[arg-type]


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.strip("./") != ""))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_no_name_in_a_path_is_a_500(client: TestClient, name: str) -> None:
    """Of a model, an event, a panel, a file or a canary."""
    from urllib.parse import quote

    part = quote(name.encode("utf-8", "surrogatepass"), safe="")
    for path in (
        f"/models/{part}",
        f"/models/late/events/{part}",
        f"/api/models/late/panels/{part}",
        f"/static/{part}",
    ):
        assert client.get(path).status_code < 500
    assert client.get(f"/api/canary/{part}").status_code < 500
    assert client.delete(f"/api/canary/{part}").status_code < 500


@pytest.mark.parametrize(
    "query", ["&& " * 330, "(" * 999, "a" * 1001, "@timestamp:>now+99999999999999y", "x:/a/", "a~"]
)
def test_a_query_that_cannot_be_read_is_a_400_with_the_reason(client: TestClient, query: str) -> None:
    """At once."""
    answer = client.get("/models/late/events", params={"q": query})
    assert answer.status_code == 400
    assert "query" in answer.text
