"""The connection to Kibana, by HTTP; every failure is one line with its cause and remedy."""

from __future__ import annotations

from typing import Any, Final, Self

import httpx
import orjson

from mllog.cluster._credentials import certificates
from mllog.cluster._failures import SECONDS, no_connection, no_response, refusal, tls_failure
from mllog.cluster._target import Target
from mllog.errors import ClusterError

_PRODUCT: Final = "Kibana"


class Kibana:
    """Kibana's HTTP API; every failure is a `ClusterError`.

    Args:
        target: address and credentials.

    Raises:
        ClusterError: nothing responds, or it is not Kibana.
        ConfigurationError: the file of the authority cannot be read.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        headers = {"kbn-xsrf": "mllog"}
        if target.encoded_key is not None:
            headers["authorization"] = f"ApiKey {target.encoded_key}"
        self._http = httpx.Client(
            auth=(target.user, target.password or "") if target.user is not None else None,
            headers=headers,
            verify=certificates(target.ca),
            timeout=httpx.Timeout(SECONDS, connect=10.0),
            follow_redirects=False,
            trust_env=False,
        )
        try:
            self._check_product()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _check_product(self) -> None:
        status = self.request("GET", "api/status", missing={})
        if not isinstance(status, dict) or "status" not in status:
            raise ClusterError(f"{self.target.url}: the response is not from Kibana; check the port")

    def request(self, method: str, path: str, body: Any = None, *, missing: Any = None, **params: Any) -> Any:
        """Send a request and return the parsed response.

        Args:
            method: of HTTP.
            path: without a leading slash; the caller validates or quotes names in it.
            body: JSON.
            missing: returned for a 404; without it a 404 is an error.
            params: of the query.

        Raises:
            ClusterError: there is no response, or it is a refusal; the line says why and what to do.
        """
        content = None if body is None else orjson.dumps(body)
        headers = {} if body is None else {"content-type": "application/json"}
        response = self._send(method, path, content=content, headers=headers, params=params)
        if response.status_code == 404 and missing is not None:
            return missing
        return self._parsed(response, f"{method} /{path}")

    def upload(self, path: str, name: str, content: bytes, **params: Any) -> Any:
        """Send a file as a form does, and return the parsed response.

        Raises:
            ClusterError: as for `request`.
        """
        response = self._send("POST", path, files={"file": (name, content)}, params=params)
        return self._parsed(response, f"POST /{path}")

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        where = self.target.url
        try:
            return self._http.request(method, f"{where}/{path}", **arguments)
        except httpx.TimeoutException:
            raise ClusterError(f"{where}: {no_response(_PRODUCT)}") from None
        except httpx.HTTPError as error:
            text = str(error)
            raise ClusterError(f"{where}: {tls_failure(text) or no_connection(_PRODUCT, text)}") from None

    def _parsed(self, response: httpx.Response, request: str) -> Any:
        where, status = self.target.url, response.status_code
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            body = None
            if status < 300:
                raise ClusterError(f"{where}: {request}: the response is not JSON; is this Kibana?") from None
        if status < 300:
            return body
        raise ClusterError(f"{where}: {refusal(status, body, request, self.target, response.reason_phrase)}", status)
