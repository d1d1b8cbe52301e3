"""The Elasticsearch store before a cluster that fails: nothing half-acknowledged, one clear line for each reason."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fakecluster import FakeCluster, certificate, items, serving

from mllog.cluster._target import Target, target_from
from mllog.errors import ConfigurationError, MissingExtraError, QueryError, StoreError
from mllog.store import Document, ElasticsearchStore, Rejected, open_store

INDEX = "logs-mllog.late-test"
SECRET = "4242-value-of-an-event"
BLOCKED = {
    "type": "cluster_block_exception",
    "reason": f"index [{INDEX}] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, "
    "index has read-only-allow-delete block; for more information, see https://www.elastic.co/x];",
}
UNAUTHORIZED = {
    "type": "security_exception",
    "reason": "action [indices:data/read/search] is unauthorized for API key id [x] of user [y] on indices [z], "
    "this action is granted by the index privileges [read,all]",
}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """A fake cluster that takes everything."""
    with serving() as fake:
        fake.answer = lambda _, __, body: items(body, lambda _: (201, None))
        yield fake


@pytest.fixture
def store(cluster: FakeCluster) -> Iterator[ElasticsearchStore]:
    """A store over it, with hardly any wait between repetitions."""
    opened = ElasticsearchStore(Target(cluster.url), backoff=0.001)
    yield opened
    opened.close()


def documents(*names: str, **source: Any) -> list[Document]:
    """Documents by id."""
    return [Document(INDEX, name, {"@timestamp": "2026-05-04T12:00:00Z", **source}) for name in names]


def failing(error: dict[str, Any], status: int) -> Any:
    """An answer to a request as a whole."""
    return lambda *_: (status, {"error": {**error, "root_cause": [error]}, "status": status})


# -- writing -----------------------------------------------------------------------------------


def test_what_becomes_of_each_document_is_read(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """A bulk request is answered with 200 whatever happened inside."""
    refused = {
        "type": "document_parsing_exception",
        "reason": f"[1:9] failed to parse field [event.duration] of type [long] in document with id 'c'. "
        f"Preview of field's value: '{SECRET}'",
        "caused_by": {"type": "illegal_argument_exception", "reason": f'For input string: "{SECRET}"'},
    }
    outcomes: dict[str, Any] = {"a": (201, None), "b": (409, {"type": "version_conflict_engine_exception"})}
    cluster.answer = lambda _, __, body: items(body, lambda name: outcomes.get(name, (400, refused)))
    result = store.index(documents("a", "b", "c"))
    assert (result.created, result.duplicates) == (1, 1)
    assert result.rejected == [
        Rejected("c", "document_parsing_exception (illegal_argument_exception): field event.duration")
    ]


@pytest.mark.parametrize(
    "reason", [f"failed to parse date field [{SECRET}", f"[{SECRET}]", f"field [a'{SECRET}\n]", ""]
)
def test_a_reason_quotes_no_value(cluster: FakeCluster, store: ElasticsearchStore, reason: str) -> None:
    """Whatever Elasticsearch says: the type of an error, and a field where it is plainly one."""
    error = {"type": "illegal_argument_exception", "reason": reason}
    cluster.answer = lambda _, __, body: items(body, lambda _: (400, error))
    (rejected,) = store.index(documents("a")).rejected
    assert rejected.reason == "illegal_argument_exception"


@pytest.mark.parametrize("status", [429, 503])
def test_what_the_cluster_cannot_take_now_is_sent_again(
    cluster: FakeCluster, store: ElasticsearchStore, status: int
) -> None:
    """Only that, until it is taken."""
    seen: Counter[str] = Counter()

    def outcome(name: str) -> tuple[int, dict[str, Any] | None]:
        seen[name] += 1
        busy = name == "b" and seen[name] < 4
        return (status, {"type": "es_rejected_execution_exception", "reason": "queue"}) if busy else (201, None)

    cluster.answer = lambda _, __, body: items(body, outcome)
    assert store.index(documents("a", "b", "c")).created == 3
    assert seen == {"a": 1, "b": 4, "c": 1}


def test_a_request_that_is_refused_as_a_whole_is_sent_again(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """A 429 of the whole request, twice."""
    answers = iter([(429, {"error": {"type": "circuit_breaking_exception"}}), (503, b"busy")])
    cluster.answer = lambda _, __, body: next(answers, None) or items(body, lambda _: (201, None))
    assert store.index(documents("a", "b")).created == 2
    assert [[name for name, _ in bulk] for bulk in cluster.bulks()] == [["a", "b"]] * 3


def test_repetitions_have_a_bound(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """Then the caller keeps its events, and is told why."""
    busy = {"type": "es_rejected_execution_exception", "reason": "queue"}
    cluster.answer = lambda _, __, body: items(body, lambda _: (429, busy))
    with pytest.raises(StoreError, match=r"not accepted \(429, es_rejected_execution_exception\).*send them again"):
        store.index(documents("a"))
    assert len(cluster.bulks()) == 6


def test_a_lost_connection_acknowledges_nothing(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """The same events sent again are stored once, for the cluster knows their ids."""
    cluster.answer = lambda *_: None
    with pytest.raises(StoreError, match="no connection"):
        store.index(documents("a", "b"))
    cluster.answer = lambda _, __, body: items(body, lambda name: (409, {"type": "x"}) if name == "a" else (201, None))
    result = store.index(documents("a", "b"))
    assert (result.created, result.duplicates) == (1, 1)


@pytest.mark.parametrize("status", [403, 429])
def test_a_disk_over_its_watermark_is_named(cluster: FakeCluster, store: ElasticsearchStore, status: int) -> None:
    """Elasticsearch blocks the index; the events stay with the caller."""
    cluster.answer = lambda _, __, body: items(body, lambda _: (status, BLOCKED))
    with pytest.raises(StoreError, match=r"flood-stage watermark.*nothing is lost"):
        store.index(documents("a"))


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (403, {"type": "security_exception", "reason": UNAUTHORIZED["reason"]}, "lacks the index privilege read"),
        (404, {"type": "index_not_found_exception", "reason": "no such index"}, "install those of mllog"),
        (500, {"type": "odd_exception", "reason": "odd"}, r"not accepted \(500, odd_exception\)"),
    ],
)
def test_a_fault_of_the_cluster_rejects_no_event(
    cluster: FakeCluster, store: ElasticsearchStore, status: int, error: dict[str, Any], said: str
) -> None:
    """Nothing is wrong with the document, so it must not go to a quarantine."""
    cluster.answer = lambda _, __, body: items(body, lambda _: (status, error))
    with pytest.raises(StoreError, match=said):
        store.index(documents("a"))


def test_requests_have_a_bound_in_bytes(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """Twelve events of a mebibyte are three requests; every event is in one of them, once."""
    names = [f"e{n:02}" for n in range(12)]
    assert store.index(documents(*names, message="x" * (1 << 20))).created == 12
    assert [len(bulk) for bulk in cluster.bulks()] == [4, 4, 4]
    assert [name for bulk in cluster.bulks() for name, _ in bulk] == names


def test_what_is_no_document_is_rejected_here(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """And holds up no other."""
    odd: list[Any] = [Document(INDEX, "", {}), Document("", "b", {}), Document(INDEX, "c", {"x": {1}})]
    result = store.index([*odd, *documents("d")])
    assert [item.id for item in result.rejected] == ["", "b", "c"]
    assert result.created == 1


def test_a_key_that_may_only_write_can_commit(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """What is stored is durable; it becomes visible by itself."""
    store.index(documents("a"))
    cluster.answer = failing(UNAUTHORIZED, 403)
    store.commit()
    assert cluster.asked[-1][1].startswith(f"/{INDEX}/_refresh")


def test_nothing_is_refreshed_where_nothing_was_written(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """A second commit asks nothing."""
    asked = len(cluster.asked)
    store.commit()
    assert len(cluster.asked) == asked


def test_a_delete_that_left_something_says_so(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """With the number, and the type of the failure."""
    failure = {"cause": {"type": "cluster_block_exception", "reason": SECRET}}
    cluster.answer = lambda *_: (200, {"total": 5, "deleted": 3, "failures": [failure], "version_conflicts": 1})
    with pytest.raises(StoreError, match="2 of 5 events were not deleted") as error:
        store.delete_by_query({"match_all": {}})
    assert SECRET not in str(error.value)


# -- reading -----------------------------------------------------------------------------------


def test_a_search_asks_for_whole_answers(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """Every match is counted, and a part of the shards is no answer."""
    cluster.answer = lambda *_: (200, {"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}})
    store.search({"size": 0}, index="logs-mllog.a-*,logs-mllog.b-*")
    _, path, body, headers = cluster.asked[-1]
    assert path.startswith("/logs-mllog.a-*,logs-mllog.b-*/_search")
    assert "allow_partial_search_results=false" in path
    assert body == b'{"track_total_hits":true,"size":0}'
    assert "compatible-with=8" in headers["accept"]


def test_no_index_answers_as_an_empty_one(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """Elasticsearch leaves the aggregations out, where the page looks for them."""
    cluster.answer = lambda *_: (200, {"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}})
    body = {
        "aggs": {"a": {"terms": {"field": "x"}, "aggs": {"b": {"avg": {"field": "y"}}}}, "c": {"sum": {"field": "y"}}}
    }
    assert store.search(body)["aggregations"] == {
        "a": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": []},
        "c": {"value": 0.0},
    }


def test_a_scan_goes_on_from_where_a_page_ended(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """The newest point in time and the last sort values; it is closed at the end, and when nobody reads on."""
    import json

    hits = [{"_index": INDEX, "_id": str(n), "_source": {}, "sort": [n, n]} for n in range(1000)]
    pages = [hits, hits[:3]]
    after: list[tuple[str, list[int]]] = []

    def answer(method: str, path: str, body: bytes) -> tuple[int, Any]:
        if "_pit" in path:
            return 200, {"id": "p0", "succeeded": True}
        asked = json.loads(body)
        if "search_after" in asked:
            after.append((asked["pit"]["id"], asked["search_after"]))
        return 200, {"pit_id": "p1", "hits": {"hits": pages["search_after" in asked]}}

    cluster.answer = answer
    assert len(list(store.scan())) == 1003
    assert after == [("p1", [999, 999])]
    assert [(method, path) for method, path, _, _ in cluster.asked][-1] == ("DELETE", "/_pit")
    scan = store.scan()
    next(scan)
    scan.close()  # type: ignore[attr-defined]
    assert cluster.asked[-1][:2] == ("DELETE", "/_pit")


REFUSALS = [
    (401, {"type": "security_exception", "reason": "unable to authenticate"}, "missing, unknown or has expired"),
    (401, {"type": "security_exception", "reason": "api key is expired"}, "the API key has expired"),
    (403, UNAUTHORIZED, "lacks the index privilege read"),
    (403, BLOCKED, "flood-stage watermark"),
    (429, {"type": "circuit_breaking_exception", "reason": "too large"}, "overloaded"),
    (500, {"type": "odd_exception", "reason": "odd"}, "odd_exception"),
    (502, "bad gateway", "HTTP 502 from a proxy before Elasticsearch"),
]


@pytest.mark.parametrize(("status", "error", "said"), REFUSALS)
def test_a_refusal_is_one_line(
    cluster: FakeCluster, store: ElasticsearchStore, status: int, error: Any, said: str
) -> None:
    """With the address, the reason and what to do, from every method."""
    cluster.answer = failing(error, status) if isinstance(error, dict) else lambda *_: (status, error.encode())
    calls = [
        lambda: store.search({}),
        store.count,
        lambda: list(store.scan()),
        lambda: store.delete_by_query({"match_all": {}}),
    ]
    for call in calls:
        with pytest.raises(StoreError, match=said) as found:
            call()
        assert str(found.value).startswith(cluster.url)
        assert "\n" not in str(found.value)


def test_nothing_that_may_be_read_is_not_nothing(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """Elasticsearch hides indices that a key may not read: where it finds none, the key is looked at."""
    empty = {
        "_shards": {"total": 0},
        "count": 0,
        "total": 0,
        "deleted": 0,
        "failures": [],
        "hits": {"total": {"value": 0, "relation": "eq"}, "hits": []},
    }
    allowed = True

    def answer(_: str, path: str, __: bytes) -> tuple[int, Any]:
        if "_has_privileges" in path:
            return 200, {"index": {"logs-mllog.*": {"read": allowed, "delete": True}}}
        return 200, {**empty, "id": "p0"} if "_pit" in path else empty

    cluster.answer = answer
    calls = [
        lambda: store.search({}),
        store.count,
        lambda: list(store.scan()),
        lambda: store.delete_by_query({"x": {}}),
    ]
    for call in calls:
        call()
    allowed = False
    for call in calls:
        with pytest.raises(StoreError, match=r"403.*lacks the index privilege read on 'logs-mllog\.\*'"):
            call()


def test_a_body_that_is_not_understood_is_a_query_error(cluster: FakeCluster, store: ElasticsearchStore) -> None:
    """With Elasticsearch's own words, which are about the query."""
    cluster.answer = failing({"type": "parsing_exception", "reason": "unknown query [nosuch]"}, 400)
    with pytest.raises(QueryError, match=r"parsing_exception: unknown query \[nosuch\]"):
        store.search({"query": {"nosuch": {}}})


