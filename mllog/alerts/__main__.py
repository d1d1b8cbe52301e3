"""Writes the JSON schemas of the configuration files: `python -m mllog.alerts docs/schemas`."""

from __future__ import annotations

import sys
from pathlib import Path

from mllog.alerts._schemas import write_schemas

for path in write_schemas(Path(sys.argv[1])):
    sys.stdout.write(f"{path}\n")
