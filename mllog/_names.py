"""Whether a name that a caller gives can be written: into an event, a file, or the path of one."""

from __future__ import annotations

import os


def text_fault(value: object, *, path: bool = False) -> str | None:
    r"""What is wrong with a name; None if it can be used.

    Args:
        value: what was given.
        path: it is a path, which may hold bytes that are no UTF-8 (as Python's surrogate escapes).

    Example:
        >>> text_fault("checkout"), text_fault(5), text_fault(" ")
        (None, 'is not a string', 'is blank')
        >>> text_fault("a\0b"), text_fault("a\ud800")
        ('holds a NUL character', 'holds a lone surrogate, which no UTF-8 can hold')
    """
    if not isinstance(value, str):
        return "is not a string"
    if not value.strip():
        return "is blank"
    if "\0" in value:
        return "holds a NUL character"
    try:
        os.fsencode(value) if path else value.encode()
    except UnicodeEncodeError:
        return "holds a lone surrogate, which no UTF-8 can hold"
    return None
