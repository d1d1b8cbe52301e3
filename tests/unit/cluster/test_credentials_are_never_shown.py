"""Keys of ours: what is refused at the door is not repeated, and no command, log or count shows a secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main
from support.cli import Cli

import mllog
from mllog.alerts._config import load_config
from mllog.cli import app
from mllog.cluster._target import Target, cloud_url, target_from
from mllog.errors import ConfigurationError
from mllog.shipping import Endpoint

SECRET = "Zq7vPk2wLm"
ADDRESSES = [
    f"https://svc:{SECRET}@127.0.0.1:1", f"https://{SECRET}@127.0.0.1:1", f"https://:{SECRET}@127.0.0.1:1",
    f"https://127.0.0.1:1/?api_key={SECRET}", f"https://127.0.0.1:1?token={SECRET}", f"https://127.0.0.1:1/#key={SECRET}",
    f"HTTPS://svc:{SECRET}@127.0.0.1:1", f"http://svc:{SECRET}@127.0.0.1:1/path",
]  # fmt: skip
BROKEN = [
    f"https://svc:{SECRET}",
    f"svc:{SECRET}@es",
    f"ftp://es/{SECRET}",
    f"https:///{SECRET}",
    f"http://es.example.com/{SECRET}",
]
KEYS = [
    f"id:{SECRET}\n",
    f"{SECRET}\r\nX-Other: 1",
    f"{SECRET}\u00e9",
    f"\u043a\u043b\u044e\u0447{SECRET}",
    f"{SECRET}\0",
]


@pytest.mark.parametrize("address", [*ADDRESSES, *BROKEN])
@pytest.mark.parametrize("made", [Target, Endpoint])
def test_an_address_with_a_secret_is_refused_and_not_repeated(address: str, made: type) -> None:
    """In the user, the query, the path or the port; whatever else is wrong with it."""
    with pytest.raises(ConfigurationError) as refused:
        made(address)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("made", [Target, Endpoint])
def test_a_key_that_no_header_may_have_is_refused_at_the_door(key: str, made: type) -> None:
    """Line breaks and letters beyond ASCII would be an error later, which quotes the header."""
    with pytest.raises(ConfigurationError, match="no header may have") as refused:
        made("https://127.0.0.1:1", api_key=key)
    assert SECRET not in str(refused.value)


def test_a_cloud_id_that_is_none_is_not_repeated() -> None:
    """Somebody may have put a key into its place."""
    for text in (f"svc:{SECRET}@es.example.com", f"{SECRET}" * 10):
        with pytest.raises(ConfigurationError) as refused:
            cloud_url(text)
        assert SECRET not in str(refused.value)


def test_a_key_of_the_environment_is_checked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it comes from does not matter."""
    monkeypatch.setenv("MLLOG_ELASTICSEARCH_API_KEY", f"{SECRET}\u00e9")
    with pytest.raises(ConfigurationError) as refused:
        target_from("https://127.0.0.1:1")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "host", [f"svc:{SECRET}@hooks.example.com", f"https://hooks.example.com/{SECRET}", f"h?key={SECRET}"]
)
def test_hosts_of_webhooks_are_hosts(host: str, tmp_path: Path) -> None:
    """A scheme, a user, a path or a query is refused when the file is read."""
    path = tmp_path / "alerts.toml"
    path.write_text(f'[webhook]\nhosts = ["{host}"]\n')
    with pytest.raises(ConfigurationError, match=r"webhook.*hosts") as refused:
        load_config(path)
    assert SECRET not in str(refused.value)


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command there is."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path
        return
    for name, each in inner.items():
        yield from commands(each, (*path, name))


EVERY = sorted(commands(typer.main.get_command(app)))
OPTIONS = ("--store", "--elasticsearch", "--kibana", "--endpoint", "--from", "")


def test_there_are_commands() -> None:
    """The walk finds them all."""
    assert len(EVERY) > 25


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_no_command_echoes_a_secret(
    words: tuple[str, ...], cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As an argument, as any option, and from the environment: a line at most, and the secret is not in it."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    for address in ADDRESSES:
        for option in OPTIONS:
            code, out, err = cli.run(*words, *([option, address] if option else [address]))
            assert SECRET not in out + err + caplog.text, (words, option)
            assert code != 0
            assert "Traceback" not in err
        code, out, err = cli.run(*words, f"--store={address}")
        assert SECRET not in out + err + caplog.text
    assert list(tmp_path.iterdir()) == []


def test_no_count_or_log_of_a_service_holds_a_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`configure()` refuses the address, and `stats()` does not know it."""
    caplog.set_level(logging.DEBUG)
    for address in ADDRESSES:
        with pytest.raises(ConfigurationError) as refused:
            mllog.configure(spool=tmp_path / "spool", endpoint=address)
        assert SECRET not in str(refused.value)
        monkeypatch.setenv("MLLOG_ENDPOINT", address)
        with pytest.raises(ConfigurationError) as refused:
            mllog.configure(spool=tmp_path / "spool")
        assert SECRET not in str(refused.value)
        monkeypatch.delenv("MLLOG_ENDPOINT")
    assert SECRET not in caplog.text + repr(mllog.stats())
    assert not any(SECRET in path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
