"""JSON escapes as one character each, so that a pattern sees what a text means and never cuts an escape in two.

`20-redact.conf` does the same with one `gsub` an escape; a test compares them.
"""

from __future__ import annotations

import re
from typing import Final

PLACEHOLDERS: Final = {"\\": "␛", '"': "❞", "n": "␊", "r": "␍", "t": "␉", "b": "␈", "f": "␌"}
"""By the character behind the backslash; `␏` stands for `\\u` that names no printable ASCII."""
UNICODE: Final = "␏"
ALL: Final = "".join(PLACEHOLDERS.values()) + UNICODE

TOO_DEEP: Final = "␛{7}❞"
"""A quote that was escaped four times: what is inside is not looked into."""

_OWN: Final = re.compile(f"[{ALL}]")
_ESCAPE: Final = re.compile(r'\\(?:u(00[2-7][0-9A-Fa-f])|(u)|(["\\nrtbf/]))')
# A text inside a text has its escapes escaped: `␛u0040` is an @ there, however often.
_DEEPER: Final = re.compile(r"␛+u00([2-7][0-9A-Fa-f])")
# Blanks, hyphens and what is not seen at all may stand between the digits of a number, written as escapes or not.
SEPARATORS: Final = (0xA0, 0xAD, 0x200B, 0x200C, 0x200D, 0x2010, 0x2011, 0x2013, 0x202F, 0x2060, 0xFF20)
_SEPARATOR: Final = re.compile(rf"(?i)(?:␏|␛+u)({'|'.join(f'{code:04x}' for code in SEPARATORS)})")
BEYOND: Final = r"␛+u(?=(?:00[89A-Fa-f]|0[1-9A-Fa-f]|[1-9A-Fa-f])[0-9A-Fa-f])"
"""An escape of a deeper text that names nothing of ASCII."""
_BEYOND: Final = re.compile(BEYOND)
_UNRESERVED: Final = re.compile(r"%(?:25)*(2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])")
"""What no program writes as `%61`: letters, digits and `-._~` (RFC 3986)."""
_BACK: Final = {character: "\\" + letter for letter, character in PLACEHOLDERS.items()} | {UNICODE: "\\u"}
_ANY_BACK: Final = re.compile(f"[{ALL}]")


def _character(code: str) -> str:
    character = chr(int(code, 16))
    return (
        PLACEHOLDERS.get(character, character) if character in '"\\' else character if character != "\x7f" else "␏007f"
    )


def _placeholder(found: re.Match[str]) -> str:
    if found[1]:
        return _character(found[1])
    if found[2]:
        return UNICODE
    return PLACEHOLDERS.get(found[3], found[3])


def unescaped(text: str) -> str:
    r"""A text with its escapes as single characters.

    Example:
        >>> unescaped(r'{\"a\\u0040b\": \u0041}')
        '{❞a@b❞: A}'
    """
    if "\\" in text:
        text = _OWN.sub(lambda found: f"␏{ord(found[0]):04x}", text)
        text = _ESCAPE.sub(_placeholder, text)
        if "␛u00" in text:
            text = _DEEPER.sub(lambda found: _character(found[1]), text)
        if "␏" in text or "␛u" in text:
            text = _SEPARATOR.sub(lambda found: chr(int(found[1], 16)), text)
            text = _BEYOND.sub(UNICODE, text)
    if "%" in text:
        text = _UNRESERVED.sub(lambda found: chr(int(found[1], 16)), text)
    return text


def escaped(text: str) -> str:
    r"""The escapes come back.

    Example:
        >>> escaped("{❞a@b❞: A}")
        '{\\"a@b\\": A}'
    """
    return _ANY_BACK.sub(lambda found: _BACK[found[0]], text)
