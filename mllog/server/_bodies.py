"""The body of a request to the receiver: decoded within bounds, and cut into lines, one for each event.

Logstash's http input unpacks gzip and deflate, and senders such as Vector and Fluent Bit send JSON arrays or one object
over several lines. What cannot be decoded for certain is refused, so that the sender keeps it.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

LARGEST_BODY: Final = 16 << 20
"""Bytes of one request to the receiver, as sent and as unpacked."""

MOST_LINES: Final = 50_000
"""Lines of one request."""

CONTENT_TYPES: Final = ("application/x-ndjson", "application/ndjson", "application/json")
"""Browsers send these types across sites only after asking; no page can post events unseen."""

_CHARSETS: Final = {
    **dict.fromkeys(("", "utf-8", "utf8", "us-ascii", "ascii"), ""),
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1"), "latin-1"),
    **{name: name for name in ("utf-16", "utf-16le", "utf-16be")},
}
_ENCODINGS: Final = ("gzip", "deflate")
_BOM: Final = b"\xef\xbb\xbf"
_TOKEN: Final = re.compile(rb'"(?:[^"\\\n]|\\[^\n])*+"|[\[\]{},"]')
_WHOLE: Final = re.compile(rb"\s*|\{.*\}\s*", re.DOTALL)  # what a line of NDJSON looks like
_OPEN: Final = re.compile(rb"\s*\[\s*(?:[{\]]|\Z)")


class BodyError(Exception):
    """A body that is refused.

    Attributes:
        status: of the response.
        reason: what is wrong, and what to send instead.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def check_headers(content_type: str, content_encoding: str, content_length: str) -> None:
    """Refuse a request before its body is read.

    Raises:
        BodyError: the type or the encoding is not supported, or the body is too large.
    """
    _charset(content_type)
    _encoding(content_encoding)
    if content_length.isdecimal() and (len(content_length) > 12 or int(content_length) > LARGEST_BODY):
        raise _too_large()


def lines_of(body: bytes, content_type: str = CONTENT_TYPES[0], content_encoding: str = "") -> list[bytes]:
    r"""The events of a body, a line each.

    Raises:
        BodyError: it cannot be decoded for certain.

    Example:
        >>> lines_of(b'{"a": 1}\n\n{"b": 2}\n')
        [b'{"a": 1}', b'{"b": 2}']
        >>> lines_of(b'[{"a": 1},\n {"b": [2, 3]}]', "application/json")
        [b'{"a": 1}', b'{"b": [2, 3]}']
        >>> lines_of(b'{\n  "a": 1\n}', "Application/JSON; charset=UTF-8")
        [b'{   "a": 1 }']
    """
    encoding = _encoding(content_encoding)
    if encoding:
        body = _unpacked(body, encoding)
    charset = _charset(content_type)
    if charset:
        try:
            body = body.decode(charset).encode()
        except UnicodeError:
            raise BodyError(400, f"the body is not {charset}, as its content type says") from None
    lines = _lines(body.removeprefix(_BOM))
    if len(lines) > MOST_LINES:
        raise BodyError(413, f"a request holds at most {MOST_LINES} lines; send smaller batches")
    return lines


def _too_large() -> BodyError:
    return BodyError(413, f"a request holds at most {LARGEST_BODY} bytes; send smaller batches")


def _charset(content_type: str) -> str:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind not in CONTENT_TYPES:
        raise BodyError(415, f"send events as {CONTENT_TYPES[0]}, one a line")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            charset = _CHARSETS.get(value.strip(" \"'"))
            if charset is None:
                raise BodyError(415, "this charset is not supported; send UTF-8")
            return charset
    return ""


