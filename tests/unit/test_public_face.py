"""What `import mllog` gives, and what it costs."""

from __future__ import annotations

import logging
import subprocess
import sys

import mllog


def test_public_names_are_pinned() -> None:
    """The public names of the package are these and no others."""
    assert mllog.__all__ == [
        "EventHandler",
        "FileHandler",
        "JsonFormatter",
        "MllogError",
        "ModelLogger",
        "Profile",
        "RecordHandler",
        "SpoolHandler",
        "StdoutHandler",
        "__version__",
        "bind",
        "bound",
        "configure",
        "flush",
        "integrations",
        "model",
        "shutdown",
        "stats",
        "testing",
    ]
    for name in mllog.__all__:
        assert getattr(mllog, name) is not None


def test_import_installs_a_null_handler() -> None:
    """The logger `mllog` has a NullHandler from the start, so the library is silent."""
    assert any(type(handler) is logging.NullHandler for handler in logging.getLogger("mllog").handlers)


def test_logging_needs_little() -> None:
    """Logging with a profile takes what the package depends on (msgspec looks for typing_extensions)."""
    code = (
        "import sys, os, tempfile; before = set(sys.modules); import mllog\n"
        "assert 'msgspec' not in sys.modules\n"
        "mllog.configure(spool=tempfile.mkdtemp())\n"
        "from mllog.profile import Profile, Feature\n"
        "profile = Profile('m', '1', (Feature('x', 'number', 'float64', 1, 0),))\n"
        "mllog.model('m', profile=profile).prediction({'x': 1.0})\n"
        "assert mllog.stats()['accepted'] == 1, mllog.stats()\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['mllog', 'msgspec', 'orjson', 'typing_extensions']"


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that is not there fails as it does for any module."""
    code = "import mllog\ntry: mllog.nosuch\nexcept AttributeError as e: print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "nosuch" in done.stdout


def test_missing_extra_is_one_line() -> None:
    """A command whose packages are missing names the extra, in one line, and exits with 1."""
    code = "import sys; sys.modules['typer'] = None\nfrom mllog.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "mllog[cli]" in done.stderr
