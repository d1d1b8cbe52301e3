"""Whatever is wrong with a cluster, an address or a credential: one line with cause and remedy."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.fakehttp import Asked, serving

from mllog.errors import ClusterError, ConfigurationError
from mllog.install import Cluster, Target, target_from

ROOT_ANSWER = {"version": {"number": "9.4.3"}, "tagline": "You Know, for Search"}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine says of its own cluster is no part of these tests."""
    for name in [name for name in os.environ if name.startswith(("MLLOG_ELASTICSEARCH_", "MLLOG_ENDPOINT"))]:
        monkeypatch.delenv(name)


def said_by(status: int, answer: Any, **access: Any) -> str:
    """The line that a service with this answer to everything ends a connection with."""
    with serving(lambda _: (status, answer)) as service:
        with pytest.raises(ClusterError) as caught:
            Cluster(Target(service.url, **access))
        text = str(caught.value)
    assert text.count("\n") == 0
    assert text.startswith(service.url)
    return text


@pytest.mark.parametrize("number", ["8.14.3", "7.17.29", "6.8.23"])
def test_an_older_cluster_is_named_with_its_version(number: str) -> None:
    """And with the one that it takes."""
    text = said_by(200, ROOT_ANSWER | {"version": {"number": number}})
    assert f"Elasticsearch {number} is too old; use 8.15 or later, for logsdb" in text


@pytest.mark.parametrize("number", ["8.15.0", "8.19.21", "9.4.3", "10.0.0-SNAPSHOT"])
def test_a_cluster_of_today_is_taken(number: str) -> None:
    """Its version is kept."""
    with (
        serving(lambda _: (200, ROOT_ANSWER | {"version": {"number": number}})) as service,
        Cluster(Target(service.url)) as cluster,
    ):
        assert cluster.version == number


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<html>hello</html>", "is this Elasticsearch?"),
        ({"status": "ok"}, "not from Elasticsearch"),
        (["x"], "not from Elasticsearch"),
        ({"tagline": "x"}, "not from Elasticsearch"),
    ],
    ids=["a page", "another service", "a list", "a tagline"],
)
def test_what_is_no_elasticsearch_is_said(answer: Any, said: str) -> None:
    """A page, another service, nothing that makes sense."""
    assert said in said_by(200, answer)


def test_a_fork_is_no_elasticsearch() -> None:
    """It says so itself."""
    version = {"number": "2.19.0", "distribution": "opensearch"}
    assert "opensearch is not Elasticsearch" in said_by(200, ROOT_ANSWER | {"version": version})


def test_a_port_where_nobody_listens_is_said() -> None:
    """With what to check."""
    with serving(lambda _: (200, {})) as service:
        url = service.url
    with pytest.raises(
        ClusterError, match=r"no connection: .*refused; check the address and that Elasticsearch is running"
    ):
        Cluster(Target(url))


def test_https_to_a_port_that_speaks_none_is_said() -> None:
    """The other way about is tried on a real cluster."""
    with serving(lambda _: (200, ROOT_ANSWER)) as service, pytest.raises(ClusterError, match="does not use TLS"):
        Cluster(Target(service.url.replace("http:", "https:")))


def test_a_redirect_is_not_followed() -> None:
    """Credentials go where they were meant to go."""
    assert "give the final address" in said_by(302, {})


def test_a_missing_privilege_is_named() -> None:
    """As Elasticsearch says it; the first of those that would do is the least."""
    reason = (
        "action [cluster:monitor/main] is unauthorized for API key id [x] of user [y], "
        "this action is granted by the cluster privileges [monitor,manage,all]"
    )
    text = said_by(403, {"error": {"reason": reason}}, api_key="id:secret")
    assert "lacks the cluster privilege monitor; use one with the role mllog_setup" in text
    assert "secret" not in text


def test_a_block_is_no_missing_privilege() -> None:
    """A 403 of an index that is read-only."""
    text = said_by(403, {"error": {"reason": "index [x] blocked by: [FORBIDDEN/8/index write (api)];"}})
    assert text.endswith("remove the block first")


def test_an_answer_is_one_line_and_not_too_long() -> None:
    """Whatever the other side says."""
    text = said_by(500, {"error": {"reason": "a\nb\n" + "x" * 5000}})
    assert "a b " in text
    assert len(text) < 700


def test_a_key_goes_as_the_header_wants_it() -> None:
    """Written as id and key, or encoded already."""
    encoded = base64.b64encode(b"id:secret").decode()
    for key in ("id:secret", encoded):
        with serving(lambda _: (200, ROOT_ANSWER)) as service, Cluster(Target(service.url, key)):
            pass
        assert [one.headers["authorization"] for one in service.asked] == [f"ApiKey {encoded}"]


def test_a_secret_is_in_no_repr() -> None:
    """Of a target."""
    shown = repr(Target("https://es:9200", "id:secret")) + repr(Target("https://es:9200", None, "ann", "secret"))
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://es.example.com:9200", "over https only"),
        ("https://ann:secret@es:9200", "no user and password inside the address"),
        ("ftp://es", "expected https://host:port"),
        ("es:9200", "neither https://host:port nor a cloud id"),
        ("deployment:bm90", "neither https://host:port nor a cloud id"),
    ],
)
def test_an_address_that_cannot_be_used_is_said(cli: Cli, address: str, said: str) -> None:
    """Without the secret that somebody wrote into it."""
    text = cli.fails("setup", "--elasticsearch", address)
    assert said in text
    assert "secret" not in text


def test_a_command_without_a_cluster_asks_for_one(cli: Cli) -> None:
    """By option or variable."""
    assert "--elasticsearch https://host:port, or set MLLOG_ELASTICSEARCH_URL" in cli.fails("setup")
    assert "nothing to check: use --elasticsearch" in cli.fails("check")


def test_secrets_come_from_files_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given counts before what the environment says."""
    (tmp_path / "key").write_text("id:from-file\n")
    (tmp_path / "password").write_text("word\n")
    monkeypatch.setenv("MLLOG_ELASTICSEARCH_API_KEY", "id:from-environment")
    assert target_from("https://es:1").api_key == "id:from-environment"
    assert target_from("https://es:1", api_key_file=tmp_path / "key").api_key == "id:from-file"
    monkeypatch.setenv("MLLOG_ELASTICSEARCH_USER", "ann")
    with pytest.raises(ConfigurationError, match="the user ann needs a password"):
        target_from("https://es:1")
    named = target_from("https://es:1", password_file=tmp_path / "password")
    assert (named.user, named.password, named.api_key) == ("ann", "word", None)
    assert target_from("https://es:1", api_key_file=tmp_path / "key").user is None
    with pytest.raises(ConfigurationError, match="nosuch"):
        target_from("https://es:1", api_key_file=tmp_path / "nosuch")


def test_an_authority_that_is_none_is_said(tmp_path: Path) -> None:
    """A file that holds no certificate."""
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(ConfigurationError, match=r"ca\.crt: not the certificates of an authority"):
        Cluster(Target("https://127.0.0.1:1", ca=tmp_path / "ca.crt"))


def test_a_missing_object_is_no_error_where_it_may_be_missing() -> None:
    """A 404 gives what the caller said."""

    def answer(asked: Asked) -> tuple[int, Any]:
        return (200, ROOT_ANSWER) if asked.path == "/" else (404, {"error": "no"})

    with serving(answer) as service, Cluster(Target(service.url)) as cluster:
        assert cluster.request("GET", "_ilm/policy/x", missing={}) == {}
        with pytest.raises(ClusterError, match="HTTP 404: no"):
            cluster.request("GET", "_ilm/policy/x")
