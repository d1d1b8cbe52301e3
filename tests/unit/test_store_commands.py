"""`mllog query` and `mllog export`: tables and files for people, JSON for machines, one line for what goes wrong."""

from __future__ import annotations

import datetime as dt
import json
import socket
from pathlib import Path

import pandas as pd
import pytest
from support.cli import Cli
from support.fakecluster import serving

import mllog
from mllog import Profile
from mllog.redaction._pseudonyms import Pseudonyms
from mllog.store import Document, open_store
from mllog.testing import capture

HOSTILE = "\x1b[31mred\x1b[0m\r\n[bold]x"
START = dt.datetime(2026, 5, 4, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as `mllog serve --data` leaves it, with thirty events, a minute between two."""
    data = tmp_path_factory.mktemp("commands")
    store = open_store(data / "store")
    log = mllog.model("commands", "1.0", profile=profile())
    with capture() as events:
        for n in range(30):
            log.prediction(
                {"delay": float(n), "seats": n},
                {"late": n > 20},
                prediction_id=f"p{n}",
                timestamp=START + dt.timedelta(minutes=n),
                labels={"note": HOSTILE},
            )
        log.feedback("p7", True)
    store.index(Document("logs-mllog.commands-test", event["event"]["id"], event) for event in events)
    store.commit()
    store.close()
    profile().save(data / "profile.json")
    return data


def profile() -> Profile:
    """Of two numbers and an answer."""
    frame = pd.DataFrame({"delay": [0.0, 30.0], "seats": [0, 30]})
    return Profile.learn(frame, pd.DataFrame({"late": [True, False]}), name="commands", version="1.0")


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine has."""
    monkeypatch.delenv("MLLOG_ELASTICSEARCH_URL", raising=False)


def test_a_query_is_a_table(cli: Cli, folder: Path) -> None:
    """Time, model, outcome, id and answers; features and fields that are asked for have columns of their own."""
    out = cli.does(
        "query",
        "mllog.input.number.delay:>20",
        "--store",
        folder,
        "--size",
        2,
        "--field",
        "delay",
        "--field",
        "labels.note",
    )
    assert "2 of 9 events" in out
    assert "2026-05-04 00:29:00" in out
    assert "2026-05-04 00:27:00" not in out
    assert "late=true" in out
    assert "29.0" in out
    assert "\x1b" not in out
    assert "[bold]x" in out


def test_a_query_is_json_for_machines(cli: Cli, folder: Path) -> None:
    """An event a line, the oldest first if asked, within a time."""
    out = cli.does(
        "query", "--store", folder / "store", "--model", "commands", "--json", "--sort", "asc",
        "--since", "2026-05-04T00:10", "--until", "2026-05-04T00:12:00Z",
    )  # fmt: skip
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["mllog"]["prediction"]["id"] for event in events] == ["p10", "p11"]


def test_an_export_is_a_training_frame(cli: Cli, folder: Path, tmp_path: Path) -> None:
    """With the profile's names and types; machines are told how many events and what was lost."""
    arguments = ("export", "--store", folder, "--profile", folder / "profile.json", "--out", tmp_path / "x.csv")
    assert cli.does(*arguments) == f"{tmp_path / 'x.csv'}: 30 events\n"
    back = pd.read_csv(tmp_path / "x.csv")
    assert list(back) == ["delay", "seats", "late"]
    assert back["seats"].tolist() == list(range(30))
    more = ("--query", "mllog.input.number.seats:7", "--feedback", "--meta", "--json")
    assert json.loads(cli.does(*arguments, *more)) == {"out": str(tmp_path / "x.csv"), "events": 1, "unrestored": {}}
    (row,) = pd.read_csv(tmp_path / "x.csv").to_dict("records")
    assert (row["mllog.feedback.actual"], row["mllog.prediction.id"]) == (True, "p7")


@pytest.mark.parametrize("above", ["demo/data/store", "demo/data", "demo"])
def test_the_store_is_found_in_the_folders_of_the_server_and_the_demo(cli: Cli, tmp_path: Path, above: str) -> None:
    """Whoever names the folder that they gave to `--data` or `--dir` means the store in it."""
    store = open_store(tmp_path / "demo" / "data" / "store")
    store.index([Document("logs-mllog.late-test", "a", {"event": {"id": "a"}})])
    store.commit()
    store.close()
    assert cli.does("query", "--store", tmp_path / above, "--json") == '{"event":{"id":"a"}}\n'


def test_an_export_says_what_is_not_as_it_was_sent(cli: Cli, tmp_path: Path) -> None:
    """By column and reason."""
    known = Profile.learn(pd.DataFrame({"n": [1, 2]}), name="lossy", version="1")
    known.save(tmp_path / "p.json")
    store = open_store(tmp_path / "data" / "store")
    with capture() as events:
        mllog.model("lossy", profile=known).prediction({"n": "seven"})
    store.index(Document("logs-mllog.lossy-test", event["event"]["id"], event) for event in events)
    store.commit()
    store.close()
    out = cli.does(
        "export", "--store", tmp_path / "data", "--profile", tmp_path / "p.json", "--out", tmp_path / "x.csv"
    )
    assert "n: 1 values not as they were sent: does not fit the column's type" in out


