"""What a text is at a look: mere words, a marker, base64."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from mllog.redaction.rules import PSEUDONYM

_WORDS: Final = re.compile(r"[A-Za-z ,]*")
_PSEUDONYM: Final = re.compile(PSEUDONYM)


def is_mere_words(text: str) -> bool:
    """Nothing but words, and none that begins a token or says what something is."""
    return (
        _WORDS.fullmatch(text) is not None
        and " is " not in text  # asked one by one: a pattern of all takes twice as long, and so does a loop
        and "AKIA" not in text
        and "ASIA" not in text
        and "ABIA" not in text
        and "ACCA" not in text
        and "AIza" not in text
    )


def is_done(item: Any) -> bool:
    """A marker or a pseudonym, as a whole."""
    return type(item) is str and (
        (item.startswith("[REDACTED:") and item.endswith("]") and item.count("]") == 1)
        or _PSEUDONYM.fullmatch(item) is not None
    )


def decoded(text: str) -> str | None:
    """What base64 stands for, if that is a text."""
    try:
        raw = base64.b64decode(
            text + "=" * (-len(text) % 4), altchars=b"-_" if set("-_") & set(text) else None, validate=True
        )
        inner = raw.decode()
    except (binascii.Error, ValueError):
        return None
    return inner if inner.isprintable() or "\n" in inner else None
