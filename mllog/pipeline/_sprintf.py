"""`%{…}` in strings: compiled once into a function of the event."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from mllog.pipeline import _field
from mllog.pipeline._event import Event, Timestamp, now
from mllog.pipeline._javatime import java_writer
from mllog.pipeline._joda import DatePatternError, writer
from mllog.pipeline._text import field_text, ruby_text

Template = Callable[[Event], str]

_PLACEHOLDER: Final = re.compile(r"%\{\{([^}]*)\}\}|%\{([^}]*)\}")


class TemplateError(Exception):
    """A placeholder is outside the embedded subset."""


def _epoch(event: Event) -> str:
    moment = event.get("@timestamp")
    return str(moment.nanoseconds // 1_000_000_000) if isinstance(moment, Timestamp) else ""


def _date(pattern: str, literal: str) -> Template:
    try:
        write = writer(pattern)
    except DatePatternError as error:
        raise TemplateError(f"{literal}: {error}") from None

    def show(event: Event) -> str:
        moment = event.get("@timestamp")
        return write(moment.datetime()) if isinstance(moment, Timestamp) else literal

    return show


def _java(pattern: str, literal: str) -> Template:
    """`%{{…}}`: a pattern of java.time, or the present."""
    if pattern == "TIME_NOW":
        return lambda _: str(now())
    try:
        write = java_writer(pattern)
    except DatePatternError as error:
        raise TemplateError(f"{literal}: {error}") from None

    def show(event: Event) -> str:
        moment = event.get("@timestamp")
        return (
            write(moment.datetime(), moment.nanoseconds % 1_000_000_000) if isinstance(moment, Timestamp) else literal
        )

    return show


def _reference(reference: str, literal: str) -> Template:
    try:
        names = _field.path(reference)
    except _field.FieldError as error:
        reason = str(error)

        def fail(_: Event) -> str:
            raise _field.FieldError(reason)

        return fail

    read = _field.getter(names)

    def show(event: Event) -> str:
        value = read(event)
        return value if type(value) is str else literal if value is None else field_text(value)

    return show


def _part(content: str, literal: str) -> Template:
    if content in {"", "+%s"}:
        return _epoch
    return _date(content[1:], literal) if content.startswith("+") else _reference(content, literal)


@lru_cache(maxsize=4096)
def template(text: str) -> Template:
    """A function that fills a text's placeholders from an event; what is missing stays as it is written.

    Raises:
        TemplateError: a date pattern or a placeholder is outside the embedded subset.

    Example:
        >>> template("%{a}-%{b}")({"a": 1})
        '1-%{b}'
    """
    parts: list[Template] = []
    fixed, position = [], 0
    for found in _PLACEHOLDER.finditer(text):
        fixed.append(text[position : found.start()])
        parts.append(_java(found[1], found[0]) if found[1] is not None else _part(found[2], found[0]))
        position = found.end()
    rest = text[position:]
    if not parts:
        return lambda _: text
    if len(parts) == 1:
        before, only = fixed[0], parts[0]
        return only if not before and not rest else lambda event: f"{before}{only(event)}{rest}"

    def fill(event: Event) -> str:
        return "".join(before + part(event) for before, part in zip(fixed, parts, strict=True)) + rest

    return fill


def malformed(text: str) -> str | None:
    """The first placeholder of a text whose field reference is none; Logstash fails each time it fills it.

    Example:
        >>> malformed("a %{[b]} %{[c}"), malformed("%{a}")
        ('%{[c}', None)
    """
    for found in _PLACEHOLDER.finditer(text):
        content = found[2]
        if content is None or content in {"", "+%s"} or content.startswith("+"):
            continue
        try:
            _field.path(content)
        except _field.FieldError:
            return found[0]
    return None


def is_static(text: str) -> bool:
    """Whether a text has no placeholder.

    Example:
        >>> is_static("100%"), is_static("%{a}")
        (True, False)
    """
    return _PLACEHOLDER.search(text) is None


def value_template(value: Any) -> Template:
    """A template of a setting's value: a number or an array is taken as its text."""
    return template(ruby_text(value))


def fixed_path(reference: str) -> _field.Path | None:
    """The path of a reference; None if it holds placeholders, or is no reference, which is a failure of each event.

    Example:
        >>> fixed_path("[a][b]"), fixed_path("%{a}"), fixed_path("[a")
        (('a', 'b'), None, None)
    """
    if not is_static(reference):
        return None
    try:
        return _field.path(reference)
    except _field.FieldError:
        return None


def path_template(reference: str) -> Callable[[Event], _field.Path]:
    """A field reference that may hold placeholders itself.

    Raises:
        TemplateError: as `template`.
    """
    names = fixed_path(reference)
    if names is not None:
        return lambda _: names
    fill = template(reference)
    return lambda event: _field.path(fill(event))
