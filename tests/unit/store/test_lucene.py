"""The query box means what Elasticsearch makes of it, or refuses it with a column; in linear time always."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllog.errors import QueryError
from mllog.store import Document, EmbeddedStore
from mllog.store._lucene import LONGEST
from mllog.store._query import Translator

WORDS = ("wine", "iris", "cars")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedStore:
    """Three events, each with a name that is also a word of its message."""
    opened = EmbeddedStore(tmp_path_factory.mktemp("store"))
    opened.index(
        Document("logs-mllog.m-test", name, {"name": name, "message": f"{name} success", "path": f"/{name}/a*b"})
        for name in WORDS
    )
    opened.index([Document("logs-mllog.m-test", "long", {"name": "a" * 8000})])
    opened.commit()
    return opened


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name:wine", "wine"),
        ("name:wine^2", "wine"),
        ("(name:wine)^2.5 OR name:iris", "wine iris"),
        ('"wine success"^3', "wine"),
        ("name:wine OR name:iris AND name:iris", "iris"),  # AND and OR have no precedence in Lucene
        ("name:wine AND name:iris OR name:wine", ""),
        ("(NOT name:wine) AND success", "iris cars"),
        ("name:(wine OR iris)", "wine iris"),
        ("+name:wine name:iris", "wine"),
        ("success -name:wine", "iris cars"),
        ("success !name:wine", "iris cars"),
        ("€", ""),
        ("message:€", ""),
        ('message:"---"', ""),
        ("wine €", "wine"),
        ("NOT message:€", ""),
        ("wine AND message:€", "wine"),
        (r"path:\/wine\/a\*b", "wine"),
        (r"path:*\*b AND name:iris", "iris"),
        ('path:"/wine/a*b"', "wine"),
        ("name:w?ne", "wine"),
        ("name:w*n*", "wine"),
        ("_exists_:path -wine -iris", "cars"),
    ],
)
def test_it_means_what_elasticsearch_makes_of_it(store: EmbeddedStore, query: str, expected: str) -> None:
    """By the rules of Lucene's classic query parser, with OR between clauses without an operator."""
    hits = store.search({"query": {"query_string": {"query": query}}})["hits"]["hits"]
    assert sorted(hit["_id"] for hit in hits) == sorted(expected.split())


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ("name:wime~1", 10),
        ("wime~", 5),
        ('message:"wine success"~3', 23),
        ("name:/w.*e/", 6),
        ("/w.*e/", 1),
        (r"mllog.quality.\*:s", 1),
        ("mllog.*:s", 1),
        ("name:a/b", 7),
        ("message:pay*", 9),
        ("pay*", 1),
        ("mllog.input.text.note:word", 1),
        ("!!!", 2),
        ("&& a", 1),
        ("a OR OR b", 6),
        ("a AND", 5),
        ("(a", 2),
        ("a)", 2),
        ("x:> 5", 3),
        ("a:b:c", 4),
        ("[1 TO 2]", 1),
        ("x:[1 TO 2", 9),
        ("(" * 40 + "a" + ")" * 40, 32),
        (" ".join("a" * 1100), 2049),
    ],
)
def test_what_it_cannot_do_is_refused_with_the_column(store: EmbeddedStore, query: str, column: int) -> None:
    """Never silently read as something else."""
    with pytest.raises(QueryError, match=rf"cannot read the query from column {column} on"):
        store.count({"query_string": {"query": query}})


ATOMS = ["a", "&&", "||", "AND ", "OR ", "NOT ", "!", "-", "+", "(", ")", '"', "x:", "[", "{", " TO ", "]", "*", "?"]
ATOMS += ["~", "^2", "/", "\\", "€", "\ud800", "\x00", ">", "<=", ":", "now+9y", "1e999999999", "9" * 5000, " "]


@given(st.lists(st.sampled_from(ATOMS), max_size=40).map("".join) | st.text(max_size=200))
@settings(deadline=None, max_examples=400)
def test_whatever_is_typed_is_answered_or_refused(store: EmbeddedStore, query: str) -> None:
    """No other error, from this parser or from the engine below."""
    for operator, field in itertools.product(("OR", "AND"), ("", "@timestamp:")):
        with contextlib.suppress(QueryError):
            store.count({"query_string": {"query": field + query, "default_operator": operator}})


@pytest.mark.parametrize("part", [*ATOMS, "&& ", "a ", "x:a* ", "((a) ", "a OR (", '"a" ', "x:[1 TO 2] ", "- ", "\\("])
def test_its_time_is_linear(part: str) -> None:
    """Of the longest query that is read, built of one part again and again."""
    translator = Translator(dt.datetime.now(dt.UTC), lambda _: [])
    query = part * (LONGEST // len(part))
    began = time.process_time()
    with contextlib.suppress(QueryError):
        translator.translate({"query_string": {"query": query}})
    assert time.process_time() - began < 1.0


def test_a_hostile_wildcard_is_linear_in_the_value(store: EmbeddedStore) -> None:
    """Many stars over a long value that nearly matches."""
    began = time.process_time()
    assert store.count({"query_string": {"query": f"name:{'*a' * 40}b"}}) == 0
    assert store.count({"query_string": {"query": f"name:{'*a' * 40}"}}) == 1
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    "value",
    [
        *("now+99999999999999y", "now-9999999999d/d", "9999-12-31||+1M", "0001-01-01||-1s", "9999-12-31||/y"),
        *("9" * 5000, "-" + "9" * 30, "now" + "+1y" * 3000, "0000-00-00", 1e308, -(10**400), float("inf"), [], {}),
        *("1e999999999", "NaN", "\ud800", True, None),
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, int) else type(value).__name__,
)
@pytest.mark.parametrize("field", ["@timestamp", "x"])
@pytest.mark.parametrize("bound", ["gt", "lte"])
def test_bounds_out_of_range_are_refused(store: EmbeddedStore, field: str, bound: str, value: object) -> None:
    """A number that no double holds, a date after the year 9999: a QueryError if anything."""
    for query in ({"range": {field: {bound: value}}}, {"term": {field: value}}, {"terms": {field: [value]}}):
        with contextlib.suppress(QueryError):
            store.count(query)
