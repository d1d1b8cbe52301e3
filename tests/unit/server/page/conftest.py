"""A page over a real embedded store with a few hundred events whose numbers are known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mllog.profile import Profile
from mllog.server.page import create_router
from mllog.store import Document, Store, open_store

FIXTURE = Path(__file__).parents[3] / "fixtures" / "dashboards" / "profile.json"
MODEL = "flights_delay"


def event(number: int, *, minutes_ago: float = 1.0, **changes: Any) -> dict[str, Any]:
    """An event as it leaves a service; `changes` are put in as `{part: value}`, merged one level deep."""
    model = changes.get("model", {}).get("name", MODEL)
    time = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes_ago)
    built: dict[str, Any] = {
        "@timestamp": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "message": f"{model} 1.0.0 prediction success",
        "event": {
            "id": f"id-{model}-{number}",
            "kind": "event",
            "action": "prediction",
            "outcome": "success",
            "duration": 2_000_000,
        },
        "service": {"name": "flights", "environment": "demo"},
        "labels": {"route": "/predict"},
        "trace": {"id": "0af7651916cd43dd8448eb211c80319c"},
        "mllog": {
            "model": {"name": model, "version": "1.0.0", "role": "live"},
            "prediction": {"id": f"p{number}"},
            "input": {
                "number": {"dep_delay": 10.0, "month": 3},
                "category": {"carrier": "UA", "tailnum": "N0001"},
                "boolean": {"weekend": False},
                "text": {"remarks": "gate 1 changed"},
            },
            "output": {"number": {"probability": 0.25}, "boolean": {"late": False}},
            "quality": {"invalid": 0},
        },
    }
    for key, value in changes.items():
        part = built["mllog"] if key in {"input", "output", "quality", "redaction", "model"} else built
        part[key] = {**part.get(key, {}), **value} if isinstance(value, dict) else value
    return built


@dataclass
class Site:
    """The page with its store; alerts and status may be changed by a test."""

    client: TestClient
    store: Store
    profiles: dict[str, Profile]
    alerts: list[dict[str, Any]] = field(default_factory=list)
    status: dict[str, Any] = field(default_factory=dict)

    event = staticmethod(event)

    def add(self, *events: dict[str, Any]) -> None:
        """Store events."""
        name = events[0]["mllog"]["model"]["name"]
        stream = f"logs-mllog.{MODEL if name == MODEL else 'other'}-demo"
        result = self.store.index([Document(stream, item["event"]["id"], item) for item in events])
        assert not result.rejected
        self.store.commit()

    def text(self, path: str, status: int = 200) -> str:
        """The text of a page."""
        response = self.client.get(path)
        assert response.status_code == status
        return response.text

    def panel(self, panel_id: str, query: str = "range=24h", model: str = MODEL) -> dict[str, Any]:
        """What a panel is drawn from."""
        response = self.client.get(f"/api/models/{model}/panels/{panel_id}?{query}")
        assert response.status_code == 200
        found: dict[str, Any] = response.json()
        return found


@pytest.fixture(scope="session")
def profile() -> Profile:
    """A small profile with every type of feature."""
    return Profile.load(FIXTURE)


@pytest.fixture
def site(tmp_path: Path, profile: Profile) -> Iterator[Site]:
    """A page over an empty store and one profile."""
    store = open_store(tmp_path / "store")
    app = FastAPI()
    site = Site(TestClient(app), store, {MODEL: profile})
    router = create_router(store, lambda: site.profiles, alerts=lambda: site.alerts, status=lambda: site.status)
    app.include_router(router)
    yield site
    store.close()
