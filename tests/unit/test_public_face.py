"""What `import mllog` gives, and what it costs."""

from __future__ import annotations

import logging
import subprocess
import sys

import mllog

PUBLIC = """
    EventHandler FileHandler JsonFormatter MllogError ModelLogger Profile RecordHandler SpoolHandler StdoutHandler
    __version__ bind bound configure errors flush integrations model shutdown stats testing
"""


def test_public_names_are_pinned() -> None:
    """The public names of the package are these and no others, and each can be used."""
    assert mllog.__all__ == PUBLIC.split()
    for name in mllog.__all__:
        assert getattr(mllog, name) is not None
        assert name in dir(mllog)


def test_every_exception_is_public_and_documented() -> None:
    """`mllog.errors.__all__` is the whole tree; each class says when it is raised and what to do."""
    tree = {name: kind for name, kind in vars(mllog.errors).items() if isinstance(kind, type)}
    assert sorted(tree) == mllog.errors.__all__
    for name, kind in tree.items():
        assert issubclass(kind, mllog.MllogError)
        assert len((kind.__doc__ or "").split()) > 15, name
        assert name in (mllog.errors.__doc__ or "")


def test_errors_are_an_attribute_of_the_package() -> None:
    """Nobody has to import the module to catch its exceptions."""
    code = "import mllog; assert issubclass(mllog.errors.ProfileError, mllog.MllogError)"
    subprocess.run([sys.executable, "-c", code], check=True)


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
