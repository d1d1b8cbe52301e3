"""A mistyped file, folder or name on the command line: one line that says what it is, and nothing made of it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from support.cli import Cli

import mllog
from mllog.store import Document, open_store
from mllog.testing import capture


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one prediction of the model `known`."""
    opened = open_store(tmp_path / "store")
    with capture() as events:
        mllog.model("known", "1").prediction({"n": 1})
    opened.index(Document("logs-mllog.known-test", event["event"]["id"], event) for event in events)
    opened.commit()
    opened.close()
    return tmp_path / "store"


def test_a_file_where_a_folder_is_needed(cli: Cli, tmp_path: Path) -> None:
    """Is named, by commands that write into folders and by those that follow them."""
    file, profile = tmp_path / "file", tmp_path / "p.json"
    file.write_text("mine")
    mllog.Profile.learn(pd.DataFrame({"a": [1.0, 2.0] * 10}), name="n", version="1").save(profile)
    for command in (
        ("init", file),
        ("init", "/proc/x"),
        ("dashboards", "build", profile, "--out", file),
        ("spool", "ship", file, "--to", "http://127.0.0.1:9"),
    ):
        assert str(command[-1] if command[0] == "dashboards" else command[1 if command[0] == "init" else 2]) in (
            cli.fails(*command)
        )
    for arguments in (("--spool", file, "--data", tmp_path / "d"), ("--spool", tmp_path / "s", "--data", file)):
        assert f"{file}: it is a file, and a folder is needed" in cli.fails("serve", "--port", 0, *arguments)
    assert file.read_text() == "mine"


def test_what_does_not_exist(cli: Cli, tmp_path: Path) -> None:
    """Is refused and not made."""
    nope = tmp_path / "nope"
    assert f"{nope}: no such folder" in cli.fails("spool", "ship", nope, "--to", "http://127.0.0.1:9")
    assert f"{nope}: no such file or folder" in cli.fails("pipeline", "test", nope)
    assert not nope.exists()


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.ndjson", "t.json.gz", "t.xlsx", "t"])
def test_a_frame_is_csv_or_parquet(cli: Cli, tmp_path: Path, name: str) -> None:
    """By its ending: other text would be read as CSV of one column."""
    (tmp_path / name).write_text('{"a": 1}\n{"a": 2}\n')
    arguments = ("--name", "n", "--version", "1", "--out", tmp_path / "p.json")
    assert "is none of .csv, .txt, .parquet" in cli.fails("profile", "learn", tmp_path / name, *arguments)


def test_a_model_or_a_time_that_the_store_has_not(cli: Cli, store: Path, tmp_path: Path) -> None:
    """The models that there are; and `until` is not blamed where none was given."""
    assert "no events of the model 'nosuch' in the store; models in it: 'known'" in cli.fails(
        "query", "--store", store, "--model", "nosuch"
    )
    out = ("--out", tmp_path / "x.csv")
    said = cli.fails("export", "--store", store, "--model", "known", "--since", "2990-01-01", *out)
    assert "since (2990-01-01T00:00:00+00:00) is in the future" in said
