"""Calls that are observed: by `with` block, or by decorator."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Protocol, Self, cast

from mllog._state import STATE
from mllog.emit._arguments import given_id
from mllog.emit._streams import Pieces, recorded, recorded_async, recorded_iterator, streams
from mllog.errors import must_propagate
from mllog.event._findings import Findings
from mllog.event._stamps import uuid7

_NS: Final = 1_000_000_000


class Logger(Protocol):
    """What takes the call when it is over; a `ModelLogger` does."""

    name: str
    version: str

    @property
    def prediction(self) -> Callable[..., str]:
        """Logs what a model was asked and what it answered."""


class Call:
    """A call that is being observed: set `outputs` before the block ends.

    Attributes:
        prediction_id: known from the start, so that it can go into the answer.
        inputs: of the model.
        outputs: of the model.
        began: when it did, a datetime or seconds since the epoch; None before the block.
        logger: of the model.
        over: whether the call ends with its block; not where the answer is a stream.
    """

    __slots__ = ("_clock", "_labels", "began", "inputs", "logger", "outputs", "over", "prediction_id")

    def __init__(
        self,
        logger: Logger,
        inputs: Any,
        prediction_id: str | None = None,
        labels: Mapping[str, Any] | None = None,
        began: dt.datetime | float | None = None,
    ) -> None:
        self.logger = logger
        self.began = began
        self._labels = labels
        self.inputs = dict(inputs) if type(inputs) is dict else inputs  # as they were asked, whatever is added to them
        self.outputs: Any = None
        self.over = True
        self._clock: int | None = None
        self.prediction_id = given_id(prediction_id, Findings()) or uuid7(time.time_ns())

    def answer(self, value: Any, select: Callable[[Any], Any] | None) -> None:
        """Take what a decorated function returned; a stream ends the call when it ends itself."""
        if streams(value):
            self.over = False
        else:
            self.outputs = value if select is None else _quietly(lambda: select(value))

    @contextlib.contextmanager
    def streaming(self, pieces: Pieces, select: Callable[[Any], Any] | None) -> Iterator[None]:
        """The rest of a call whose answer comes in pieces: it is logged at the end, as a failure if it broke off."""
        self.over = True
        with self:
            try:
                yield
            finally:
                self.outputs = pieces.outputs() if select is None else _quietly(lambda: select(pieces.kept()))

    def __enter__(self) -> Self:
        if self.began is None:
            self.began = time.time_ns() / _NS
        if self._clock is None:
            self._clock = time.perf_counter_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.over and error is None:
            return
        took = (time.perf_counter_ns() - (self._clock or 0)) / _NS
        self.logger.prediction(
            _quietly(self.inputs) if inspect.isfunction(self.inputs) else self.inputs,
            self.outputs,
            duration=took,
            prediction_id=self.prediction_id,
            timestamp=self.began,
            error=error if error is not None or kind is None else kind.__qualname__,
            labels=self._labels,
        )


def _quietly(function: Callable[[], Any]) -> Any:
    """What a caller's own selection gives; its failure is counted and must not end the call."""
    try:
        return function()
    except BaseException as failure:  # a caller's lambda may raise anything
        if must_propagate(failure):
            raise
        STATE.counts.errors += 1
        STATE.counts.last_error = f"selecting what to log failed: {type(failure).__name__}"
        return None


def _anything(*args: Any, **kwargs: Any) -> None:
    """Stands for a function without a signature."""


_UNKNOWN: Final = inspect.signature(_anything)


class Arguments:
    """Finds the inputs among the arguments of a decorated function."""

    def __init__(self, function: Callable[..., Any], inputs: Callable[..., Any] | str | None) -> None:
        self._select = inputs if callable(inputs) else None
        self._name = inputs if isinstance(inputs, str) else None
        try:
            self._signature = inspect.signature(function)
        except (TypeError, ValueError):  # written in C, and silent about its parameters
            self._signature = _UNKNOWN
        names = list(self._signature.parameters)
        self._skip = names[0] if names and names[0] in ("self", "cls") else None

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._select is not None:
            return self._select(*args, **kwargs)
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        if self._skip is not None:
            given.pop(self._skip, None)
        if self._name is not None:
            return given[self._name]
        for name, parameter in self._signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD and name in given:
                given.update(given.pop(name))
        if list(given) == ["args"] and len(given["args"]) == 1 and self._signature is _UNKNOWN:
            given = {"value": given["args"][0]}
        if len(given) == 1:
            (only,) = given.values()
            if not isinstance(only, (str, bytes, int, float, bool, type(None))):
                return only
        return given


def observed[**P, R](
    logger: Logger,
    function: Callable[P, R],
    inputs: Callable[..., Any] | str | None,
    outputs: Callable[[Any], Any] | None,
) -> Callable[P, R]:
    """A function every call of which is logged; see `ModelLogger.logged`."""
    arguments = Arguments(function, inputs)

    def begin(args: Any, kwargs: Any) -> Call:
        return Call(logger, lambda: arguments(args, kwargs))

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def logged_generator(*args: P.args, **kwargs: P.kwargs) -> Any:
            return (yield from _stream(begin(args, kwargs), function(*args, **kwargs), outputs))

        return cast("Callable[P, R]", logged_generator)

    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def logged_async_generator(*args: P.args, **kwargs: P.kwargs) -> Any:
            async with contextlib.aclosing(
                _stream_async(begin(args, kwargs), function(*args, **kwargs), outputs)
            ) as own:
                async for piece in own:
                    yield piece

        return cast("Callable[P, R]", logged_async_generator)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def logged_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            call = begin(args, kwargs)
            with call:
                answer = await function(*args, **kwargs)
                call.answer(answer, outputs)
            return answer if call.over else _streamed(call, answer, outputs)

        return cast("Callable[P, R]", logged_async)

    @functools.wraps(function)
    def logged(*args: P.args, **kwargs: P.kwargs) -> R:
        call = begin(args, kwargs)
        with call:
            answer = function(*args, **kwargs)
            call.answer(answer, outputs)
        return answer if call.over else cast("R", _streamed(call, answer, outputs))

    return logged


def _streamed(call: Call, answer: Any, outputs: Callable[[Any], Any] | None) -> Any:
    """An answer that is still to come, which ends the call when it does."""
    if inspect.isgenerator(answer):
        return _stream(call, answer, outputs)
    if inspect.isasyncgen(answer):
        return _stream_async(call, answer, outputs)
    answer.body_iterator = _stream_async(call, answer.body_iterator, outputs)
    return answer


def _stream(call: Call, generator: Any, outputs: Callable[[Any], Any] | None) -> Any:
    pieces = Pieces()
    with call.streaming(pieces, outputs):
        return (yield from recorded(generator, pieces))


async def _stream_async(call: Call, iterator: Any, outputs: Callable[[Any], Any] | None) -> Any:
    pieces = Pieces()
    record = recorded_async if inspect.isasyncgen(iterator) else recorded_iterator
    with call.streaming(pieces, outputs):
        async with contextlib.aclosing(record(iterator, pieces)) as own:
            async for piece in own:
                yield piece
