"""Secrets from files or the environment, and the addresses that they may be sent to."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mllog.errors import ConfigurationError

_HOST_AND_PORT: Final = re.compile(
    r"(?i)(https?://(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?)(?:/|\Z)"
)
_IN_ARGUMENT: Final = re.compile(
    r"(?i)(?:--?[a-z0-9-]+=)?[a-z][a-z0-9+.-]*://(?:[^\s/?#]*@|\S*[?&;#](?:[a-z0-9_.-]*"
    r"(?:key|token|secret|passw(?:or)?d|pwd|auth|sig|signature|credentials?))=)"
)


def holds_credentials(argument: str) -> bool:
    """Whether an argument of a command line is an address with a user, a password or a key in it.

    Example:
        >>> [holds_credentials(f"https://{rest}") for rest in ("es:9200", "joe:Fake4now@es", "es?api_key=Fake4now")]
        [False, True, True]
    """
    return _IN_ARGUMENT.match(argument) is not None


def shown_address(url: object) -> str:
    """What a message may show of an address: scheme, host and port; nothing of one that is none.

    Example:
        >>> shown_address("http://logstash:8080/x?api_key=Fake4now"), shown_address("joe:Fake4now")
        ('http://logstash:8080', '')
    """
    found = _HOST_AND_PORT.match(url) if isinstance(url, str) else None
    return "" if found is None else found[1]


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
    shown = f"{what} {shown_address(url)}".rstrip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except (ValueError, AttributeError, TypeError) as error:  # most of their texts quote the address
        out = str(error).startswith("Port out of range")
        raise ConfigurationError(f"{what}: {'Port out of range, ' * out}expected https://host:port") from None
    if "@" in parts.netloc:
        raise ConfigurationError(f"{what}: no user and password inside the address; logs would show them")
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{shown}: expected https://host:port, without a query or a fragment")
    if parts.scheme not in ("http", "https") or not host or port == 0 or not url.isprintable() or " " in url:
        raise ConfigurationError(f"{shown}: expected https://host:port")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"{shown}: events leave this machine over https only")
    if (user is None) != (password is None):
        raise ConfigurationError(f"{what}: a user needs a password, and a password a user")
    if user is not None and api_key is not None:
        raise ConfigurationError(f"{what}: give a user or an API key, not both")
    if user is not None and (not user.isprintable() or ":" in user):
        raise ConfigurationError(f"{what}: the user has a colon or a character that no header may have")
    if api_key is not None and not is_header_value(api_key):
        raise ConfigurationError(
            f"{what}: the API key has a character that no header may have; is it one line of ASCII?"
        )


def is_header_value(text: str) -> bool:
    r"""Whether a secret can be sent in a header: visible ASCII, in one line.

    Example:
        >>> is_header_value("aWQ6a2V5"), is_header_value("id:key\n"), is_header_value("cl\u00e9")
        (True, False, False)
    """
    return text.isascii() and text.isprintable() and bool(text.strip())
