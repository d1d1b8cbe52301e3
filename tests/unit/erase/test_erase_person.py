"""A person is erased: their events are gone everywhere and stay gone, and nobody else's are touched."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from support.cli import Cli
from support.waiting import wait_until

import mllog
from mllog._files import write_atomically
from mllog.erase import Erasure, Quarantine, Spool, Stored
from mllog.export import Subject
from mllog.redaction import write_key
from mllog.redaction._pseudonyms import Pseudonyms
from mllog.server import create_app, open_chain
from mllog.spool import SpoolReader, SpoolWriter, events
from mllog.spool._segment import locked_file, segments
from mllog.spool._tombstones import TOMBSTONES, Tombstones, add_tombstones, digest, prune_delivered
from mllog.store import Document, open_store

PEOPLE = ("ann", "bob", "eve")
ANN = Subject.of("customer=ann")


def fill(spool: Path, *, rounds: int = 20, first: int = 0) -> None:
    """Predictions of three people, with feedback and a shadow answer for each; the spool is sealed then."""
    mllog.configure(service="shop", environment="test", spool=spool)
    log, candidate = mllog.model("shop", "1"), mllog.model("shop", "2")
    for number in range(first, first + rounds):
        for who in PEOPLE:
            name = f"{who}-{number}"
            log.prediction({"customer": who, "n": number}, 1.0, prediction_id=name)
            candidate.shadow(name, 0.5)
            log.feedback(name, 2.0)
    mllog.shutdown()


def owners(lines: Any) -> list[str]:
    """Whose event each line is."""
    return [json.loads(line)["mllog"]["prediction"]["id"].partition("-")[0] for line in lines]


def serve(data: Path, *spools: Path) -> dict[str, int]:
    """The server takes what spools hold; its counts."""
    chain = open_chain(data, spools=spools)
    chain.start()
    wait_until(lambda: chain.report()["pending_bytes"] == 0)
    report = chain.report()
    chain.stop()
    assert report["failure"] is None
    return {name: report[name] for name in ("received", "stored", "duplicates", "erased")}


def stored(data: Path) -> list[str]:
    """Whose events a store holds."""
    store = open_store(data / "store")
    found = [
        hit["_source"]["mllog"]["prediction"]["id"].partition("-")[0] for hit in store.scan(index="logs-mllog.shop-*")
    ]
    store.close()
    return found


def test_erased_then_replayed_the_events_stay_gone(tmp_path: Path, cli: Cli) -> None:
    """Kept segments, what was set aside, and the store; replayed by hand or by a server that reads all again."""
    spool, data = tmp_path / "spool", tmp_path / "data"
    fill(spool)
    copy = list(events(spool))
    chain = open_chain(data)
    chain.ingest.lines(copy)
    chain.stop()
    for folder, record in ((spool, {"event": copy[0].decode()}), (data, {"event": json.loads(copy[0])})):
        other = {"event": copy[-1].decode()}
        (folder / "quarantine.ndjson").write_text(f"{json.dumps(record)}\n{json.dumps(other)}\n")
    before = {line for line in copy if owners([line]) != ["ann"]}
    sizes = {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in spool.glob("1*.ndjson")}

    said = json.loads(
        cli.does("erase", "--subject", "customer=ann", "--store", data, "--spool", spool, "--yes", "--json")
    )
    assert (sum(said["found"].values()), said["left"], said["problems"]) == (60 + 1 + 60 + 1, {}, {})
    assert said["audit"]

    assert set(events(spool)) == before
    assert len(list(events(spool))) == 120
    assert sizes == {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in spool.glob("1*.ndjson")}
    for folder in (spool, data):
        assert (folder / "quarantine.ndjson").read_text() == json.dumps({"event": copy[-1].decode()}) + "\n"
    chain = open_chain(data)
    with TestClient(create_app(chain), base_url="http://127.0.0.1") as client:
        body = b"\n".join(copy)  # another host delivers everything again
        assert client.post("/", content=body, headers={"content-type": "application/x-ndjson"}).status_code == 200
        assert client.get("/api/status").json()["erased"] == 60
    assert serve(data, spool) == {"received": 120, "stored": 0, "duplicates": 120, "erased": 0}
    assert sorted(stored(data)) == ["bob"] * 60 + ["eve"] * 60


def test_the_value_stands_nowhere_afterwards(tmp_path: Path, cli: Cli) -> None:
    """Not in what is printed, in tombstones, in the event about it, nor in any file of spool and data folder."""
    spool, data = tmp_path / "spool", tmp_path / "data"
    fill(spool)
    chain = open_chain(data)
    chain.stop()
    out = cli.does("erase", "--subject", "customer=ann", "--store", data, "--spool", spool, "--yes")
    assert "60 events erased, 0 left" in out
    assert "snapshots" in out
    assert "ann" not in out.replace("cannot", "")
    for path in spool.iterdir():
        assert b"ann" not in path.read_bytes()
    assert (spool / TOMBSTONES).stat().st_mode & 0o777 == 0o600
    store = open_store(data / "store")
    (hit,) = store.scan(index="logs-mllog.alerts-*")
    store.close()
    event = hit["_source"]
    assert (event["event"]["action"], event["event"]["outcome"]) == ("erase", "success")
    assert event["mllog"]["erase"] | {"places": ()} == {"field": "customer", "found": 60, "left": 0, "places": ()}
    assert "ann" not in json.dumps(event).replace("cannot", "")


def test_a_live_segment_is_left_to_its_writer(tmp_path: Path) -> None:
    """Nothing delivers its events from then on; once it is sealed the next run takes them out."""
    writer = SpoolWriter(tmp_path)
    for who in PEOPLE:
        line = {"event": {"id": f"id-of-{who}"}, "mllog": {"input": {"category": {"customer": who}}}}
        writer.append(json.dumps(line).encode() + b"\n")
    (live,) = tmp_path.glob("*.live")
    before = live.read_bytes()
    erasure = Erasure(ANN, [Spool(tmp_path)])
    assert sum(erasure.look().values()) == 1
    assert sum(erasure.run().values()) == 1
    assert "still writes" in next(iter(erasure.problems.values()))
    assert live.read_bytes() == before
    erased = Tombstones(tmp_path)
    assert [json.loads(line)["event"]["id"] for line in erased.without(list(events(tmp_path)))] == [
        "id-of-bob",
        "id-of-eve",
    ]
    writer.close()
    again = Erasure(ANN, [Spool(tmp_path)])
    again.look()
    assert (again.run(), again.problems) == ({}, {})
    assert len(list(events(tmp_path))) == 2


def test_it_waits_until_a_service_seals_its_segment(tmp_path: Path) -> None:
    """As long as it is told to."""
    writer = SpoolWriter(tmp_path, seal_seconds=0.1)
    writer.append(b'{"event": {"id": "a"}, "labels": {"customer": "ann"}}\n')
    erasure = Erasure(ANN, [Spool(tmp_path, wait=20)])
    erasure.look()
    assert (erasure.run(), erasure.problems) == ({}, {})
    writer.append(b'{"event": {"id": "b"}}\n')
    writer.close()
    assert list(events(tmp_path)) == [b'{"event": {"id": "b"}}']


def test_a_reader_in_the_midst_goes_on_where_it_was(tmp_path: Path) -> None:
    """Its cursor stays right: of the others it gets every event once."""
    fill(tmp_path)
    reader = SpoolReader(tmp_path, keep=3600.0)
    batches = reader.read(size=2000)
    got = []
    for _ in range(5):
        batch = next(batches)
        got += batch.lines
        reader.commit(batch)
    erasure = Erasure(ANN, [Spool(tmp_path)])
    erasure.look()
    assert erasure.run() == {}
    for batch in batches:
        got += batch.lines
        reader.commit(batch)
    assert sorted(owner for owner in owners(got) if owner != "ann") == ["bob"] * 60 + ["eve"] * 60
    assert reader.pending() == 0
    reader.keep = None
    reader.tidy()
    reader.close()
    assert segments(tmp_path) == []
    assert not (tmp_path / TOMBSTONES).exists()  # nothing is left that they could be about


def test_a_segment_that_was_delivered_does_not_come_back(tmp_path: Path) -> None:
    """Who deletes it waits for who rewrites it."""
    fill(tmp_path)
    (segment,) = segments(tmp_path)
    reader = SpoolReader(tmp_path)
    with locked_file(segment.path) as fd:
        assert fd is not None
        for batch in reader.read():
            reader.commit(batch)
        assert segment.path.exists()
    reader.tidy()
    reader.close()
    assert not segment.path.exists()


@pytest.mark.parametrize("key", ["new", "old"])
def test_every_key_is_tried(tmp_path: Path, cli: Cli, key: str) -> None:
    """Events of former times have the hash of a former key."""
    spool, keys, rules = tmp_path / "spool", tmp_path / "keys", tmp_path / "redaction.toml"
    write_key(keys, "old")
    write_key(keys, "new")
    rules.write_text(f'[features]\ncustomer = "hash"\n[keys]\nfile = "{keys}"\n')
    hashes = Pseudonyms.load(keys, environment="test")
    value = next(text for text in hashes.all_pseudonyms("customer", "ann") if f":{key}:" in text)
    mllog.configure(environment="test", spool=spool)
    mllog.model("shop").prediction({"customer": value})
    mllog.model("shop").prediction({"customer": hashes.pseudonym("customer", "bob")})
    mllog.shutdown()
    told = ("--rules", rules, "--environment", "test", "--yes", "--json")
    said = json.loads(cli.does("erase", "--subject", "customer=ann", "--spool", spool, *told))
    assert (sum(said["found"].values()), said["left"]) == (1, {})
    assert len(list(events(spool))) == 1


def test_nothing_happens_without_a_yes(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run, a script that cannot be asked, and a no: the spool is as it was, byte for byte."""
    fill(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    asked = ("erase", "--subject", "customer=ann", "--spool", tmp_path)
    said = json.loads(cli.does(*asked, "--dry-run", "--json"))
    assert (sum(said["found"].values()), said["dry_run"]) == (60, True)
    assert "--yes" in cli.fails(*asked)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda text: "60 events" not in text)
    code, _, err = cli.run(*asked)
    assert (code, err) == (1, "mllog: nothing was erased\n")
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_where_to_look_must_be_said(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """And be there."""
    monkeypatch.delenv("MLLOG_ELASTICSEARCH_URL", raising=False)
    asked = ("erase", "--subject", "customer=ann", "--yes")
    assert "--spool" in cli.fails(*asked)
    assert "no such folder" in cli.fails(*asked, "--spool", tmp_path / "none")
    assert "field=value" in cli.fails("erase", "--subject", "ann", "--yes", "--spool", tmp_path)


def no_space(path: Path, data: bytes, **options: Any) -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def only_below(folder: Path) -> Callable[..., None]:
    """A writer for which every other folder is on a full disk."""

    def write(path: Path, data: bytes, **options: Any) -> None:
        (write_atomically if path.is_relative_to(folder) else no_space)(path, data, **options)

    return write


def test_nothing_goes_where_a_tombstone_cannot_be_written(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a replay could bring it back; one line says where."""
    fill(tmp_path)
    monkeypatch.setattr("mllog.spool._tombstones.write_atomically", no_space)
    line = cli.fails("erase", "--subject", "customer=ann", "--spool", tmp_path, "--yes", "--json")
    assert "tombstones" in line
    assert len(list(events(tmp_path))) == 180


def test_a_place_that_fails_holds_up_no_other_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said what is left, and where; the next run finishes."""
    one, two = tmp_path / "one", tmp_path / "two"
    fill(one)
    fill(two)
    erasure = Erasure(ANN, [Spool(one), Spool(two)])
    erasure.look()
    with monkeypatch.context() as patch:
        patch.setattr("mllog.spool._rewrite.write_atomically", only_below(two))
        assert sum(erasure.run().values()) == 60
    assert str(one) in next(iter(erasure.problems))
    assert owners(events(two)).count("ann") == 0
    again = Erasure(ANN, [Spool(one), Spool(two)])
    assert sum(again.look().values()) == 60
    assert (again.run(), again.problems) == ({}, {})


def test_feedback_alone_is_found_by_a_prediction_elsewhere(tmp_path: Path) -> None:
    """The prediction is in the store, its feedback still in the spool."""
    spool = tmp_path / "spool"
    fill(spool, rounds=2)
    lines = list(events(spool))
    chain = open_chain(tmp_path / "data")
    chain.ingest.lines(
        line for line in lines if b'"prediction"' in line and b'"live"' in line and b"feedback" not in line
    )
    late = tmp_path / "late"
    writer = SpoolWriter(late)
    for line in lines:
        if json.loads(line)["event"]["action"] == "feedback":
            writer.append(line + b"\n")
    writer.close()
    erasure = Erasure(ANN, [Spool(late), Stored(chain.store, "logs-mllog.*")])
    assert sorted(erasure.look().values()) == [2, 2]
    assert erasure.run() == {}
    assert owners(events(late)) == ["bob", "eve"] * 2
    chain.stop()


def test_dead_letters_are_texts(tmp_path: Path) -> None:
    """They are found by the id, by the prediction, or by the value where the text still has its parts."""
    spool, index = tmp_path / "spool", "logs-mllog.dead_letter-default"
    mllog.configure(environment="test", spool=spool)
    mllog.model("shop").prediction({"customer": "ann"}, prediction_id="prediction-1")
    mllog.shutdown()
    (line,) = events(spool)
    bodies = {
        json.loads(line)["event"]["id"]: "cut",
        "by-prediction": '{"feedback":1,"prediction":{"id":"prediction-1"}}',
        "by-value": '{"input":{"category":{"customer":"ann"}}}',
        "by-nothing": '{"input":{"category":{"customer":"bob"}}}',
    }
    store = open_store(tmp_path / "store")
    for name, body in bodies.items():  # as logstash/dead_letter writes them, fields that were missing included
        text = '{"event":{"id":"' + name + '"},"error":%{[error]},"mllog":' + body + ',"message":"%{message}"}'
        store.index([Document(index, name, {"message": text, "event": {"id": name}})])
    store.commit()
    erasure = Erasure(ANN, [Spool(spool), Stored(store, "logs-mllog.*")])
    assert erasure.look()[index] == 3
    assert erasure.run() == {}
    assert [hit["_id"] for hit in store.scan(index=index)] == ["by-nothing"]
    store.close()


def test_tombstones_go_when_no_segment_needs_them(tmp_path: Path) -> None:
    """Those of an event that only a deleted segment can have held."""
    add_tombstones(tmp_path, ["a"], now=1_700_000_000)
    add_tombstones(tmp_path, ["b"], now=1_700_000_100)
    (tmp_path / "1700000050000000-00ff00ff00ff00ff.ndjson").write_bytes(b"{}\n")
    prune_delivered(tmp_path)
    assert Tombstones(tmp_path).digests() == {digest("b")}
    add_tombstones(tmp_path, ["b"], now=1_800_000_000)  # a second time changes nothing
    (tmp_path / "1700000050000000-00ff00ff00ff00ff.ndjson").unlink()
    prune_delivered(tmp_path)
    assert not (tmp_path / TOMBSTONES).exists()


def test_a_damaged_list_stops_delivery(tmp_path: Path) -> None:
    """What it forbids is not known."""
    (tmp_path / TOMBSTONES).write_text("else\n")
    with pytest.raises(mllog.MllogError, match="not a list of erased events"):
        Tombstones(tmp_path).without([b"{}"])


@pytest.fixture(autouse=True)
def _shut() -> Iterator[None]:
    yield
    mllog.shutdown()


def test_a_quarantine_file_that_grows_loses_nothing(tmp_path: Path) -> None:
    """Its writer and its rewriter take turns."""
    from threading import Thread

    from mllog.spool._rewrite import append, rewrite

    path = tmp_path / "quarantine.ndjson"
    writing = Thread(target=lambda: [append(path, b'{"event": "{\\"n\\": %d}"}\n' % n) for n in range(200)])
    writing.start()
    while writing.is_alive():
        if path.exists():
            rewrite(path, lambda line: b"7" in line, same_length=False)
    writing.join()
    rewrite(path, lambda line: b"7" in line, same_length=False)
    numbers = [json.loads(json.loads(line)["event"])["n"] for line in path.read_text().splitlines()]
    assert numbers == [n for n in range(200) if "7" not in str(n)]
    assert Quarantine(tmp_path).reason() == ""
