"""The Elasticsearch store: the interface of the embedded one over a cluster of any size.

Both give the same responses to the same bodies: counts, sums, averages, extremes and buckets exactly. Percentiles are
sketches in both: a TDigest with a compression of 100 in Elasticsearch, within one per cent of the rank; a DDSketch in
the embedded store, within 2.5 % of the value. So are cardinalities: HyperLogLog++ in both, exact for a few values and
within 5 % beyond (Elasticsearch is exact up to about 3,000). `tests/stack` holds both stores to this on 50,000 events.
"""

from __future__ import annotations

import datetime as dt
import random
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch
from elasticsearch.helpers import streaming_bulk

from mllog.cluster._elasticsearch import check_allowed, connect, privilege_hint, to_store_error
from mllog.cluster._failures import blocked
from mllog.cluster._target import Target
from mllog.errors import QueryError, StoreError
from mllog.store._interface import EVERY, PAGE, Document, IndexResult, Rejected

CHUNK_BYTES: Final = 5 << 20
"""Bytes of one bulk request, as Elastic advises; a single larger event goes by itself."""

_CHUNK_EVENTS: Final = 2000
_RETRY_STATUS: Final = (429, 500, 502, 503, 504)
_RETRIES: Final = 5
_MAX_BACKOFF: Final = 2.0
"""Seconds; a sender learns within ten that nothing is accepted."""

_KEEP_ALIVE: Final = "5m"
_DELETING_SECONDS: Final = 3600.0
_RESPONSE_FIELDS: Final = (
    "took",
    "errors",
    "items.*._id",
    "items.*.status",
    "items.*.error.type",
    "items.*.error.reason",
    "items.*.error.caused_by.type",
)
_FIELD: Final = re.compile(r"field \[([\w.@/ -]{1,200})\]")
_TIME_ORDER: Final = [
    {"@timestamp": {"order": "asc", "numeric_type": "date_nanos", "unmapped_type": "date_nanos", "missing": "_last"}}
]


