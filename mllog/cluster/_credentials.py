"""Secrets from files or the environment, and the addresses that they may be sent to."""

from __future__ import annotations

import ipaddress
import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from mllog.errors import ConfigurationError


def secret(path: Path | None, variable: str) -> str | None:
    """A secret from a file, from the file that `<variable>_FILE` names, or from the variable; None without any.

    Secrets are no arguments of a command line, which every user of the machine can see.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    named = path or (Path(os.environ[f"{variable}_FILE"]) if os.environ.get(f"{variable}_FILE") else None)
    if named is None:
        return os.environ.get(variable) or None
    try:
        return named.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        kind = error.strerror if isinstance(error, OSError) else type(error).__name__  # its text quotes the secret
        raise ConfigurationError(f"{named}: cannot read the secret: {kind}") from None


def certificates(ca: Path | None) -> ssl.SSLContext:
    """What a server's certificate is checked against: those of an authority, or without one those of the system.

    Raises:
        ConfigurationError: the file of the authority cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ConfigurationError(f"{ca}: not the certificates of an authority: {error}") from None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: events and secrets leave it over https only.

    Example:
        >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("[::1]"), is_loopback("es.example.com")
        (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_address(
    url: str,
    what: str = "endpoint",
    *,
    user: str | None = None,
    password: str | None = None,
    api_key: str | None = None,
) -> None:
    """Refuse an address that cannot be used, or that would send events or secrets in the clear.

    Args:
        url: `https://host:port`; plain `http://` only for this machine.
        what: what the address is of, for the message.
        user: for basic authentication.
        password: its password.
        api_key: sent instead of both.

    Raises:
        ConfigurationError: it is refused; the message holds no secret.

    Example:
        >>> check_address("http://logstash:8080")
        Traceback (most recent call last):
        ...
        mllog.errors.ConfigurationError: endpoint http://logstash:8080: events leave this machine over https only
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except (ValueError, AttributeError, TypeError) as error:
        raise ConfigurationError(f"{what}: {error}") from None
    if parts.username or parts.password:
        raise ConfigurationError(f"{what}: no user and password inside the address; logs would show them")
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ConfigurationError(f"{what} {url}: expected https://host:port")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"{what} {url}: events leave this machine over https only")
    if (user is None) != (password is None):
        raise ConfigurationError(f"{what}: a user needs a password, and a password a user")
    if user is not None and api_key is not None:
        raise ConfigurationError(f"{what}: give a user or an API key, not both")
