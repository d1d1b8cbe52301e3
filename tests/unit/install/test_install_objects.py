"""The files of elastic/, the objects made from profiles, and how they compare with what a cluster gives back."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.fakehttp import Asked, serving
from support.waiting import PATIENCE

from mllog import Profile
from mllog.errors import ConfigurationError
from mllog.install import Cluster, Target, composed, model_template, parse_retention, plan, rollover_reasons
from mllog.install._models import fields
from mllog.install._objects import (
    COMPONENT,
    ORDER,
    POLICY,
    ROLE,
    TEMPLATE,
    Item,
    files,
    is_ours,
    is_untouched,
    normal,
    stamp,
    stamped,
)
from mllog.install._plan import Reason, compared
from mllog.install._retention import EVENTS, OWN, outlook, policy

ROOT = Path(__file__).parents[3]
FILES = [item for kind in ORDER for item in files(kind)]


@pytest.mark.parametrize("item", FILES, ids=lambda item: item.title)
def test_every_file_carries_its_digest(item: Item) -> None:
    """It tells a change by hand in a cluster; after a change of a file, run `python -m mllog.install elastic`."""
    assert is_ours(item.kind, item.body)
    assert is_untouched(item.kind, item.body)


def test_digests_are_written_into_files(tmp_path: Path) -> None:
    """Once; nothing is written where they fit."""
    (tmp_path / "ilm").mkdir()
    (tmp_path / "ilm/x.json").write_text(json.dumps(policy("7d")))
    assert stamp(tmp_path) == [tmp_path / "ilm/x.json"]
    assert stamp(tmp_path) == []
    assert is_untouched(POLICY, json.loads((tmp_path / "ilm/x.json").read_text()))


@pytest.mark.parametrize(("name", "retention"), [("logs-mllog", EVENTS), ("logs-mllog-own", OWN)])
def test_the_policies_are_those_of_the_default_retention(name: str, retention: str) -> None:
    """What install.sh installs is what setup would."""
    (item,) = (item for item in files(POLICY) if item.name == name)
    assert item.body == stamped(POLICY, policy(retention))


def bare_cluster(asked: Asked) -> tuple[int, Any]:
    """A cluster in which there is nothing yet."""
    if asked.path == "/":
        return 200, {"version": {"number": "9.4.3"}, "tagline": "You Know, for Search"}
    if asked.method != "GET":
        return 200, {"id": "i", "api_key": "k", "token": {"value": "t"}}
    return (200, {"index_templates": []}) if asked.path == "/_index_template" else (404, {})


def test_both_installers_install_the_same_kind_by_kind(tmp_path: Path) -> None:
    """install.sh, which needs curl alone, and setup."""
    with serving(bare_cluster) as service:
        command = ["sh", str(ROOT / "elastic/install.sh"), service.url, "--keys", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        by_shell = [(one.path, one.json) for one in service.asked if one.method == "PUT"]
        with Cluster(Target(service.url)) as cluster:
            changes = plan(cluster, roles=True).changes
    ours = [(f"/{change.item.kind.path}/{change.item.name}", change.item.body) for change in changes]
    assert [path.rpartition("/")[0] for path, _ in ours] == [path.rpartition("/")[0] for path, _ in by_shell]
    assert dict(ours) == dict(by_shell)
    assert {change.why for change in changes} == {Reason.ABSENT}


@pytest.mark.parametrize(
    ("length", "oldest", "shards", "rollover"),
    [("28d", "35d", 5, "7d"), ("30d", "37.5d", 5, "180h"), ("1d", "1.25d", 5, "6h"), ("400d", "500d", 5, "100d")],
)
def test_a_retention_is_rolled_over_in_quarters(length: str, oldest: str, shards: int, rollover: str) -> None:
    """And an event is at most a quarter older than it says."""
    found = outlook(length)
    assert (found.oldest, found.shards) == (oldest, shards)
    phases = policy(length)["policy"]["phases"]
    assert phases["hot"]["actions"]["rollover"] == {"max_age": rollover, "max_primary_shard_size": "50gb"}
    assert phases["delete"]["min_age"] == length


@pytest.mark.parametrize("text", ["28", "d", "-1d", "12h", "own=", "28 d", "monitor=3d", "1.5d", "9999999d"])
def test_a_retention_that_is_none_is_said(text: str) -> None:
    """Too short to be rolled over in quarters, too."""
    with pytest.raises(ConfigurationError, match=f"--retention {text.rpartition('=')[2]}|--retention {text}"):
        parse_retention([text])


def test_a_retention_that_is_given_twice_is_said() -> None:
    """Of a model, or the default."""
    with pytest.raises(ConfigurationError, match="late is given twice"):
        parse_retention(["late=3d", "late=4d"])


def learnt(columns: dict[str, list[Any]], version: str = "1") -> Profile:
    """A profile of the model `late`."""
    return Profile.learn(pd.DataFrame(columns), name="late", version=version)


FRAME: dict[str, list[Any]] = {
    "a.b": [1.0, 2.0],
    "a": [1, 2],
    "c": ["x", "y"],
    "ok": [True, False],
    "t": ["w " * 200] * 2,
}


def test_a_model_has_the_exact_fields_of_its_profile() -> None:
    """Under their types, as leaves; with the digest, above the generic template and for its own streams only."""
    profile = learnt(FRAME)
    item = model_template("late", profile)
    assert (item.name, item.body["priority"]) == ("logs-mllog.late", 502)
    assert item.body["index_patterns"] == ["logs-mllog.late-*"]
    assert item.body["_meta"]["profile"] == profile.digest
    assert "aliases" not in item.body["template"]
    found = fields(composed(item)["mappings"])
    assert found["mllog.input.number.a.b"] == found["mllog.input.number.a"] == {"type": "double", "index": False}
    assert found["mllog.input.category.c"] == {"type": "keyword", "ignore_above": 1024}
    assert found["mllog.input.boolean.ok"] == {"type": "boolean"}
    assert found["mllog.input.text.t"] == {"type": "text", "norms": False}
    assert found["event.ingested"] == {"type": "date_nanos", "index": False}


def test_exact_fields_are_those_that_the_generic_template_would_make() -> None:
    """So a stream may begin without a profile, and get one later."""
    (mappings,) = (item for item in files(COMPONENT) if item.name.endswith("mappings"))
    dynamic = {}
    for rule in mappings.body["template"]["mappings"]["dynamic_templates"]:
        ((_, body),) = rule.items()
        dynamic[body["path_match"].removesuffix("*")] = body["mapping"]
    exact = {
        path: field
        for path, field in fields(composed(model_template("late", learnt(FRAME)))["mappings"]).items()
        if path.startswith("mllog.input.") and field["type"] != "object"
    }
    assert len(exact) == len(FRAME)
    for path, field in exact.items():
        assert field == next(mapping for start, mapping in dynamic.items() if path.startswith(start))


@pytest.mark.parametrize(("count", "limit"), [(3, "1000"), (300, "1000"), (3000, "5000")])
def test_the_budget_of_fields_grows_with_the_profile(count: int, limit: str) -> None:
    """And is no less than that of any model."""
    profile = learnt({f"f{number}": [1.0, 2.0] for number in range(count)})
    settings = composed(model_template("late", profile))["settings"]
    assert settings["index.mapping.total_fields.limit"] == limit


def test_a_feature_that_changes_its_type_clashes_with_nothing() -> None:
    """It is another field, so the index goes on."""
    old, new = (composed(model_template("late", learnt({"f": values}))) for values in ([1.0, 2.0], ["x", "y"]))
    assert rollover_reasons(old, new) == []
    assert {"mllog.input.number.f", "mllog.input.category.f"} <= {*fields(old["mappings"]), *fields(new["mappings"])}


def test_what_an_index_cannot_take_is_named() -> None:
    """A field kept otherwise, one that the closed root would not map, and settings of an index's birth."""
    wanted = composed(model_template("late"))
    index = json.loads(json.dumps(wanted))
    assert rollover_reasons(index, wanted) == []
    event = index["mappings"]["properties"]["event"]["properties"]
    event["severity"]["type"] = "keyword"
    del event["outcome"]
    event["id"] = {"type": "keyword"}
    index["settings"]["index.codec"] = "default"
    del index["mappings"]["dynamic_templates"][0]
    assert rollover_reasons(index, wanted) == [
        'event.id: index is "true", to be "false"',
        'event.id: doc_values is "true", to be "false"',
        "event.outcome: the index does not know it",
        'event.severity: type is "keyword", to be "long"',
        "dynamic templates of the mapping differ",
        'index.codec is "default", to be "best_compression"',
    ]


