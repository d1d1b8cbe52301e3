"""The endpoint of a shipper: its address, its credentials, and the meaning of its responses."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from mllog.cluster._credentials import certificates, check_address, secret
from mllog.errors import ConfigurationError

TIMEOUT_SECONDS: Final = 60.0
"""Logstash responds when a batch is in its queue; with a full queue it waits before it responds with 429."""

_HEADERS: Final = {"content-type": "application/x-ndjson"}


class Verdict(enum.Enum):
    """The result of sending a batch."""

    DELIVERED = "delivered"
    RETRY = "retry"
    """The endpoint cannot accept it now: it is sent again until it can."""
    FAILED = "failed"
    """A 500: caused by the endpoint or by the batch; a probe distinguishes the two."""
    REFUSED = "refused"
    """An event in the batch is invalid: the batch is bisected until it is found."""
    MISCONFIGURED = "misconfigured"
    """Not caused by the events: nothing is delivered until the configuration is fixed."""


@dataclass(frozen=True)
class Endpoint:
    """An address that accepts NDJSON by HTTP, as Logstash's http input and `mllog serve` do.

    Args:
        url: `https://…`; plain `http://` only for this machine.
        user: for basic authentication.
        password: its password.
        api_key: sent as `Authorization: ApiKey …` instead.
        ca: file with the certificates of the authority; default: those of the system.

    Raises:
        ConfigurationError: the address cannot be used, or would send secrets in the clear.

    Example:
        >>> Endpoint("https://logstash:8080", user="mllog", password="secret")
        Endpoint(url='https://logstash:8080', user='mllog', ca=None)
        >>> Endpoint("http://logstash:8080")
        Traceback (most recent call last):
        ...
        mllog.errors.ConfigurationError: endpoint http://logstash:8080: events leave this machine over https only
    """

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    ca: Path | None = None

    def __post_init__(self) -> None:
        check_address(self.url, user=self.user, password=self.password, api_key=self.api_key)

    def client(self) -> httpx.Client:
        """A client with one connection that follows no redirects and uses no proxy.

        Raises:
            ConfigurationError: the file of the authority cannot be read.
        """
        headers = dict(_HEADERS)
        if self.api_key is not None:
            headers["authorization"] = f"ApiKey {self.api_key}"
        return httpx.Client(
            auth=(self.user, self.password or "") if self.user is not None else None,
            headers=headers,
            verify=certificates(self.ca),
            timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=10.0),
            limits=httpx.Limits(max_connections=1),
            follow_redirects=False,
            trust_env=False,
        )

    def post(self, client: httpx.Client, body: bytes) -> tuple[Verdict, str]:
        """Send a batch once; the result, and the reason if it was not delivered."""
        try:
            with client.stream("POST", self.url, content=body) as response:
                status = response.status_code  # the body of the response is not read: it is not trusted
        except httpx.HTTPError as error:
            return Verdict.RETRY, f"{type(error).__name__}: {error}"
        except OSError as error:  # a certificate that is refused while connecting, on some platforms
            return Verdict.RETRY, f"{type(error).__name__}: {error}"
        return verdict(status), f"HTTP {status}"


def verdict(status: int) -> Verdict:
    """The result of a batch by its HTTP status.

    Example:
        >>> [verdict(status).value for status in (200, 429, 500, 503, 413, 401, 301)]
        ['delivered', 'retry', 'failed', 'retry', 'refused', 'misconfigured', 'misconfigured']
    """
    if status in (200, 201, 202, 204):
        return Verdict.DELIVERED
    if status == 500:
        return Verdict.FAILED
    if status > 500 or status in (408, 425, 429):
        return Verdict.RETRY
    if status in (400, 413, 422):
        return Verdict.REFUSED
    return Verdict.MISCONFIGURED


def endpoint_from(
    url: str | None = None,
    *,
    user: str | None = None,
    password_file: Path | None = None,
    api_key_file: Path | None = None,
    ca: Path | None = None,
) -> Endpoint:
    """An endpoint from options; what is not given comes from `MLLOG_ENDPOINT` and its like.

    Secrets come from files or from the environment, never from arguments, which every user of the machine can see.

    Raises:
        ConfigurationError: there is no address, or a file cannot be read.
    """
    address = url or os.environ.get("MLLOG_ENDPOINT")
    if not address:
        raise ConfigurationError("no endpoint given: use --to https://host:port, or set MLLOG_ENDPOINT")
    authority = ca or (Path(os.environ["MLLOG_ENDPOINT_CA"]) if os.environ.get("MLLOG_ENDPOINT_CA") else None)
    return Endpoint(
        address,
        user=user or os.environ.get("MLLOG_ENDPOINT_USER") or None,
        password=secret(password_file, "MLLOG_ENDPOINT_PASSWORD"),
        api_key=secret(api_key_file, "MLLOG_ENDPOINT_API_KEY"),
        ca=authority,
    )
