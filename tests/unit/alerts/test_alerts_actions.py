"""What leaves this machine: only where alerts.toml says, only encrypted, without a secret in any message."""

from __future__ import annotations

import json
import socketserver
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.alerts import NOW, Taken, a_watch, parsed

from mllog import MllogError, alerts
from mllog.store import EmbeddedStore

SECRET = "xoxb-fabricated-1"


def configured(tmp_path: Path, text: str) -> alerts.Config:
    """An alerts.toml."""
    path = tmp_path / "alerts.toml"
    path.write_text(text)
    return alerts.load_config(path)


def acted(store: EmbeddedStore, config: alerts.Config, **actions: Any) -> alerts.Outcome:
    """What became of one firing."""
    (outcome,) = alerts.Runner(parsed(a_watch(**actions)), store, config=config).run(NOW)
    assert outcome.evaluation.fired
    return outcome


def webhook(port: int, scheme: str = "http", host: str = "127.0.0.1") -> dict[str, Any]:
    """A webhook action."""
    body = '{"model":"late","count":{{ctx.payload.hits.total}},"time":"{{ctx.trigger.scheduled_time}}"}'
    parts = {"scheme": scheme, "host": host, "port": port, "method": "post", "path": "/hook", "body": body}
    return {"webhook": parts | {"headers": {"Content-Type": "application/json"}}}


