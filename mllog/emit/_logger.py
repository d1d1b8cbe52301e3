"""The logger of one model: predictions, by call, by `with` block or by decorator.

Nothing here raises into the service. What could not be made an event is counted in `stats()`.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from math import trunc
from random import getrandbits, random
from time import time_ns
from typing import Any, Final, ParamSpec, TypeVar, cast, overload

from mllog import _context
from mllog._state import LOGGER, SILENT, STATE
from mllog.emit import _feedback
from mllog.emit._batch import paired
from mllog.emit._call import Arguments, Call
from mllog.emit._compiled import ModelProfile, Ready, by_value, encode_anew, input_names, prepare, simplest, template
from mllog.emit._mapping import mapping, native
from mllog.emit._members import behind_quality, finished, sampling
from mllog.event._findings import Findings
from mllog.event._stamps import since_epoch, stamps
from mllog.sinks._handlers import EVENT_BYTES, LINE, EventHandler

P = ParamSpec("P")
R = TypeVar("R")

_NS: Final = 1_000_000_000
_KEY_SPACE: Final = 1 << 32


class ModelLogger:
    """Logs the predictions of one version of a model. Made by `mllog.model`.

    Attributes:
        name: name of the model.
        version: its version.
        profile: what training showed, or None.
    """

    def __init__(
        self,
        name: str,
        version: str,
        *,
        profile: ModelProfile | None = None,
        dataset: str | None = None,
        sample: float = 1.0,
        sample_key: str | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.profile = profile
        self.dataset = dataset
        self.sample = sample
        self.sample_key = sample_key
        self._ready: Ready | None = None  # nothing is rendered before the first event

    def __repr__(self) -> str:
        return f"<ModelLogger {self.name!r} {self.version!r}>"

    def validate_with(self, profile: ModelProfile) -> None:
        """Use another profile from the next event on."""
        self.profile = profile
        self._ready = None

    def prediction(
        self,
        inputs: Any,
        outputs: Any = None,
        *,
        duration: float | dt.timedelta | None = None,
        prediction_id: str | None = None,
        timestamp: dt.datetime | float | None = None,
        error: BaseException | str | None = None,
        labels: Mapping[str, Any] | None = None,
    ) -> str:
        """Log what a model was asked and what it answered.

        Args:
            inputs: a mapping, dataclass, pydantic model, one-row DataFrame, or an array with the profile's names.
            outputs: the same, or a scalar, which is called `value`.
            duration: how long the model took, seconds.
            prediction_id: shared with feedback and shadow models; default: the event's own id.
            timestamp: when the call began (a datetime or seconds since the epoch); default: now less `duration`.
            error: the exception that ended the call, or its text: the event becomes a failure.
            labels: put on this event, over those of `mllog.bind`.

        Returns:
            The prediction's id. That alone promises nothing: `stats()["accepted"]` counts what is safe.

        Example:
            >>> import mllog
            >>> with mllog.testing.capture() as events:
            ...     identity = mllog.model("late", "1.0").prediction({"delay": 12.5}, {"late": True})
            >>> events[0]["mllog"]["input"], events[0]["mllog"]["prediction"]["id"] == identity
            ({'number': {'delay': 12.5}}, True)
        """
        state = STATE
        sink = state.sink
        if sink is None and (LOGGER.handlers == SILENT or not _listening()):
            return prediction_id or next(_UNHEARD)
        try:
            ready = self._ready
            if ready is None or ready.generation != state.generation:
                ready = self._ready = prepare(self)
            now = time_ns()
            took: int | None
            if type(duration) is float and 0.0 <= duration < _LONGEST_SECONDS:
                took = before = trunc(duration * 1e9)
            else:
                took = _nanoseconds(duration)
                before = took or 0
            if timestamp is not None:
                before = now - since_epoch(timestamp)
            stamped = stamps(now, before)
            identity = stamped[0] if prediction_id is None else str(prediction_id)
            longest = EVENT_BYTES if sink is None else sink.longest
            if error is None:  # the common call: code compiled for these names and types
                sampled = self.sample < 1.0
                behind, redacted = sampling(self.sample) if sampled else None, 0
                request, bound = _context.request.get(), _context.labels.get()
                if labels or bound or request:
                    if isinstance(request, _context.Members) and not (labels or bound):
                        behind = (behind or b"}") + request.json
                    else:
                        behind, redacted = behind_quality(labels, behind)
                buffer = ready.encode(inputs, outputs, stamped, identity, took, behind)
                if buffer is None:
                    given, answers = native(mapping(inputs, ready.names)), simplest(outputs)
                    if given is not inputs or answers is not outputs:
                        inputs, outputs = given, answers
                        buffer = ready.encode(inputs, outputs, stamped, identity, took, behind)
                    if buffer is None:
                        buffer = encode_anew(ready, inputs, outputs, stamped, identity, took, behind)
                if buffer is not None and len(buffer) <= longest:
                    if sampled and not self._sampled(inputs):  # valid, or there would be no buffer
                        ready.give_back(buffer)
                        return identity
                    if redacted:
                        state.counts.redacted += redacted
                    if sink is not None and len(LOGGER.handlers) == 2:  # the NullHandler and mllog's own
                        sink.write(buffer)
                    else:
                        _deliver(bytes(buffer), failed=False)
                    ready.give_back(buffer)
                    return identity
            encoded = self._encode_each(ready, inputs, outputs, error, labels)
            if encoded is not None:  # else not in the sample
                failed = error is not None
                _deliver(ready.template.render(stamped, identity, took, failed, *encoded, longest), failed=failed)
            return identity  # noqa: TRY300 - the call is over here
        except Exception as failure:  # noqa: BLE001 - logging must never disturb the service
            STATE.counts.errors += 1
            STATE.counts.last_error = f"prediction() of {self.name!r} could not be logged: {type(failure).__name__}"
            return prediction_id or next(_UNHEARD)

    def predictions(
        self,
        inputs: Any,
        outputs: Any = None,
        *,
        duration: float | dt.timedelta | None = None,
        prediction_ids: Sequence[str] | None = None,
        timestamp: dt.datetime | float | None = None,
        labels: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """Log a batch: one event a row.

        Args:
            inputs: a DataFrame, a mapping of columns, a list of mappings, or a two-dimensional array with the
                profile's names.
            outputs: the same, or a Series or list with one answer a row.
            duration: how long the whole batch took, seconds; each event gets its share.
            prediction_ids: one a row, as for `prediction`.
            timestamp: when the batch began; default: now.
            labels: put on every event, over those of `mllog.bind`.

        Returns:
            The prediction's ids in the order of the rows; empty where this was no batch, which `stats()` counts.

        Example:
            >>> import mllog
            >>> with mllog.testing.capture() as events:
            ...     ids = mllog.model("late", "1.0").predictions({"delay": [12.5, 3.0]}, [True, False])
            >>> [event["mllog"]["output"]["boolean"]["value"] for event in events]
            [True, False]
        """
        try:
            batch = paired(inputs, outputs, prediction_ids, input_names(self.profile))
            each = None if duration is None or not batch else _seconds(duration) / len(batch)
        except Exception as failure:  # noqa: BLE001 - logging must never disturb the service
            STATE.counts.errors += 1
            kind = type(failure).__name__  # its text may quote values
            STATE.counts.last_error = f"predictions() of {self.name!r}: no batch of one answer a row: {kind}"
            return []
        return [
            self.prediction(row, answer, duration=each, prediction_id=identity, timestamp=timestamp, labels=labels)
            for row, answer, identity in batch
        ]

    def shadow(
        self,
        call: Call | str,
        outputs: Any,
        *,
        inputs: Any = None,
        timestamp: dt.datetime | float | None = None,
        duration: float | dt.timedelta | None = None,
        error: BaseException | str | None = None,
        labels: Mapping[str, Any] | None = None,
    ) -> str:
        """Log what this model, a candidate, would have answered; on the candidate's own logger.

        The event has the prediction id of the live call and its timestamp, so that both can be laid side by side.

        Args:
            call: the live call, as `observe` gave it, or its prediction id.
            outputs: what the candidate answered.
            inputs: what it was asked; default: those of the call.
            timestamp: when the live call began, where only its id is given.
            duration: how long the candidate took, seconds.
            error: the exception that ended the candidate.
            labels: put on this event, over those of `mllog.bind`.

        Returns:
            The prediction's id.

        Example:
            >>> import mllog
            >>> with mllog.testing.capture() as events:
            ...     with mllog.model("late", "1.0").observe({"delay": 12.5}) as call:
            ...         call.outputs = 0.5
            ...     _ = mllog.model("late", "2.0").shadow(call, 0.75)
            >>> live, shadow = events
            >>> shadow["mllog"]["model"]["role"], shadow["mllog"]["shadow"]
            ('shadow', {'of': 'late 1.0', 'difference': 0.25})
            >>> live["@timestamp"] == shadow["@timestamp"], live["mllog"]["prediction"] == shadow["mllog"]["prediction"]
            (True, True)
        """

        def body_of(ready: Ready, findings: Findings) -> dict[str, Any]:
            live = call if isinstance(call, Call) else None
            asked = inputs if inputs is not None or live is None else live.inputs
            body = by_value(ready, asked() if inspect.isfunction(asked) else asked, outputs, findings)
            body["shadow"] = {}
            if live is not None:
                body["shadow"]["of"] = f"{live.logger.name} {live.logger.version}"
                apart = _feedback.difference(outputs, live.outputs)
                if apart is not None:
                    body["shadow"]["difference"] = apart
            return body

        live_id, began = (call.prediction_id, call.began) if isinstance(call, Call) else (call, None)
        when = timestamp if timestamp is not None else began
        return self._log_later(
            body_of, live_id, role="shadow", timestamp=when, duration=duration, error=error, labels=labels
        )

    def feedback(
        self,
        prediction_id: str,
        actual: Any,
        *,
        predicted: Any = None,
        predicted_at: dt.datetime | float | None = None,
        slices: Mapping[str, Any] | None = None,
        labels: Mapping[str, Any] | None = None,
    ) -> str:
        """Log what turned out, once it is known.

        Args:
            prediction_id: what `prediction` returned.
            actual: what turned out.
            predicted: what had been answered; with it the event has the error, the predicted less the actual value,
                or 1 where two that are no numbers differ. Without it that is joined later, by the id.
            predicted_at: when the prediction was made (a datetime or seconds since the epoch); default: what the id
                tells, where mllog made it.
            slices: features by which quality is looked at, such as the carrier.
            labels: put on this event, over those of `mllog.bind`.

        Returns:
            The prediction's id.

        Example:
            >>> import mllog
            >>> with mllog.testing.capture() as events:
            ...     identity = mllog.model("late", "1.0").prediction({"delay": 12.5}, 30.0)
            ...     _ = mllog.model("late", "1.0").feedback(identity, 42.0, predicted=30.0, slices={"carrier": "UA"})
            >>> said = events[1]["mllog"]
            >>> said["feedback"]["error"], said["feedback"]["delay"] >= 0, said["input"]
            (-12.0, True, {'category': {'carrier': 'UA'}})
        """

        def body_of(ready: Ready, findings: Findings) -> dict[str, Any]:
            now = time_ns()
            said = _feedback.described(prediction_id, actual, predicted, predicted_at, now, findings)
            found = ready.outputs.split(slices, findings) if slices else {}
            found.pop("overflow", None)
            return {"feedback": said, **({"input": found} if found else {})}

        return self._log_later(body_of, prediction_id, action="feedback", labels=labels)

    def _log_later(
        self,
        describe: Callable[[Ready, Findings], dict[str, Any]],
        prediction_id: str,
        *,
        role: str = "live",
        action: str = "prediction",
        timestamp: dt.datetime | float | None = None,
        duration: float | dt.timedelta | None = None,
        error: BaseException | str | None = None,
        labels: Mapping[str, Any] | None = None,
    ) -> str:
        """Write an event about a prediction that was made before."""
        sink = STATE.sink
        if sink is None and not _listening():
            return prediction_id
        try:
            ready = self._ready
            if ready is None or ready.generation != STATE.generation:
                ready = self._ready = prepare(self)
            stays = ready.other.get((role, action))
            if stays is None:
                stays = ready.other[role, action] = template(self, role=role, action=action)
            findings = Findings()
            body, context = finished(describe(ready, findings), findings, error, labels)
            now = time_ns()
            began = now if timestamp is None else since_epoch(timestamp)
            took, failed = _nanoseconds(duration), error is not None
            longest = EVENT_BYTES if sink is None else sink.longest
            line = stays.render(stamps(now, now - began), str(prediction_id), took, failed, body, context, longest)
            _deliver(line, failed=failed)
        except Exception as failure:  # noqa: BLE001 - logging must never disturb the service
            STATE.counts.errors += 1
            what = f"{action} ({role}) of {self.name!r}"
            STATE.counts.last_error = f"{what} could not be logged: {type(failure).__name__}"
        return prediction_id

    def observe(
        self,
        inputs: Any,
        *,
        prediction_id: str | None = None,
        timestamp: dt.datetime | float | None = None,
        labels: Mapping[str, Any] | None = None,
    ) -> Call:
        """Time a call and log it when the block ends; an exception is logged as a failure and raised again.

        Args:
            inputs: what the model is asked, as `prediction` takes it.
            prediction_id: shared with feedback and shadow models; default: one made here.
            timestamp: when the call began, where that is not now (a replay, say).
            labels: put on this event, over those of `mllog.bind`.

        Example:
            >>> import mllog
            >>> with mllog.testing.capture() as events:
            ...     with mllog.model("late", "1.0").observe({"delay": 12.5}) as call:
            ...         call.outputs = {"late": True}
            >>> events[0]["event"]["outcome"], events[0]["event"]["duration"] > 0
            ('success', True)
        """
        return Call(self, inputs, prediction_id, labels, timestamp)

    @overload
    def logged(self, function: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def logged(
        self, /, *, inputs: Callable[..., Any] | str | None = None, outputs: Callable[[Any], Any] | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def logged(
        self,
        function: Callable[P, R] | None = None,
        /,
        *,
        inputs: Callable[..., Any] | str | None = None,
        outputs: Callable[[Any], Any] | None = None,
    ) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function so that every call of it is logged; sync and async, `self` is skipped.

        Args:
            function: the function, where the decorator stands without parentheses.
            inputs: name of the argument that holds the inputs, or a function of the same arguments that
                returns them. Default: the only argument where it is a mapping or the like, else all by name.
            outputs: a function from what was returned to what is logged.

        Example:
            >>> import mllog
            >>> @mllog.model("late", "1.0").logged
            ... def predict(delay: float) -> float:
            ...     return delay / 100
            >>> with mllog.testing.capture() as events:
            ...     answer = predict(12.5)
            >>> events[0]["mllog"]["input"], events[0]["mllog"]["output"]
            ({'number': {'delay': 12.5}}, {'number': {'value': 0.125}})
        """
        if function is None:
            return lambda wrapped: self._wrap(wrapped, inputs, outputs)
        return self._wrap(function, inputs, outputs)

    def _wrap(
        self, function: Callable[P, R], inputs: Callable[..., Any] | str | None, outputs: Callable[[Any], Any] | None
    ) -> Callable[P, R]:
        asked = Arguments(function, inputs)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def logged_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with Call(self, lambda: asked(args, kwargs)) as call:
                    answer = await function(*args, **kwargs)
                    call.answer(answer, outputs)
                return answer

            return cast("Callable[P, R]", logged_async)

        @functools.wraps(function)
        def logged(*args: P.args, **kwargs: P.kwargs) -> R:
            with Call(self, lambda: asked(args, kwargs)) as call:
                answer = function(*args, **kwargs)
                call.answer(answer, outputs)
            return answer

        return logged

    # -- how an event comes about --------------------------------------------------------------

    def _encode_each(
        self,
        ready: Ready,
        inputs: Any,
        outputs: Any,
        error: BaseException | str | None,
        labels: Mapping[str, Any] | None,
    ) -> tuple[bytes, bytes] | None:
        """Values looked at one by one, as JSON, and further members of the event; None: not in the sample."""
        findings = Findings()
        body = by_value(ready, inputs, outputs, findings)
        rate = None
        if self.sample < 1.0:
            kept = error is not None or bool(findings.violations)
            if not kept and not self._sampled(mapping(inputs, ready.names)):
                return None
            rate = 1.0 if kept else self.sample
        return finished(body, findings, error, labels, rate)

    def _sampled(self, inputs: Mapping[Any, Any]) -> bool:
        if self.sample_key is None:
            return random() < self.sample  # noqa: S311 - a sample, not a secret
        import zlib  # noqa: PLC0415 - only where sampling goes by key

        key = str(inputs.get(self.sample_key))
        return zlib.crc32(key.encode("utf-8", "replace")) < self.sample * _KEY_SPACE


def _listening() -> bool:
    """Whether any handler but a NullHandler would take an event."""
    return any(type(handler) is not logging.NullHandler for handler in LOGGER.handlers)


_UNHEARD: Final = map(hex, itertools.count(getrandbits(128) | 1 << 127))
"""Ids for calls that nobody listens to: cheap, and none comes twice in a process."""


def _deliver(line: bytes, *, failed: bool) -> None:
    """Hand a line to every handler of the logger; mllog's own take it as it is."""
    for handler in list(LOGGER.handlers):
        if isinstance(handler, EventHandler):
            handler.write(line)
        elif type(handler) is not logging.NullHandler:
            level = logging.ERROR if failed else logging.INFO
            record = LOGGER.makeRecord(LOGGER.name, level, "", 0, line[:-1].decode(), (), None, extra={LINE: line})
            handler.handle(record)


_LONGEST_SECONDS: Final = 1e9


def _seconds(duration: float | dt.timedelta) -> float:
    return duration.total_seconds() if isinstance(duration, dt.timedelta) else float(duration)


def _nanoseconds(duration: float | dt.timedelta | None) -> int | None:
    if duration is None:
        return None
    seconds = _seconds(duration)
    return max(0, round(seconds * _NS)) if abs(seconds) < _NS else None