# -- the way there -----------------------------------------------------------------------------


def fails(url: str, **more: Any) -> str:
    """The line that opening ends with."""
    with pytest.raises(StoreError) as error:
        open_store(url, **more)
    assert str(error.value).startswith(url)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_nobody_listens() -> None:
    """The address is wrong, or Elasticsearch is not there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "no connection: Connection refused" in fails(f"http://127.0.0.1:{port}")


def test_something_else_listens(cluster: FakeCluster) -> None:
    """Kibana, say."""
    cluster.product = False
    assert "not from Elasticsearch" in fails(cluster.url)
    cluster.info = (404, b"<html>no</html>")
    assert "HTTP 404, but not from Elasticsearch" in fails(cluster.url)


@pytest.mark.parametrize("number", ["7.17.29", "8.14.3"])
def test_an_older_cluster_is_named_with_the_version_that_is_needed(cluster: FakeCluster, number: str) -> None:
    """By its own word."""
    cluster.info = (200, {"version": {"number": number}})
    assert f"Elasticsearch {number} is too old; mllog needs 8.15 or later, or 9" in fails(cluster.url)


def test_a_cluster_that_does_not_know_the_api_is_too_old(cluster: FakeCluster) -> None:
    """It refuses the media type."""
    error = {"type": "media_type_header_exception", "reason": "Invalid media-type value on headers [Accept]"}
    cluster.info = (400, {"error": {**error, "root_cause": [error]}})
    assert "too old; mllog needs 8.15" in fails(cluster.url)


def test_a_key_without_the_monitor_privilege_may_read(cluster: FakeCluster) -> None:
    """It does not say its version then."""
    cluster.info = (403, {"error": UNAUTHORIZED})
    cluster.answer = lambda *_: (200, {"count": 7, "_shards": {"total": 1}})
    opened = open_store(cluster.url)
    assert opened.count() == 7
    opened.close()


def test_a_wrong_key_is_one_line_without_the_key(cluster: FakeCluster, tmp_path: Path) -> None:
    """It comes from a file, as Kibana shows it or as id and key."""
    cluster.info = (401, {"error": {"type": "security_exception", "reason": "unable to authenticate"}})
    path = tmp_path / "key"
    for text in ("id:s3cret\n", "aWQ6czNjcmV0"):
        path.write_text(text)
        said = fails(cluster.url, api_key_file=path)
        assert "MLLOG_ELASTICSEARCH_API_KEY" in said
        assert "s3cret" not in said
        assert cluster.asked[-1][3]["authorization"] == "ApiKey aWQ6czNjcmV0"


def test_settings_come_from_the_environment(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Under the names that Logstash's configuration has too; a secret is in no repr."""
    monkeypatch.setenv("MLLOG_ELASTICSEARCH_URL", "https://es:9200/")
    monkeypatch.setenv("MLLOG_ELASTICSEARCH_API_KEY", "id:s3cret")
    monkeypatch.setenv("MLLOG_ELASTICSEARCH_CA", str(tmp_path / "ca.crt"))
    found = target_from()
    assert (found.url, found.api_key, found.ca) == ("https://es:9200", "id:s3cret", tmp_path / "ca.crt")
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://es.example.com:9200", "over https only"),
        ("https://ann:pw@es:9200", "no user and password inside the address"),
        ("https://", "expected https://host:port"),
        ("https://es:99999", "expected https://host:port"),
        ("https://es:9200?x=1", "expected https://host:port"),
        ("cloud:nonsense", "loud"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, said: str) -> None:
    """Before anything is sent, and without a secret."""
    with pytest.raises(ConfigurationError, match=said) as error:
        open_store(url)
    assert "pw" not in str(error.value)


