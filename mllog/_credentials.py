"""Secrets from files or the environment, and the addresses that they may be sent to."""

from __future__ import annotations

import ipaddress
import os
import ssl
from pathlib import Path

from mllog._errors import ConfigurationError


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


def is_here(host: str) -> bool:
    """Whether a host is this machine: events and secrets leave it over https only.

    Example:
        >>> is_here("localhost"), is_here("127.0.0.1"), is_here("[::1]"), is_here("es.example.com")
        (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
