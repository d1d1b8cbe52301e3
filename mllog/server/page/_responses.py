"""Responses of the page, and the headers that keep a hostile value in an event harmless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import jinja2
import orjson
from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from mllog.errors import QueryError, StoreError
from mllog.server.page import _formats as formats
from mllog.server.page._assets import FOLDER, Assets

POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


_AT_A_TIME: Final = 8  # requests that search at a time
_CLIENT_LEFT: Final = 499  # not sent; nginx logs the same number


def _slots(request: Request) -> asyncio.Semaphore:
    """The turns of an application's requests."""
    state = request.app.state
    if not hasattr(state, "page_slots"):
        state.page_slots = asyncio.Semaphore(_AT_A_TIME)
    slots: asyncio.Semaphore = state.page_slots
    return slots


class Pages:
    """Renders templates; everything that goes in is escaped."""

    def __init__(self, assets: Assets) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["asset"] = assets.link
        for name in ("count", "share", "duration", "moment", "value"):
            self._templates.filters[name] = getattr(formats, name)

    def html(self, template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
        """A page."""
        text = self._templates.get_template(template).render(**context)
        return HTMLResponse(text, status_code, headers={"Cache-Control": "no-store"})


class GuardedRoute(APIRoute):
    """A route whose every response carries HEADERS, and whose store may fail with one readable line."""

    def get_route_handler(self) -> Handler:
        """The route's handler, guarded."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                async with _slots(request):
                    if await request.is_disconnected():  # it left while it waited: nothing is searched for it
                        return Response(status_code=_CLIENT_LEFT)
                    response = await handle(request)
            except QueryError as error:
                response = json({"error": str(error)}, 400)
            except StoreError as error:
                response = json({"error": f"the store cannot answer: {error}"}, 503)
            response.headers.update(HEADERS)
            return response

        return guarded


def json(content: Any, status_code: int = 200) -> Response:
    """JSON, made for `fetch`; never rendered as a page, for its type says so and browsers may not guess."""
    headers = {"Cache-Control": "no-store"}
    option = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    return Response(orjson.dumps(content, option=option), status_code, headers, "application/json")
