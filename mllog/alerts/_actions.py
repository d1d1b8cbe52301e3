"""The actions of a watch that fires: log, store, webhook, mail, Slack, or a program."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import os
import signal
import smtplib
import ssl
import subprocess
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any, Final

import httpx
import orjson

from mllog._durations import seconds
from mllog._timestamps import iso_utc
from mllog.alerts._config import LOOPBACK, Config, Secret
from mllog.alerts._evaluate import Evaluation
from mllog.alerts._template import render
from mllog.cluster._credentials import is_header_value
from mllog.errors import ActionError, StoreError
from mllog.store import Document, Store
from mllog.watches._watch import Action

LOGGER: Final = logging.getLogger("mllog.alerts")
_LEVELS: Final = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
"""The environment variables that a program inherits: none that may hold a secret."""


def about(evaluation: Evaluation) -> dict[str, Any]:
    """The input of a program: counts and names, never a value of an event."""
    metadata: Mapping[str, Any] = evaluation.context.get("metadata", {})
    names = {key: named(metadata, key) for key in ("model", "version", "feature")}
    details = names | {key: metadata.get(key) for key in ("statistic", "threshold", "window")}
    return {
        "watch": evaluation.id,
        "severity": evaluation.severity,
        **details,
        "text": evaluation.text,
        "link": evaluation.link,
        "time": evaluation.context.get("trigger", {}).get("scheduled_time"),
    }


def named(metadata: Mapping[str, Any], key: str) -> str | None:
    """A name from a watch, without the prefix of names that look like a date; see `escape_date`."""
    found = metadata.get(key)
    return None if found is None else str(found).removeprefix(f"{key} ")


class Actors:
    """Runs actions.

    Args:
        config: where alerts may go.
        store: where `index` actions write.
    """

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._store = store

    def routed(self, watch: str, severity: str, throttle: float) -> list[Action]:
        """The actions that `alerts.toml` adds to those of a watch."""
        found: dict[str, Action] = {}
        for route in self._config.routes:
            if route.matches(watch, severity):
                for target in route.send:
                    kind, _, name = target.partition(":")
                    own = throttle if route.throttle is None else seconds(route.throttle, whole=True)
                    found.setdefault(target, Action(target, kind, {"name": name}, own))
        return list(found.values())

    def run(self, action: Action, evaluation: Evaluation, now: dt.datetime) -> None:
        """Run one action.

        Raises:
            ActionError: it failed; the reason holds no secret and no value of an event.
        """
        if action.kind == "logging":
            text = render(action.settings["text"], evaluation.context)
            LOGGER.log(_LEVELS.get(str(action.settings.get("level", "info")), logging.INFO), "%s", text)
        elif action.kind == "index":
            self._index(action, evaluation, now)
        elif action.kind == "webhook":
            self._webhook(action.settings, evaluation)
        elif action.kind == "email":
            self._mail(evaluation)
        elif action.kind == "slack":
            self._slack(evaluation)
        else:
            self._command(str(action.settings["name"]), evaluation)

    def _index(self, action: Action, evaluation: Evaluation, now: dt.datetime) -> None:
        """Store the response of the search, as Watcher does."""
        index = action.settings["index"]
        moment = iso_utc(now)
        identity = hashlib.sha256(f"{evaluation.id}\0{action.name}\0{moment}".encode()).hexdigest()[:32]
        source = {"@timestamp": moment, "event": {"id": identity}, **evaluation.payload}
        try:
            result = self._store.index([Document(index, identity, source)])
            self._store.commit()
        except StoreError as error:
            raise ActionError(f"{index}: {error}") from error
        if result.rejected:
            raise ActionError(f"{index}: {result.rejected[0].reason}")

    def _webhook(self, settings: Mapping[str, Any], evaluation: Evaluation) -> None:
        allowed = self._config.webhook
        scheme, host, port = settings.get("scheme", "http"), settings["host"], settings["port"]
        if "@" in str(host) or "/" in str(host) or "?" in str(host):
            raise ActionError("webhook: the host of the watch holds a user, a path or a query; give the host alone")
        address = f"{host}:{port}"
        if address not in allowed.hosts and not (port == 443 and host in allowed.hosts):
            raise ActionError(f"{address}: not in webhook.hosts of alerts.toml")
        if scheme != "https" and not (scheme == "http" and allowed.loopback_http and host in LOOPBACK):
            raise ActionError(f"{address}: webhooks require https")
        headers = dict(settings.get("headers", {}))
        if allowed.bearer is not None:
            headers["Authorization"] = f"Bearer {_token(allowed.bearer)}"
        path = settings.get("path") or "/"
        url = httpx.URL(scheme=scheme, host=host, port=port, path=path)
        body = render(str(settings.get("body", "")), evaluation.context)
        _send(
            str(settings.get("method", "post")), url, address, allowed.timeout, content=body.encode(), headers=headers
        )

    def _slack(self, evaluation: Evaluation) -> None:
        assert self._config.slack is not None
        try:
            url = httpx.URL(self._config.slack.url.read())
        except httpx.InvalidURL:
            raise ActionError("slack: its secret is not a URL") from None
        if url.scheme != "https" and not (self._config.webhook.loopback_http and url.host in LOOPBACK):
            raise ActionError("slack: webhooks require https")
        # Slack's own marks, https://api.slack.com/reference/surfaces/formatting#escaping
        text = evaluation.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        _send("post", url, "slack", self._config.webhook.timeout, json={"text": f"{evaluation.severity}: {text}"})

    def _mail(self, evaluation: Evaluation) -> None:
        email = self._config.email
        assert email is not None
        message = EmailMessage()
        message["From"], message["To"] = email.sender, ", ".join(email.to)
        message["Subject"] = " ".join(f"[mllog {evaluation.severity}] {evaluation.id}".split())
        message.set_content(f"{evaluation.text}\n\n{evaluation.link}\n")
        context = ssl.create_default_context()
        try:
            if email.security == "tls":
                connection: smtplib.SMTP = smtplib.SMTP_SSL(
                    email.host, email.port, timeout=email.timeout, context=context
                )
            else:
                connection = smtplib.SMTP(email.host, email.port, timeout=email.timeout)
            with connection:
                if email.security == "starttls":
                    connection.starttls(context=context)
                if email.password is not None:
                    connection.login(email.user, email.password.read())
                connection.send_message(message)
        except (OSError, smtplib.SMTPException) as error:  # their texts may quote the message
            raise ActionError(f"{email.host}:{email.port}: the mail was not accepted: {type(error).__name__}") from None

    def _command(self, name: str, evaluation: Evaluation) -> None:
        command = self._config.commands[name]
        try:
            program = subprocess.Popen(  # noqa: S603 - the operator's own program, without a shell
                command.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )
        except OSError as error:
            raise ActionError(f"{command.argv[0]}: cannot start the program: {error.strerror}") from None
        with program:
            try:
                program.communicate(orjson.dumps(about(evaluation)), timeout=command.timeout)
            except subprocess.TimeoutExpired:
                os.killpg(program.pid, signal.SIGKILL)  # and its child processes
                raise ActionError(f"{command.argv[0]}: not finished after {command.timeout:g} s, and killed") from None
        if program.returncode:
            raise ActionError(f"{command.argv[0]}: exit code {program.returncode}")


def _token(reference: Secret) -> str:
    token = reference.read()
    if not is_header_value(token):
        raise ActionError(
            "webhook.bearer: the secret has a character that no header may have; is it one line of ASCII?"
        )
    return token


def _send(method: str, url: httpx.URL, address: str, timeout: float, **request: Any) -> None:
    """One request, without proxies of the environment and without redirects.

    Raises:
        ActionError: it did not get through; an address that is a secret is not in the reason.
    """
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream(method.upper(), url, **request) as response,  # its body is not read, however long
        ):
            success, code = response.is_success, response.status_code
    except httpx.HTTPError as error:
        raise ActionError(f"{address}: {type(error).__name__}") from None
    if not success:
        raise ActionError(f"{address}: HTTP {code}")
