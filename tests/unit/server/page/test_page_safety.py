"""A hostile value in an event, a profile or a link stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest

from mllog.errors import StoreError
from mllog.profile import Profile

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{ 7*7 }}",
    "a\u2028b",
]


class _Markup(HTMLParser):
    """What a browser would take as markup."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def _inert(page: str) -> None:
    """No markup but the page's own: no script without a source, no handler, no style, no link to elsewhere."""
    for tag, attributes in _Markup(page).tags:
        assert tag not in {"img", "iframe", "object", "embed", "base", "b", "style"}
        assert tag != "script" or str(attributes["src"]).startswith("/static/")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("href", "src", "action"):
            assert str(attributes.get(name, "/")).startswith(("/", "#")), attributes
            assert not str(attributes.get(name, "/")).startswith(("//", "/\\")), attributes


@pytest.mark.parametrize("text", HOSTILE)
def test_values_of_events_are_escaped_everywhere(site: Any, text: str) -> None:
    """Table, detail and search box show the text that was logged."""
    site.add(
        site.event(
            0,
            input={"category": {"carrier": text}},
            labels={"route": text},
            error={"type": text, "message": text},
            event={"outcome": "failure"},
            model={"version": text},
        )
    )
    for path in (
        "/",
        "/models/flights_delay",
        "/models/flights_delay/events",
        "/models/flights_delay/events/id-flights_delay-0",
    ):
        page = site.text(f"{path}?range=1h")
        _inert(page)
        assert "49" not in re.findall(r'class="name">route</span> (\S+)<', page)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_link_carries_is_escaped(site: Any, text: str) -> None:
    """Queries, versions, ranges and names in a link come back as text."""
    site.add(site.event(0))
    asked = quote(text, safe="")
    for path in (
        f"/models/flights_delay/events?q={asked}",
        f"/models/flights_delay?version={asked}&range=1h",
        f"/models/flights_delay?range={asked}",
        f"/models/flights_delay?from={asked}",
        f"/models/{asked}",
        f"/models/flights_delay/events/{asked}",
    ):
        _inert(site.client.get(path).text)


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_a_profile_are_escaped(site: Any, profile: Profile, text: str) -> None:
    """A feature and a model may be called anything."""
    site.profiles["flights_delay"] = replace(profile, name=text, inputs=(replace(profile.inputs[0], name=text),))
    site.add(site.event(0, model={"name": text}, input={"number": {text: 3.0}}))
    overview = site.text("/?range=1h")
    _inert(overview)
    link = re.search(r'href="(/models/[^"?]+)', overview)
    assert link is not None
    _inert(site.text(f"{link[1]}?range=1h"))


def test_names_come_to_the_browser_as_they_are(site: Any, profile: Profile) -> None:
    """JSON carries the very name; it is drawn as text."""
    name = '</script><b a.b["x"]'
    site.profiles["flights_delay"] = replace(profile, inputs=(replace(profile.inputs[0], name=name),))
    site.add(site.event(0, input={"number": {name: 3.0}}))
    response = site.client.get("/api/models/flights_delay/panels?range=1h&ids=input-script-b-a-b-x")
    assert response.headers["content-type"] == "application/json"
    assert response.json()["panels"][0]["title"] == name
    assert response.json()["panels"][0]["facts"][0].startswith("n = 1 live")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/models/flights_delay",
        "/models/nosuch",
        "/api/models/flights_delay/panels?ids=volume",
        "/static/page.js",
        "/static/nosuch",
    ],
)
def test_every_response_carries_the_policy(site: Any, path: str) -> None:
    """Scripts and styles come from this host alone, nobody may frame the page, nothing is guessed."""
    headers = site.client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_nothing_is_inline_and_nothing_is_from_elsewhere(site: Any) -> None:
    """Neither style attributes nor links to other hosts: the policy would refuse them."""
    site.add(site.event(0))
    for path in ("/", "/models/flights_delay", "/models/flights_delay/events"):
        page = site.text(path)
        assert not re.findall(r"<style|\sstyle=", page)
        assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org", "", page)


def test_static_files_are_kept_by_their_digest(site: Any) -> None:
    """A file with a version in its link is kept for a year; a known one is not sent again."""
    link = re.search(r'href="(/static/page\.css\?v=\w+)"', site.text("/"))
    assert link is not None
    first = site.client.get(link[1])
    assert "immutable" in first.headers["cache-control"]
    again = site.client.get(link[1], headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert site.client.get("/static/page.css").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["..%2f__init__.py", "%2e%2e/_router.py", "base.html", "page.css%00"])
def test_no_other_file_is_served(site: Any, name: str) -> None:
    """Static files are those of one folder, by name."""
    assert site.client.get(f"/static/{name}").status_code == 404


def test_vega_is_served_from_this_process(site: Any) -> None:
    """The bundle carries vega-embed and is made once."""
    first = site.client.get("/static/vega.js")
    assert "window.vegaEmbed" in first.text
    assert site.client.get("/static/vega.js").headers["etag"] == first.headers["etag"]


def test_a_store_that_fails_is_one_line(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader learns what is wrong; there is no traceback."""

    def fail(*_: object, **__: object) -> None:
        raise StoreError("the index is closed")

    monkeypatch.setattr(site.store, "search", fail)
    response = site.client.get("/models/flights_delay")
    assert (response.status_code, "the index is closed" in response.text) == (503, True)
