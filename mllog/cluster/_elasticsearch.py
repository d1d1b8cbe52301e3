"""The connection to Elasticsearch, by the official client."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import urlsplit

from elastic_transport import ConnectionError as NoConnectionError
from elastic_transport import (
    ConnectionTimeout,
    HttpHeaders,
    OrjsonSerializer,
    SerializationError,
    TlsError,
    TransportError,
    Urllib3HttpNode,
)
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError

from mllog.cluster._credentials import certificates
from mllog.cluster._failures import (
    NO_TLS,
    OLDEST,
    REQUIRED,
    SECONDS,
    blocked,
    first_cause,
    missing_privilege,
    no_connection,
    no_response,
    refusal,
    tls_failure,
    unauthorised,
    version_of,
)
from mllog.cluster._target import Target
from mllog.errors import ClusterError, QueryError, StoreError

_PRODUCT: Final = "Elasticsearch"
_ROLE_HINT: Final = "check its role: mllog writes and reads 'logs-mllog.*'"

# An unreachable node raises an exception; without this handler Python prints the client's log record as well.
logging.getLogger("elastic_transport").addHandler(logging.NullHandler())


class _Node(Urllib3HttpNode):
    """Requests version 8 of the REST API, which Elasticsearch 9 supports too."""

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: Any = None,
    ) -> Any:  # the transport does not export the type
        compatible = HttpHeaders(headers or {})
        for name in ("accept", "content-type"):
            if name in compatible:
                compatible[name] = compatible[name].replace("compatible-with=9", "compatible-with=8")
        return super().perform_request(method, target, body, compatible, request_timeout)


def client_of(target: Target) -> Elasticsearch:
    """A client; no request is sent yet.

    Raises:
        ConfigurationError: the file of the authority cannot be read.
    """
    parts = urlsplit(target.url)
    port = parts.port or (443 if parts.scheme == "https" else 9200)
    host: dict[str, str | int] = {
        "scheme": parts.scheme,
        "host": parts.hostname or "",
        "port": port,
        "path_prefix": parts.path,
    }
    options: dict[str, Any] = {}
    if parts.scheme == "https":
        options["ssl_context"] = certificates(target.ca)
    if target.user is not None:
        options["basic_auth"] = (target.user, target.password or "")
    return Elasticsearch(
        hosts=[host],
        api_key=target.encoded_key,
        node_class=_Node,
        serializer=OrjsonSerializer(),
        request_timeout=SECONDS,
        max_retries=1,
        retry_on_status=(),
        **options,
    )


def connect(target: Target) -> Elasticsearch:
    """A client of a cluster that responds and is recent enough.

    Raises:
        StoreError: nothing responds, it is not Elasticsearch or too old, or the credentials are refused.
        ConfigurationError: as for `client_of`.
    """
    client = client_of(target)
    try:
        number = str(client.info()["version"]["number"])
    except ApiError as error:
        if error.status_code == 403:  # a key may read events without the cluster privilege `monitor`
            return client
        client.close()
        raise to_store_error(error, target.url) from None
    except TransportError as error:
        client.close()
        raise to_store_error(error, target.url) from None
    if version_of(number) < OLDEST:
        client.close()
        raise StoreError(f"{target.url}: Elasticsearch {number} is too old; {REQUIRED}")
    return client


class Cluster:
    """Elasticsearch for the installation: raw requests, of which every failure is a `ClusterError`.

    Args:
        target: address and credentials.

    Raises:
        ClusterError: it cannot be reached, is not Elasticsearch, or is too old.
        ConfigurationError: the file of the authority cannot be read.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._client = client_of(target)
        try:
            self.version = self._version()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(self, method: str, path: str, body: Any = None, *, missing: Any = None, **params: Any) -> Any:
        """Send a request and return the parsed response.

        Args:
            method: of HTTP.
            path: without a leading slash; the caller validates or quotes names in it.
            body: JSON, or bytes of NDJSON.
            missing: returned for a 404; without it a 404 is an error.
            params: of the query.

        Raises:
            ClusterError: there is no response, or it is a refusal; the line says why and what to do.
        """
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        request, where = f"{method} /{path}", self.target.url
        try:
            response = self._client.perform_request(method, f"/{path}", params=params, headers=headers, body=body)
        except UnsupportedProductError:
            raise ClusterError(f"{where}: {request}: the response is not from Elasticsearch; check the port") from None
        except ApiError as error:
            status = int(error.status_code)
            if status == 404 and missing is not None:
                return missing
            phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "no reason given"
            raise ClusterError(
                f"{where}: {refusal(status, error.body, request, self.target, phrase)}", status
            ) from None
        except SerializationError:
            raise ClusterError(f"{where}: {request}: the response is not JSON; is this Elasticsearch?") from None
        except TransportError as error:
            raise ClusterError(f"{where}: {_unreachable(error)}") from None
        if isinstance(response.body, (dict, list)):
            return response.body
        raise ClusterError(f"{where}: {request}: the response is not JSON; is this Elasticsearch?")

    def _version(self) -> str:
        info = self.request("GET", "")
        version = info.get("version", {}) if isinstance(info, dict) else {}
        number = version.get("number", "") if isinstance(version, dict) else ""
        where = self.target.url
        if not isinstance(info, dict) or info.get("tagline") != "You Know, for Search" or not number:
            raise ClusterError(f"{where}: the response is not from Elasticsearch; check the port")
        if version.get("distribution"):
            raise ClusterError(f"{where}: {version['distribution']} is not Elasticsearch; it has no logsdb")
        if version_of(number) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise ClusterError(f"{where}: Elasticsearch {number} is too old; use {oldest} or later, for logsdb")
        return str(number)