def test_files_that_cannot_be_read_are_named(cluster: FakeCluster, tmp_path: Path) -> None:
    """The key's, and the authority's."""
    with pytest.raises(ConfigurationError, match="none: cannot read the secret: No such file"):
        open_store(cluster.url, api_key_file=tmp_path / "none")
    with pytest.raises(ConfigurationError, match="not the certificates of an authority"):
        open_store("https://127.0.0.1:1", ca=tmp_path / "none")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    """Unless its authority is named."""
    path, authority = certificate(tmp_path)
    with serving() as plain:
        address = plain.url.replace("http:", "https:")
        assert "does not use TLS" in fails(address)
    with serving(path) as fake:
        assert "no connection: " in fails(fake.url.replace("https:", "http:"))
        assert "the certificate is not trusted: self-signed certificate; name its authority (--ca)" in fails(fake.url)
        fake.answer = lambda *_: (200, {"count": 7, "_shards": {"total": 1}})
        opened = open_store(fake.url, ca=authority)
        assert opened.count() == 7
        opened.close()


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the extra of the store that was asked for."""
    for name in ("mllog.cluster._elasticsearch", "mllog.store._elasticsearch"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "elastic_transport", None)
    with pytest.raises(MissingExtraError, match=r"mllog\[elasticsearch\]"):
        open_store("https://es:9200")


def test_neither_store_needs_the_packages_of_the_other() -> None:
    """Importing the interface imports no client and no index."""
    code = "import sys, mllog.store; print(sorted({'tantivy', 'elasticsearch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
