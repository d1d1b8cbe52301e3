"""Saved objects and rules through Kibana's API; a small service stands in for Kibana, which is not here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.fakehttp import Asked, FakeService, serving

from mllog import Profile
from mllog.errors import ClusterError, ConfigurationError
from mllog.install import Kibana, Target, apply_kibana, bundles_of, plan_kibana, remove_kibana, rules_of
from mllog.install._kibana import Bundle, Rule

ROOT = Path(__file__).parents[3]
BUNDLE = Bundle("late", b'{"type":"tag","id":"mllog","attributes":{}}\n{"type":"dashboard","id":"d","attributes":{}}\n')
RULE = Rule(
    "late-errors",
    {
        "name": "late-errors",
        "rule_type_id": ".es-query",
        "consumer": "stackAlerts",
        "enabled": True,
        "params": {"n": 1},
    },
)


class FakeKibana:
    """Keeps what is imported, and adds what Kibana adds."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.rules: dict[str, Any] = {}
        self.refuses: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        if asked.headers.get("kbn-xsrf") is None:
            return 400, {"message": "Request must contain a kbn-xsrf header."}
        path = asked.path.partition("?")[0]
        if path == "/api/status":
            return 200, {"status": {"overall": {"level": "available"}}}
        if path == "/api/saved_objects/_import":
            if self.refuses:
                return 200, {"success": False, "errors": self.refuses}
            for line in re.findall(rb"^\{.*\}\r?$", asked.body, re.MULTILINE):
                one = json.loads(line)
                self.objects[f"{one['type']}/{one['id']}"] = one
            return 200, {"success": True}
        kind, _, name = path.removeprefix("/api/").partition("/")
        kept = self.objects if kind == "saved_objects" else self.rules
        name = name.removeprefix("rule/")
        if asked.method in ("POST", "PUT"):
            unchangeable = {"rule_type_id", "consumer", "enabled"} & asked.json.keys()
            if asked.method == "PUT" and unchangeable:
                return 400, {"message": f"definition for this key is missing: {sorted(unchangeable)}"}
            kept[name] = kept.get(name, {}) | asked.json | {"id": name, "execution_status": {"status": "ok"}}
        if name not in kept:
            return 404, {"message": "not found"}
        return 200, (kept.pop(name) if asked.method == "DELETE" else kept[name])


@pytest.fixture
def fake() -> FakeKibana:
    """What the service holds."""
    return FakeKibana()


@pytest.fixture
def service(fake: FakeKibana) -> Iterator[FakeService]:
    """The service."""
    with serving(fake) as running:
        yield running


def test_objects_and_rules_are_installed_once(fake: FakeKibana, service: FakeService) -> None:
    """Then nothing is to be done, whatever Kibana added to them."""
    with Kibana(Target(service.url)) as kibana:
        planned = plan_kibana(kibana, [BUNDLE], [RULE])
        assert planned.lines == ["import saved objects late", "create rule late-errors"]
        assert list(apply_kibana(kibana, planned)) == ["imported saved objects late", "created rule late-errors"]
        assert plan_kibana(kibana, [BUNDLE], [RULE]).lines == []
    assert set(fake.objects) == {"tag/mllog", "dashboard/d", "tag/mllog-installed-late"}


def test_what_changed_is_updated(fake: FakeKibana, service: FakeService) -> None:
    """A rule keeps what cannot be changed, and stays off where somebody turned it off."""
    newer = Rule(RULE.name, RULE.body | {"params": {"n": 2}})
    other = Bundle(BUNDLE.name, BUNDLE.content.replace(b'"d"', b'"e"'))
    with Kibana(Target(service.url)) as kibana:
        list(apply_kibana(kibana, plan_kibana(kibana, [BUNDLE], [RULE])))
        fake.rules[RULE.id]["enabled"] = False
        assert plan_kibana(kibana, [BUNDLE], [RULE]).lines == []
        planned = plan_kibana(kibana, [other], [newer])
        assert planned.lines == ["import saved objects late", "update rule late-errors"]
        list(apply_kibana(kibana, planned))
        assert plan_kibana(kibana, [other], [newer]).lines == []
    assert fake.rules[RULE.id]["params"] == {"n": 2}
    assert fake.rules[RULE.id]["enabled"] is False


