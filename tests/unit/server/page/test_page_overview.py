"""The overview of all models."""

from __future__ import annotations

import re
from typing import Any

import pytest


def _card(page: str, slug: str) -> str:
    cards = re.findall(r"<article.*?</article>", page, re.DOTALL)
    return next(card for card in cards if f'href="/models/{slug}?' in card)


def _measure(card: str, name: str) -> str:
    found = re.search(rf"<dt>{name}</dt><dd>\s*(.*?)\s*(?:<|$)", card)
    assert found is not None
    return found[1].strip()


def test_a_card_says_how_a_model_fares(site: Any) -> None:
    """Events, rate, errors, latency, redactions, invalid share and the newest event are on the card."""
    site.add(
        *(site.event(number) for number in range(8)),
        site.event(8, quality={"invalid": 1}, redaction={"count": 2, "kinds": ["email"]}),
        site.event(9, event={"outcome": "failure"}, minutes_ago=30),
    )
    card = _card(site.text("/?range=1h"), "flights_delay")
    assert _measure(card, "Events") == "10"
    assert _measure(card, "Errors") == "10.0 %"
    assert _measure(card, "Invalid inputs") == "10.0 %"
    assert _measure(card, "Redacted") == "2"
    assert _measure(card, "Latency p95").endswith("ms")
    assert "1 min ago" in card
    assert "0.17/min" in card


def test_shares_far_above_training_are_pointed_out(site: Any) -> None:
    """An invalid share of more than twice the training one is loud; one below is not."""
    site.add(site.event(0, quality={"invalid": 1}), site.event(1))
    assert 'class="wide loud"' in _card(site.text("/?range=1h"), "flights_delay")
    site.add(*(site.event(number) for number in range(2, 60)))
    assert 'class="wide loud"' not in _card(site.text("/?range=1h"), "flights_delay")


def test_the_sparkline_follows_the_invalid_share(site: Any) -> None:
    """Later points lie further right; a higher share lies higher up."""
    site.add(
        site.event(0, minutes_ago=50),
        site.event(1, minutes_ago=10, quality={"invalid": 1}),
    )
    points = re.search(r'points="([^"]+)"', _card(site.text("/?range=1h"), "flights_delay"))
    assert points is not None
    (x1, y1), (x2, y2) = (tuple(map(float, point.split(","))) for point in points[1].split())
    assert x1 < x2
    assert y1 > y2


def test_models_with_and_without_events_or_profile_have_cards(site: Any) -> None:
    """A profile without events and events without a profile are both models."""
    site.add(site.event(0, model={"name": "plain", "version": "3"}))
    page = site.text("/")
    assert "2 models" in page
    assert "no profile" in _card(page, "plain")
    assert "no profile" not in _card(page, "flights_delay")


def test_a_model_whose_name_is_no_slug_is_linked_by_its_slug(site: Any) -> None:
    """Names with blanks and slashes have pages, too."""
    site.add(site.event(0, model={"name": "Fraud / EU", "version": "1"}))
    link = re.search(r'href="(/models/fraud[^"?]+)', site.text("/"))
    assert link is not None
    assert "<h1>Fraud / EU</h1>" in site.text(link[1])


def test_firing_alerts_are_on_their_card_or_on_top(site: Any) -> None:
    """An alert that belongs to no model is shown above the cards."""
    own = {"id": "a", "severity": "notify", "fired": True, "text": "own alert", "model": "flights_delay", "link": ""}
    site.alerts[:] = [own, {**own, "id": "b", "text": "shipper is late", "model": None}]
    page = site.text("/")
    assert "own alert" in _card(page, "flights_delay")
    assert page.index("shipper is late") < page.index("<article")


def test_without_models_the_page_says_what_to_do(site: Any) -> None:
    """The first page that a new user sees has the lines to write."""
    site.profiles.clear()
    page = site.text("/")
    assert "No events yet" in page
    assert "mllog.configure(" in page


def test_the_foot_shows_the_counters_of_the_chain(site: Any) -> None:
    """Counters are named; a chain that stands still says why on top."""
    site.status.update(received=1234, pending_bytes=0, failure="disk full")
    page = site.text("/")
    assert re.search(r"<dt>pending bytes</dt><dd>0</dd>", page)
    assert "<dd>1,234</dd>" in page
    assert "The chain stands still: disk full" in page


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/\\evil.example", "http:", "http://[", ""]
)
def test_links_that_are_no_pages_are_left_out(site: Any, link: str) -> None:
    """An alert's text is shown, its link only where it leads to a page."""
    site.alerts[:] = [{"id": "a", "severity": "notify", "fired": True, "text": "odd", "model": None, "link": link}]
    page = site.text("/")
    assert "odd" in page
    assert "Look</a>" not in page