def to_store_error(error: ApiError | TransportError, where: str) -> StoreError:
    """The cause and the remedy in one line; never a value of an event.

    Args:
        error: what the client raised.
        where: the address.
    """
    if isinstance(error, UnsupportedProductError):
        return StoreError(f"{where}: the response is not from Elasticsearch; check the address ({REQUIRED})")
    if isinstance(error, ApiError):
        return _refused(error, where)
    return StoreError(f"{where}: {_unreachable(error)}")


def _unreachable(error: TransportError) -> str:
    text = str(error.errors[0] if error.errors else error.message)
    failure = tls_failure(text)
    if failure is not None:
        return failure
    if isinstance(error, TlsError):
        return NO_TLS
    if isinstance(error, ConnectionTimeout):
        return no_response(_PRODUCT)
    if isinstance(error, NoConnectionError):
        number = re.search(r"\[Errno -?\d+\] ([^')]+)", text)
        quoted = re.findall(r"'([^']+)'", text)
        cause = number[1] if number is not None else quoted[-1] if quoted else " ".join(text.split())[:120]
        return no_connection(_PRODUCT, cause)
    return f"the response is not from Elasticsearch ({type(error).__name__}); check the address"


def _refused(error: ApiError, where: str) -> StoreError:
    status = int(error.status_code)
    kind, reason = first_cause(error.body)
    if status == 401:
        return StoreError(f"{where}: {unauthorised(reason)}")
    if status == 403 and kind != "cluster_block_exception":
        return StoreError(f"{where}: the credential is not allowed to do this (403); {privilege_hint(reason)}")
    if status in (400, 406) and ("media_type" in kind or "Content-Type header" in str(error.body)):
        return StoreError(f"{where}: this Elasticsearch is too old; {REQUIRED}")
    if kind == "cluster_block_exception":
        return StoreError(f"{where}: {blocked(reason)}")
    if status == 429:
        return StoreError(f"{where}: Elasticsearch is overloaded (429, {kind}); try again later")
    if status in (502, 504) and not kind:
        return StoreError(f"{where}: HTTP {status} from a proxy before Elasticsearch; check it, or try again later")
    if status in (400, 404) and not kind:
        return StoreError(f"{where}: HTTP {status}, but not from Elasticsearch; check the address")
    if status in (400, 404):
        return QueryError(f"{where}: {kind}: {reason}")
    return StoreError(f"{where}: HTTP {status}: {kind or 'no reason given'}; see the cluster's log")


def privilege_hint(reason: str) -> str:
    """Which privilege a credential lacks.

    Example:
        >>> privilege_hint("action [x] is unauthorized")
        "check its role: mllog writes and reads 'logs-mllog.*'"
    """
    privilege = missing_privilege(reason)
    return _ROLE_HINT if privilege is None else f"it lacks {privilege}"


def check_allowed(client: Elasticsearch, index: str, privileges: Sequence[str], where: str) -> None:
    """After an empty result: indices that a credential has no privilege on look as if they did not exist.

    Raises:
        StoreError: it lacks one of the privileges.
    """
    try:
        result = client.security.has_privileges(index=[{"names": index.split(","), "privileges": list(privileges)}])
    except (ApiError, TransportError):  # security is off, for instance
        return
    missing = [
        name for granted in result.get("index", {}).values() for name in privileges if not granted.get(name, True)
    ]
    if missing:
        raise StoreError(
            f"{where}: the credential is not allowed to do this (403); it lacks the index privilege {missing[0]} "
            f"on '{index}'"
        )
