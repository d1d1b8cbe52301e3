"""The address of Elasticsearch or Kibana with its credentials, from options and the environment."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mllog.cluster._credentials import check_address, secret
from mllog.errors import ConfigurationError

VARIABLE: Final = "MLLOG_ELASTICSEARCH"
"""Prefix of the environment variables."""

CLOUD: Final = "cloud:"
_LONGEST_SHOWN: Final = 64
"""Characters of what is no address; a longer text may be a key in the wrong place."""


@dataclass(frozen=True)
class Target:
    """The address of Elasticsearch or Kibana, and the credentials to use there.

    Args:
        url: `https://host:port`, or a cloud id; plain `http://` only for this machine.
        api_key: `id:key`, or both encoded in base64 as Kibana shows them.
        user: for basic authentication.
        password: its password.
        ca: file with the certificates of the authority; default: those of the system.

    Raises:
        ConfigurationError: the address cannot be used, or would send secrets in the clear.

    Example:
        >>> Target("https://es:9200/", api_key="id:secret")
        Target(url='https://es:9200', user=None, ca=None)
        >>> Target("http://es:9200")
        Traceback (most recent call last):
        ...
        mllog.errors.ConfigurationError: address http://es:9200: events leave this machine over https only
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None

    def __post_init__(self) -> None:
        url = cloud_url(self.url).rstrip("/")
        check_address(url, "address", user=self.user, password=self.password, api_key=self.api_key)
        object.__setattr__(self, "url", url)

    @property
    def encoded_key(self) -> str | None:
        """The API key as the Authorization header carries it."""
        if self.api_key is None or ":" not in self.api_key:
            return self.api_key
        return base64.b64encode(self.api_key.encode()).decode()


def target_from(
    address: str | None = None,
    *,
    user: str | None = None,
    password_file: Path | None = None,
    api_key_file: Path | None = None,
    ca: Path | None = None,
) -> Target:
    """A target from options; what is not given comes from `MLLOG_ELASTICSEARCH_URL` and its like.

    Secrets come from files or from the environment, never from arguments, which every user of the machine can see.

    Args:
        address: URL or cloud id; default: `…_URL`.
        user: for basic authentication; default: `…_USER`.
        password_file: holds its password; default: `…_PASSWORD`, or `…_PASSWORD_FILE`.
        api_key_file: holds an API key instead; default: `…_API_KEY`, or `…_API_KEY_FILE`.
        ca: certificates of the authority; default: `…_CA`.

    Raises:
        ConfigurationError: there is no address, it cannot be used, or a file cannot be read.
    """
    url = address or os.environ.get(f"{VARIABLE}_URL")
    if not url:
        raise ConfigurationError(f"no address of Elasticsearch given: use https://host:port, or set {VARIABLE}_URL")
    authority = ca or (Path(os.environ[f"{VARIABLE}_CA"]) if os.environ.get(f"{VARIABLE}_CA") else None)
    # Options take precedence over the environment: a key file given, or a user, replaces the other from there.
    name = user or (None if api_key_file else os.environ.get(f"{VARIABLE}_USER") or None)
    key = None if name and api_key_file is None else secret(api_key_file, f"{VARIABLE}_API_KEY")
    password = secret(password_file, f"{VARIABLE}_PASSWORD") if name else None
    if name and password is None:
        raise ConfigurationError(f"the user {name} needs a password: --password-file, or {VARIABLE}_PASSWORD")
    return Target(url, key, name, password, authority)


def cloud_url(address: str, service: int = 1) -> str:
    """The URL of a cloud id; any other address unchanged.

    Args:
        address: `name:` and the Base64 of `host$elasticsearch$kibana`, optionally after `cloud:`; or a URL.
        service: 1 for Elasticsearch, 2 for Kibana.

    Raises:
        ConfigurationError: it is neither.

    Example:
        >>> cloud_url("mine:ZXUuZXhhbXBsZS5jb20kYWJjJGRlZg==")
        'https://abc.eu.example.com'
    """
    if "://" in address:
        return address
    name, _, encoded = address.removeprefix(CLOUD).rpartition(":")
    try:
        parts = base64.b64decode(encoded if name else "", validate=True).decode().split("$")
        host, _, port = parts[0].partition(":")
        return f"https://{parts[service]}.{host}" + (f":{port}" if port else "")
    except (ValueError, IndexError):  # binascii's error is a ValueError
        shown = "an address" if "@" in address or len(address) > _LONGEST_SHOWN else name or address
        raise ConfigurationError(f"{shown}: neither https://host:port nor a cloud id (name:BASE64)") from None
