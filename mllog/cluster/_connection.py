"""The way to a cluster: address, credentials, and one clear line for each way in which it can fail."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from elastic_transport import ConnectionError as NoConnection
from elastic_transport import (
    ConnectionTimeout,
    HttpHeaders,
    OrjsonSerializer,
    TlsError,
    TransportError,
    Urllib3HttpNode,
)
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError

from mllog.cluster._credentials import certificates, check_address, secret
from mllog.errors import ConfigurationError, QueryError, StoreError

OLDEST: Final = (8, 15)
"""The first Elasticsearch that has everything which the index template asks for."""

VARIABLE: Final = "MLLOG_ELASTICSEARCH"
_SECONDS: Final = 60.0
_CLOUD: Final = "cloud:"
_NEEDED: Final = f"mllog needs {OLDEST[0]}.{OLDEST[1]} or later, or 9"
_GRANTED: Final = re.compile(r"granted by the (index|cluster) privileges \[([^\]]+)\]")
_NAMES: Final = re.compile(r"[a-z_,]+")
_MAX_REASON: Final = 300

# A node that does not answer is told by an exception; without this, Python prints the client's record of it as well.
logging.getLogger("elastic_transport").addHandler(logging.NullHandler())


class _Node(Urllib3HttpNode):
    """Asks in version 8 of the REST API, which Elasticsearch 9 answers as well."""

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: Any = None,
    ) -> Any:  # the transport does not export the type
        asked = HttpHeaders(headers or {})
        for name in ("accept", "content-type"):
            if name in asked:
                asked[name] = asked[name].replace("compatible-with=9", "compatible-with=8")
        return super().perform_request(method, target, body, asked, request_timeout)


@dataclass(frozen=True)
class Cluster:
    """An Elasticsearch cluster, and how to get in.

    Args:
        url: `https://host:port`, or `cloud:` and a cloud id; plain `http://` only on this machine.
        api_key: `id:key`, or the two encoded in base64 as Kibana shows them.
        ca: file with the certificates of the authority; default: those of the system.

    Raises:
        ConfigurationError: the address cannot be used, or would send secrets in the clear.

    Example:
        >>> Cluster("https://es:9200", api_key="id:secret")
        Cluster(url='https://es:9200', ca=None)
        >>> Cluster("http://es:9200")
        Traceback (most recent call last):
        ...
        mllog.errors.ConfigurationError: store http://es:9200: events leave this machine over https only
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    ca: Path | None = None

    def __post_init__(self) -> None:
        if self.url.startswith(_CLOUD):
            return
        check_address(self.url, "store")
        parts = urlsplit(self.url)
        if parts.query or parts.fragment:
            raise ConfigurationError("store: expected https://host:port, without a query or a fragment")

    def client(self) -> Elasticsearch:
        """A client; nothing is asked yet.

        Raises:
            ConfigurationError: the file of the authority or the cloud id cannot be read.
        """
        more: dict[str, Any] = {}
        if self.api_key is not None:
            name, colon, key = self.api_key.partition(":")
            more["api_key"] = (name, key) if colon else self.api_key
        if self.url.startswith(_CLOUD):
            more["cloud_id"] = self.url.removeprefix(_CLOUD)
        else:
            parts = urlsplit(self.url)
            port = parts.port or (443 if parts.scheme == "https" else 9200)
            host = parts.hostname or ""
            more["hosts"] = [{"scheme": parts.scheme, "host": host, "port": port, "path_prefix": parts.path}]
        if self.url.startswith("https:"):
            more["ssl_context"] = certificates(self.ca)
        try:
            return Elasticsearch(
                **more,
                node_class=_Node,
                serializer=OrjsonSerializer(),
                request_timeout=_SECONDS,
                max_retries=1,
                retry_on_status=(),
            )
        except ValueError as error:
            raise ConfigurationError(f"store {self.url}: {error}") from None


def cluster_of(url: str | None = None, *, api_key_file: Path | None = None, ca: Path | None = None) -> Cluster:
    """A cluster from what was given; what was not comes from `MLLOG_ELASTICSEARCH_URL`, `_API_KEY` and `_CA`.

    Raises:
        ConfigurationError: nothing says where it is, or a file cannot be read.
    """
    address = url or os.environ.get(f"{VARIABLE}_URL")
    if not address:
        raise ConfigurationError(f"which store? give a folder or an https:// address, or set {VARIABLE}_URL")
    named = os.environ.get(f"{VARIABLE}_CA")
    return Cluster(
        address.rstrip("/"),
        api_key=secret(api_key_file, f"{VARIABLE}_API_KEY"),
        ca=ca or (Path(named) if named else None),
    )


def connect(cluster: Cluster) -> Elasticsearch:
    """A client for a cluster that answers, and that is new enough.

    Raises:
        StoreError: nothing answers there, it is no Elasticsearch, or one that is too old, or the key does not do.
        ConfigurationError: as for `Cluster.client`.
    """
    client = cluster.client()
    try:
        number = str(client.info()["version"]["number"])
    except ApiError as error:
        if error.status_code == 403:  # a key may read events and not have the cluster privilege `monitor`
            return client
        client.close()
        raise told(error, cluster.url) from None
    except TransportError as error:
        client.close()
        raise told(error, cluster.url) from None
    if tuple(int(part) for part in re.findall(r"\d+", number)[:2]) < OLDEST:
        client.close()
        raise StoreError(f"{cluster.url}: Elasticsearch {number} is too old; {_NEEDED}")
    return client


