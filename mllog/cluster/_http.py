"""One small client for Elasticsearch and Kibana: whatever goes wrong is one line with its cause and what to do."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import httpx
import orjson

from mllog.cluster._credentials import certificates, check_address, secret
from mllog.errors import ClusterError, ConfigurationError

TIMEOUT_SECONDS: Final = 60.0
OLDEST: Final = (8, 15)
"""The first version with logsdb, and with dynamic templates under `subobjects: false`."""

_GRANTED: Final = re.compile(r"granted by the (?:cluster|index) privileges \[([^\]]*)\]")
_ACTION: Final = re.compile(r"action \[([^\]]*)\]")


@dataclass(frozen=True)
class Target:
    """Where a cluster or a Kibana is, and who we are there.

    Args:
        url: `https://…`; plain `http://` only for this machine.
        api_key: `id:key`, or both encoded as Elasticsearch gives them.
        user: for basic authentication.
        password: its password.
        ca: file with the certificates of the authority; default: those of the system.

    Raises:
        ConfigurationError: the address cannot be used, or would send secrets in the clear.

    Example:
        >>> Target("https://es:9200/", api_key="id:secret")
        Target(url='https://es:9200', user=None, ca=None)
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None

    def __post_init__(self) -> None:
        check_address(self.url, user=self.user, password=self.password, api_key=self.api_key)
        object.__setattr__(self, "url", self.url.rstrip("/"))

    def client(self) -> httpx.Client:
        """A client that follows no redirect and asks no proxy.

        Raises:
            ConfigurationError: the file of the authority cannot be read.
        """
        headers = {}
        if self.api_key is not None:
            key = self.api_key
            encoded = base64.b64encode(key.encode()).decode() if ":" in key else key
            headers["authorization"] = f"ApiKey {encoded}"
        return httpx.Client(
            auth=(self.user, self.password or "") if self.user is not None else None,
            headers=headers,
            verify=certificates(self.ca),
            timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=10.0),
            follow_redirects=False,
            trust_env=False,
        )


def target_of(
    address: str,
    *,
    user: str | None = None,
    password_file: Path | None = None,
    api_key_file: Path | None = None,
    ca: Path | None = None,
    variable: str = "MLLOG_ELASTICSEARCH",
) -> Target:
    """A target from what was given; what was not comes from `MLLOG_ELASTICSEARCH_API_KEY` and its like.

    Secrets come from files or from the environment, never from arguments, which every user of the machine can see.

    Args:
        address: URL, or the cloud id of an Elastic Cloud deployment.
        user: for basic authentication; default: `…_USER`.
        password_file: holds its password; default: `…_PASSWORD`, or `…_PASSWORD_FILE`.
        api_key_file: holds an API key instead; default: `…_API_KEY`, or `…_API_KEY_FILE`.
        ca: certificates of the authority; default: `…_CA`.
        variable: how the names of the variables begin.

    Raises:
        ConfigurationError: the address is none, or a file cannot be read.
    """
    authority = ca or (Path(os.environ[f"{variable}_CA"]) if os.environ.get(f"{variable}_CA") else None)
    # What is given counts before what the environment says: a key file there, a user here, are not two wishes.
    named = user or (None if api_key_file else os.environ.get(f"{variable}_USER") or None)
    key = None if named and api_key_file is None else secret(api_key_file, f"{variable}_API_KEY")
    password = secret(password_file, f"{variable}_PASSWORD") if named else None
    if named and password is None:
        raise ConfigurationError(f"the user {named} needs a password: --password-file, or {variable}_PASSWORD")
    return Target(cloud_url(address), key, named, password, authority)


def cloud_url(address: str, service: int = 1) -> str:
    """The URL of a cloud id; any other address as it is.

    Args:
        address: `name:` and Base64 of `host$elasticsearch$kibana`, after `cloud:` if you like; or a URL.
        service: 1 for Elasticsearch, 2 for Kibana.

    Raises:
        ConfigurationError: it is neither.

    Example:
        >>> cloud_url("mine:ZXUuZXhhbXBsZS5jb20kYWJjJGRlZg==")
        'https://abc.eu.example.com'
    """
    if "://" in address:
        return address
    name, _, encoded = address.removeprefix("cloud:").rpartition(":")
    try:
        parts = base64.b64decode(encoded if name else "", validate=True).decode().split("$")
        host, _, port = parts[0].partition(":")
        return f"https://{parts[service]}.{host}" + (f":{port}" if port else "")
    except (ValueError, IndexError):  # binascii's error is a ValueError
        raise ConfigurationError(f"{name or address}: neither https://host:port nor a cloud id (name:BASE64)") from None