def test_an_import_of_a_part_is_an_error(fake: FakeKibana, service: FakeService) -> None:
    """Kibana answers 200 to it."""
    fake.refuses = [{"type": "dashboard", "id": "d", "error": {"type": "missing_references"}}]
    with Kibana(Target(service.url)) as kibana:
        planned = plan_kibana(kibana, [BUNDLE], [])
        with pytest.raises(ClusterError, match="late: not imported: dashboard d: missing_references"):
            list(apply_kibana(kibana, planned))


def test_what_setup_installed_is_removed(fake: FakeKibana, service: FakeService) -> None:
    """The common tag stays, and what others made."""
    fake.objects["dashboard/theirs"] = {"type": "dashboard", "id": "theirs"}
    with Kibana(Target(service.url)) as kibana:
        assert list(remove_kibana(kibana, [BUNDLE], [RULE])) == []
        list(apply_kibana(kibana, plan_kibana(kibana, [BUNDLE], [RULE])))
        assert list(remove_kibana(kibana, [BUNDLE], [RULE])) == [
            "removed saved objects late",
            "removed rule late-errors",
        ]
    assert set(fake.objects) == {"dashboard/theirs", "tag/mllog"}
    assert fake.rules == {}


def test_what_is_no_kibana_is_said() -> None:
    """An Elasticsearch, say."""
    with serving(lambda _: (404, {"error": "no"})) as other, pytest.raises(ClusterError, match="not from Kibana"):
        Kibana(Target(other.url))


def test_setup_installs_what_ships_into_kibana(cli: Cli, fake: FakeKibana, service: FakeService) -> None:
    """From the command line, with a cluster that has everything already: a dry run, a run, and no changes."""
    present: dict[str, Any] = {}

    def cluster(asked: Asked) -> tuple[int, Any]:
        path = asked.path.partition("?")[0]
        if path == "/":
            return 200, {"version": {"number": "9.4.3"}, "tagline": "You Know, for Search"}
        if path == "/_license":
            return 200, {"license": {"type": "basic", "status": "active"}}
        if asked.method == "PUT":
            present[path] = asked.json
            return 200, {"acknowledged": True}
        folder, _, pattern = path.removesuffix("/_index_template")[1:].rpartition("/")
        folder = folder or "_index_template"
        start = f"/{folder}/{pattern.rstrip('*')}"
        found = {name.rpartition("/")[2]: body for name, body in present.items() if name.startswith(start)}
        if folder in ("_component_template", "_index_template"):
            kind = folder[1:]
            return 200, {f"{kind}s": [{"name": name, kind: body} for name, body in found.items()]}
        return (200, found) if found else (404, {})

    with serving(cluster) as elastic:
        given = ("--elasticsearch", elastic.url, "--kibana", service.url)
        assert "+ import saved objects flights_delay\n" in cli.does("setup", *given, "--dry-run")
        assert fake.objects == {}
        done = cli.does("setup", *given)
        assert "imported saved objects flights_delay\n" in done
        assert "licence basic: no Watcher; `mllog alerts run` evaluates the same watches\n" in done
        assert "licence basic: no synthetic source" in done
        assert cli.does("setup", *given) == "no changes\n"
    assert any(name.startswith("dashboard/") for name in fake.objects)
    assert {bundle.name for bundle in bundles_of([])} == {"flights_delay"}


def test_a_profile_brings_dashboards_and_rules_of_its_own() -> None:
    """And those on the way of the events, which belong to no model; without one it is what ships."""
    profile = Profile.load(ROOT / "examples/flights/profile.json")
    from_profile = {rule.name: rule.body for rule in rules_of([profile])}
    assert {"flights_delay-errors", "mllog-lag"} <= from_profile.keys()
    assert {rule.name: rule.body for rule in rules_of([])} == from_profile
    assert [bundle.name for bundle in bundles_of([profile])] == ["flights_delay"]


def test_a_file_that_is_no_rule_is_said(tmp_path: Path) -> None:
    """By its name."""
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"x\.json: not a rule"):
        rules_of([], tmp_path)
