"""What a request carries along: labels, and the ids of traces and requests (ContextVars)."""

from __future__ import annotations

import contextlib
import reprlib
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar, Token
from types import FrameType
from typing import Any, Final

import orjson

from mllog.errors import must_propagate

_EMPTY: Final[dict[str, Any]] = {}
_CONTAINERS: Final = (list, tuple, dict, set, frozenset, bytes, bytearray)
_short: Final = reprlib.Repr(
    maxlevel=4, maxlist=50, maxtuple=50, maxdict=50, maxset=50, maxfrozenset=50, maxstring=1024, maxother=1024
)


class Members:
    """Top-level members of the event that a middleware knows.

    Attributes:
        json: `,"name":value` for each, as the event has them.
    """

    __slots__ = ("json",)
    json: bytes


def by_name(members: dict[str, Any] | Members) -> dict[str, Any]:
    """Members of the event as a dictionary, for those who add to them or look at them; not to be changed.

    Example:
        >>> members = Members()
        >>> members.json = b',"trace":{"id":"0af7"},"url":{"path":"/"}'
        >>> by_name(members)
        {'trace': {'id': '0af7'}, 'url': {'path': '/'}}
    """
    found: dict[str, Any] = orjson.loads(b"{%b}" % members.json[1:]) if isinstance(members, Members) else members
    return found


class Extended:
    """A ContextVar overlaid with what another library knows; it is read like the variable.

    It replaces the variable only where an integration was installed: without one it costs nothing.

    Args:
        variable: the ContextVar.
        more: what the other library knows now; not None, may be empty, must not raise.
    """

    def __init__(self, variable: ContextVar[Any], more: Callable[[], Any]) -> None:
        self.variable, self.more = variable, more

    def get(self) -> Any:
        """The members in force."""
        known, more = _in_force(self.variable.get()), self.more()
        return {**by_name(known), **more} if known and more else more or known

    def set(self, value: Any) -> Token[Any]:
        """Set the variable underneath."""
        return self.variable.set(value)

    def reset(self, token: Token[Any]) -> None:
        """Undo a set."""
        self.variable.reset(token)


_labels: Final[ContextVar[dict[str, str]]] = ContextVar("mllog_labels", default=_EMPTY)
_request: Final[ContextVar[dict[str, Any] | Members]] = ContextVar("mllog_request", default=_EMPTY)

# Read these through the module, `_context.request.get()`, so that an extension is seen.
labels: ContextVar[dict[str, str]] | Extended = _labels
request: ContextVar[dict[str, Any] | Members] | Extended = _request
"""Top-level members of the event that a middleware knows: trace, transaction, span, http, url, user."""


def extend(
    *,
    more_labels: Callable[[], dict[str, str]] | None = None,
    more_request: Callable[[], dict[str, Any] | Members] | None = None,
) -> None:
    """Lay what another library knows over the labels or the members of the request."""
    global labels, request  # noqa: PLW0603 - set once, when an integration is installed
    if more_labels is not None:
        labels = Extended(_labels, more_labels)
    if more_request is not None:
        request = Extended(_request, more_request)


def retract(*, labels_too: bool = True, request_too: bool = True) -> None:
    """Undo `extend`."""
    global labels, request  # noqa: PLW0603 - as above
    if labels_too:
        labels = _labels
    if request_too:
        request = _request


def label(value: Any) -> str:
    try:
        if type(value) is str:
            return value
        return _short.repr(value) if isinstance(value, _CONTAINERS) else str(value)
    except BaseException as error:  # an object's own __str__ may raise anything
        if must_propagate(error):
            raise
        return f"[{type(value).__qualname__}: {type(error).__name__}]"


def current_labels() -> dict[str, str]:
    """The labels in force: those of a job that is over count no more, although its thread may live on."""
    found: dict[str, str] = _in_force(labels.get())
    return found


def _in_force(bound: Any) -> Any:
    while type(bound) is _JobLabels and not bound.runs():
        bound = bound.before
    return bound


class _JobLabels(dict[str, str]):
    """Labels that were bound inside a job of a thread pool or a task queue, and end with it.

    Attributes:
        runs: whether the job is still running.
        before: the labels in force when these were bound.
    """

    __slots__ = ("before", "runs")

    def __init__(self, bound: dict[str, str], runs: Callable[[], bool], before: dict[str, str]) -> None:
        super().__init__(bound)
        self.runs, self.before = runs, before


def _current_job() -> Callable[[], bool] | None:
    """Whether the job that this thread works on still runs; None where it is not one of a pool or a queue."""
    celery, futures = sys.modules.get("celery"), sys.modules.get("concurrent.futures.thread")
    try:
        task = getattr(celery, "current_task", None)
        if task:
            return _task_runs(task)
        if futures is None or threading.current_thread() is threading.main_thread():
            return None
        run = futures._WorkItem.run.__code__  # noqa: SLF001 - the one frame that every job of a pool has
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to the callers
        while frame is not None and frame.f_code is not run:
            frame = frame.f_back
        return None if frame is None else _item_runs(frame.f_locals["self"])
    except (AttributeError, KeyError, TypeError):  # another version of them
        return None


def _item_runs(item: Any) -> Callable[[], bool]:
    """Whether an item of a pool still runs: tracebacks may keep it alive for longer."""
    found, future = weakref.ref(item), weakref.ref(item.future)

    def runs() -> bool:
        result = future()
        return found() is not None and result is not None and not result.done()

    return runs


def _task_runs(task: Any) -> Callable[[], bool]:
    """Whether a request of Celery is still among those that its thread works on."""
    request, stack, thread = weakref.ref(task.request), task.request_stack, threading.get_ident()

    def runs() -> bool:
        mine = request()
        if mine is None or threading.get_ident() != thread:
            return mine is not None
        return any(item is mine for item in stack.stack)

    return runs


def as_labels(items: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    """Names and values as strings; None leaves a label out."""
    return {label(name): label(value) for name, value in items if value is not None}


def bind(**more: Any) -> Token[dict[str, str]]:
    """Put labels on every event of this context (thread or task) from now on.

    Values become strings: labels are keywords in the store. None leaves a label out. Labels bound inside a request of
    a middleware, a job of a ThreadPoolExecutor or a Celery task end with it.

    Example:
        >>> import mllog
        >>> token = mllog.bind(route="/predict", tenant=7)
        >>> current_labels()
        {'route': '/predict', 'tenant': '7'}
        >>> labels.reset(token)
    """
    before = _in_force(_labels.get())  # without what another library knows, which ends where that says
    bound, job = {**before, **as_labels(more.items())}, _current_job()
    return labels.set(bound if job is None else _JobLabels(bound, job, before))


def end(token: Token[Any], mine: Any) -> None:
    """Undo a set; a block that ends in another context (a generator, say) has nothing to undo there.

    Args:
        token: of the set.
        mine: what was set.
    """
    try:
        token.var.reset(token)
    except ValueError:
        if token.var.get() is mine:  # the context is a copy, made inside the block
            token.var.set(_EMPTY if token.old_value is Token.MISSING else token.old_value)


@contextlib.contextmanager
def bound(**more: Any) -> Iterator[None]:
    """Put labels on the events of a `with` block.

    Example:
        >>> import mllog
        >>> with mllog.bound(route="/predict"):
        ...     current_labels()
        {'route': '/predict'}
        >>> current_labels()
        {}
    """
    token = bind(**more)
    mine = _labels.get()
    try:
        yield
    finally:
        end(token, mine)
