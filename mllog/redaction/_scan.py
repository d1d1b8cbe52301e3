"""Looks for sensitive values in events that are stored already, so that they can be cleaned before training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from mllog._errors import ConfigurationError
from mllog.redaction._redactor import Redactor
from mllog.redaction.rules import DEFAULT, RuleSet

_PAGE: Final = 1000
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
    """
    if source.startswith(("http://", "https://")):
        return _from_elasticsearch(source, index, api_key_file, ca)
    path = Path(source)
    if path.is_dir():
        return _from_store(path, index)
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


def _from_store(folder: Path, index: str) -> Iterator[Stored]:
    from mllog.store import open_store  # noqa: PLC0415 - an extra

    store = open_store(folder)
    try:
        start = 0
        while True:
            body = {"query": {"match_all": {}}, "size": _PAGE, "from": start, "sort": ["@timestamp"]}
            hits = store.search(body, index=index)["hits"]["hits"]
            for hit in hits:
                yield str(hit["_id"]), hit["_source"]
            if len(hits) < _PAGE:
                return
            start += _PAGE
    finally:
        store.close()


def _from_elasticsearch(url: str, index: str, api_key_file: Path | None, ca: Path | None) -> Iterator[Stored]:
    """All events as they were when the scan began, page by page (a point in time, sorted by shard)."""
    from elasticsearch import ApiError, Elasticsearch, TransportError  # noqa: PLC0415 - an extra

    try:
        key = None if api_key_file is None else api_key_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{api_key_file}: the API key cannot be read: {type(error).__name__}") from None
    more: dict[str, Any] = {} if ca is None else {"ca_certs": str(ca)}
    client = Elasticsearch(url, api_key=key, **more)
    try:
        point = client.open_point_in_time(index=index, keep_alive="2m", ignore_unavailable=True)["id"]
        after: list[Any] | None = None
        try:
            while True:
                found = client.search(
                    pit={"id": point, "keep_alive": "2m"}, size=_PAGE, sort=["_shard_doc"], search_after=after
                )
                hits = found["hits"]["hits"]
                for hit in hits:
                    yield str(hit["_id"]), hit["_source"]
                if len(hits) < _PAGE:
                    return
                after, point = hits[-1]["sort"], found["pit_id"]
        finally:
            client.close_point_in_time(id=point)
    except (ApiError, TransportError) as error:
        raise ConfigurationError(f"{url}: Elasticsearch does not answer as it should: {error}") from None
    finally:
        client.close()
