"""The table of events, its search, and one event."""

from __future__ import annotations

from typing import Any

import pytest

from mllog.server.page._events import row


def test_events_are_listed_with_their_context(site: Any) -> None:
    """A row has time, version, outcome, duration, outputs, inputs, labels and trace."""
    site.add(site.event(0, quality={"above_max": ["month"], "missing": ["card"], "invalid": 1}))
    page = site.text("/models/flights_delay/events?range=1h")
    for text in (
        "1.0.0",
        "success",
        "2 ms",
        "probability</span> 0.25",
        "carrier</span> UA",
        "/predict",
        "card missing",
    ):
        assert text in page
    assert 'class="pair bad" title="above training"' in page


def test_a_query_finds_what_it_names(site: Any) -> None:
    """The search box takes Lucene's syntax and stays filled."""
    site.add(site.event(0), site.event(1, event={"outcome": "failure"}, error={"type": "KeyError", "message": "x"}))
    page = site.text("/models/flights_delay/events?range=1h&q=event.outcome:failure")
    assert "1 event, the newest first" in page
    assert 'href="/models/flights_delay/events?q=event.outcome%3Afailure&amp;range=7d"' in page
    assert "KeyError: x" in page
    assert 'value="event.outcome:failure"' in page


@pytest.mark.parametrize("text", ["event.outcome:(", "x" * 1001])
def test_a_query_that_cannot_be_answered_says_why(site: Any, text: str) -> None:
    """A wrong query is an answer with a reason, not an error page."""
    site.add(site.event(0))
    page = site.text(f"/models/flights_delay/events?range=1h&q={text}", status=400)
    assert 'id="problem"' in page
    assert 'aria-invalid="true"' in page


def test_a_query_never_leaves_the_model(site: Any) -> None:
    """Whatever is searched for, events of other models do not appear."""
    site.add(site.event(0))
    site.add(site.event(1, model={"name": "secret_model"}, labels={"route": "/secret"}))
    page = site.text("/models/flights_delay/events?range=1h&q=event.kind:event%20OR%20mllog.model.name:secret_model")
    assert "/secret" not in page


def test_pages_follow_each_other(site: Any) -> None:
    """Fifty events are a page; links lead to older and newer ones."""
    site.add(*(site.event(number, minutes_ago=1 + number / 10) for number in range(60)))
    first, second = (site.text(f"/models/flights_delay/events?range=1h&page={page}") for page in (1, 2))
    assert "page 1 of 2" in first
    assert "page=2" in first
    assert (first.count("<tr>"), second.count("<tr>")) == (51, 11)
    assert "id-flights_delay-0" in first
    assert "id-flights_delay-59" in second


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999", "²"])
def test_a_page_that_cannot_be_is_the_nearest(site: Any, page: str) -> None:
    """A wrong page number in a link does no harm."""
    site.add(site.event(0))
    assert site.client.get("/models/flights_delay/events", params={"range": "1h", "page": page}).status_code == 200


def test_no_match_says_so(site: Any) -> None:
    """An empty table is words, with a way out."""
    site.add(site.event(0))
    assert "No events match" in site.text("/models/flights_delay/events?range=1h&q=event.outcome:failure")


def test_one_event_shows_everything(site: Any) -> None:
    """The page of an event has what stands out, and the stored JSON in full."""
    site.add(site.event(7, quality={"unseen_category": ["carrier"], "invalid": 1}))
    page = site.text("/models/flights_delay/events/id-flights_delay-7")
    assert "Not as in training: carrier unseen" in page
    assert "logs-mllog.flights_delay-demo" in page
    assert "&#34;prediction&#34;: {" in page


def test_an_event_that_is_not_there_is_a_404(site: Any) -> None:
    """The id of nothing, or of another model's event, is not found."""
    site.add(site.event(0))
    site.add(site.event(1, model={"name": "other"}))
    site.text("/models/flights_delay/events/nosuch", status=404)
    site.text("/models/flights_delay/events/id-other-1", status=404)
    site.text("/models/other/events/id-other-1", status=200)
    site.text("/models/nosuch/events/id-flights_delay-0", status=404)


def test_a_foreign_event_of_any_shape_becomes_a_row() -> None:
    """Whatever a sender put where objects belong, the table is drawn."""
    found = row({"_id": "x", "_source": {"event": "text", "mllog": {"input": ["a"], "quality": {"missing": "one"}}}})
    assert (found.id, found.outcome, found.duration, found.inputs) == ("x", "unknown", "\u2013", ())
    assert found.problems == ("one missing",)