def told(error: ApiError | TransportError, where: str) -> StoreError:
    """What went wrong and what to do, in one line; never a value of an event.

    Args:
        error: what the client raised.
        where: the address.
    """
    if isinstance(error, UnsupportedProductError):
        return StoreError(f"{where}: answers, but not as an Elasticsearch does; check the address ({_NEEDED})")
    if isinstance(error, ApiError):
        return _refused(error, where)
    if isinstance(error, TlsError) and "certificate" not in str(error):
        return StoreError(f"{where}: no TLS is spoken there; check the address")
    if isinstance(error, TlsError):
        return StoreError(f"{where}: the certificate is not trusted: {_cause(error)}; name its authority (--ca)")
    if isinstance(error, ConnectionTimeout):
        return StoreError(f"{where}: no answer within {_SECONDS:.0f} s; try again, or ask for less")
    if isinstance(error, NoConnection):
        return StoreError(f"{where}: no connection: {_cause(error)}; check the address and that Elasticsearch runs")
    return StoreError(f"{where}: not an answer of Elasticsearch ({type(error).__name__}); check the address")


def _cause(error: TransportError) -> str:
    text = str(error.errors[0] if error.errors else error.message)
    verify = re.search(r"certificate verify failed: ([^(]+)", text)
    if verify is not None:
        return verify[1].strip()
    number = re.search(r"\[Errno -?\d+\] ([^')]+)", text)
    quoted = re.findall(r"'([^']+)'", text)
    return number[1] if number is not None else quoted[-1] if quoted else " ".join(text.split())[:120]


def _refused(error: ApiError, where: str) -> StoreError:
    status = int(error.status_code)
    kind, reason = _first_cause(error.body)
    if status == 401:
        expired = " has expired" if "expired" in reason else " is missing, unknown or has expired"
        return StoreError(f"{where}: the API key{expired} (401); give a good one in a file, or in {VARIABLE}_API_KEY")
    if status == 403 and kind != "cluster_block_exception":
        return StoreError(f"{where}: the API key may not do this (403); {privilege(reason)}")
    if status in (400, 406) and ("media_type" in kind or "Content-Type header" in str(error.body)):
        return StoreError(f"{where}: this Elasticsearch is too old; {_NEEDED}")
    if kind == "cluster_block_exception":
        return StoreError(f"{where}: {blocked(reason)}")
    if status == 429:
        return StoreError(f"{where}: Elasticsearch is overloaded (429, {kind}); try again later")
    if status in (502, 504) and not kind:
        return StoreError(
            f"{where}: HTTP {status} from what stands before Elasticsearch; look there, and try again later"
        )
    if status in (400, 404) and not kind:
        return StoreError(f"{where}: HTTP {status}, not as an Elasticsearch answers; check the address")
    if status in (400, 404):
        return QueryError(f"{where}: {kind}: {reason}")
    return StoreError(f"{where}: HTTP {status}: {kind or 'no reason given'}; look into the cluster's log")


def privilege(reason: str) -> str:
    """The privilege that is missing, by Elasticsearch's own words.

    Example:
        >>> privilege("action [x] is unauthorized, this action is granted by the index privileges [read,all]")
        'it lacks the index privilege read'
        >>> privilege("action [x] is unauthorized")
        "look at its role: mllog writes and reads 'logs-mllog.*'"
    """
    found = _GRANTED.search(reason)
    if found is None or _NAMES.fullmatch(found[2]) is None:
        return "look at its role: mllog writes and reads 'logs-mllog.*'"
    return f"it lacks the {found[1]} privilege {found[2].split(',')[0]}"  # the least of those that would do


def check_allowed(client: Elasticsearch, index: str, privileges: Sequence[str], where: str) -> None:
    """Where nothing was found: indices that a key has no privilege on look as if there were none.

    Raises:
        StoreError: it lacks one of the privileges.
    """
    try:
        answer = client.security.has_privileges(index=[{"names": index.split(","), "privileges": list(privileges)}])
    except (ApiError, TransportError):  # security is off, say
        return
    lacking = [name for had in answer.get("index", {}).values() for name in privileges if not had.get(name, True)]
    if lacking:
        raise StoreError(
            f"{where}: the API key may not do this (403); it lacks the index privilege {lacking[0]} on '{index}'"
        )


def blocked(reason: str) -> str:
    """Why an index takes no events.

    Example:
        >>> blocked("index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, …];")[:54]
        'the disk is over its flood-stage watermark, so an inde'
    """
    if "flood-stage" in reason or "read-only-allow-delete" in reason or "read-only / allow delete" in reason:
        return (
            "the disk is over its flood-stage watermark, so an index is read-only; free disk or add a node: "
            "nothing is lost, what was not stored is sent again"
        )
    return f"an index is blocked: {reason[:_MAX_REASON]}; lift the block: what was not stored is sent again"


def _first_cause(body: Any) -> tuple[str, str]:
    """Type and reason of an error; those of its root, where they are told apart."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", str(error or "")[:_MAX_REASON]
    roots = error.get("root_cause") or [error]
    root = roots[0] if isinstance(roots[0], dict) else error
    cause = root.get("caused_by")
    reason = str(root.get("reason") or "")
    if isinstance(cause, dict) and cause.get("reason"):
        reason = f"{reason}: {cause['reason']}"
    return str(root.get("type") or error.get("type") or ""), " ".join(reason.split())[:_MAX_REASON]
