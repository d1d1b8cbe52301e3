"""A body is decoded for certain, or refused with the reason: never answered with 200 and lost."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllog.server._bodies import LARGEST_BODY, MOST_LINES, BodyError, lines_of

JSON = "application/json"
NDJSON = "application/x-ndjson"

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
events = st.lists(st.dictionaries(st.text(max_size=5), values, max_size=4), min_size=1, max_size=5)
INDENTS = st.sampled_from([None, 0, 1, 2, "\t"])


@given(events, INDENTS, st.booleans(), st.sampled_from(["", "gzip", "GZip", "x-gzip", "deflate", "raw", "identity"]))
def test_every_form_gives_the_same_events(
    batch: list[dict[str, object]], indent: int | str | None, ascii_only: bool, encoding: str
) -> None:
    """Lines, an array, whole objects over several lines, each of them packed or not."""

    def text(value: object) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    lines = "\n".join(json.dumps(event, ensure_ascii=ascii_only) for event in batch)
    for body in (lines, lines + "\n", "\ufeff" + lines, text(batch), "\n".join(map(text, batch)), " " + text(batch)):
        data = body.encode("utf-8", "surrogatepass")
        packed = {
            "gzip": gzip.compress,
            "deflate": zlib.compress,
            "raw": lambda content: zlib.compress(content)[2:-4],
        }.get(encoding.lower().removeprefix("x-"), bytes)(data)
        header = "deflate" if encoding == "raw" else encoding
        for kind in (JSON, NDJSON, "Application/X-NDJSON; charset=UTF-8", 'application/json;charset="utf-8"'):
            assert [json.loads(line) for line in lines_of(packed, kind, header)] == batch


@given(events, st.data(), st.sampled_from([gzip.compress, zlib.compress]))
def test_a_truncated_body_is_refused(batch: list[dict[str, object]], data: st.DataObject, pack: object) -> None:
    """Logstash answers 200 to a truncated gzip body and stores a part."""
    body = pack(json.dumps(batch).encode())  # type: ignore[operator]
    cut = data.draw(st.integers(1, len(body) - 1))
    with pytest.raises(BodyError) as caught:
        lines_of(body[:cut], JSON, "gzip" if pack is gzip.compress else "deflate")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "status"),
    [
        (b"{}", "text/plain", "", 415),
        (b"{}", "", "", 415),
        (b"{}", JSON, "br", 415),
        (b"{}", JSON, "gzip, gzip", 415),
        (b"{}", "application/json; charset=ebcdic", "", 415),
        (b"{}", JSON, "gzip", 400),
        (b"{}", JSON, "deflate", 400),
        (b"[{}, {}", JSON, "", 400),
        (b'[{"a": 1} {"a": 2}]', NDJSON, "", 400),
        (b'[{"a": 1}, 2]', NDJSON, "", 400),
        (b"[{},]", JSON, "", 400),
        (b'{\n  "a": 1,\n  "b"', NDJSON, "", 400),
        (b'{\n  "a": {\n', JSON, "", 400),
        (gzip.compress(b"{}", mtime=0) + b"rest", JSON, "gzip", 400),
        (gzip.compress(b"0" * (LARGEST_BODY + 1), mtime=0), JSON, "gzip", 413),
        (zlib.compress(b"0" * (LARGEST_BODY * 4)), JSON, "deflate", 413),
        (b"1\n" * (MOST_LINES + 1), NDJSON, "", 413),
        (b"\n" * LARGEST_BODY, NDJSON, "", 413),
    ],
)
def test_what_cannot_be_decoded_is_refused(body: bytes, kind: str, encoding: str, status: int) -> None:
    """With the status that says whose fault it is."""
    with pytest.raises(BodyError) as caught:
        lines_of(body, kind, encoding)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", []),
        (b"\n", []),
        (b"[]", []),
        (b"[ ]\n", []),
        (b'{"a": 1}\r\n{"b": 2}\r\n', [b'{"a": 1}\r', b'{"b": 2}\r']),
        (b'[{"a":1.50},{"b":1e400}]', [b'{"a":1.50}', b'{"b":1e400}']),
        (b'[{"a":1}]\n[{"b":2}]', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\n[{"b":2},{"c":3}]', [b'{"a":1}', b'{"b":2}', b'{"c":3}']),
        (b"[2026-05-04] started\nrest", [b"[2026-05-04] started", b"rest"]),
        (b'{"a": "torn\n{"b": 2}', [b'{"a": "torn', b'{"b": 2}']),
        (b'{"a": {"b": [\n{"b": 2}\n', [b'{"a": {"b": [', b'{"b": 2}']),
        (b"{bad", [b"{bad"]),
        (b"\xff\xfe\x00", [b"\xff\xfe\x00"]),
        (b'{"a": "]}[{"}', [b'{"a": "]}[{"}']),
        (b'{"a": "\\"}"}', [b'{"a": "\\"}"}']),
    ],
)
def test_lines_are_what_was_sent(body: bytes, lines: list[bytes]) -> None:
    """Values as they were, and a broken line beside whole ones."""
    assert lines_of(body) == lines


def test_two_members_and_another_charset() -> None:
    """Concatenated gzip is one body; UTF-16 and Latin-1 become UTF-8."""
    assert lines_of(gzip.compress(b'{"a": 1}\n') + gzip.compress(b'{"b": 2}\n'), NDJSON, "gzip") == [
        b'{"a": 1}',
        b'{"b": 2}',
    ]
    assert lines_of('{"a": "é"}'.encode("utf-16"), "application/json; charset=UTF-16") == ['{"a": "é"}'.encode()]
    assert lines_of('{"a": "é"}'.encode("latin-1"), "application/json; charset=ISO-8859-1") == ['{"a": "é"}'.encode()]


@pytest.mark.parametrize(
    "body", [b"[" * LARGEST_BODY, b"{" * LARGEST_BODY, b'["' * (LARGEST_BODY // 2), b"[{" * 8_000_000]
)
def test_depth_is_no_problem(body: bytes) -> None:
    """Brackets are counted, not followed."""
    try:
        assert lines_of(body) == [body]
    except BodyError as error:
        assert error.status == 400  # noqa: PT017
