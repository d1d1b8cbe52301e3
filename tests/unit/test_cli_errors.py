"""Whatever goes wrong on the command line: one clear line, an exit code that is not 0, and nothing lost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.cli import Cli
from support.waiting import PATIENCE

import mllog
from mllog.spool import events

ROOT = Path(__file__).parents[2]


def spool_with(folder: Path, count: int) -> None:
    """Accepted events in a sealed spool."""
    mllog.configure(spool=folder)
    log = mllog.model("late", "1")
    for number in range(count):
        log.prediction({"delay": number})
    mllog.shutdown()


BROKEN = [
    ("filter {\n  mutate { add_tag => [\n}\n", ":3:1: "),
    ("filter {\n  nosuch { }\n}\n", ":2:3: the filter 'nosuch' is unknown"),
    ("filter {\n  ruby { code => 'x' }\n}\n", ":2:3: "),
    ("filter { mutate { nosuch => 1 } }\n", ":1:19: "),
]


@pytest.mark.parametrize(("text", "place"), BROKEN)
def test_broken_configuration_is_refused_with_its_place(cli: Cli, tmp_path: Path, text: str, place: str) -> None:
    """File, line, column and the reason, by check, by eval and by the server; the spool is untouched."""
    path = tmp_path / "x.conf"
    path.write_text(text)
    spool_with(tmp_path / "spool", 3)
    for command in (
        ("pipeline", "check", path),
        ("pipeline", "eval", path),
        ("serve", "--pipeline", path, "--spool", tmp_path / "spool", "--data", tmp_path / "data", "--port", 0),
    ):
        assert f"{path}{place}" in cli.fails(*command)
    assert len(list(events(tmp_path / "spool"))) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "x"}', '{"kind": "elsewhere", "version": 1}'])
def test_a_file_that_is_no_profile_is_refused(cli: Cli, tmp_path: Path, text: str) -> None:
    """By every command that takes one."""
    path = tmp_path / "p.json"
    path.write_text(text)
    for command in (
        ("profile", "show", path),
        ("dashboards", "build", path, "--out", tmp_path / "out"),
        ("watches", "build", path, "--out", tmp_path / "out"),
        ("serve", "--profile", path, "--spool", tmp_path / "s", "--data", tmp_path / "d", "--port", 0),
    ):
        assert str(path) in cli.fails(*command)


def test_a_process_ends_with_one_line_and_an_exit_code(tmp_path: Path) -> None:
    """As a shell sees it."""
    done = subprocess.run(
        [sys.executable, "-m", "mllog", "spool", "cat", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"mllog: {tmp_path / 'none'}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_said(cli: Cli, tmp_path: Path, command: str) -> None:
    """Before anything is opened or written."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        folders = (
            ["--dir", tmp_path / "d"] if command == "demo" else ["--spool", tmp_path / "s", "--data", tmp_path / "d"]
        )
        said = cli.fails(command, "--port", port, *folders)
    assert said == f"mllog: port {port} on 127.0.0.1 is in use; choose another with --port"
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_none_is_said(cli: Cli, tmp_path: Path) -> None:
    """Numbers beyond 65535."""
    assert "0 to 65535" in cli.fails("serve", "--port", 70000, "--spool", tmp_path / "s", "--data", tmp_path / "d")


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_folder_that_cannot_be_made_is_said(cli: Cli, tmp_path: Path, command: str) -> None:
    """A file stands where the folder should be: true for root too."""
    (tmp_path / "file").write_text("mine")
    wrong = tmp_path / "file" / "spool"
    folders = ["--dir", wrong] if command == "demo" else ["--spool", wrong, "--data", tmp_path / "d"]
    assert str(wrong) in cli.fails(command, "--port", 0, *folders)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="gives up root's rights as Linux does")
def test_a_spool_without_permission_is_no_reason_to_stop_a_service(cli: Cli, tmp_path: Path) -> None:
    """Events are dropped and counted, and the reason is said; as root the test gives up its rights first."""
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o500)
    code = (
        "import os, mllog, mllog.testing\n"
        "with mllog.testing.capture(): mllog.model('late', '1').prediction({'x': 1})\n"
        "if os.geteuid() == 0:\n    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"mllog.configure(spool={str(folder / 'spool')!r})\n"
        "ids = [mllog.model('late', '1').prediction({'x': 1}) for _ in range(3)]\n"
        "print(len(ids), mllog.stats()['dropped'], mllog.stats()['problem'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False, cwd="/"
    )
    assert done.stderr == ""
    assert done.stdout.startswith("3 3 ")
    assert done.stdout.strip().endswith("Permission denied")


def test_a_demo_leaves_other_peoples_folders_alone(cli: Cli, tmp_path: Path) -> None:
    """It never empties a folder that is not its own."""
    (tmp_path / "thesis.txt").write_text("mine")
    assert "is not empty and not the folder of an earlier demo" in cli.fails("demo", "--dir", tmp_path, "--port", 0)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_demo_of_nothing_is_refused(cli: Cli, tmp_path: Path) -> None:
    """At least one event."""
    assert "--events 0" in cli.fails("demo", "--events", 0, "--dir", tmp_path / "d", "--port", 0)


def test_a_spool_that_is_not_there_is_said(cli: Cli, tmp_path: Path) -> None:
    """By cat and by status."""
    for command in ("cat", "status"):
        assert str(tmp_path / "none") in cli.fails("spool", command, tmp_path / "none")