def _encoding(content_encoding: str) -> str:
    names = [name.strip().lower().removeprefix("x-") for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > 1 or any(name not in _ENCODINGS for name in names):
        raise BodyError(415, f"this content encoding is not supported; use {' or '.join(_ENCODINGS)}, or none")
    return names[0] if names else ""


def _unpacked(body: bytes, encoding: str) -> bytes:
    """The body, unpacked as far as it is allowed to grow; a gzip body may have several members."""
    raw_deflate = encoding == "deflate" and not _has_zlib_header(body)
    bits = 31 if encoding == "gzip" else -15 if raw_deflate else 15
    parts: list[bytes] = []
    room = LARGEST_BODY
    rest = body
    while rest:
        unpacker = zlib.decompressobj(bits)
        try:
            part = unpacker.decompress(rest, room + 1)
        except zlib.error:
            raise BodyError(400, f"the body is not {encoding}, as its content encoding says") from None
        room -= len(part)
        if room < 0:
            raise _too_large()
        if not unpacker.eof:
            raise BodyError(400, f"the {encoding} body is incomplete")
        parts.append(part)
        rest = unpacker.unused_data
        if encoding != "gzip" and rest:
            raise BodyError(400, "the deflate body is followed by other data")
        if not rest.strip(b"\0"):  # padding, as gzip(1) allows it
            break
    return b"".join(parts)


def _has_zlib_header(body: bytes) -> bool:
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _lines(body: bytes) -> list[bytes]:
    if body.count(b"\n") > MOST_LINES * 20:  # not even one value over several lines has that many
        raise BodyError(413, f"a request holds at most {MOST_LINES} lines; send smaller batches")
    text = body.strip()
    if text[:1] == b"[" and _OPEN.match(text):
        values = _values(text)
        if values is not None:
            return [line for value in values for line in _expanded(value)]
        first = text.partition(b"\n")[0]
        if _values(first) is None and not _has_event_line(text):
            raise BodyError(400, "the JSON array is incomplete or followed by other data")
    elif text[:1] == b"{" and not all(map(_WHOLE.fullmatch, text.split(b"\n"))):
        values = _values(text)
        if values is not None:
            return [
                line for value in values for line in (_expanded(value) if _OPEN.match(value) else [_one_line(value)])
            ]
        if b"\n" in text and _values(text.partition(b"\n")[0]) is None and not _has_event_line(text):
            raise BodyError(400, "the JSON object is incomplete; send one event a line, or whole objects")
    # NDJSON, and lines of text: a line that is broken is an event that cannot be read, and concerns no other line.
    lines: list[bytes] = []
    for line in body.split(b"\n"):
        if line and _OPEN.match(line) and (values := _values(line)) is not None:
            lines += [item for value in values for item in _expanded(value)]
        elif line and line != b"\r":
            lines.append(line)
    return lines


def _has_event_line(text: bytes) -> bool:
    """Whether some line is a whole object that begins in its first column: the rest are broken lines of NDJSON."""
    return any(line[:1] == b"{" and _values(line) is not None for line in text.split(b"\n"))


def _expanded(value: bytes) -> list[bytes]:
    """The elements of an array of objects; another value as it is."""
    if value[:1] != b"[":
        return [_one_line(value)]
    elements = _values(value[1:-1], between=True)
    if elements is None or any(element[:1] != b"{" for element in elements):
        raise BodyError(400, "a JSON array holds objects only, one for each event, with a comma between them")
    return [_one_line(element) for element in elements]


def _one_line(value: bytes) -> bytes:
    """A JSON value in one line: strings hold no line feeds, so these stand between tokens."""
    return value.replace(b"\r", b" ").replace(b"\n", b" ") if b"\n" in value else value


def _values(text: bytes, *, between: bool = False) -> list[bytes] | None:
    """The objects and arrays that a text consists of, by their brackets alone; None if it is anything else.

    Args:
        text: the text.
        between: whether exactly one comma stands between two values, and not only blanks.
    """
    values: list[bytes] = []
    stack = bytearray()
    start = end = 0
    comma = False
    for match in _TOKEN.finditer(text):
        token = match[0][0]
        if token in b"[{":
            if not stack:
                if text[end : match.start()].strip() or (between and values and not comma):
                    return None
                start = match.start()
            stack.append(token + 2)  # of ASCII: ']' is '[' + 2, '}' is '{' + 2
        elif token in b"]}":
            if not stack or stack.pop() != token:
                return None
            if not stack:
                end = match.end()
                values.append(text[start:end])
                comma = False
        elif not stack:
            if not (between and token == 0x2C and values and not comma) or text[end : match.start()].strip():
                return None
            comma, end = True, match.end()
        elif token == 0x22 and len(match[0]) == 1:  # a string without an end
            return None
    if stack or comma or text[end:].strip():
        return None
    return values
