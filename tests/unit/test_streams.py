"""Decorated functions whose answer comes in pieces are logged when the last piece is out."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from starlette.responses import StreamingResponse

import mllog
from mllog.testing import capture

log = mllog.model("stream", "1")


def outputs(event: dict[str, Any]) -> dict[str, Any]:
    """The outputs of an event, whatever their type."""
    found = event["mllog"].get("output", {})
    return {name: value for kind in found.values() for name, value in kind.items()}


def test_a_generator_is_logged_at_its_end() -> None:
    """With what was yielded; sent values, the returned value and the kind of function stay what they are."""

    @log.logged
    def stream(prompt: str) -> Any:
        got = yield f"{prompt} was "
        yield got
        return 3

    assert inspect.isgeneratorfunction(stream)
    with capture() as events:
        generator = stream("it")
        assert next(generator) == "it was "
        assert events == []
        assert generator.send("late") == "late"
        with pytest.raises(StopIteration) as end:
            next(generator)
    assert end.value.value == 3
    assert [event["event"]["outcome"] for event in events] == ["success"]
    assert outputs(events[0]) == {"value": "it was late", "yielded": 2}
    assert events[0]["mllog"]["input"] == {"category": {"prompt": "it"}}


def test_a_generator_that_breaks_off_is_a_failure() -> None:
    """Because it raised, or because the consumer closed it; with the pieces so far."""

    @log.logged
    def stream(count: int) -> Iterator[str]:
        for number in range(count):
            yield str(number)
        raise RuntimeError("the model broke")

    with capture() as events:
        with pytest.raises(RuntimeError):
            list(stream(2))
        generator = stream(5)
        next(generator)
        generator.close()  # type: ignore[attr-defined]
    assert [event["error"]["type"] for event in events] == ["RuntimeError", "GeneratorExit"]
    assert [outputs(event)["value"] for event in events] == ["01", "0"]


def test_an_error_that_is_thrown_in_reaches_the_generator() -> None:
    """As `yield from` does it."""

    @log.logged
    def stream() -> Any:
        try:
            yield 1
        except KeyError:
            yield 2

    with capture() as events:
        generator = stream()
        next(generator)
        assert generator.throw(KeyError("x")) == 2
        list(generator)
    assert events[0]["event"]["outcome"] == "success"


async def pieces() -> AsyncIterator[str]:
    """Three pieces."""
    for text in ("it ", "was ", "late"):
        yield text


@log.logged
async def stream_async() -> AsyncIterator[str]:
    """An async generator."""
    async for piece in pieces():
        yield piece


@log.logged
async def return_stream() -> AsyncIterator[str]:
    """A coroutine that returns a stream."""
    return pieces()


@log.logged
def return_iterator() -> Iterator[str]:
    """A function that returns a generator."""
    return (text for text in ("it ", "was ", "late"))


@log.logged
async def respond() -> StreamingResponse:
    """An endpoint that streams."""
    return StreamingResponse(pieces())


async def drain(response: StreamingResponse) -> None:
    """Send a response to nobody."""

    async def send(message: Any) -> None:
        await asyncio.sleep(0)

    await response.stream_response(send)


async def drained(stream: AsyncIterator[str]) -> None:
    """Read a stream to its end."""
    async for _ in stream:
        pass


async def run_returned() -> None:
    """A stream that was returned."""
    await drained(await return_stream())


async def run_response() -> None:
    """A streaming response."""
    await drain(await respond())


@pytest.mark.parametrize(
    "run",
    [
        lambda: asyncio.run(drained(stream_async())),
        lambda: asyncio.run(run_returned()),
        lambda: asyncio.run(run_response()),
        lambda: list(return_iterator()),
    ],
    ids=["async generator", "returned async generator", "streaming response", "returned generator"],
)
def test_every_kind_of_stream(run: Callable[[], Any]) -> None:
    """One event, at the end, with the whole text."""
    with capture() as events:
        run()
    assert [event["event"]["outcome"] for event in events] == ["success"]
    assert outputs(events[0]) == {"value": "it was late", "yielded": 3}


def test_what_is_kept_of_a_stream_is_bounded() -> None:
    """The count says how long it was."""

    @log.logged
    def stream() -> Iterator[int]:
        yield from range(100_000)

    with capture() as events:
        assert sum(1 for _ in stream()) == 100_000
    assert outputs(events[0])["yielded"] == 100_000
    assert events[0]["mllog"]["input_overflow"]["output"]["value"][:3] == [0, 1, 2]


def test_a_selection_gets_the_pieces() -> None:
    """`outputs=` takes the list of what was yielded."""

    @log.logged(outputs=len)
    def stream() -> Iterator[str]:
        yield from ("a", "b")

    with capture() as events:
        list(stream())
    assert outputs(events[0]) == {"value": 2}
