"""Takes the pictures of the page that the README and the guides show.

    python docs/screenshots/take.py URL [--model SLUG] [--out DIR]

needs a running `mllog demo` or `mllog serve`, Chromium and chromedriver. Pictures are of the overview, a model and its
events, in light and dark, on a desktop and a phone.
"""

# ruff: noqa: INP001 - a script beside its pictures, not a package

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

DESKTOP: Final = (1280, 900)
PHONE: Final = (375, 812)
FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
_DRAW_SECONDS: Final = 60
_TALLEST: Final = 12_000


@contextmanager
def browser() -> Iterator[Chrome]:
    """A Chromium with a profile of its own, gone afterwards."""
    driver_path, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if driver_path is None or chromium is None:
        sys.exit("take.py: needs chromium and chromedriver on the PATH")
    with tempfile.TemporaryDirectory(prefix="mllog-screenshots-") as folder:
        options = ChromeOptions()
        options.binary_location = chromium
        for flag in (*FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        driver = Chrome(options=options, service=Service(driver_path))
        try:
            yield driver
        finally:
            driver.quit()


def picture(driver: Chrome, url: str, target: Path, *, size: tuple[int, int], dark: bool, whole: bool) -> None:
    """Write a picture of a page once everything in it is drawn; `whole` takes what lies below, too."""
    width, height = size
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    _resize(driver, width, height, phone=size == PHONE)
    driver.get(url)
    if whole:
        tall = int(driver.execute_script("return document.documentElement.scrollHeight"))
        _resize(driver, width, min(tall, _TALLEST), phone=size == PHONE)
    busy = "return document.querySelectorAll('[aria-busy]').length"
    visible = (
        "return [...document.querySelectorAll('[aria-busy]')]"
        ".filter(e => e.getBoundingClientRect().top < innerHeight).length"
    )
    WebDriverWait(driver, _DRAW_SECONDS).until(lambda d: d.execute_script(busy if whole else visible) == 0)
    if whole:
        tall = int(driver.execute_script("return document.documentElement.scrollHeight"))
        _resize(driver, width, min(tall, _TALLEST), phone=size == PHONE)
    driver.save_screenshot(str(target))


def _resize(driver: Chrome, width: int, height: int, *, phone: bool) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of the page of a running mllog.")
    parser.add_argument("url", help="where the page is, such as http://127.0.0.1:8500")
    parser.add_argument("--model", default="flights_delay", help="slug of the model")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the PNG files")
    parser.add_argument("--range", default="all", help="time range, as the page's links have it")
    parser.add_argument("--whole", action="store_true", help="whole pages instead of what fits the screen")
    options = parser.parse_args()
    base = options.url.rstrip("/")
    pages = {"overview": "/", "model": f"/models/{options.model}", "events": f"/models/{options.model}/events"}
    pages = {name: f"{path}?range={options.range}" for name, path in pages.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    with browser() as driver:
        for name, path in pages.items():
            for device, size in (("desktop", DESKTOP), ("phone", PHONE)):
                for mode in ("light", "dark"):
                    target = options.out / f"{name}-{device}-{mode}.png"
                    picture(driver, base + path, target, size=size, dark=mode == "dark", whole=options.whole)
                    print(target)  # noqa: T201 - the command's output


if __name__ == "__main__":
    main()
