"""Writes docs/schemas/profile.json from the classes that read a profile file."""  # noqa: INP001 - no package

from __future__ import annotations

import json
from pathlib import Path

from mllog.profile._format import json_schema

if __name__ == "__main__":
    Path(__file__).with_name("profile.json").write_text(json.dumps(json_schema(), indent=2) + "\n")
