"""The middleware puts trace and request ids on events, and nothing else."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
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
