"""The routes of the page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from mllog.dashboards import Dashboard, Events, Metric, Note, Panel, build, build_unprofiled
from mllog.event._names import slug
from mllog.profile import Profile
from mllog.server.page import _charts as charts
from mllog.server.page import _events as events
from mllog.server.page._assets import Assets
from mllog.server.page._overview import SPARK_HEIGHT, SPARK_WIDTH, Alert, as_alert, cards
from mllog.server.page._panel_data import metric, panel_data
from mllog.server.page._queries import Extent, all_models, extent, run_queries
from mllog.server.page._responses import GuardedRoute, Pages, json
from mllog.server.page._window import CHOICES, Window, window
from mllog.store import Store

Profiles = Mapping[str, Profile] | Callable[[], Mapping[str, Profile]]

_ONE_YEAR: Final = 31_536_000
_MOST_PANELS: Final = 64
_LOUD_SHARE: Final = 0.01


@dataclass(frozen=True)
class _Seen:
    """A model, with the parameters of a request."""

    dashboard: Dashboard
    extent: Extent
    window: Window
    version: str
    text: str

    def link(self, **changes: str) -> str:
        """The parameters of a link to the same model, time range, version and query, but for the changes."""
        chosen = {**self.window.parameters(), "version": self.version, "q": self.text}
        if "range" in changes:
            chosen = {"version": self.version, "q": self.text}
        return urlencode({key: value for key, value in {**chosen, **changes}.items() if value})


class _Site:
    """What the routes have in common."""

    def __init__(self, store: Store, profiles: Profiles, alerts: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        self.store = store
        self._profiles = profiles
        self._alerts = alerts

    def profiles(self) -> list[Profile]:
        """The profiles at present."""
        return list((self._profiles() if callable(self._profiles) else self._profiles).values())

    def alerts(self) -> list[Mapping[str, Any]]:
        """The last evaluations."""
        return list(self._alerts())

    def firing(self, model: str) -> list[Alert]:
        """The alerts of a model that fire."""
        return [alert for alert in map(as_alert, self.alerts()) if alert.fired and alert.model == model]

    def dashboard(self, part: str, version: str) -> Dashboard | None:
        """The dashboard of the model with that slug; of the version's own profile if there is one."""
        known = [profile for profile in self.profiles() if slug(profile.name) == part]
        if known:
            newest = max(known, key=lambda profile: profile.created)
            return build(next((profile for profile in known if profile.version == version), newest))
        name = next((name for name in all_models(self.store)[0] if slug(name) == part), None)
        return None if name is None else build_unprofiled(name)

    def seen(self, part: str, request: Request) -> _Seen | None:
        """The model and the parameters of a request; None if there is no such model."""
        parameters = request.query_params
        version = parameters.get("version", "")[:200]
        dashboard = self.dashboard(part, version)
        if dashboard is None:
            return None
        known = extent(self.store, dashboard)
        return _Seen(
            dashboard,
            known,
            window(parameters, known.first, known.last, dt.datetime.now(dt.UTC)),
            version,
            parameters.get("q", ""),
        )

    def panels(self, seen: _Seen, panels: list[Panel]) -> list[dict[str, Any]]:
        """What the browser draws: for each panel its chart with the data, and what to read with it."""
        answers = run_queries(self.store, seen.dashboard, panels, seen.window, seen.version)
        buckets = seen.window.buckets()
        drawn = []
        for panel in panels:
            view = panel_data(panel, answers.by_panel[panel.id], buckets)
            spec = None if view.empty else charts.spec(panel, view.rows)
            about = {"facts": view.facts, "notices": view.notices, "empty": view.empty}
            drawn.append({"id": panel.id, "title": panel.title, "spec": spec, **about})
        return drawn


