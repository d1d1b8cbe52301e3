"""The wheel, and environments that hold it with some of its extras and nothing else."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from support.environments import ROOT, Environment
from support.waiting import PATIENCE


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Environment]:
    """An environment with the wheel and some extras; each is made once, of the versions that are locked."""
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    folder = tmp_path_factory.mktemp("extras")

    def run(*command: object) -> None:
        done = subprocess.run(
            [uv, *map(str, command)], capture_output=True, text=True, check=False, timeout=3 * PATIENCE
        )
        assert done.returncode == 0, done.stderr

    run("build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")

    @functools.cache
    def made(*extras: str) -> Environment:
        home = folder / "-".join(("with", *extras))
        run("venv", "--quiet", "--python", sys.executable, home)
        python = home / "bin/python"
        wanted = f"mllog[{','.join(extras)}] @ {wheel.as_uri()}"
        run("pip", "install", "--quiet", "--python", python, "--constraint", ROOT / "requirements.lock", wanted)
        return Environment(python)

    return made
