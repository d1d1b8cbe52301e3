"""`alerts.toml`: where alerts may go, and which of them; secrets by reference only."""

from __future__ import annotations

import fnmatch
import os
import re
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr

from mllog._decode import Duration, Text, Texts, Timeout, load_toml
from mllog.errors import ActionError
from mllog.watches._format import SEVERITIES, Severity

_HOST: Final = re.compile(r"(?i)(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\]|[0-9a-f:]{2,45})(?::[0-9]{1,5})?")

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Secret(Struct, frozen=True, forbid_unknown_fields=True):
    """A reference to a secret: an environment variable, or a file. It is read when it is needed, and never shown."""

    EXPECTED: ClassVar[str] = '{ env = "NAME" } or { file = "PATH" }'
    env: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        if bool(self.env) == bool(self.file):
            raise ValueError(f"expected {self.EXPECTED}")

    def read(self) -> str:
        """The secret itself.

        Raises:
            ActionError: it cannot be read, or is empty.
        """
        if self.env:
            value = os.environ.get(self.env, "")
        else:
            try:
                value = Path(self.file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ActionError(f"{self.file}: cannot read the secret: {type(error).__name__}") from None
        if not value:
            raise ActionError(f"{self.env or self.file}: the secret is empty")
        return value


class Webhooks(Struct, frozen=True, forbid_unknown_fields=True):
    """Allowed targets of webhooks.

    Attributes:
        hosts: `host` (port 443) or `host:port`; no others are called.
        timeout: seconds for the whole request.
        loopback_http: allow plain http to this machine, for tests.
        bearer: token of the Authorization header.
    """

    hosts: tuple[Text, ...] = ()
    timeout: Timeout = 10.0
    loopback_http: bool = False
    bearer: Secret | None = None

    def __post_init__(self) -> None:
        if not all(map(_HOST.fullmatch, self.hosts)):  # what it is instead may hold a secret
            raise ValueError("hosts: expected `host` or `host:port`, without a scheme, a user, a path or a query")


class Email(Struct, frozen=True, forbid_unknown_fields=True):
    """How mail is sent; `security` is `starttls`, `tls`, or `none` to this machine only."""

    host: Text
    sender: Text = field(name="from")
    to: Texts
    port: int = 0
    """0: the standard port for the kind of security."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: Secret | None = None
    timeout: Timeout = 20.0

    def __post_init__(self) -> None:
        if self.security == "none" and self.host not in LOOPBACK:
            raise ValueError("security: mail to another machine must be encrypted; use starttls or tls")
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password must be given together")
        if not self.port:
            force_setattr(self, "port", 465 if self.security == "tls" else 587)


class Slack(Struct, frozen=True, forbid_unknown_fields=True):
    """The webhook of a Slack channel; its URL is a secret, since everyone who has it can post."""

    url: Secret


class Command(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that may be started: its arguments are fixed, it reads JSON from standard input."""

    argv: Texts
    timeout: Timeout = 30.0

    def __post_init__(self) -> None:
        if not Path(self.argv[0]).is_absolute():
            raise ValueError("argv: expected the absolute path of the program")


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts go where, in addition to the actions of their watches.

    Attributes:
        send: `email`, `slack` or `command:NAME`.
        watches: patterns of watch ids.
        severity: severities.
        throttle: shortest time between two messages of one watch; None: that of the watch.
    """

    send: Texts
    watches: Texts = ("*",)
    severity: Annotated[tuple[Severity, ...], Meta(min_length=1)] = SEVERITIES
    throttle: Duration | None = None

    def matches(self, watch: str, severity: str) -> bool:
        """Whether an alert takes this route."""
        return severity in self.severity and any(fnmatch.fnmatchcase(watch, pattern) for pattern in self.watches)


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of an `alerts.toml`; without one nothing leaves this machine."""

    webhook: Webhooks = Webhooks()
    email: Email | None = None
    slack: Slack | None = None
    commands: dict[str, Command] = {}
    routes: tuple[Route, ...] = ()

    def __post_init__(self) -> None:
        targets = {name for name in ("email", "slack") if getattr(self, name)}
        targets |= {f"command:{name}" for name in self.commands}
        for route in self.routes:
            for target in route.send:
                if target not in targets:
                    known = ", ".join(sorted(targets)) or "none"
                    raise ValueError(f"routes: {target!r} is not configured; configured targets are {known}")


def load_config(path: str | Path) -> Config:
    """Read an `alerts.toml`.

    Raises:
        ConfigurationError: it cannot be read, or has an unknown key or an invalid value.
    """
    return load_toml(path, Config)
