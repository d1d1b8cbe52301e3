"""The command line, run in the process of a test."""

from __future__ import annotations

import sys

import pytest

from mllog.__main__ import main


class Cli:
    """The command `mllog`, run in this process."""

    def __init__(self, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capture = capture
        self._patch = patch

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        self._patch.setattr(sys, "argv", ["mllog", *map(str, arguments)])
        self._capture.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        out, err = self._capture.readouterr()
        assert isinstance(code, int)
        return code, out, err

    def does(self, *arguments: object) -> str:
        """What a command prints that goes well."""
        code, out, err = self.run(*arguments)
        assert (code, err) == (0, "")
        return out

    def fails(self, *arguments: object) -> str:
        """The one line that a command fails with."""
        code, out, err = self.run(*arguments)
        assert (code, out) == (1, "")
        assert err.startswith("mllog: ")
        assert err.count("\n") == 1, err
        return err.strip()