def test_a_webhook_posts_its_body_with_the_token_of_the_operator(
    opened: EmbeddedStore, tmp_path: Path, hook: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token comes from the environment, and stands in no watch."""
    monkeypatch.setenv("HOOK_TOKEN", SECRET)
    toml = f'[webhook]\nhosts = ["127.0.0.1:{hook.port}"]\nloopback_http = true\nbearer = {{ env = "HOOK_TOKEN" }}\n'
    config = configured(tmp_path, toml)
    assert acted(opened, config, call=webhook(hook.port)).done == ("log", "call", "event")
    ((path, headers, body),) = hook.requests
    assert (path, headers["content-type"]) == ("/hook", "application/json")
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert json.loads(body) == {"model": "late", "count": 10, "time": "2026-05-04T12:00:00.000Z"}
    assert SECRET not in repr(config)


@pytest.mark.parametrize(
    ("toml", "scheme", "host", "why"),
    [
        ("", "http", "127.0.0.1", "not in webhook.hosts"),
        ('hosts = ["127.0.0.1"]', "http", "127.0.0.1", "not in webhook.hosts"),  # that is port 443
        ('hosts = ["127.0.0.1:PORT"]', "http", "127.0.0.1", "webhooks require https"),
        ('hosts = ["h.example:PORT"]\nloopback_http = true', "http", "h.example", "webhooks require https"),
        ('hosts = ["127.0.0.1:PORT"]\nloopback_http = true', "https", "127.0.0.1", "ConnectError"),
        (
            'hosts = ["127.0.0.1:PORT"]\nloopback_http = true\nbearer = { env = "NO_SUCH" }',
            "http",
            "127.0.0.1",
            "empty",
        ),
    ],
)
def test_a_webhook_goes_nowhere_else(
    opened: EmbeddedStore, tmp_path: Path, hook: Taken, toml: str, scheme: str, host: str, why: str
) -> None:
    """A host that is not listed, plain http, or a token that is not there: nothing is sent."""
    config = configured(tmp_path, f"[webhook]\n{toml.replace('PORT', str(hook.port))}\n" if toml else "")
    outcome = acted(opened, config, call=webhook(hook.port, scheme, host))
    assert why in outcome.failed["call"]
    assert hook.requests == []


@pytest.mark.parametrize("status", [302, 307, 400, 500])
def test_a_redirect_is_not_followed_and_no_success(
    opened: EmbeddedStore, tmp_path: Path, hook: Taken, status: int
) -> None:
    """What is not 2xx failed."""
    hook.status = status
    config = configured(tmp_path, f'[webhook]\nhosts = ["127.0.0.1:{hook.port}"]\nloopback_http = true\n')
    outcome = acted(opened, config, call=webhook(hook.port))
    assert outcome.failed["call"] == f"127.0.0.1:{hook.port}: HTTP {status}"
    assert len(hook.requests) == 1


def test_slack_gets_the_text_and_its_address_stays_secret(
    opened: EmbeddedStore, tmp_path: Path, hook: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    """The address is the secret; it is in no failure and no log."""
    place = tmp_path / "slack"
    place.write_text(f"http://127.0.0.1:{hook.port}/services/{SECRET}\n")
    toml = f'[webhook]\nhosts = ["h"]\nloopback_http = true\n[slack]\nurl = {{ file = "{place}" }}\n'
    config = configured(tmp_path, f'{toml}[[routes]]\nsend = ["slack"]\n')
    assert acted(opened, config).done == ("log", "slack", "event")
    ((path, _, body),) = hook.requests
    assert path == f"/services/{SECRET}"
    assert json.loads(body) == {"text": "triage: 10 events"}
    hook.status = 500
    failed = alerts.Runner(parsed(a_watch()), opened, config=config).run(NOW)[0].failed
    assert failed == {"slack": "slack: HTTP 500"}
    assert SECRET not in repr(config) + "".join(caplog.messages)


class _Mail(socketserver.StreamRequestHandler):
    """As much of a mail server as smtplib needs."""

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        reading = False
        for line in self.rfile:
            if reading:
                reading = line != b".\r\n"
                self.server.lines.append(line.decode())  # type: ignore[attr-defined]
                if not reading:
                    self.wfile.write(b"250 taken\r\n")
            elif line.upper().startswith(b"DATA"):
                reading = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def mail() -> Iterator[Any]:
    """A mail server on this machine."""
    with socketserver.TCPServer(("127.0.0.1", 0), _Mail) as server:
        server.lines = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


EMAIL = '[email]\nhost = "127.0.0.1"\nport = {port}\nfrom = "mllog@example.com"\nto = ["ops@example.com"]\n'


def test_mail_says_what_and_where(opened: EmbeddedStore, tmp_path: Path, mail: Any) -> None:
    """Subject, text and link."""
    toml = EMAIL.format(port=mail.server_address[1]) + 'security = "none"\n[[routes]]\nsend = ["email"]\n'
    assert acted(opened, configured(tmp_path, toml)).done == ("log", "email", "event")
    text = "".join(mail.lines)
    assert "Subject: [mllog triage] late-errors" in text
    assert "10 events\r\n\r\nhttp://h/x" in text


def test_mail_that_is_not_taken_is_a_failure(opened: EmbeddedStore, tmp_path: Path, mail: Any) -> None:
    """A server without STARTTLS gets nothing."""
    toml = EMAIL.format(port=mail.server_address[1]) + '[[routes]]\nsend = ["email"]\n'
    assert "SMTPNotSupportedError" in acted(opened, configured(tmp_path, toml)).failed["email"]
    assert mail.lines == []


def script(tmp_path: Path, text: str) -> Path:
    """A program of the operator."""
    path = tmp_path / "act"
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def routed(tmp_path: Path, program: Path, argument: str = "x", timeout: float = 20) -> alerts.Config:
    """An alerts.toml that starts the program."""
    command = f'[commands.act]\nargv = ["{program}", "{argument}"]\ntimeout = {timeout}\n'
    return configured(tmp_path, f'{command}[[routes]]\nwatches = ["late-*"]\nsend = ["command:act"]\n')


def test_a_command_gets_json_and_its_own_arguments_without_a_shell(opened: EmbeddedStore, tmp_path: Path) -> None:
    """What is in the arguments is what the operator wrote; what is said comes by standard input."""
    out = tmp_path / "out"
    program = script(tmp_path, f"import sys; open({str(out)!r}, 'w').write(sys.argv[1] + '\\n' + sys.stdin.read())")
    assert acted(opened, routed(tmp_path, program, "$(id) `id`; *")).done == ("log", "command:act", "event")
    argument, said = out.read_text().split("\n")
    assert argument == "$(id) `id`; *"
    told = json.loads(said)
    assert {key: told[key] for key in ("watch", "severity", "model", "version", "feature", "statistic", "window")} == {
        "watch": "late-errors",
        "severity": "triage",
        "model": "late",
        "version": "1",
        "feature": "delay",
        "statistic": "events",
        "window": "1h",
    }
    assert (told["text"], told["time"]) == ("10 events", "2026-05-04T12:00:00.000Z")


@pytest.mark.parametrize(
    ("text", "seconds", "why"),
    [
        ("raise SystemExit(3)", 300, "exit code 3"),
        ("import signal; signal.pause()", 0.5, "not finished after 0.5 s"),
    ],
    ids=["exit code", "time-out"],
)
def test_a_command_that_fails_is_a_failure(
    opened: EmbeddedStore, tmp_path: Path, text: str, seconds: float, why: str
) -> None:
    """By its exit code, or by its time-out."""
    outcome = acted(opened, routed(tmp_path, script(tmp_path, text), timeout=seconds))
    assert why in outcome.failed["command:act"]


def test_a_command_that_is_not_there_is_a_failure(opened: EmbeddedStore, tmp_path: Path) -> None:
    """With its path."""
    assert "cannot start the program" in acted(opened, routed(tmp_path, tmp_path / "none")).failed["command:act"]


def test_routes_choose_by_watch_and_severity(opened: EmbeddedStore, tmp_path: Path) -> None:
    """Patterns of ids, and severities; each target once."""
    out = tmp_path / "out"
    out.mkdir()
    program = script(tmp_path, f"import os; open({str(out)!r} + f'/{{os.getpid()}}', 'w')")
    toml = f'[commands.act]\nargv = ["{program}"]\n'
    for route, runs in (
        ('send = ["command:act"]\nwatches = ["other-*"]', False),
        ('send = ["command:act"]\nseverity = ["automate"]', False),
        ('send = ["command:act"]\nseverity = ["triage"]\n[[routes]]\nsend = ["command:act"]', True),
    ):
        outcome = acted(opened, configured(tmp_path, f"{toml}[[routes]]\n{route}\n"))
        assert ("command:act" in outcome.done) is runs
    assert len(list(out.iterdir())) == 1


def test_the_answer_of_the_search_can_be_stored(opened: EmbeddedStore) -> None:
    """As Watcher's index action does."""
    acted(opened, alerts.Config(), keep={"index": {"index": "logs-mllog.answers-test"}})
    (hit,) = opened.search({"query": {"match_all": {}}}, index="logs-mllog.answers-test")["hits"]["hits"]
    assert hit["_source"]["hits"]["total"] == 10
    assert hit["_source"]["@timestamp"] == "2026-05-04T12:00:00.000Z"


GOOD = '[email]\nhost = "h"\nfrom = "a@h"\nto = ["b@h"]\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x", "not TOML: "),
        ("[nosuch]\n", "$: unknown key 'nosuch'; known keys are commands, email"),
        ("[webhook]\nhosts = 1\n", "$.webhook.hosts: expected `array`, got `int`"),
        ("[webhook]\nhosts = [1]\n", "$.webhook.hosts[0]: expected `str`, got `int`"),
        ('[webhook]\nhosts = ["h"]\ntimeout = 0\n', "$.webhook.timeout: expected seconds, at most 300"),
        ('[webhook]\nhosts = ["h"]\ntimeout = true\n', "$.webhook.timeout: expected seconds, at most 300, got `bool`"),
        (
            '[webhook]\nhosts = ["h"]\nbearer = "xoxb"\n',
            '$.webhook.bearer: expected { env = "NAME" } or',
        ),
        ("[slack]\n", "$.slack: object missing required field `url`"),
        ('[slack]\nurl = "https://hooks.example/x"\n', "$.slack.url: expected { env"),
        (GOOD + 'security = "none"\n', "$.email: security: mail to another machine must be encrypted"),
        (GOOD + 'security = "maybe"\n', "$.email.security: 'maybe' is not one of none, starttls, tls"),
        (GOOD + 'user = "u"\n', "$.email: user and password must be given together"),
        ('[email]\nfrom = "a@h"\nto = ["b@h"]\n', "$.email: object missing required field `host`"),
        ('[commands.a]\nargv = ["ls"]\n', "$.commands.a: argv: expected the absolute path"),
        (
            "[commands.b]\nargv = ['/b']\n[commands.a]\nargv = []\n",
            "$.commands.a.argv: expected `array` of",
        ),
        ('[[routes]]\nsend = ["email"]\n', "routes: 'email' is not configured; configured targets are none"),
        (GOOD + '[[routes]]\nsend = ["slack"]\n', "routes: 'slack' is not configured; configured targets are email"),
        (GOOD + '[[routes]]\nsend = ["email"]\nseverity = ["loud"]\n', "$.routes[0].severity[0]: 'loud' is not one of"),
    ],
)
def test_an_alerts_toml_that_cannot_be_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    """With the file, the table and the key, and never a secret."""
    with pytest.raises(MllogError) as error:
        configured(tmp_path, text)
    assert says in str(error.value)
    assert "alerts.toml: " in str(error.value)
    assert "xoxb" not in str(error.value)
    assert "hooks.example" not in str(error.value)
