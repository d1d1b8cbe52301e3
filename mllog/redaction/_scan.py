"""Looks for sensitive values in events that are stored already, so that they can be cleaned before training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from mllog.errors import ConfigurationError
from mllog.redaction._redactor import Redactor
from mllog.redaction.rules import DEFAULT, RuleSet

_MOST_IDS: Final = 3
_EVERY: Final = 500


class Finding(NamedTuple):
    """How often a kind was found in a field, and where first.

    Attributes:
        kind: such as `email`.
        field: dotted path.
        times: how many values.
        ids: of some events that hold one.
    """

    kind: str
    field: str
    times: int
    ids: list[str]


@dataclass
class Report:
    """What a scan found; never a value."""

    events: int = 0
    affected: int = 0
    found: int = 0
    _by: dict[tuple[str, str], tuple[int, list[str]]] = field(default_factory=dict)

    def add(self, name: str, finds: list[tuple[str, str]]) -> None:
        """Take down what one event holds."""
        self.events += 1
        self.affected += bool(finds)
        self.found += len(finds)
        for path, kind in finds:
            count, ids = self._by.get((kind, path), (0, []))
            if len(ids) < _MOST_IDS and name not in ids:
                ids = [*ids, name]
            self._by[kind, path] = (count + 1, ids)

    def findings(self) -> list[Finding]:
        """The most frequent first."""
        every = [Finding(kind, path, count, ids) for (kind, path), (count, ids) in self._by.items()]
        return sorted(every, key=lambda finding: (-finding.times, finding.kind, finding.field))

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        shown = {key: value for key, value in asdict(self).items() if not key.startswith("_")}
        return shown | {"findings": [finding._asdict() for finding in self.findings()]}


Stored = tuple[str, dict[str, Any]]
"""Id and fields of an event."""


def scanned(
    events: Iterable[Stored], rules: RuleSet = DEFAULT, *, seen: Callable[[int], None] = lambda _: None
) -> Report:
    """Look at every value of every event; markers and pseudonyms are no finds.

    Example:
        >>> report = scanned([("1", {"user": {"note": "ann@example.com", "pin": "[REDACTED:key]"}})])
        >>> [finding[:3] for finding in report.findings()]
        [('email', 'user.note', 1)]
    """
    redactor = Redactor(rules)
    report = Report()
    for name, fields in events:
        report.add(name, redactor.value(fields)[1])
        if report.events % _EVERY == 0:
            seen(report.events)
    return report


def events_of(
    source: str, *, index: str = "logs-mllog.*", api_key_file: Path | None = None, ca: Path | None = None
) -> Iterator[Stored]:
    """The events of an NDJSON or Parquet file, of the embedded store in a folder, or of Elasticsearch at a URL.

    Raises:
        ConfigurationError: there is nothing that could be read.
        StoreError: the store cannot be opened or read.
    """
    from mllog.store import is_cluster  # noqa: PLC0415 - a store is read by few scans

    path = Path(source)
    if is_cluster(source) or path.is_dir():
        return _from_store(source, index, api_key_file, ca)
    if not path.is_file():
        raise ConfigurationError(f"{source}: no file, folder or URL")
    return _from_parquet(path) if path.suffix == ".parquet" else _from_lines(path)


def _named(fields: dict[str, Any], number: int) -> Stored:
    event = fields.get("event")
    name = event.get("id") if isinstance(event, dict) else fields.get("event.id")
    return str(name or f"line {number}"), fields


def _from_lines(path: Path) -> Iterator[Stored]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                fields = json.loads(line)
            except ValueError:
                fields = None
            yield _named(fields if isinstance(fields, dict) else {"message": line.rstrip("\n")}, number)


def _from_parquet(path: Path) -> Iterator[Stored]:
    import pandas as pd  # noqa: PLC0415 - an extra

    frame = pd.read_parquet(path).astype(object)
    frame = frame.where(frame.notna(), None)  # what is missing is no value
    for number, row in enumerate(frame.itertuples(index=False, name=None), 1):
        values = {
            str(name): value.tolist() if hasattr(value, "tolist") else value
            for name, value in zip(frame.columns, row, strict=True)
        }
        yield _named(values, number)


def _from_store(place: str, index: str, api_key_file: Path | None, ca: Path | None) -> Iterator[Stored]:
    from mllog.store import open_store  # noqa: PLC0415 - an extra

    store = open_store(place, api_key_file=api_key_file, ca=ca, create=False)
    try:
        for hit in store.scan(index=index):
            yield str(hit["_id"]), hit["_source"]
    finally:
        store.close()
