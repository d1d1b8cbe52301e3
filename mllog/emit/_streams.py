"""Answers that come in pieces: generators, async generators and streaming responses, logged when they end."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import Any, Final

_PIECES: Final = 256
_CHARACTERS: Final = 1 << 16


class Pieces:
    """What was yielded, up to a bound.

    Example:
        >>> pieces = Pieces()
        >>> for text in ("it was ", "late"):
        ...     pieces.add(text)
        >>> pieces.outputs()
        {'value': 'it was late', 'yielded': 2}
    """

    __slots__ = ("_characters", "_kept", "count")

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[Any] = []
        self._characters = 0

    def add(self, piece: Any) -> None:
        """Take a piece."""
        self.count += 1
        if type(piece) is bytes:
            piece = piece[:_CHARACTERS].decode("utf-8", "replace")
        size = len(piece) if type(piece) is str else 0
        if len(self._kept) < _PIECES and self._characters + size <= _CHARACTERS:
            self._characters += size
            self._kept.append(piece)

    def outputs(self) -> dict[str, Any]:
        """The pieces as outputs: joined where they are text, and how many there were."""
        if not self._kept:
            return {"yielded": self.count}
        text = all(type(piece) is str for piece in self._kept)
        return {"value": "".join(self._kept) if text else self._kept, "yielded": self.count}

    def kept(self) -> list[Any]:
        """The pieces themselves, for a caller's own selection."""
        return self._kept


def recorded(generator: Generator[Any, Any, Any], pieces: Pieces) -> Generator[Any, Any, Any]:
    """A generator that behaves like another one (PEP 380) while its pieces are kept.

    Args:
        generator: the one to run.
        pieces: takes what it yields.
    """
    try:
        piece = next(generator)
        while True:
            pieces.add(piece)
            try:
                sent = yield piece
            except GeneratorExit:
                generator.close()
                raise
            except BaseException as error:  # noqa: BLE001 - handed to the generator, as `yield from` does
                piece = generator.throw(error)
            else:
                piece = generator.send(sent)
    except StopIteration as end:
        return end.value


async def recorded_async(generator: AsyncGenerator[Any, Any], pieces: Pieces) -> AsyncGenerator[Any, Any]:
    """The same for an async generator.

    Args:
        generator: the one to run.
        pieces: takes what it yields.
    """
    try:
        piece = await anext(generator)
        while True:
            pieces.add(piece)
            try:
                sent = yield piece
            except GeneratorExit:
                await generator.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - handed to the generator
                piece = await generator.athrow(error)
            else:
                piece = await generator.asend(sent)
    except StopAsyncIteration:
        return


async def recorded_iterator(iterator: AsyncIterator[Any], pieces: Pieces) -> AsyncGenerator[Any, None]:
    """The pieces of the body of a streaming response, which has no more than `__anext__`.

    Args:
        iterator: the body.
        pieces: takes what it yields.
    """
    async for piece in iterator:
        pieces.add(piece)
        yield piece


def streams(answer: Any) -> bool:
    """Whether an answer is still to come, piece by piece.

    Example:
        >>> streams(number for number in range(3)), streams([1, 2, 3])
        (True, False)
    """
    return inspect.isgenerator(answer) or inspect.isasyncgen(answer) or has_body(answer)


def has_body(answer: Any) -> bool:
    """Whether an answer is a streaming response, as Starlette's and FastAPI's are."""
    return hasattr(type(answer), "stream_response") and hasattr(answer, "body_iterator")
