"""Virtual environments of a test's own."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    python: Path

    def run(self, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run its Python, apart from everything else of this machine."""
        command = [str(self.python), "-I", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=cwd, stdin=subprocess.DEVNULL
        )

    def mllog(self, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self.run("-m", "mllog", *arguments, cwd=cwd)
