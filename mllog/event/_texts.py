"""The text of what an application gives as a message."""

from __future__ import annotations

from typing import Any, Final

from mllog.errors import must_propagate

_MAX_TEXT: Final = 50_000  # characters; the redactor replaces a longer text as a whole


def text_of(value: Any) -> str:
    """The text of a message or an error, whatever it is; cut where it is too long to be searched."""
    try:
        text = value if type(value) is str else str(value)
    except BaseException as error:  # an object's own __str__ may raise anything
        if must_propagate(error):
            raise
        return f"[{type(value).__qualname__}: {type(error).__name__}]"
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT].rpartition(' ')[0] or '[text]'}… [{len(text)} characters]"
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
