"""What went wrong with Elasticsearch or Kibana: one line with the cause and the remedy, never a value of an event."""

from __future__ import annotations

import re
from typing import Any, Final

from mllog.cluster._target import VARIABLE, Target

OLDEST: Final = (8, 15)
"""The first Elasticsearch with everything that the index templates use."""

REQUIRED: Final = f"mllog needs {OLDEST[0]}.{OLDEST[1]} or later, or 9"
SECONDS: Final = 60.0
"""Longest wait for a response."""

NO_TLS: Final = "the server does not use TLS; check the address: is it http:// rather than https://?"
CLOSED: Final = "no connection: the server closed it; check the address: is it https:// rather than http://?"

_GRANTED: Final = re.compile(r"granted by the (index|cluster) privileges \[([^\]]+)\]")
_NAMES: Final = re.compile(r"[a-z_,]+")
_MAX_REASON: Final = 300


def version_of(number: str) -> tuple[int, ...]:
    """Major and minor version."""
    return tuple(int(part) for part in re.findall(r"\d+", number)[:2])


def no_connection(product: str, cause: str) -> str:
    """The server cannot be reached."""
    if "disconnected" in cause or "closed connection" in cause or "RemoteDisconnected" in cause:
        return CLOSED
    return f"no connection: {cause}; check the address and that {product} is running"


def no_response(product: str) -> str:
    """The server did not respond in time."""
    return f"no response from {product} within {SECONDS:.0f} s; try again, or request less"


def tls_failure(text: str) -> str | None:
    """A failure of TLS; None if the text describes another failure."""
    verify = re.search(r"certificate verify failed:? ?([^(]*)", text)
    if verify is not None:
        cause = verify[1].strip(" '\",")
        return f"the certificate is not trusted: {cause or 'unknown authority'}; name its authority (--ca)"
    if "WRONG_VERSION_NUMBER" in text or "record layer" in text or "wrong version number" in text:
        return NO_TLS
    return None


def unauthorised(reason: str, target: Target | None = None) -> str:
    """A 401, by the credential that was used; without a target, by an API key."""
    if target is not None and target.user is not None:
        return f"the password of {target.user} is not accepted (401); give the right one by --password-file"
    if target is not None and target.api_key is None:
        return "credentials are required (401); give --api-key-file, or --user and --password-file"
    cause = "has expired" if "expired" in reason else "is missing, unknown or has expired"
    return f"the API key {cause} (401); give a valid one by --api-key-file or {VARIABLE}_API_KEY"


def missing_privilege(reason: str) -> str | None:
    """The privilege that is missing, from Elasticsearch's message: the least of those that would suffice.

    Example:
        >>> missing_privilege("action [x] is unauthorized, this action is granted by the index privileges [read,all]")
        'the index privilege read'
    """
    match = _GRANTED.search(reason)
    if match is None or _NAMES.fullmatch(match[2]) is None:
        return None
    return f"the {match[1]} privilege {match[2].split(',')[0]}"


def blocked(reason: str) -> str:
    """Why an index accepts no events.

    Example:
        >>> blocked("index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, …];")[:54]
        'the disk is over its flood-stage watermark, so an inde'
    """
    if "flood-stage" in reason or "read-only-allow-delete" in reason or "read-only / allow delete" in reason:
        return (
            "the disk is over its flood-stage watermark, so an index is read-only; free disk space or add a node: "
            "nothing is lost, unstored events are sent again"
        )
    return f"an index is blocked: {reason[:_MAX_REASON]}; remove the block: unstored events are sent again"


def first_cause(body: Any) -> tuple[str, str]:
    """Type and reason of an error; those of its root cause if it has one."""
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


def all_causes(body: Any, default: str) -> str:
    """All reasons of an error, outermost first, in one line."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        causes = [error]
        while isinstance(causes[-1].get("caused_by"), dict):
            causes.append(causes[-1]["caused_by"])
        reasons = [str(cause["reason"]) for cause in causes if cause.get("reason")]
        if not reasons and isinstance(body, dict) and body.get("message"):
            reasons = [str(body["message"])]
        # Says whether an API key has expired.
        attempts = error.get("additional_unsuccessful_credentials")
        error = ": ".join([*(reasons or [str(body)]), *([str(attempts)] if attempts else [])])
    return " ".join(str(error or default).split())[:500]


def refusal(status: int, body: Any, request: str, target: Target, phrase: str = "") -> str:
    """Why a request of the installation was refused.

    Args:
        status: of HTTP.
        body: of the response, parsed if it is JSON.
        request: method and path.
        target: what the request was sent to.
        phrase: reason phrase, if the body says nothing.
    """
    reason = all_causes(body, phrase) if isinstance(body, (dict, list)) else phrase
    if status == 401:
        return unauthorised(reason, target)
    if status == 403 and "blocked by" in reason:
        return f"{request}: {reason}; remove the block first"
    if status == 403:
        privilege = missing_privilege(reason)
        if privilege is None:
            return f"{request}: not allowed: {reason}"
        return f"{request}: the credential lacks {privilege}; use one with the role mllog_setup, or grant it"
    if status in (301, 302, 307, 308):
        return f"{request}: redirected ({status}); give the final address"
    return f"{request}: HTTP {status}: {reason}"