class Service:
    """Elasticsearch or Kibana by HTTP; every failure is a `ClusterError`.

    Args:
        target: where, and who we are.
        name: what it is called in errors.
        headers: sent with every request.
    """

    def __init__(self, target: Target, name: str, headers: Mapping[str, str] | None = None) -> None:
        self.target = target
        self.name = name
        self._http = target.client()
        self._http.headers.update(headers or {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None, *, missing: Any = None, **params: Any) -> Any:
        """Send a request and give the parsed answer.

        Args:
            method: of HTTP.
            path: without a slash in front; names in it are the caller's to check or to quote.
            body: JSON, or bytes of NDJSON.
            missing: given back where the answer is a 404; without it a 404 is an error.
            params: of the query.

        Raises:
            ClusterError: nothing answers, or it refuses; the line says why and what to do.
        """
        content = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        headers = {} if body is None else {"content-type": kind}
        response = self._send(method, path, content=content, headers=headers, params=params)
        if response.status_code == 404 and missing is not None:
            return missing
        return self._answer(response, f"{method} /{path}")

    def upload(self, path: str, name: str, content: bytes, **params: Any) -> Any:
        """Send a file as a form does, and give the parsed answer.

        Raises:
            ClusterError: as for `ask`.
        """
        response = self._send("POST", path, files={"file": (name, content)}, params=params)
        return self._answer(response, f"POST /{path}")

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        url = f"{self.target.url}/{path}"
        try:
            return self._http.request(method, url, **arguments)
        except httpx.TimeoutException:
            raise ClusterError(f"{self.target.url}: no answer in time; is {self.name} up and reachable?") from None
        except httpx.HTTPError as error:
            raise ClusterError(f"{self.target.url}: {self._unreachable(str(error))}") from None

    def _unreachable(self, said: str) -> str:
        if "CERTIFICATE_VERIFY_FAILED" in said:
            why = re.sub(r"^.*certificate verify failed:? ?|\s*\(_ssl.*$", "", said)
            return f"its certificate is not trusted ({why}); name the right authority with --ca, and the host it is for"
        if "WRONG_VERSION_NUMBER" in said or "record layer" in said:
            return "it does not speak TLS; is the address http:// rather than https://?"
        if "disconnected" in said:
            return "it closed the connection; is the address https:// rather than http://?"
        return f"{self.name} cannot be reached ({said}); check host, port and network"

    def _answer(self, response: httpx.Response, request: str) -> Any:
        status = response.status_code
        if status < 300:
            try:
                return orjson.loads(response.content)
            except orjson.JSONDecodeError:
                raise ClusterError(f"{self.target.url}: {request} gave no JSON; is this {self.name}?") from None
        reason = _reason(response)
        if status == 401:
            raise ClusterError(f"{self.target.url}: {self._unknown(reason)}", status)
        if status == 403:
            raise ClusterError(f"{self.target.url}: {request}: {_forbidden(reason)}", status)
        if status in (301, 302, 307, 308):
            raise ClusterError(f"{self.target.url}: {request} is sent elsewhere; give the final address", status)
        raise ClusterError(f"{self.target.url}: {request}: HTTP {status}: {reason}", status)

    def _unknown(self, reason: str) -> str:
        if self.target.api_key is not None:
            why = "has expired" if "expired" in reason else "is not accepted: wrong, expired or invalidated"
            return f"the API key {why}; make a new one, and give it by --api-key-file or MLLOG_ELASTICSEARCH_API_KEY"
        if self.target.user is not None:
            return f"the password of {self.target.user} is not accepted; give the right one by --password-file"
        return "it asks who we are; give --api-key-file, or --user and --password-file"


class Cluster(Service):
    """Elasticsearch, of a version that has what the templates need.

    Args:
        target: where, and who we are.

    Raises:
        ClusterError: it cannot be reached, is no Elasticsearch, or is too old.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target, "Elasticsearch")
        try:
            self.version = self._version()
        except BaseException:
            self.close()
            raise

    def _version(self) -> str:
        answer = self.ask("GET", "")
        version = answer.get("version", {}) if isinstance(answer, dict) else {}
        number = version.get("number", "") if isinstance(version, dict) else ""
        if not isinstance(answer, dict) or answer.get("tagline") != "You Know, for Search" or not number:
            raise ClusterError(f"{self.target.url}: what answers there is not Elasticsearch; check the port")
        if version.get("distribution"):
            raise ClusterError(f"{self.target.url}: {version['distribution']} is not Elasticsearch; it has no logsdb")
        if tuple(int(part) for part in re.findall(r"\d+", number)[:2]) < OLDEST:
            least = ".".join(map(str, OLDEST))
            raise ClusterError(
                f"{self.target.url}: Elasticsearch {number} is too old; {least} or later has the index mode logsdb"
            )
        return str(number)


def _reason(response: httpx.Response) -> str:
    """What a refusal says, on one line and not too long."""
    try:
        said = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return response.reason_phrase
    error = said.get("error", said) if isinstance(said, dict) else said
    if isinstance(error, dict):
        tried = error.get(
            "additional_unsuccessful_credentials", ""
        )  # says that a key has expired, and which kind it was
        causes = [error]
        while isinstance(causes[-1].get("caused_by"), dict):
            causes.append(causes[-1]["caused_by"])
        told = [str(cause["reason"]) for cause in causes if cause.get("reason")] or [str(said)]
        error = ": ".join([*told, tried] if tried else told)
    elif isinstance(said, dict) and said.get("message"):
        error = said["message"]
    return " ".join(str(error).split())[:500]


def _forbidden(reason: str) -> str:
    if "blocked by" in reason:
        return f"{reason}; lift the block first"
    granted, action = _GRANTED.search(reason), _ACTION.search(reason)
    if granted is None:
        return f"not allowed: {reason}"
    what = f" ({action[1]})" if action else ""
    wanted = granted[1].split(",")
    return f"the credential lacks the privilege {wanted[0]}{what}; use one with the role mllog_setup, or grant it"