def test_spool_cat_and_status_of_a_spool(cli: Cli, tmp_path: Path) -> None:
    """The accepted events as NDJSON, oldest first; their number for people and for machines."""
    spool_with(tmp_path, 3)
    lines = cli.does("spool", "cat", tmp_path).splitlines()
    assert [json.loads(line)["mllog"]["input"]["number"]["delay"] for line in lines] == [0, 1, 2]
    assert json.loads(cli.does("spool", "status", tmp_path, "--json"))["events"] == 3
    assert "events" in cli.does("spool", "status", tmp_path)


def test_init_writes_the_stack_out_once(cli: Cli, tmp_path: Path) -> None:
    """What is there already is never written over."""
    cli.does("init", tmp_path)
    for name in (
        "logstash/pipeline/20-redact.conf",
        "elastic/index_templates/logs-mllog.json",
        "kibana/saved_objects",
        "docker-compose.yml",
    ):
        assert (tmp_path / name).exists()
    cli.does("pipeline", "check", tmp_path / "logstash" / "pipeline")
    assert "exists already; nothing was written" in cli.fails("init", tmp_path)


def test_pipeline_test_runs_the_cases_beside_a_configuration(cli: Cli, tmp_path: Path) -> None:
    """All of those that are shipped pass; one that fails is named with the field, and the exit code is not 0."""
    assert "cases passed" in cli.does("pipeline", "test", ROOT / "logstash/pipeline")
    (tmp_path / "p").mkdir()
    (tmp_path / "p/x.conf").write_text('filter { mutate { add_tag => ["seen"] } }')
    assert "no case files" in cli.fails("pipeline", "test", tmp_path / "p")
    (tmp_path / "cases").mkdir()
    case = "cases:\n  - name: greets\n    line: hello\n    events:\n      - message: goodbye\n"
    (tmp_path / "cases/x.yml").write_text(case)
    code, out, err = cli.run("pipeline", "test", tmp_path / "p")
    assert (code, out) == (1, "0 of 1 cases passed\n")
    assert "greets: " in err
    assert 'message is "hello", not "goodbye"' in err


def test_a_frame_that_cannot_be_read_is_said(cli: Cli, tmp_path: Path) -> None:
    """No such file, and no such column."""
    arguments = ("--out", tmp_path / "p.json", "--name", "late", "--version", "1")
    assert "none.csv" in cli.fails("profile", "learn", tmp_path / "none.csv", *arguments)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    assert "no column 'c'" in cli.fails("profile", "learn", tmp_path / "t.csv", *arguments, "--output", "c")


FRAMES = {
    "empty.csv": b"",
    "blank.csv": b"\n\n",
    "header.csv": b"a,b\n",
    "ragged.csv": b"a,b\n1,2\n1,2,3\n",
    "binary.csv": bytes(range(256)),
    "latin.csv": "stra\u00dfe\nm\u00fcnchen\n".encode("latin-1"),
    "quote.csv": b'a,b\n"1,2\n',
    "noname.csv": b",b\n1,2\n",
    "nul.csv": b"a\x00b\n1\n",
    "no.zip": b"a,b\n1,2\n",
    "no.csv.gz": b"a,b\n1,2\n",
    "no.parquet": b"a,b\n1,2\n",
    "NO.PARQUET": b"PAR1",
    "empty.parquet": b"",
}


@pytest.mark.parametrize("name", [*FRAMES, "missing.csv", "missing.parquet", "folder"])
def test_a_file_without_a_frame_is_one_line(cli: Cli, tmp_path: Path, name: str) -> None:
    """That names the file; or a profile, where pandas finds a frame in it."""
    path = tmp_path / name
    if name in FRAMES:
        path.write_bytes(FRAMES[name])
    elif name == "folder":
        path.mkdir()
    code, out, err = cli.run("profile", "learn", path, "--out", tmp_path / "p.json", "--name", "m", "--version", "1")
    if code == 0:
        assert name in ("noname.csv", "binary.csv", "nul.csv")
        assert "rows" in out
    else:
        assert str(path) in err
        assert len(err.splitlines()) == 1
        assert not (tmp_path / "p.json").exists()


def test_a_column_that_cannot_be_learnt_is_named(cli: Cli, tmp_path: Path) -> None:
    """With the file and the remedy."""
    pd.DataFrame({"x": [1, 2], "tags": [["a"], ["b"]]}).to_parquet(tmp_path / "t.parquet")
    arguments = ("--out", tmp_path / "p.json", "--name", "late", "--version", "1")
    said = cli.fails("profile", "learn", tmp_path / "t.parquet", *arguments)
    assert "t.parquet: column 'tags': row 0 holds an array" in said
    assert "drop the column" in said


def test_profile_learn_and_show(cli: Cli, tmp_path: Path) -> None:
    """From a CSV file to a table."""
    (tmp_path / "t.csv").write_text("delay,late\n" + "\n".join(f"{n},{n > 5}" for n in range(20)))
    arguments = ("--out", tmp_path / "p.json", "--name", "late", "--version", "1", "--output", "late")
    assert "1 inputs, 1 outputs, 20 rows" in cli.does("profile", "learn", tmp_path / "t.csv", *arguments)
    assert "delay" in cli.does("profile", "show", tmp_path / "p.json")
    assert json.loads(cli.does("profile", "show", tmp_path / "p.json", "--json"))["model"]["name"] == "late"


def test_settings_that_cannot_work_are_said_by_name() -> None:
    """A service that is configured wrongly hears of it when it starts."""
    code = "import mllog; mllog.configure()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, "MLLOG_MAX_BYTES": "lots"},
    )
    assert "MLLOG_MAX_BYTES: 'lots' is not a size" in done.stderr
