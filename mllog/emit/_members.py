"""What an event has beside its body: labels, ids of the request, an error; redacted like anything a caller supplies."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Final

from mllog import _context
from mllog._state import STATE
from mllog.emit._compiled import CompiledModel, sort_by_value
from mllog.emit._mapping import mapping
from mllog.emit._sampling import Sampler
from mllog.errors import must_propagate
from mllog.event._failures import error_fields
from mllog.event._findings import Findings
from mllog.event._plain import TOO_MUCH
from mllog.event._stamps import dumps
from mllog.event._texts import text_of
from mllog.redaction import SENSITIVE

_MOST_LABELS: Final = 1000  # of one call; more would slow the service down


def sampling_tail(rate: float) -> bytes:
    """The end of a sampled event, behind `mllog.quality`.

    Example:
        >>> sampling_tail(0.25)
        b',"sampling":{"rate":0.25}}'
    """
    return b',"sampling":{"rate":%b}}' % dumps(rate)


def tail_after_quality(labels: Mapping[str, Any] | None, end: bytes | None = None) -> tuple[bytes, int]:
    """The end of an event that has its quality: what is redacted in labels and ids, and these; and how much that is.

    Args:
        labels: of the call.
        end: what closes the event's body; default: a brace.
    """
    findings = Findings()
    context = context_members(labels, findings)
    end = end or b"}"
    if findings.quality:
        raise TypeError("labels that cannot be read")  # the general way names them in the event
    if not findings.redacted_fields:
        return end + context, 0
    fields: dict[str, Any] = {}
    findings.fill_redaction(fields)
    return b"," + dumps(fields)[1:-1] + end + context, len(findings.redacted_kinds)


def encode_by_value(
    compiled: CompiledModel,
    sampler: Sampler,
    inputs: Any,
    outputs: Any,
    error: BaseException | str | None,
    labels: Mapping[str, Any] | None,
    findings: Findings,
) -> tuple[bytes, bytes] | None:
    """Encode a call value by value; None where it is not in the sample.

    Args:
        compiled: of the model.
        sampler: of the model.
        inputs: of the call.
        outputs: of the call.
        error: what ended the call.
        labels: of the call.
        findings: takes what was noticed.
    """
    body = sort_by_value(compiled, inputs, outputs, findings)
    rate = None
    if sampler.rate < 1.0:
        always = error is not None or bool(findings.violations)
        if not always and not sampler.keeps(mapping(inputs, compiled.names)):
            return None
        rate = 1.0 if always else sampler.rate
    return body_and_members(body, findings, error, labels, rate)


def body_and_members(
    body: dict[str, Any],
    findings: Findings,
    error: BaseException | str | None,
    labels: Mapping[str, Any] | None,
    rate: float | None = None,
) -> tuple[bytes, bytes]:
    """The body of an event with its findings, and the further members of the event.

    Args:
        body: inputs and outputs.
        findings: of them.
        error: what ended the call.
        labels: of the call.
        rate: at which such events are kept, where not all are.
    """
    context = context_members(labels, findings)
    if error is not None:
        context += b',"error":' + dumps(_described(error, findings))
    findings.fill(body)
    if rate is not None:
        body["sampling"] = {"rate": rate}
    STATE.counts.redacted += len(findings.redacted_kinds)
    return dumps(body), context


def context_members(labels: Mapping[str, Any] | None, findings: Findings) -> bytes:
    """Labels and request ids as members of the event, redacted like anything a caller supplies."""
    bound = _labels(labels, findings)
    request = _context.request.get()
    if not bound and not request:
        return b""
    members = dict(_context.by_name(request))
    if bound:
        members["labels"] = bound
    return b"," + dumps(members)[1:-1]


def _labels(labels: Any, findings: Findings) -> Mapping[str, str]:
    """The labels of a call over those of its context, redacted; the first ones where there are too many."""
    bound: Mapping[str, str] = _context.current_labels()
    if labels is not None:
        try:
            bound = {**bound, **_context.as_labels(itertools.islice(labels.items(), _MOST_LABELS + 1))}
        except BaseException as error:
            if must_propagate(error):
                raise
            findings.argument("labels")
    if len(bound) > _MOST_LABELS:
        count = len(labels) if type(labels) is dict else len(bound)
        cut = f"of {count} labels the first {_MOST_LABELS} are here"
        bound = {**dict(itertools.islice(bound.items(), _MOST_LABELS)), "cut": cut}
    redactor = STATE.redactor
    if redactor is None or not bound:
        return bound
    clean = {}
    for label, value in bound.items():
        name, kinds_of_name = redactor.name(label)
        kinds: tuple[str, ...] = ()
        if redactor.sensitive(label):
            clean[name], kinds = SENSITIVE, ("key",)
        elif not redactor.suspect(value):
            clean[name] = value
        elif findings.budget.read(len(value)):
            clean[name], kinds = redactor.search(value)
        else:
            clean[name] = TOO_MUCH
        if kinds or kinds_of_name:
            findings.redacted(f"labels.{name}", (*kinds_of_name, *kinds))
    return clean


def _described(error: Any, findings: Findings) -> dict[str, str]:
    """ECS `error.*` of an exception; its text and the code lines may quote the inputs, so both are redacted."""
    if isinstance(error, BaseException):
        fields = error_fields(error)
    elif isinstance(error, type):
        fields = {"type": error.__qualname__}
    else:
        fields = {"message": text_of(error)}
    redactor = STATE.redactor
    if redactor is None:
        return fields
    for name, text in fields.items():
        fields[name], kinds = redactor.text(text)
        if kinds:
            findings.redacted(f"error.{name}", kinds)
    return fields
