"""`mllog setup` on a real Elasticsearch with security on.

The APIs of ILM policies and of data streams are stand-ins on the test node (a policy is checked, and never run).
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from support.cli import Cli
from support.securednode import PASSWORD, USER, SecuredNode
from support.stack import ROOT, bulk, fields
from support.waiting import PATIENCE

from mllog import Profile
from mllog.install._objects import ORDER, files

pytestmark = pytest.mark.stack

NOW = "2026-05-04T12:00:00Z"


def event(**inputs: dict[str, Any]) -> dict[str, Any]:
    """A prediction with typed inputs."""
    return {"@timestamp": NOW, "mllog": {"input": inputs}}


def profile(folder: Path, version: str, columns: dict[str, list[Any]]) -> Path:
    """The file of a profile of the model `late`."""
    path = folder / f"late-{version}.json"
    Profile.learn(pd.DataFrame(columns), name="late", version=version).save(path)
    return path


def wide(count: int) -> dict[str, list[Any]]:
    """A frame with many numbers."""
    return {f"f{number}": [1.0, 2.0] for number in range(count)}


def template_of_late(admin: httpx.Client) -> dict[str, Any]:
    """The template of the model `late` as the cluster has it."""
    (found,) = admin.get("/_index_template/logs-mllog.late").json()["index_templates"]
    body: dict[str, Any] = found["index_template"]
    return body


def test_a_second_run_changes_nothing(admin: httpx.Client, cli: Cli, tmp_path: Path) -> None:
    """Templates are accepted; with a profile, retentions, roles and keys, and then with less of them."""
    given = ("--profile", profile(tmp_path, "1", wide(3)), "--retention", "30d", "--retention", "late=90d")
    first = cli.does("setup", *given, "--keys", tmp_path / "keys")
    for item in (item for kind in ORDER for item in files(kind)):
        assert f"created {item.title}" in first
    for stream in ("logs-mllog.late-x", "logs-mllog.other-x", "logs-mllog.shipper-x"):
        bulk(admin, stream, {"a": event(number={"f0": 1, "new": 2}, category={"c": "x"}, text={"t": "y"})})
    assert cli.does("setup", *given, "--keys", tmp_path / "keys") == "no changes\n"
    assert cli.does("setup", *given) == "no changes\n"
    assert cli.does("setup") == "no changes\n"
    assert template_of_late(admin)["template"]["settings"]["index"]["lifecycle"]["name"] == "logs-mllog.late"


def test_the_installer_without_python_installs_the_same(
    admin: httpx.Client, cli: Cli, secured: SecuredNode, tmp_path: Path
) -> None:
    """Behind install.sh, setup finds nothing to do, roles included."""
    (tmp_path / "password").write_text(PASSWORD)
    arguments = [secured.url, "--cacert", secured.ca, "--user", f"{USER}:{tmp_path / 'password'}"]
    command = ["sh", str(ROOT / "elastic/install.sh"), *map(str, arguments), "--keys", str(tmp_path / "keys")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert cli.does("setup") == "no changes\n"
    shown = cli.does("setup", "--keys", tmp_path / "more", "--dry-run")
    assert "API key mllog-writer" in shown
    assert "role" not in shown
    key = (tmp_path / "keys/logstash/api_key").read_text()
    with secured.client(key) as logstash:
        assert not bulk_as(logstash, "logs-mllog.late-x", {"a": event()})["errors"]


def bulk_as(client: httpx.Client, stream: str, sources: dict[str, Any]) -> dict[str, Any]:
    """Create documents as Logstash does: without asking for a refresh, which takes a right of its own."""
    lines = "".join(
        f"{json.dumps({'create': {'_index': stream, '_id': name}})}\n{json.dumps(source)}\n"
        for name, source in sources.items()
    )
    answer = client.post("/_bulk", content=lines, headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_dry_run_shows_and_changes_nothing(admin: httpx.Client, cli: Cli) -> None:
    """Every object by name, then the members that differ, and what the retention means."""
    shown = cli.does("setup", "--dry-run")
    assert "+ create index template logs-mllog\n" in shown
    assert "kept 28d at least, 35d at most; 5 primary shards" in shown
    assert admin.get("/_index_template/logs-mllog").status_code == 404
    cli.does("setup")
    shown = cli.does("setup", "--dry-run", "--retention", "60d")
    assert '~ policy.phases.delete.min_age: "28d" -> "60d"' in shown
    assert cli.does("setup") == "no changes\n"


def test_for_machines_it_is_one_object(admin: httpx.Client, cli: Cli) -> None:
    """What changes, what the retention means, what the licence does not allow."""
    found = json.loads(cli.does("setup", "--json"))
    assert {change["why"] for change in found["changes"]} == {"create"}
    assert found["retention"]["logs-mllog-own"] == {"retention": "400d", "oldest": "500d", "shards": 5}
    assert found["licence"][0].startswith("licence trial")
    again = json.loads(cli.does("setup", "--json"))
    assert (again["changes"], again["done"]) == ([], [])


def test_what_was_changed_by_hand_is_shown_and_kept(admin: httpx.Client, cli: Cli) -> None:
    """Until --force says otherwise; nothing else is touched either."""
    cli.does("setup")
    (found,) = admin.get("/_component_template/logs-mllog-settings").json()["component_templates"]
    body = {name: found["component_template"][name] for name in ("template", "_meta")}
    body["template"]["settings"]["index"]["codec"] = "default"
    assert admin.put("/_component_template/logs-mllog-settings", json=body).status_code == 200
    shown = cli.does("setup", "--dry-run")
    assert "! overwrite component template logs-mllog-settings (changed by hand: needs --force)" in shown
    assert '~ template.settings.index.codec: "default" -> "best_compression"' in shown
    said = cli.fails("setup", "--retention", "60d")
    assert "component template logs-mllog-settings (changed by hand)" in said
    assert "--force" in said
    assert '"28d"' in admin.get("/_ilm/policy/logs-mllog").text
    assert "updated component template logs-mllog-settings" in cli.does("setup", "--force")
    assert cli.does("setup") == "no changes\n"


def test_an_object_of_somebody_else_is_not_taken(admin: httpx.Client, cli: Cli) -> None:
    """The same name, and nothing of mllog's in it."""
    theirs = {"processors": [{"set": {"field": "a", "value": 1}}]}
    assert admin.put("/_ingest/pipeline/mllog-ingested", json=theirs).status_code == 200
    assert "ingest pipeline mllog-ingested (not made by mllog)" in cli.fails("setup")
    assert "updated" in cli.does("setup", "--force")


