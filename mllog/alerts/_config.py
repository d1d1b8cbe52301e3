"""`alerts.toml`: where alerts may go, and which of them; secrets by reference only."""

from __future__ import annotations

import fnmatch
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mllog.errors import ActionError, ConfigurationError
from mllog.watches._watch import SEVERITIES, seconds

_TABLES: Final = {"webhook", "email", "slack", "commands", "routes"}
SECURITY: Final = ("starttls", "tls", "none")
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Secret:
    """A secret by reference: an environment variable, or a file. It is read when it is needed, and never shown."""

    env: str = ""
    file: str = ""

    def read(self) -> str:
        """The secret itself.

        Raises:
            ActionError: it is not there.
        """
        if self.env:
            found = os.environ.get(self.env, "")
        else:
            try:
                found = Path(self.file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ActionError(f"{self.file}: cannot read the secret: {type(error).__name__}") from None
        if not found:
            raise ActionError(f"{self.env or self.file}: the secret is empty")
        return found


@dataclass(frozen=True)
class Webhooks:
    """Where webhooks may go.

    Attributes:
        hosts: `host` (port 443) or `host:port`; no others are called.
        timeout: seconds for the whole request.
        loopback_http: plain http to this machine is allowed, for tests.
        bearer: token of the Authorization header.
    """

    hosts: tuple[str, ...] = ()
    timeout: float = 10.0
    loopback_http: bool = False
    bearer: Secret | None = None


@dataclass(frozen=True)
class Email:
    """How mail is sent; `security` is `starttls`, `tls`, or `none` to this machine only."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password: Secret | None = None
    timeout: float = 20.0


@dataclass(frozen=True)
class Command:
    """A program that may be started: its arguments are fixed, it reads JSON from standard input."""

    argv: tuple[str, ...]
    timeout: float = 30.0


@dataclass(frozen=True)
class Route:
    """Which alerts go where, beside what their watches say.

    Attributes:
        send: `email`, `slack` or `command:NAME`.
        watches: patterns of ids.
        severity: severities.
        throttle: seconds between two of one watch; None: those of the watch.
    """

    send: tuple[str, ...]
    watches: tuple[str, ...] = ("*",)
    severity: tuple[str, ...] = SEVERITIES
    throttle: float | None = None

    def takes(self, watch: str, severity: str) -> bool:
        """Whether an alert goes this way."""
        return severity in self.severity and any(fnmatch.fnmatchcase(watch, pattern) for pattern in self.watches)


@dataclass(frozen=True)
class Config:
    """What an `alerts.toml` says; without one nothing leaves this machine."""

    webhook: Webhooks = field(default_factory=Webhooks)
    email: Email | None = None
    slack: Secret | None = None
    commands: Mapping[str, Command] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()


def load_config(path: str | Path) -> Config:
    """Read an `alerts.toml`.

    Raises:
        ConfigurationError: it cannot be read, or says something that cannot be.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None
    root = _Table(content, str(path), _TABLES)
    commands = {
        name: _command(item, f"{path}: commands.{name}") for name, item in root.get("commands", dict, {}).items()
    }
    config = Config(
        webhook=_webhooks(root.get("webhook", dict, {}), f"{path}: webhook"),
        email=_email(content["email"], f"{path}: email") if "email" in content else None,
        slack=_slack(content["slack"], f"{path}: slack") if "slack" in content else None,
        commands=commands,
        routes=tuple(
            _route(item, f"{path}: routes[{place}]") for place, item in enumerate(root.get("routes", list, []))
        ),
    )
    known = {*(["email"] if config.email else []), *(["slack"] if config.slack else [])}
    known |= {f"command:{name}" for name in commands}
    for route in config.routes:
        for target in route.send:
            if target not in known:
                raise ConfigurationError(
                    f"{path}: routes: {target!r} is not set up; there are {', '.join(sorted(known)) or 'none'}"
                )
    return config


class _Table:
    """Reads a table and says where it is wrong."""

    def __init__(self, data: Any, where: str, known: set[str]) -> None:
        if not isinstance(data, Mapping):
            raise ConfigurationError(f"{where}: expected a table")
        if unknown := set(data) - known:
            raise ConfigurationError(f"{where}: unknown: {min(unknown)}; there are {', '.join(sorted(known))}")
        self._data = data
        self._where = where

    def get(self, key: str, kind: type | tuple[type, ...], default: Any) -> Any:
        """A member, or its default; one without a default has to be there."""
        value = self._data.get(key, default)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ConfigurationError(f"{self._where}.{key}: expected {getattr(kind, '__name__', 'a number')}")
        return value

    def texts(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        """An array of strings."""
        found = self.get(key, list, default)
        if not found or not all(isinstance(item, str) and item for item in found):
            raise ConfigurationError(f"{self._where}.{key}: expected an array of strings")
        return tuple(found)

    def timeout(self, default: float) -> float:
        """Seconds."""
        found = float(self.get("timeout", (int, float), default))
        if not 0 < found <= 300:
            raise ConfigurationError(f"{self._where}.timeout: expected seconds, 300 at most")
        return found

    def secret(self, key: str) -> Secret | None:
        """A reference to a secret; the secret itself does not stand in the file."""
        found = self._data.get(key)
        if found is None:
            return None
        if not isinstance(found, Mapping) or len(found) != 1 or set(found) - {"env", "file"}:
            raise ConfigurationError(f'{self._where}.{key}: expected {{ env = "NAME" }} or {{ file = "PATH" }}')
        return Secret(**{name: str(value) for name, value in found.items()})


def _webhooks(data: Any, where: str) -> Webhooks:
    table = _Table(data, where, {"hosts", "timeout", "loopback_http", "bearer"})
    return Webhooks(
        hosts=table.texts("hosts") if data else (),
        timeout=table.timeout(10.0),
        loopback_http=table.get("loopback_http", bool, False),
        bearer=table.secret("bearer"),
    )


def _email(data: Any, where: str) -> Email:
    table = _Table(data, where, {"host", "port", "from", "to", "security", "user", "password", "timeout"})
    security, host = table.get("security", str, "starttls"), table.get("host", str, None)
    if security not in SECURITY:
        raise ConfigurationError(f"{where}.security: {security!r} is none of {', '.join(SECURITY)}")
    if security == "none" and host not in LOOPBACK:
        raise ConfigurationError(f"{where}.security: mail leaves this machine encrypted, so starttls or tls")
    user, password = table.get("user", str, ""), table.secret("password")
    if bool(user) != (password is not None):
        raise ConfigurationError(f"{where}: user and password come together")
    return Email(
        host=host,
        sender=table.get("from", str, None),
        to=table.texts("to"),
        port=table.get("port", int, 465 if security == "tls" else 587),
        security=security,
        user=user,
        password=password,
        timeout=table.timeout(20.0),
    )


def _slack(data: Any, where: str) -> Secret:
    url = _Table(data, where, {"url"}).secret("url")
    if url is None:
        raise ConfigurationError(f"{where}.url: missing; whoever has it can write, so it is named by env or file")
    return url


def _command(data: Any, where: str) -> Command:
    table = _Table(data, where, {"argv", "timeout"})
    argv = table.texts("argv")
    if not Path(argv[0]).is_absolute():
        raise ConfigurationError(f"{where}.argv: expected the whole path of the program")
    return Command(argv, table.timeout(30.0))


def _route(data: Any, where: str) -> Route:
    table = _Table(data, where, {"send", "watches", "severity", "throttle"})
    severity = table.texts("severity", list(SEVERITIES))
    if unknown := set(severity) - set(SEVERITIES):
        raise ConfigurationError(f"{where}.severity: {min(unknown)!r} is none of {', '.join(SEVERITIES)}")
    throttle = table.get("throttle", str, "")
    return Route(
        send=table.texts("send"),
        watches=table.texts("watches", ["*"]),
        severity=severity,
        throttle=seconds(throttle, f"{where}.throttle") if throttle else None,
    )