def test_what_a_cluster_adds_is_no_difference() -> None:
    """Settings as texts, defaults, times of creation, as Elasticsearch 9.4.3 gives them back."""
    template = Item(TEMPLATE, "x", stamped(TEMPLATE, {"index_patterns": ["x"], "data_stream": {}, "template": {}}))
    given = template.body | {
        "data_stream": {"hidden": False, "allow_custom_routing": False},
        "composed_of": [],
        "created_date_millis": 1,
        "modified_date_millis": 2,
    }
    assert compared(template, given) is None
    role = Item(ROLE, "r", {"cluster": [], "indices": [{"names": ["x"], "privileges": ["read"]}], "metadata": {}})
    given = json.loads(json.dumps(role.body)) | {
        "applications": [],
        "run_as": [],
        "transient_metadata": {"enabled": True},
    }
    given["indices"][0]["allow_restricted_indices"] = False
    assert compared(role, given) is None
    settings = {"template": {"settings": {"index": {"mapping": {"ignore_malformed": "true"}}}}}
    assert normal(COMPONENT, settings) == normal(
        COMPONENT, {"template": {"settings": {"mapping.ignore_malformed": True}}}
    )


def test_a_difference_says_whose_it_is() -> None:
    """An older one of ours, one that was changed by hand, and one of somebody else."""
    wanted = Item(POLICY, "x", stamped(POLICY, policy("30d")))
    older = stamped(POLICY, policy("28d"))
    touched = json.loads(json.dumps(older))
    touched["policy"]["phases"]["delete"]["min_age"] = "3d"
    foreign = {"policy": {"phases": {}}}
    found = [compared(wanted, body) for body in (None, older, touched, foreign)]
    assert [change.why for change in found if change] == [
        Reason.ABSENT,
        Reason.OUTDATED,
        Reason.MODIFIED,
        Reason.FOREIGN,
    ]
    assert [change.needs_force for change in found if change] == [False, False, True, True]
    assert compared(wanted, wanted.body) is None
