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
_DEEPER: Final = re.compile(r"(?<!␛)␛+u00([2-7][0-9A-Fa-f])")
# What stands between the digits of a number and is no plain blank or hyphen, by what it is read as.
BLANKS: Final = "00a0|1680|200[0-9a]|202f|205f|3000"
DASHES: Final = "201[0-5]|2212|fe58|fe63"
INVISIBLE: Final = "00ad|034f|180e|200[b-f]|206[0-4]|feff"
RAW: Final = {
    " ": r"\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000",
    "-": r"\u2010-\u2015\u2212\ufe58\ufe63",
    "": r"\u00ad\u034f\u180e\u200b-\u200f\u2060-\u2064\ufeff",
}
READ_AS: Final = {" ": BLANKS, "-": DASHES, "": INVISIBLE}
LEFT, RIGHT = "(?<=[0-9A-Z)])", "(?=[0-9A-Z(])"
FULL_WIDTH: Final = r"[\uff01-\uff5e]"
PLAIN: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@+-.:=/()_"
"""What full-width characters are read as."""
ENTITIES: Final = "0123456789@=:+"
NAMED_ENTITIES: Final = {"&commat;": "@", "&equals;": "=", "&colon;": ":"}
HEX_ESCAPES: Final = "@=:"
_SEPARATORS: Final = [
    (re.compile(rf"(?i:{LEFT}(?:␏|␛+u)(?:{codes}){RIGHT})"), shown) for shown, codes in READ_AS.items()
]
_RAW: Final = [(re.compile(f"{LEFT}[{characters}]{{1,3}}{RIGHT}"), shown) for shown, characters in RAW.items()]
_WIDE: Final = re.compile(r"(?i)(?:␏|(?<!␛)␛+u)ff([0-5])([0-9a-f])")
_WIDE_RAW: Final = str.maketrans({chr(ord(character) + 0xFEE0): character for character in PLAIN})
_ENTITY: Final = re.compile(
    f"&#(?:{'|'.join(f'0*{ord(c)}|[xX]0*{ord(c):02x}' for c in ENTITIES)});".replace("3a", "3[aA]")
    .replace("3d", "3[dD]")
    .replace("2b", "2[bB]")
    + "|"
    + "|".join(NAMED_ENTITIES)
)
_HEX: Final = re.compile(r"(?:\\|(?<!␛)␛+)x(40|3[Dd]|3[Aa])")
BEYOND: Final = r"(?<!␛)␛+u(?=(?:00[89A-Fa-f]|0[1-9A-Fa-f]|[1-9A-Fa-f])[0-9A-Fa-f])"
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


def _entity(found: re.Match[str]) -> str:
    return NAMED_ENTITIES.get(found[0]) or chr(int(found[0][3:-1], 16) if found[0][2] in "xX" else int(found[0][2:-1]))


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
        if "␏" in text or "␛u" in text:
            text = _WIDE.sub(lambda found: f"␛u00{int(found[1]) + 2}{found[2]}", text)
            text = _DEEPER.sub(lambda found: _character(found[1]), text)
            for pattern, shown in _SEPARATORS:
                text = pattern.sub(shown, text)
            text = _BEYOND.sub(UNICODE, text)
        if "x" in text:
            text = _HEX.sub(lambda found: chr(int(found[1], 16)), text)
    if not text.isascii():
        text = text.translate(_WIDE_RAW)
        for pattern, shown in _RAW:
            text = pattern.sub(shown, text)
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
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