def test_a_template_that_wins_over_ours_is_named(admin: httpx.Client, cli: Cli) -> None:
    """With its priority, and what to do."""
    cli.does("setup")
    foreign = {"index_patterns": ["logs-*-*"], "priority": 900, "data_stream": {}}
    assert admin.put("/_index_template/foreign", json=foreign).status_code == 200
    bulk(admin, "logs-mllog.late-x", {"a": event()})  # its index is theirs; a rollover would not make it ours
    code, out, err = cli.run("setup")
    assert (code, out) == (1, "no changes\n")
    assert "the index template foreign (priority 900) wins over mllog's" in err
    assert "lower its priority below 501" in err
    foreign["priority"] = 100
    admin.put("/_index_template/foreign", json=foreign)
    assert "rolled over logs-mllog.late-x\n" in cli.does("setup")
    assert cli.does("setup") == "no changes\n"


def test_a_key_without_rights_hears_which_one_it_lacks(
    admin: httpx.Client, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer's key may not read templates; that of setup may do all that setup does."""
    cli.does("setup", "--keys", tmp_path)
    monkeypatch.delenv("MLLOG_ELASTICSEARCH_USER")
    said = cli.fails("setup", "--api-key-file", tmp_path / "writer.api_key")
    assert "lacks the cluster privilege read_pipeline" in said
    assert "mllog_setup" in said
    said = cli.fails("setup", "--api-key-file", tmp_path / "reader.api_key")
    assert "lacks the cluster privilege monitor" in said
    given = ("--api-key-file", tmp_path / "setup.api_key")
    assert "updated ILM policy" in cli.does("setup", "--retention", "30d", *given)
    assert "created index template" in cli.does("setup", "--profile", profile(tmp_path, "1", wide(2)), *given)
    said = cli.fails("setup", "--keys", tmp_path / "more", *given)
    assert "API key" in said


def test_a_key_that_is_not_good_is_said(
    admin: httpx.Client, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expired, and made up; and no credential at all."""
    made = admin.post("/_security/api_key", json={"name": "short", "expiration": "1ms"}).json()
    monkeypatch.delenv("MLLOG_ELASTICSEARCH_USER")
    (tmp_path / "key").write_text(f"{made['id']}:{made['api_key']}")
    said = cli.fails("setup", "--api-key-file", tmp_path / "key")
    assert "the API key has expired (401)" in said
    assert made["api_key"] not in said
    (tmp_path / "key").write_text("nosuch:key")
    assert "the API key is missing, unknown or has expired (401)" in cli.fails(
        "setup", "--api-key-file", tmp_path / "key"
    )
    assert "credentials are required (401); give --api-key-file" in cli.fails("setup")


def test_a_wrong_password_and_a_wrong_certificate_are_said(
    admin: httpx.Client, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its remedy; https and http taken for each other too."""
    monkeypatch.setenv("MLLOG_ELASTICSEARCH_PASSWORD", "wrong")
    assert f"the password of {USER} is not accepted" in cli.fails("setup")
    monkeypatch.delenv("MLLOG_ELASTICSEARCH_CA")
    said = cli.fails("setup")
    assert "the certificate is not trusted" in said
    assert "--ca" in said
    monkeypatch.setenv("MLLOG_ELASTICSEARCH_URL", str(admin.base_url).replace("https", "http"))
    assert "is it https:// rather than http://?" in cli.fails("setup")


def test_a_new_profile_goes_on_in_the_same_index(admin: httpx.Client, cli: Cli, tmp_path: Path) -> None:
    """Features that come and go need no rollover: the type is part of the path."""
    cli.does("setup", "--profile", profile(tmp_path, "1", {"delay": [1.0, 2.0]}))
    bulk(admin, "logs-mllog.late-x", {"a": event(number={"delay": 1.5})})
    shown = cli.does("setup", "--profile", profile(tmp_path, "2", {"delay": ["x", "y"], "seats": [1.0, 2.0]}))
    assert "updated index template logs-mllog.late\n" in shown
    assert "rolled over" not in shown
    bulk(admin, "logs-mllog.late-x", {"b": event(category={"delay": "x"}, number={"seats": 3})})
    assert fields(admin, "logs-mllog.late-x")["mllog.input.category.delay"] == "keyword"
    assert template_of_late(admin)["_meta"]["model_version"] == "2"
    assert template_of_late(admin)["_meta"]["profile"].startswith("sha256:")


def test_a_model_with_three_thousand_features_begins_a_new_index(admin: httpx.Client, cli: Cli, tmp_path: Path) -> None:
    """The budget grows with the profile; what an index cannot take is a rollover, once."""
    cli.does("setup")
    features = {f"f{number}": float(number) for number in range(3000)}
    bulk(admin, "logs-mllog.late-x", {"a": event(number=features)})
    assert len(fields(admin, "logs-mllog.late-x")) <= 1000
    given = ("--profile", profile(tmp_path, "1", wide(3000)))
    assert '~ roll over logs-mllog.late-x\n    index.mapping.total_fields.limit is "1000", to be "5000"' in cli.does(
        "setup", *given, "--dry-run"
    )
    assert "rolled over logs-mllog.late-x" in cli.does("setup", *given)
    assert cli.does("setup", *given) == "no changes\n"
    bulk(admin, "logs-mllog.late-x", {"b": event(number=features)})
    for name in ("f0", "f2999"):
        body = {"query": {"exists": {"field": f"mllog.input.number.{name}"}}}
        hits = admin.post("/logs-mllog.late-x/_search", json=body).json()["hits"]["hits"]
        assert "b" in {hit["_id"] for hit in hits}


def test_an_index_of_an_older_mapping_is_rolled_over(admin: httpx.Client, cli: Cli) -> None:
    """A field that it keeps otherwise: named in the dry run, and after the rollover it is right."""
    cli.does("setup")
    older: dict[str, Any] = {"index_patterns": ["logs-mllog.late-*"], "priority": 999, "data_stream": {}}
    older["template"] = {"mappings": {"properties": {"event": {"properties": {"severity": {"type": "keyword"}}}}}}
    assert admin.put("/_index_template/foreign", json=older).status_code == 200
    bulk(admin, "logs-mllog.late-x", {"a": event()})
    assert admin.delete("/_index_template/foreign").status_code == 200
    shown = cli.does("setup", "--dry-run")
    assert '    @timestamp: type is "date", to be "date_nanos"' in shown
    assert "rolled over logs-mllog.late-x\n" in cli.does("setup")
    assert cli.does("setup") == "no changes\n"


def test_uninstall_removes_what_setup_made(admin: httpx.Client, cli: Cli, tmp_path: Path) -> None:
    """Data streams stay, and what they live by; with --with-data all goes, and nothing of others."""
    theirs = {"processors": [{"set": {"field": "a", "value": 1}}]}
    admin.put("/_ingest/pipeline/mllog-theirs", json=theirs)
    cli.does("setup", "--keys", tmp_path / "keys")
    bulk(admin, "logs-mllog.late-x", {"a": event()})
    assert "no terminal to confirm on; use --yes" in cli.run("setup", "--uninstall")[2]
    gone = cli.does("setup", "--uninstall", "--yes")
    assert "1 data streams stay (logs-mllog.late-x)" in gone
    assert "removed role mllog_writer" in gone
    assert "invalidated API key mllog-writer" in gone
    assert bulk(admin, "logs-mllog.late-x", {"b": event()})["errors"] is False
    assert "and all its events" in cli.does("setup", "--uninstall", "--with-data", "--dry-run")
    cli.does("setup", "--uninstall", "--with-data", "--yes")
    for kind in ORDER:
        for item in files(kind):
            assert admin.get(f"/{kind.path}/{item.name}").status_code == 404
    assert admin.get("/_ingest/pipeline/mllog-theirs").status_code == 200
    admin.delete("/_ingest/pipeline/mllog-theirs")
    assert "nothing to remove" in cli.does("setup", "--uninstall", "--yes")


def test_keys_are_files_for_their_owner_alone(admin: httpx.Client, cli: Cli, tmp_path: Path) -> None:
    """They are never printed, and what is there stays."""
    folder = tmp_path / "keys"
    out = cli.does("setup", "--keys", folder)
    keys = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(keys) == {"writer.api_key", "reader.api_key", "monitor.api_key", "setup.api_key"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.iterdir()))
    assert not any(key.partition(":")[2] in out for key in keys.values())
    (folder / "reader.api_key").unlink()
    assert "created the API key mllog-reader" in cli.does("setup", "--keys", folder)
    assert (folder / "writer.api_key").read_text() == keys["writer.api_key"]


def test_an_older_cluster_is_refused(watcher: httpx.Client, cli: Cli) -> None:
    """A real one, of version 6.8: before anything is asked of it."""
    said = cli.fails("setup", "--elasticsearch", str(watcher.base_url))
    assert "the response is not from Elasticsearch" in said
