"""The middleware puts trace and request ids on events, and logs each request."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient

import mllog
from mllog.integrations.fastapi import Middleware
from mllog.testing import capture


@pytest.fixture
def client() -> TestClient:
    """A service with one endpoint that predicts."""
    app = FastAPI()
    app.add_middleware(Middleware)
    log = mllog.model("late", "1.0")

    @app.get("/predict")
    async def predict() -> str:
        return log.prediction({"x": 1.0})

    return TestClient(app)


def test_ids_of_the_request_are_on_the_event(client: TestClient) -> None:
    """`traceparent` and `x-request-id` reach the event."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-request-id": "req-7"}
    with capture() as events:
        client.get("/predict", headers=headers)
    assert events[0]["trace"] == {"id": trace}
    assert events[0]["http"] == {"request": {"id": "req-7", "method": "GET"}}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": "garbage", "x-request-id": "two words"},
        {"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01", "x-request-id": "x" * 500},
        {"traceparent": "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x-request-id": "ann@example.com"},
    ],
)
def test_malformed_ids_are_replaced(client: TestClient, headers: dict[str, str]) -> None:
    """Where ids are missing or not what they should be, fresh ones stand in their place."""
    with capture() as events:
        client.get("/predict", headers=headers)
    assert re.fullmatch("(?!0{32})[0-9a-f]{32}", events[0]["trace"]["id"])
    assert re.fullmatch("[0-9a-f]{32}", events[0]["http"]["request"]["id"])


def test_ids_do_not_outlive_the_request(client: TestClient) -> None:
    """After the request nothing of it is on later events."""
    with capture() as events:
        client.get("/predict")
        mllog.model("late", "1.0").prediction({})
    assert "trace" in events[0]
    assert "trace" not in events[-1]


def test_ids_are_on_sampled_events() -> None:
    """An event of a sample has its rate and the ids of its request."""
    app = FastAPI()
    app.add_middleware(Middleware, access=False)
    log = mllog.model("sampled", "1.0", sample=0.999999)
    app.get("/predict")(lambda: log.prediction({"x": 1.0}, 0.5))
    with capture() as events:
        TestClient(app).get("/predict", headers={"x-request-id": "req-7"})
    (event,) = events
    assert event["mllog"]["sampling"] == {"rate": 0.999999}
    assert event["http"]["request"]["id"] == "req-7"


def last_of(scope: dict[str, Any], app: Any, receive: Any = None) -> tuple[list[dict[str, Any]], list[Any]]:
    """Run one scope through the middleware; the events and the messages that were sent."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with capture() as events, contextlib.suppress(ValueError, asyncio.CancelledError):
        asyncio.run(Middleware(app)({"headers": [], "path": "/x", "method": "GET", **scope}, receive, send))
    return events, sent


def test_a_request_is_logged_with_route_status_and_duration() -> None:
    """One record says which template matched, below what it is mounted under, how it ended and how long it took."""
    inner, app = FastAPI(), FastAPI()
    inner.get("/items/{item}")(lambda item: item)
    app.mount("/shop", inner)
    app.add_middleware(Middleware)
    with capture() as events:
        answer = TestClient(app).get("/shop/items/7?mail=ann@example.com")
    (event,) = events
    assert answer.headers["x-request-id"] == event["http"]["request"]["id"]
    assert event["message"] == "GET /shop/items/{item} 200"
    assert event["labels"] == {"route": "/shop/items/{item}"}
    assert event["url"] == {"path": "/shop/items/7"}
    assert event["http"]["response"] == {"status_code": 200}
    assert event["event"]["outcome"] == "success"
    assert event["event"]["duration"] > 0
    assert "action" not in event["event"]
    assert "ann" not in str(event)


def test_a_path_is_redacted(client: TestClient) -> None:
    """An address in the path is stored nowhere."""
    with capture() as events:
        client.get("/of/ann@example.com")
    assert events[0]["url"] == {"path": "/of/[REDACTED:email]"}
    assert "ann@" not in str(events)


def test_an_exception_is_a_status_of_500() -> None:
    """What ends the application is on the record of the request, and goes on to the server."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no answer for ann@example.com")

    events, _ = last_of({"type": "http"}, app)
    assert events[0]["http"]["response"] == {"status_code": 500}
    assert events[0]["event"]["outcome"] == "failure"
    assert events[0]["error"]["type"] == "ValueError"
    assert events[0]["error"]["message"] == "no answer for [REDACTED:email]"


def test_a_client_that_left_is_no_failure() -> None:
    """A request that was cancelled has no status and an unknown outcome."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    events, _ = last_of({"type": "http"}, app)
    assert "response" not in events[0]["http"]
    assert events[0]["event"]["outcome"] == "unknown"
    assert events[0]["error"] == {"type": "CancelledError"}


def test_bodies_pass_through_chunk_by_chunk() -> None:
    """Every message of a streamed body reaches the server as the very object that the application sent."""
    chunks = [{"type": "http.response.body", "body": b"x" * n, "more_body": n < 3} for n in range(4)]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 206, "headers": []})
        for chunk in chunks:
            await send(chunk)

    events, sent = last_of({"type": "http"}, app)
    assert all(got is gave for got, gave in zip(sent[1:], chunks, strict=True))
    assert events[0]["http"]["response"] == {"status_code": 206}


def test_a_websocket_is_one_request() -> None:
    """The events of a websocket have its ids, and it is logged when it closes."""
    app = FastAPI()
    app.add_middleware(Middleware)

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        mllog.model("late", "1.0").prediction({"x": 1.0})
        await socket.close()

    with capture() as events, TestClient(app).websocket_connect("/live"):
        pass
    prediction, request = events
    assert prediction["trace"] == request["trace"]
    assert request["message"] == "/live 101"


def test_requests_are_not_logged_where_that_is_switched_off() -> None:
    """With `access=False` there are ids, and no record of the request."""
    app = FastAPI()
    app.add_middleware(Middleware, access=False)
    app.get("/predict")(lambda: mllog.model("late", "1.0").prediction({"x": 1.0}))
    with capture() as events:
        TestClient(app).get("/predict")
    (event,) = events
    assert "trace" in event
