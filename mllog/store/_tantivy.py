"""The embedded store: tantivy behind Elasticsearch's bodies, in one folder."""

from __future__ import annotations

import datetime as dt
import fnmatch
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import tantivy

from mllog._files import open_locked
from mllog.errors import QueryError, StoreError
from mllog.store._aggregations import SEGMENT, Aggregator
from mllog.store._dates import microseconds
from mllog.store._fields import JSON, TIME, column, columns
from mllog.store._fields import key as key_of
from mllog.store._interface import EVERY, PAGE, Document, IndexResult, Rejected
from mllog.store._literals import NONE, quoted, single
from mllog.store._query import Translator

_HEAP_BYTES: Final = 64 << 20
_LARGEST_PAGE: Final = 10_000
_FORMAT: Final = "1"


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("_index", stored=True, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("_id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("_key", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_bytes_field("_source", stored=True, indexed=False)
    builder.add_integer_field(TIME, indexed=True, fast=True)
    builder.add_json_field(JSON, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("_text", tokenizer_name="default", index_option="position")
    return builder.build()


class EmbeddedStore:
    """A store in a folder of this machine; one process at a time.

    Searches may run in any thread; they see what the last commit made visible.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = threading.Lock()
        self._pending: set[str] = set()
        self._lock = _locked(folder)
        try:
            self._schema = _schema()
            self._open()
        except (ValueError, OSError) as error:
            os.close(self._lock)
            raise StoreError(f"{folder}: cannot open the store: {error}") from error

    def _open(self) -> None:
        index = self._folder / "index"
        index.mkdir(exist_ok=True)
        self._index = tantivy.Index(self._schema, path=str(index))
        self._writer = self._index.writer(_HEAP_BYTES, 1)
        self._refresh()

    def _refresh(self) -> None:
        self._index.reload()
        self._names: list[str] | None = None
        self._terms: dict[str, list[str]] = {}

    # -- writing -------------------------------------------------------------------------------

    def index(self, documents: Iterable[Document]) -> IndexResult:
        """Take documents; they are durable and visible after `commit`.

        Raises:
            StoreError: tantivy failed; everything since the last commit is taken back.
        """
        result = IndexResult()
        with self._writing:
            fresh: dict[str, Document] = {}
            for document in documents:
                key = f"{document.index}\0{document.id}"
                if not document.is_complete:
                    result.rejected.append(Rejected(document.id, "a document needs an index, an id and an object"))
                elif key in fresh or key in self._pending:
                    result.duplicates += 1
                else:
                    fresh[key] = document
            for key in self._existing_keys(list(fresh)):
                del fresh[key]
                result.duplicates += 1
            try:
                for key, document in fresh.items():
                    self._add(key, document, result)
            except (ValueError, OSError) as error:
                self._roll_back()
                raise StoreError(f"{self._folder}: cannot write: {error}") from error
        return result

    def _existing_keys(self, keys: list[str]) -> list[str]:
        if not keys:
            return []
        searcher = self._index.searcher()
        query = tantivy.Query.term_set_query(self._schema, "_key", keys)
        return [searcher.doc(address)["_key"][0] for _, address in searcher.search(query, len(keys), count=False).hits]

    def _add(self, key: str, document: Document, result: IndexResult) -> None:
        try:
            row = _row(document, key)
        except Exception as error:  # noqa: BLE001 - not expressible: a lone surrogate, a number or a depth beyond bounds
            result.rejected.append(Rejected(document.id, _why(error)))
            return
        self._writer.add_document(row)
        self._pending.add(key)
        result.created += 1

    def commit(self) -> None:
        """Make everything that was indexed durable and visible.

        Raises:
            StoreError: tantivy failed; everything since the last commit is taken back.
        """
        with self._writing:
            if not self._pending:
                return
            try:
                self._writer.commit()
            except (ValueError, OSError) as error:
                self._roll_back()
                raise StoreError(f"{self._folder}: cannot write: {error}") from error
            self._pending.clear()
            self._refresh()

    def _roll_back(self) -> None:
        self._pending.clear()
        try:
            self._writer.rollback()
        except (ValueError, OSError) as error:
            raise StoreError(f"{self._folder}: cannot write, nor roll back what was not committed: {error}") from error

    def delete_by_query(self, query: Mapping[str, Any], *, index: str = EVERY) -> int:
        """Delete what matches; returns how many documents that were.

        Raises:
            QueryError: as for `search`.
            StoreError: tantivy failed; nothing was deleted.
        """
        self.commit()
        with self._writing:
            parsed = self._parse(self._scoped(query, index, _now()))
            count = self._matching(parsed)
            try:
                self._writer.delete_documents_by_query(parsed)
                self._writer.commit()
            except (ValueError, OSError) as error:
                self._roll_back()
                raise StoreError(f"{self._folder}: cannot write: {error}") from error
            self._refresh()
        return count

    # -- reading -------------------------------------------------------------------------------

    def search(self, body: Mapping[str, Any], *, index: str = EVERY) -> dict[str, Any]:
        """Answer an Elasticsearch search body in Elasticsearch's shape.

        Raises:
            QueryError: the body holds something that is not supported; the message says what and where.
        """
        began = time.perf_counter()
        known = {"query", "size", "from", "sort", "_source", "track_total_hits", "aggs", "aggregations", "timeout"}
        for name in body:
            if name not in known:
                raise QueryError(f"{name}: this part of a search is not supported here")
        now = _now()
        parsed = self._parse(self._scoped(body.get("query"), index, now))
        searcher: Any = self._index.searcher()
        size, start = _page(body)
        order = _order(body.get("sort"))
        options = {} if order is None else {"order_by_field": TIME, "order": order}
        result = searcher.search(parsed, max(size, 1), offset=start, **options)
        response: dict[str, Any] = {
            "took": 0,
            "timed_out": False,
            "hits": {
                "total": {"value": int(result.count), "relation": "eq"},
                "max_score": None,
                "hits": [self._hit(searcher, address, body, order) for _, address in result.hits[:size]],
            },
        }
        aggregations = body.get("aggs", body.get("aggregations"))
        if aggregations:
            response["aggregations"] = self._aggregate(searcher, parsed, aggregations, now)
        response["took"] = round((time.perf_counter() - began) * 1000)
        return response

    def count(self, query: Mapping[str, Any] | None = None, *, index: str = EVERY) -> int:
        """How many documents match a query; all, without one."""
        return self._matching(self._parse(self._scoped(query, index, _now())))

    def scan(self, query: Mapping[str, Any] | None = None, *, index: str = EVERY) -> Iterator[dict[str, Any]]:
        """Every matching document, oldest first, as it was when the scan began; one without a time comes at the end.

        Raises:
            QueryError: as for `search`.
        """
        searcher: Any = self._index.searcher()
        scope = self._scoped(query, index, _now())
        yield from self._timed(searcher, scope)
        untimed = self._parse(f"({scope}) AND (* -{TIME}:*)")
        start = 0
        while hits := searcher.search(untimed, PAGE, offset=start, count=False).hits:
            yield from (self._hit(searcher, address, {}, None) for _, address in hits)
            start += len(hits)

    def _timed(self, searcher: Any, scope: str) -> Iterator[dict[str, Any]]:
        """Page after page, each from the last moment of the one before on; what that moment had is left out."""
        onwards, last, seen = f"{TIME}:*", None, set[tuple[int, int]]()
        while True:
            size = PAGE + len(seen)
            query = self._parse(f"({scope}) AND {onwards}")
            hits = searcher.search(query, size, count=False, order_by_field=TIME, order=tantivy.Order.Asc).hits
            for moment, address in hits:
                place = address.segment_ord, address.doc
                if place in seen:
                    continue
                if moment != last:
                    onwards, last, seen = f"{TIME}:[{moment} TO *}}", moment, set()
                seen.add(place)
                yield self._hit(searcher, address, {}, None)
            if len(hits) < size:
                return

    def _matching(self, query: Any) -> int:
        result: Any = self._index.searcher().search(query, 1)
        return int(result.count)

    def _aggregate(self, searcher: Any, query: Any, body: Any, now: dt.datetime) -> dict[str, Any]:
        def bounds() -> tuple[float, float] | None:
            ends = searcher.aggregate(query, {"low": {"min": {"field": TIME}}, "high": {"max": {"field": TIME}}})
            low, high = ends["low"]["value"], ends["high"]["value"]
            return None if low is None else (low, high)

        part = Aggregator(self._translator(now), bounds, now).compile(body)
        try:
            answers = searcher.aggregate(query, part.ask) if part.ask else {}
        except ValueError as error:
            raise QueryError(f"aggs: {error}") from error
        response: dict[str, Any] = part.read(answers)
        return response

    def _hit(self, searcher: Any, address: Any, body: Mapping[str, Any], order: Any) -> dict[str, Any]:
        document = searcher.doc(address)
        hit = {"_index": document["_index"][0], "_id": document["_id"][0], "_score": None}
        wanted = body.get("_source", True)
        source = orjson.loads(bytes(document["_source"][0]))
        if wanted is not False:
            hit["_source"] = source if wanted is True else _selected(source, wanted)
        if order is not None:
            moment = microseconds(source.get("@timestamp"))
            hit["sort"] = [None if moment is None else moment // 1000]
        return hit

    def _translator(self, now: dt.datetime) -> Translator:
        return Translator(now, self._terms_of)

    def _terms_of(self, field: str) -> list[str]:
        """The values of a keyword field, for wildcards."""
        if field not in self._terms:
            every = tantivy.Query.all_query()
            name = "_index" if field == "_index" else column(field)
            ask = {"t": {"terms": {"field": name, "size": SEGMENT, "segment_size": SEGMENT}}}
            buckets = self._index.searcher().aggregate(every, ask)["t"]["buckets"]
            self._terms[field] = [str(bucket.get("key_as_string", bucket["key"])) for bucket in buckets]
        return self._terms[field]

    def _scoped(self, query: Any, index: str, now: dt.datetime) -> str:
        translator = self._translator(now)
        text = translator.translate(query) if query else "*"
        patterns = [pattern for pattern in index.split(",") if pattern]
        if patterns == ["*"]:
            return text
        names = [name for name in self._terms_of("_index") if any(fnmatch.fnmatchcase(name, p) for p in patterns)]
        scope = f"_index:IN [{' '.join(map(quoted, names))}]" if names else NONE
        return f"({scope}) AND ({text})"

    def _parse(self, text: str) -> Any:
        try:
            return self._index.parse_query(text, ["_text"])
        except ValueError as error:
            raise QueryError(f"query: {error}") from error

    def close(self) -> None:
        """Wait for merges and let another process open the folder; what was not committed is gone."""
        with self._writing:
            self._writer.wait_merging_threads()
            os.close(self._lock)


def _row(document: Document, key: str) -> Any:
    """A document as tantivy takes it."""
    event, source = document.parsed(), document.encoded()
    cells, texts, ignored = columns(event)
    if ignored:
        cells[key_of("_ignored")] = sorted(set(ignored))
    row = tantivy.Document()
    row.add_text("_index", document.index)
    row.add_text("_id", document.id)
    row.add_text("_key", key)
    row.add_bytes("_source", source)
    moment = microseconds(event.get("@timestamp"))
    if moment is not None:
        row.add_integer(TIME, moment)
    row.add_json(JSON, orjson.dumps(cells).decode())
    for text in texts:
        row.add_text("_text", text)
    return row


def _why(error: Exception) -> str:
    """Why a document was rejected, without any of its values."""
    if isinstance(error, orjson.JSONDecodeError):
        return f"not JSON: {error.msg}"
    if isinstance(error, TypeError):
        return f"not JSON: {error}"
    return f"cannot be indexed: {type(error).__name__}"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _locked(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = open_locked(folder / "lock")
    except OSError as error:
        raise StoreError(f"{folder}: cannot use the folder: {error.strerror}") from error
    if fd is None:
        raise StoreError(f"{folder}: the store is open in another process; stop that process first")
    written = os.pread(fd, 16, 0).decode("ascii", "replace").strip()
    if written not in ("", _FORMAT):
        os.close(fd)
        raise StoreError(f"{folder}: a store of format {written!r}; this mllog reads {_FORMAT}")
    os.pwrite(fd, f"{_FORMAT}\n".encode(), 0)
    return fd


def _page(body: Mapping[str, Any]) -> tuple[int, int]:
    size, start = body.get("size", 10), body.get("from", 0)
    for name, value in (("size", size), ("from", start)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise QueryError(f"{name}: expected a whole number, not below zero")
    if size + start > _LARGEST_PAGE:
        raise QueryError(f"size: from + size is at most {_LARGEST_PAGE}")
    return size, start


def _order(sort: Any) -> Any:
    """The direction of `@timestamp`, or None where results are not sorted."""
    items: Sequence[Any] = sort if isinstance(sort, list) else [sort] if sort is not None else []
    wanted = None
    for place, item in enumerate(items):
        field, direction = (item, "asc") if isinstance(item, str) else single(item, f"sort[{place}]")
        if isinstance(direction, Mapping):
            direction = direction.get("order", "asc")
        if field in ("_doc", "_score"):
            continue
        if field != "@timestamp" or direction not in ("asc", "desc"):
            raise QueryError(f"sort[{place}]: results are sorted by @timestamp here, asc or desc")
        wanted = wanted or (tantivy.Order.Asc if direction == "asc" else tantivy.Order.Desc)
    return wanted


def _selected(source: Mapping[str, Any], wanted: Any, path: str = "") -> dict[str, Any]:
    """The parts of a source whose path matches one of the patterns."""
    if isinstance(wanted, Mapping):
        wanted = wanted.get("includes", ["*"])
    patterns = [wanted] if isinstance(wanted, str) else list(wanted)
    kept: dict[str, Any] = {}
    for name, value in source.items():
        here = f"{path}.{name}" if path else str(name)
        if any(fnmatch.fnmatchcase(here, pattern) for pattern in patterns):
            kept[name] = value
        elif isinstance(value, Mapping):
            inner = _selected(value, patterns, here)
            if inner:
                kept[name] = inner
    return kept