def test_an_export_of_a_model_that_is_not_there_says_so(cli: Cli, folder: Path, tmp_path: Path) -> None:
    """With the models that are, and without a file; a model without events in a period is an empty file."""
    out = tmp_path / "x.csv"
    said = cli.fails("export", "--store", folder, "--model", "comands", "--out", out)
    assert "no predictions of the model 'comands' in the store; models in it: 'commands'" in said
    assert not out.exists()
    assert "x.csv: 0 events" in cli.does(
        "export", "--store", folder, "--model", "commands", "--until", "2020-01-01", "--out", out
    )


@pytest.mark.parametrize("command", [("query",), ("export", "--model", "commands")])
@pytest.mark.parametrize("until", ["2026-05-03", "2026-05-04T00:00:00Z", "3650d"])
def test_a_period_that_ends_before_it_begins_says_so(
    cli: Cli, folder: Path, tmp_path: Path, command: tuple[str, ...], until: str
) -> None:
    """In one line, for every command that takes both ends."""
    out = () if command == ("query",) else ("--out", tmp_path / "x.csv")
    said = cli.fails(*command, "--store", folder, "--since", "2026-05-04", "--until", until, *out)
    assert "since (2026-05-04T00:00:00.000000Z) is not before until (" in said


def test_all_events_of_a_person_are_ndjson(cli: Cli, folder: Path, tmp_path: Path) -> None:
    """To standard output or into a file of its owner; how many goes to standard error."""
    code, out, err = cli.run("export", "--store", folder, "--subject", "seats=7")
    assert (code, err) == (0, "2 events\n")
    assert [json.loads(line)["event"]["action"] for line in out.splitlines()] == ["prediction", "feedback"]
    path = tmp_path / "person.ndjson"
    assert cli.run("export", "--store", folder, "--subject", "seats=7", "--out", path)[0] == 0
    assert path.read_text() == out
    assert path.stat().st_mode & 0o077 == 0


def test_keyed_hashes_of_a_person_are_found(cli: Cli, tmp_path: Path) -> None:
    """By the keys that redaction.toml names."""
    (tmp_path / "keys").write_text(f"k2 {'22' * 32}\nk1 {'11' * 32}\n")
    (tmp_path / "keys").chmod(0o600)
    (tmp_path / "redaction.toml").write_text(
        f'[features]\nbadge = "hash"\n[keys]\nfile = "{tmp_path / "keys"}"\n', encoding="utf-8"
    )
    old = Pseudonyms({"k1": b"\x11" * 32}, environment="test").pseudonym("badge", "B-17")
    store = open_store(tmp_path / "store")
    with capture() as events:
        mllog.model("hashed", "1").prediction({"badge": old})
    store.index(Document("logs-mllog.hashed-test", event["event"]["id"], event) for event in events)
    store.commit()
    store.close()
    arguments = ("export", "--store", tmp_path / "store", "--subject", "badge=B-17")
    more = ("--rules", tmp_path / "redaction.toml", "--environment", "test")
    assert cli.run(*arguments)[2] == "0 events\n"
    assert cli.run(*arguments, *more)[2] == "1 events\n"


def test_whatever_goes_wrong_is_one_line(cli: Cli, folder: Path, tmp_path: Path) -> None:
    """No store, no time, no query, no file, nobody there, somebody else there."""
    assert "use --store" in cli.fails("query")
    assert "no store in this folder" in cli.fails("query", "--store", tmp_path)
    assert "'soon' is not a time" in cli.fails("query", "--store", folder, "--since", "soon")
    assert "cannot read the query" in cli.fails("query", "(((", "--store", folder)
    assert "no events selected" in cli.fails("export", "--store", folder, "--out", tmp_path / "x.csv")
    assert "use --out" in cli.fails("export", "--store", folder)
    assert "field=value" in cli.fails("export", "--store", folder, "--subject", "ann")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for command in (("query",), ("export", "--out", tmp_path / "x.csv"), ("pipeline", "scan")):
        place = (f"http://127.0.0.1:{port}",) if command[0] == "pipeline" else ("--store", f"http://127.0.0.1:{port}")
        assert "no connection" in cli.fails(*command, *place)
    with serving() as fake:
        fake.product = False
        assert "not from Elasticsearch" in cli.fails(
            "serve", "--store", fake.url, "--data", tmp_path / "data", "--port", 0
        )


def test_the_address_comes_from_the_environment(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for Logstash."""
    with serving() as fake:
        fake.answer = lambda *_: (200, {"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}})
        monkeypatch.setenv("MLLOG_ELASTICSEARCH_URL", fake.url)
        assert cli.does("query", "--json") == ""
