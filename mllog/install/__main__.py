"""Writes the digests into the files of elastic/: `python -m mllog.install elastic`, after one was changed."""

from __future__ import annotations

import sys
from pathlib import Path

from mllog.install._objects import stamp

for changed in stamp(Path(sys.argv[1])):
    sys.stdout.write(f"{changed}\n")
