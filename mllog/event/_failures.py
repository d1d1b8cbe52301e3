"""ECS `error.*` of an exception, bounded whatever the exception holds."""

from __future__ import annotations

import traceback
from typing import Any, Final

from mllog.errors import must_propagate
from mllog.event._texts import text_of

_FRAMES: Final = 32
_CHAIN: Final = 8
_GROUP: Final = 8
_MAX_MESSAGE: Final = 8192
_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"


def error_fields(error: BaseException) -> dict[str, str]:
    r"""Type, message and stack trace, not yet redacted: the message and the lines of code may quote anything.

    Of a chain of exceptions the last ones are shown, of a group the first ones, of a stack the innermost frames.

    Example:
        >>> error_fields(ValueError("no such carrier"))["stack_trace"]
        'ValueError: no such carrier\n'
    """
    found = {"type": type(error).__qualname__, "message": text_of(error)}
    try:
        return {**found, "stack_trace": _stack(error)}
    except BaseException as failure:  # an exception of the service may have properties of its own
        if must_propagate(failure):
            raise
        return {**found, "stack_trace": f"{found['type']}: [{type(failure).__name__}]\n"}


def _stack(error: BaseException) -> str:
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        parts.append(_one(current))
        cause, context = current.__cause__, current.__context__
        following = cause if cause is not None else None if current.__suppress_context__ else context
        if following is not None:
            if len(seen) == _CHAIN:
                parts.append("[earlier exceptions are left out]\n")
                break
            parts.append(_CAUSE if cause is not None else _CONTEXT)
        current = following
    return "".join(reversed(parts))


def _one(error: BaseException) -> str:
    """One exception without those before it."""
    try:
        frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__, limit=-_FRAMES)))
    except BaseException as failure:  # a loader of the service reads the source lines
        if must_propagate(failure):
            raise
        frames = f"[{type(failure).__name__}]\n"
    head = f"Traceback (most recent call last):\n{frames}" if frames else ""
    return f"{head}{_line(error)}{_members(error)}"


def _line(error: BaseException) -> str:
    kind = type(error)
    name = (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
    message = text_of(error)
    if len(message) > _MAX_MESSAGE:
        message = f"[{len(message)} characters]"
    notes = getattr(error, "__notes__", None)
    more = "".join(f"{_note(note)}\n" for note in notes[:_GROUP]) if isinstance(notes, list) else ""
    return f"{name}: {message}\n{more}" if message else f"{name}\n{more}"


def _note(note: Any) -> str:
    return text_of(note)[:_MAX_MESSAGE]


def _members(error: BaseException) -> str:
    if not isinstance(error, BaseExceptionGroup):
        return ""
    lines = "".join(f"  | {_line(member)}" for member in error.exceptions[:_GROUP])
    left = len(error.exceptions) - _GROUP
    return f"{lines}  | and {left} more exceptions\n" if left > 0 else lines
