"""What a request carries along: labels, and the ids of traces and requests (ContextVars)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar, Token
from typing import Any, Final

_EMPTY: Final[dict[str, Any]] = {}

labels: Final[ContextVar[dict[str, str]]] = ContextVar("mllog_labels", default=_EMPTY)
request: Final[ContextVar[dict[str, Any]]] = ContextVar("mllog_request", default=_EMPTY)
"""Top-level members of the event that a middleware knows: trace, transaction, span, http, user."""


def _label(value: Any) -> str:
    try:
        return value if type(value) is str else str(value)
    except Exception as error:  # noqa: BLE001 - an object's own __str__ may raise anything
        return f"[{type(value).__qualname__}: {type(error).__name__}]"


def merged(more: Mapping[str, Any]) -> dict[str, str]:
    """The labels in force with `more` over them; every value as a string."""
    return {**labels.get(), **{_label(name): _label(value) for name, value in more.items() if value is not None}}


def bind(**more: Any) -> Token[dict[str, str]]:
    """Put labels on every event of this context (thread or task) from now on.

    Values become strings: labels are keywords in the store. None leaves a label out.

    Example:
        >>> import mllog
        >>> token = mllog.bind(route="/predict", tenant=7)
        >>> labels.get()
        {'route': '/predict', 'tenant': '7'}
        >>> labels.reset(token)
    """
    return labels.set(merged(more))


@contextlib.contextmanager
def bound(**more: Any) -> Iterator[None]:
    """Put labels on the events of a `with` block.

    Example:
        >>> import mllog
        >>> with mllog.bound(route="/predict"):
        ...     labels.get()
        {'route': '/predict'}
        >>> labels.get()
        {}
    """
    token = bind(**more)
    try:
        yield
    finally:
        labels.reset(token)