class ElasticsearchStore:
    """A store in an Elasticsearch cluster, into whose data streams the events go.

    Searches may run in any thread. What `index` has returned for is durable; `commit` makes it visible.

    Args:
        target: address and credentials.
        backoff: seconds before the first of five repetitions of what the cluster could not take, with jitter; doubled
            each time, up to two.

    Raises:
        StoreError: it cannot be reached, or is too old, or the key does not do.
    """

    def __init__(self, target: Target, *, backoff: float = 0.5) -> None:
        self._where = target.url
        self._backoff = backoff
        self._client: Elasticsearch = connect(target)
        self._touching = threading.Lock()
        self._touched: set[str] = set()

    def __repr__(self) -> str:
        return f"ElasticsearchStore({self._where!r})"

    @property
    def client(self) -> Elasticsearch:
        """The client itself, for what only a cluster has."""
        return self._client

    # -- writing -------------------------------------------------------------------------------

    def index(self, documents: Iterable[Document]) -> IndexResult:
        """Take documents; each that is counted is durable, and visible after `commit`.

        What the cluster could not take at the moment is sent again, with growing waits and at most five times.

        Raises:
            StoreError: the cluster does not take events now; all of these documents must be sent again, which stores
                none of them twice.
        """
        result = IndexResult()
        touched: set[str] = set()
        results = streaming_bulk(
            self._client,
            self._sendable(documents, result, touched),
            chunk_size=_CHUNK_EVENTS,
            max_chunk_bytes=CHUNK_BYTES,
            raise_on_error=False,
            max_retries=_RETRIES,
            max_backoff=_MAX_BACKOFF,
            initial_backoff=self._backoff * random.uniform(0.5, 1.5),  # noqa: S311 - jitter, no secret
            retry_on_status=_RETRY_STATUS,
            require_data_stream=True,
            filter_path=_RESPONSE_FIELDS,
        )
        try:
            for taken, item in results:
                response: Mapping[str, Any] = item["create"]
                if taken:
                    result.created += 1
                elif response["status"] == 409:
                    result.duplicates += 1
                elif response["status"] == 400:
                    result.rejected.append(Rejected(str(response["_id"]), _reason(response["error"])))
                else:
                    raise self._fault(response)
        except (ApiError, TransportError) as error:
            raise to_store_error(error, self._where) from None
        finally:
            with self._touching:
                self._touched |= touched
        return result

    def _sendable(
        self, documents: Iterable[Document], result: IndexResult, touched: set[str]
    ) -> Iterator[dict[str, Any]]:
        """An action for each document that can be sent; what cannot is rejected here."""
        for document in documents:
            if not document.is_complete:
                result.rejected.append(Rejected(document.id, "a document needs an index, an id and an object"))
                continue
            try:
                source = document.encoded()
            except TypeError as error:  # a value that JSON cannot express, or a lone surrogate
                result.rejected.append(Rejected(document.id, f"not JSON: {error}"))
                continue
            touched.add(document.index)
            yield {"_op_type": "create", "_index": document.index, "_id": document.id, "_source": source}

    def _fault(self, response: Mapping[str, Any]) -> StoreError:
        """Why a valid document was not accepted."""
        error = response.get("error") or {}
        kind, reason = str(error.get("type", "")), str(error.get("reason", ""))
        status = response["status"]
        if kind == "cluster_block_exception":
            return StoreError(f"{self._where}: {blocked(reason)}")
        if status == 403:
            return StoreError(
                f"{self._where}: the credential is not allowed to write events (403); {privilege_hint(reason)}"
            )
        if status == 404:
            return StoreError(
                f"{self._where}: no index template creates data streams for these events; "
                "install those of mllog with `mllog setup`"
            )
        return StoreError(
            f"{self._where}: events were not accepted ({status}, {kind}) after {_RETRIES} retries; send them again"
        )

    def commit(self) -> None:
        """Make everything that was indexed visible; it is durable already.

        With a key that may only write, it becomes visible by itself, within the refresh interval of the index.

        Raises:
            StoreError: the cluster failed.
        """
        with self._touching:
            touched = sorted(self._touched)
        if not touched:
            return
        try:
            self._client.indices.refresh(index=touched, ignore_unavailable=True)
        except ApiError as error:
            if error.status_code != 403:
                raise to_store_error(error, self._where) from None
        except TransportError as error:
            raise to_store_error(error, self._where) from None
        with self._touching:
            self._touched.difference_update(touched)

    def delete_by_query(self, query: Mapping[str, Any], *, index: str = EVERY) -> int:
        """Delete what matches; returns how many documents that were.

        Raises:
            QueryError: as for `search`.
            StoreError: the cluster failed, or did not delete everything.
        """
        self.commit()
        try:
            response = self._client.options(request_timeout=_DELETING_SECONDS).delete_by_query(
                index=index,
                query=query,
                conflicts="proceed",
                refresh=True,
                ignore_unavailable=True,
                allow_no_indices=True,
            )
        except (ApiError, TransportError) as error:
            raise to_store_error(error, self._where) from None
        if not response["total"]:
            check_allowed(self._client, index, ("read", "delete"), self._where)
        left = int(response["total"]) - int(response["deleted"])
        if left or response["failures"]:
            kinds = {str(failure.get("cause", {}).get("type", "unknown")) for failure in response["failures"]}
            why = ", ".join(sorted(kinds)) or "they were changed concurrently"
            raise StoreError(
                f"{self._where}: {left} of {response['total']} events were not deleted ({why}); run it again"
            )
        return int(response["deleted"])

    # -- reading -------------------------------------------------------------------------------

    def search(self, body: Mapping[str, Any], *, index: str = EVERY) -> dict[str, Any]:
        """The response of Elasticsearch; all matches are counted, unless the body says otherwise.

        Raises:
            QueryError: the cluster does not understand the body; it says what and where.
            StoreError: the search failed, or some shards did.
        """
        try:
            response = self._client.search(
                index=index,
                body={"track_total_hits": True, **body},
                allow_partial_search_results=False,
                ignore_unavailable=True,
                allow_no_indices=True,
            )
        except (ApiError, TransportError) as error:
            raise to_store_error(error, self._where) from None
        found: dict[str, Any] = dict(response.body)
        self._check(found, index)
        aggregations = body.get("aggs", body.get("aggregations"))
        if aggregations and "aggregations" not in found:
            found["aggregations"] = _nothing(aggregations)
        return found

    def count(self, query: Mapping[str, Any] | None = None, *, index: str = EVERY) -> int:
        """How many documents match a query; all, without one."""
        try:
            response = self._client.count(
                index=index, query=query or {"match_all": {}}, ignore_unavailable=True, allow_no_indices=True
            )
        except (ApiError, TransportError) as error:
            raise to_store_error(error, self._where) from None
        self._check(response.body, index)
        return int(response["count"])

    def _check(self, response: Mapping[str, Any], index: str) -> None:
        """Make sure that an empty response is not due to a missing privilege."""
        if response.get("_shards", {}).get("total") == 0:
            check_allowed(self._client, index, ("read",), self._where)

    def scan(self, query: Mapping[str, Any] | None = None, *, index: str = EVERY) -> Iterator[dict[str, Any]]:
        """Every matching document, oldest first, as it was when the scan began (a point in time).

        Raises:
            QueryError: as for `search`.
        """
        try:
            yield from self._scan(query or {"match_all": {}}, index)
        except (ApiError, TransportError) as error:
            raise to_store_error(error, self._where) from None

    def _scan(self, query: Mapping[str, Any], index: str) -> Iterator[dict[str, Any]]:
        point = self._client.open_point_in_time(index=index, keep_alive=_KEEP_ALIVE, ignore_unavailable=True)["id"]
        after: list[Any] | None = None
        try:
            while True:
                found = self._client.search(
                    pit={"id": point, "keep_alive": _KEEP_ALIVE},
                    query=query,
                    size=PAGE,
                    sort=_TIME_ORDER,
                    search_after=after,
                    track_total_hits=False,
                    allow_partial_search_results=False,
                )
                self._check(found.body, index)
                point = found.get("pit_id", point)
                hits = found["hits"]["hits"]
                yield from hits
                if len(hits) < PAGE:
                    return
                after = hits[-1]["sort"]
        finally:
            self._close(point)

    def _close(self, point: str) -> None:
        try:
            self._client.close_point_in_time(id=point)
        except (ApiError, TransportError):  # it expires five minutes after the last page
            return

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _reason(error: Mapping[str, Any]) -> str:
    """Type and field of an error: the rest of Elasticsearch's reason quotes the event's values.

    Example:
        >>> reason = "[1:9] failed to parse field [event.duration] of type [long]. Preview of field's value: 'secret'"
        >>> _reason({"type": "document_parsing_exception", "reason": reason})
        'document_parsing_exception: field event.duration'
    """
    kind = str(error.get("type", "unknown"))
    cause = error.get("caused_by") or {}
    if cause.get("type"):
        kind = f"{kind} ({cause['type']})"
    field = _FIELD.search(str(error.get("reason", "")))
    return f"{kind}: field {field[1]}" if field is not None else kind


def _nothing(aggregations: Mapping[str, Any]) -> dict[str, Any]:
    """The aggregations of an empty index: Elasticsearch omits them if no index matches."""
    from mllog.store._aggregations import Aggregator  # noqa: PLC0415 - rarely needed
    from mllog.store._query import Translator  # noqa: PLC0415 - the same

    now = dt.datetime.now(dt.UTC)
    try:
        response: dict[str, Any] = (
            Aggregator(Translator(now, lambda _: ()), lambda: None, now).compile(aggregations).read({})
        )
    except QueryError:  # an aggregation that only Elasticsearch has
        return {}
    return response
