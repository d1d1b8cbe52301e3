"""Writes the JSON schemas of the files that mllog reads: `python docs/schemas/generate.py`."""  # noqa: INP001 - no package

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from mllog.alerts._config import Config
from mllog.profile._format import json_schema
from mllog.redaction._file import Tables
from mllog.watches._format import WatchFile
from mllog.watches._limits import LimitsFile

FILES: Final[dict[str, Any]] = {
    "alerts.toml": Config,
    "redaction.toml": Tables,
    "watch": WatchFile,
    "watches.toml": LimitsFile,
}


def schemas() -> dict[str, str]:
    """Each file's name and content."""
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    found = {f"{name}.json": {**draft, **msgspec.json.schema(kind)} for name, kind in FILES.items()}
    found["profile.json"] = json_schema()
    return {
        name: json.dumps(schema, indent=2, sort_keys=name != "profile.json") + "\n" for name, schema in found.items()
    }


if __name__ == "__main__":
    for name, text in schemas().items():
        Path(__file__).with_name(name).write_text(text)
