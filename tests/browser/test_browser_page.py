"""The page in a real browser: drawn, quiet, self-contained, readable and inert."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.browser

MODEL = "/models/flights_delay?range=24h"


def test_every_chart_is_drawn_without_a_word_on_the_console(page: Any, url: str) -> None:
    """Each panel with data has marks; nothing is logged, refused by the policy or fetched from elsewhere."""
    page.open(url + MODEL)
    drawn = page.run(
        "return [...document.querySelectorAll('[data-panel]')].map(figure => ["
        "figure.id, figure.querySelectorAll('.mark-rect path, .mark-line path, .mark-symbol path').length,"
        "figure.querySelector('.chart').classList.contains('empty')])"
    )
    assert len(drawn) > 12
    assert [panel for panel, marks, empty in drawn if not empty and not marks] == []
    empty = [panel for panel, _, empty in drawn if empty]
    assert len(empty) == 1  # no event has the feature with the hostile name
    assert empty[0].startswith("input-script-script-window")
    assert page.console() == []
    assert page.hosts() == {urlsplit(url).netloc}


def test_numbers_beside_a_chart_are_those_of_the_events(page: Any, url: str) -> None:
    """A tenth of the events has a month that training never saw; the chart's own table says so."""
    page.open(url + MODEL)
    rows = page.run(
        "return [...document.querySelectorAll('#input-month .numbers tbody tr')]"
        ".map(row => [...row.children].map(cell => cell.textContent))"
    )
    assert rows[-1] == ["> 6", "40", "10.00 %", "0.00 %"]
    assert page.run("return document.querySelector('#input-month .notice').textContent") == "10.0 % above 6"


@pytest.mark.parametrize("path", ["/", MODEL, "/models/flights_delay/events", "/models/flights_delay/events/event-0"])
def test_a_phone_shows_one_column_and_never_scrolls_sideways(page: Any, url: str, path: str) -> None:
    """At 375 pixels nothing is wider than the screen."""
    page.device(375, 812)
    page.open(url + path)
    assert page.run("return innerWidth") == 375
    wide = page.run(
        "return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 376 "
        "&& !e.closest('pre, svg')).map(e => e.tagName + '.' + e.className)"
    )
    assert wide == []
    assert page.run("return document.documentElement.scrollWidth") <= 375


def test_dark_mode_reaches_page_and_charts(page: Any, url: str) -> None:
    """Ground and text change, and so do the bars of the charts, without a reload."""
    page.open(url + MODEL)
    ground = "return getComputedStyle(document.body).backgroundColor"
    bar = "return document.querySelector('#input-month .mark-rect path:last-child').getAttribute('fill')"
    light = page.run(ground), page.run(bar)
    page.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    page.wait_for(lambda: page.run(bar) != light[1])
    assert page.run(ground) == "rgb(15, 19, 24)" != light[0]


@pytest.mark.parametrize("path", ["/", MODEL, "/models/flights_delay/events", "/models/flights_delay/events/event-0"])
def test_hostile_values_do_nothing(page: Any, url: str, path: str) -> None:
    """Markup in names, values, labels and alerts is text: no script runs, no image is asked for."""
    page.open(url + path)
    assert page.run("return window.broken") is None
    assert page.run("return document.images.length") == 0
    assert page.run("return [...document.links].filter(link => !link.href.startsWith(location.origin)).length") == 0
    assert page.hosts() == {urlsplit(url).netloc}


def test_hostile_values_do_nothing_in_a_tooltip(page: Any, url: str) -> None:
    """A tooltip shows what was logged as text."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    page.open(url + MODEL)
    bars = page.driver.find_elements(By.CSS_SELECTOR, "#errors .mark-rect path")
    ActionChains(page.driver).move_to_element(bars[-1]).perform()
    page.wait_for(lambda: page.run("return document.querySelector('#vg-tooltip-element.visible') !== null"))
    assert "</script>" in page.run("return document.getElementById('vg-tooltip-element').textContent")
    assert page.run("return window.broken") is None
    assert page.console() == []


def test_panels_below_the_fold_wait(page: Any, url: str) -> None:
    """The page opens at once: what is far below is not asked for before it comes near."""
    page.driver.get(url + MODEL)
    page.wait_for(lambda: page.run("return document.querySelectorAll('.chart svg').length") > 0)
    assert page.run("return document.querySelectorAll('[aria-busy]').length") > 0


def test_headings_and_landmarks_tell_the_page(page: Any, url: str) -> None:
    """One main, one h1, every figure named by its heading, every chart described."""
    page.open(url + MODEL)
    assert page.run("return document.querySelectorAll('main').length") == 1
    assert page.run("return document.querySelectorAll('h1').length") == 1
    unnamed = (
        "return [...document.querySelectorAll('figure')].filter("
        "f => !document.getElementById(f.getAttribute('aria-labelledby'))?.textContent).length"
    )
    assert page.run(unnamed) == 0
    charts = "return [...document.querySelectorAll('.chart')].filter(c => c.querySelector('svg')"
    assert page.run(f"{charts} && !c.closest('[aria-label]') && !c.querySelector('[aria-label]')).length") == 0
