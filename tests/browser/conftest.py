"""A real browser before a real server: Debian's Chromium, headless, with a profile of its own."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait
from support.waiting import PATIENCE

from mllog.profile import Profile
from mllog.server.page import create_router
from mllog.store import Document, open_store

FIXTURE = Path(__file__).parents[1] / "fixtures" / "dashboards" / "profile.json"
CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOSTILE = '</script><script>window.broken = 1</script><img src=x onerror="window.broken = 2">'
EVENTS = 400


def _events(model: str) -> Iterator[dict[str, Any]]:
    """Four hundred events of the last hours; every tenth holds hostile values."""
    now = dt.datetime.now(dt.UTC)
    for number in range(EVENTS):
        hostile = number % 10 == 0
        time = now - dt.timedelta(minutes=1 + number)
        carrier = HOSTILE if hostile else ("UA", "AA", "DL")[number % 3]
        quality: dict[str, Any] = {"invalid": int(hostile)}
        if hostile:
            quality |= {"unseen_category": ["carrier"], "above_max": ["month"], "missing": [HOSTILE]}
        yield {
            "@timestamp": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "event": {
                "id": f"event-{number}",
                "kind": "event",
                "action": "prediction",
                "outcome": "failure" if hostile else "success",
                "duration": 1_000_000 + 10_000 * number,
            },
            "error": {"type": HOSTILE, "message": HOSTILE} if hostile else {"type": "ValueError"},
            "labels": {"route": HOSTILE},
            "mllog": {
                "model": {"name": model, "version": "1.0.0", "role": "live"},
                "input": {
                    "number": {"dep_delay": float(number % 90), "month": 9 if hostile else number % 6 + 1},
                    "category": {"carrier": carrier, "tailnum": f"N{number % 150:04d}"},
                    "boolean": {"weekend": number % 4 == 0},
                },
                "output": {"number": {"probability": number / EVENTS}, "boolean": {"late": number % 5 == 0}},
                "quality": quality,
                "redaction": {"kinds": ["email"], "count": 1},
            },
        }


@pytest.fixture(scope="session")
def chromium() -> None:
    """Skip without a browser, unless one is demanded."""
    if CHROMIUM.exists() and DRIVER.exists():
        return
    reason = f"{CHROMIUM} or {DRIVER} is not installed"
    if os.environ.get("MLLOG_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def url(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page over fixed events, served by uvicorn on a free port of the loopback."""
    profile = Profile.load(FIXTURE)
    profile = replace(profile, inputs=(*profile.inputs, replace(profile.inputs[0], name=HOSTILE)))
    store = open_store(tmp_path_factory.mktemp("browser") / "store")
    stream = f"logs-mllog.{profile.name}-demo"
    result = store.index(Document(stream, item["event"]["id"], item) for item in _events(profile.name))
    assert not result.rejected
    store.commit()
    alert: dict[str, Any] = {
        "id": "w",
        "severity": "triage",
        "fired": True,
        "text": HOSTILE,
        "link": "javascript:alert(1)",
    }
    app = FastAPI()
    app.include_router(create_router(store, {profile.name: profile}, alerts=lambda: [alert], status=lambda: {"n": 1}))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()
    store.close()


class Page:
    """A browser, and what it did."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def device(self, width: int, height: int, *, dark: bool = False) -> None:
        """Emulate a screen."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, url: str) -> None:
        """Open a page; the screen is made as tall as the page, so that every chart comes into view."""
        self.driver.get(url)
        height = self.run("return document.documentElement.scrollHeight")
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": self.run("return innerWidth"), "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        waiting = "return document.querySelectorAll('[aria-busy]').length"
        self.wait_for(lambda: self.run(waiting) == 0)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        WebDriverWait(self.driver, PATIENCE).until(lambda _: condition())

    def run(self, script: str) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script)

    def console(self) -> list[str]:
        """Everything that was logged to the console as a warning or an error."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def hosts(self) -> set[str]:
        """Every host that the browser sent a request to, by its own network log; its start page is none."""
        found: set[str] = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                parts = urlsplit(message["params"]["request"]["url"])
                if parts.scheme not in {"chrome", "about", "data"}:
                    found.add(parts.netloc)
        return found


@pytest.fixture(scope="session")
def driver(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A browser with a profile of its own."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    driver = Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: Chrome) -> Page:
    """A blank page of desktop size in light mode, with empty logs."""
    driver.get("about:blank")
    for log in ("browser", "performance"):
        driver.get_log(log)
    page = Page(driver)
    page.device(1280, 900)
    return page
