"""The dictionaries of the translate filter: in the configuration, or in a file that is read again when it is due."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import yaml

REFRESH_SECONDS: Final = 300.0
KINDS: Final = (".yaml", ".yml", ".json", ".csv")


def read_dictionary(path: Path) -> dict[str, Any]:
    """The entries of a YAML, JSON or CSV file. A key that is no text never matches, so it is left out, as in Logstash.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no dictionary of its kind.
    """
    if path.suffix not in KINDS:
        raise ValueError(f"expected the name of the file to end with one of {', '.join(KINDS)}")
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".csv":
        try:
            rows = [row for row in csv.reader(text.splitlines(keepends=True), strict=True) if row]
        except csv.Error as error:
            raise ValueError(str(error)) from None
        return {row[0]: row[1] if len(row) > 1 else None for row in rows}
    try:
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    if not isinstance(found, Mapping):
        raise ValueError(  # noqa: TRY004 - the content of a file
            f"expected keys with values, found {type(found).__name__}"
        )
    return {name: value for name, value in found.items() if isinstance(name, str)}


class DictionaryFile:
    """A file of translations, read again after `refresh_interval` seconds where it has changed.

    Attributes:
        entries: what it holds; what was read last stays where the file has become unreadable.
    """

    __slots__ = ("_behaviour", "_due", "_interval", "_path", "_stamp", "entries")

    def __init__(self, path: Path, interval: float, behaviour: Literal["merge", "replace"]) -> None:
        self._path, self._interval, self._behaviour = path, interval, behaviour
        self._stamp = self._stat()
        self.entries = read_dictionary(path)
        self._due = time.monotonic() + interval

    def refreshed(self) -> bool:
        """Whether there are new entries."""
        now = time.monotonic()
        if self._interval <= 0 or now < self._due:
            return False
        self._due = now + self._interval
        try:
            stamp = self._stat()
            if stamp == self._stamp:
                return False
            entries = read_dictionary(self._path)
        except (OSError, ValueError):
            return False
        self._stamp = stamp
        self.entries = entries if self._behaviour == "replace" else {**self.entries, **entries}
        return True

    def _stat(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size