def create_router(
    store: Store,
    profiles: Profiles,
    *,
    alerts: Callable[[], Iterable[Mapping[str, Any]]] = tuple,
    status: Callable[[], Mapping[str, Any]] = dict,
) -> APIRouter:
    """The page, to be included in an application at its root.

    Args:
        store: where the events are.
        profiles: profiles by any key, or what returns them now.
        alerts: returns the last evaluation of each watch: `id`, `severity`, `fired`, `text`, `model`, `link`.
        status: returns the counters of the chain for the foot of the page; `failure` is why it stands still.
    """
    site = _Site(store, profiles, alerts)
    assets = Assets()
    pages = Pages(assets)
    router = APIRouter(route_class=GuardedRoute)

    def common() -> dict[str, Any]:
        counters = dict(status())
        failure = counters.pop("failure", None)
        for name in ("rejected_reasons", "set_aside"):
            counters.pop(name, None)
        return {"status": counters, "failure": failure, "now": dt.datetime.now(dt.UTC).isoformat(), "choices": CHOICES}

    def unknown(part: str) -> Response:
        return pages.html("unknown.html", 404, part=part, **common())

    @router.get("/")
    def overview(request: Request) -> Response:
        now = dt.datetime.now(dt.UTC)
        chosen, found, others = cards(store, site.profiles(), site.alerts(), request.query_params, now)
        size = {"spark_width": SPARK_WIDTH, "spark_height": SPARK_HEIGHT}
        return pages.html("overview.html", window=chosen, cards=found, alerts=others, **size, **common())

    @router.get("/models/{part}")
    def model(part: str, request: Request) -> Response:
        seen = site.seen(part, request)
        if seen is None:
            return unknown(part)
        table = next(panel for panel in seen.dashboard.panels if isinstance(panel, Events))
        tiles = [panel for panel in seen.dashboard.panels if isinstance(panel, Metric)]
        answers = run_queries(store, seen.dashboard, tiles, seen.window, seen.version)
        values = [(panel, metric(panel, answers.by_panel[panel.id], answers.total)) for panel in tiles]
        recent = events.find(store, seen.dashboard, seen.window, seen.version, size=table.size)
        return pages.html(
            "model.html",
            part=part,
            seen=seen,
            tiles=[(panel, value, _loud(panel, value)) for panel, value in values],
            total=answers.total,
            sections=_sections(seen.dashboard),
            table=table,
            found=recent,
            alerts=site.firing(seen.dashboard.model),
            **common(),
        )

    @router.get("/models/{part}/events")
    def event_list(part: str, request: Request) -> Response:
        seen = site.seen(part, request)
        if seen is None:
            return unknown(part)
        page = _page(request.query_params.get("page", "1"))
        found = events.find(store, seen.dashboard, seen.window, seen.version, seen.text, page=page)
        last = min(events.LAST_PAGE, max(1, -(-found.total // events.PAGE)))
        code = 400 if found.problem else 200
        return pages.html("events.html", code, part=part, seen=seen, found=found, page=page, last=last, **common())

    @router.get("/models/{part}/events/{event_id:path}")
    def event(part: str, event_id: str) -> Response:
        dashboard = site.dashboard(part, "")
        hit = None if dashboard is None else events.one(store, dashboard, event_id)
        if dashboard is None or hit is None:
            return unknown(part if dashboard is None else event_id)
        return pages.html(
            "event.html",
            part=part,
            dashboard=dashboard,
            row=events.row(hit),
            index=hit.get("_index", ""),
            pretty=events.pretty(hit["_source"]),
            **common(),
        )

    @router.get("/api/models/{part}/panels")
    def panels(part: str, request: Request) -> Response:
        seen = site.seen(part, request)
        if seen is None:
            return json({"error": f"no model {part}"}, 404)
        wanted = request.query_params.get("ids", "").split(",")[:_MOST_PANELS]
        drawable = [panel for panel in seen.dashboard.panels if panel.id in wanted and _is_drawn(panel)]
        return json({"panels": site.panels(seen, drawable)})

    @router.get("/api/models/{part}/panels/{panel_id}")
    def one_panel(part: str, panel_id: str, request: Request) -> Response:
        seen = site.seen(part, request)
        panel = None if seen is None else seen.dashboard.panel(panel_id)
        if seen is None or panel is None or not _is_drawn(panel):
            return json({"error": f"no panel {panel_id} of a model {part}"}, 404)
        return json(site.panels(seen, [panel])[0])

    @router.get("/static/{name}")
    def static(name: str, request: Request) -> Response:
        asset = assets.get(name)
        if asset is None:
            return json({"error": f"no file {name}"}, 404)
        etag = f'"{asset.etag}"'
        age = f"public, max-age={_ONE_YEAR}, immutable" if "v" in request.query_params else "no-cache"
        headers = {"ETag": etag, "Cache-Control": age}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(asset.content, headers=headers, media_type=asset.type)

    @router.get("/favicon.ico")
    def favicon() -> Response:
        return RedirectResponse("/static/icon.svg", 308)

    return router


def _is_drawn(panel: Panel) -> bool:
    return not isinstance(panel, (Metric, Note, Events))


def _sections(dashboard: Dashboard) -> list[tuple[str, list[Panel]]]:
    """The panels below the tiles and above the table, by heading."""
    found: dict[str, list[Panel]] = {}
    for panel in dashboard.panels:
        if not isinstance(panel, (Metric, Events)):
            found.setdefault(panel.section, []).append(panel)
    return list(found.items())


def _loud(panel: Metric, value: float | None) -> bool:
    """Whether a tile is pointed out: a share above one in a hundred and above twice what training showed."""
    if panel.unit != "share" or value is None:
        return False
    return value > max(_LOUD_SHARE, 2 * (panel.reference or 0.0))


def _page(text: str) -> int:
    return max(1, min(int(text), events.LAST_PAGE)) if text.isascii() and text.isdigit() and len(text) < 9 else 1
