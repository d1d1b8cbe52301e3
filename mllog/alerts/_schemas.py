"""JSON schemas of the configuration files, for editors: generated from the types that read the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from mllog.alerts._config import Config
from mllog.redaction._file import Tables
from mllog.watches._format import WatchFile
from mllog.watches._limits import LimitsFile

FILES: Final[dict[str, Any]] = {
    "alerts.toml": Config,
    "redaction.toml": Tables,
    "watch": WatchFile,
    "watches.toml": LimitsFile,
}


def write_schemas(folder: Path) -> list[Path]:
    """Write the schemas into a folder as `NAME.json`; returns the paths.

    `python -m mllog.alerts docs/schemas` does.
    """
    paths = []
    for name, kind in FILES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(kind)}
        paths.append(folder / f"{name}.json")
        paths[-1].write_bytes(
            orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
        )
    return paths
