"""Receives events over HTTP: a request is decoded, stored, and only then answered with 200."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from starlette.requests import ClientDisconnect

from mllog.errors import SpoolError, StoreError
from mllog.server._bodies import LARGEST_BODY, BodyError, check_headers, lines_of
from mllog.server._ingest import Ingest

BODY_SECONDS: Final = 20.0
"""Longest time from the headers of a request to the end of its body."""

MOST_BYTES: Final = 8 * LARGEST_BODY
"""Bytes of all bodies that are being received at a time."""

_AT_A_TIME: Final = 4  # requests that are decoded and stored
_TURN_SECONDS: Final = 30.0
_AGAIN: Final = {"retry-after": "1"}


class Receiver:
    """Receives events, within bounds of time and memory.

    Args:
        ingest: stores them.
    """

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._bytes = 0
        self._slots = asyncio.Semaphore(_AT_A_TIME)

    async def receive(self, request: Request) -> PlainTextResponse:
        """Answer a request: 200 if all of its events are durable, else the sender keeps them."""
        named = request.headers
        kind, encoding = named.get("content-type", ""), ", ".join(named.getlist("content-encoding"))
        try:
            check_headers(kind, encoding, named.get("content-length", ""))
            async with self._body(request) as body, self._turn():
                await run_in_threadpool(self._store, body, kind, encoding)
        except BodyError as error:
            headers = {"accept-encoding": "gzip, deflate"} if error.status == 415 else _AGAIN
            return PlainTextResponse(error.reason, error.status, headers if error.status in (415, 503) else None)
        except (StoreError, SpoolError) as error:
            return PlainTextResponse(str(error), 503, _AGAIN)
        except OSError as error:
            return PlainTextResponse(f"the events cannot be kept: {error.strerror}", 503, _AGAIN)
        except ClientDisconnect:
            return PlainTextResponse("the request is incomplete", 400)
        return PlainTextResponse("ok")

    def _store(self, body: bytearray, kind: str, encoding: str) -> None:
        self._ingest.lines(lines_of(bytes(body), kind, encoding))

    @contextlib.asynccontextmanager
    async def _body(self, request: Request) -> AsyncIterator[bytearray]:
        """The body, counted as long as it is in memory."""
        body = bytearray()
        try:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    async for chunk in request.stream():
                        body += chunk
                        self._bytes += len(chunk)
                        if len(body) > LARGEST_BODY:
                            raise BodyError(413, f"a request holds at most {LARGEST_BODY} bytes; send smaller batches")
                        if self._bytes > MOST_BYTES:
                            raise BodyError(503, "too many events are being received; send again later")
            except TimeoutError:
                raise BodyError(408, f"the body was not complete after {BODY_SECONDS:g} s") from None
            yield body
        finally:
            self._bytes -= len(body)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of a few requests that are being stored."""
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise BodyError(503, "too many requests are being stored; send again later") from None
        try:
            yield
        finally:
            self._slots.release()
