"""The logger of one model: predictions, by call, by `with` block or by decorator.

Nothing here raises into the service. What could not be made an event is counted in `stats()`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from math import trunc
from time import time_ns
from typing import Any, ParamSpec, TypeVar, overload

from mllog import _context
from mllog._state import LOGGER, SILENT, STATE
from mllog.emit import _feedback
from mllog.emit._arguments import given_error, given_id, nanoseconds
from mllog.emit._batch import paired
from mllog.emit._call import Call, observed
from mllog.emit._compiled import (
    CompiledModel,
    ModelProfile,
    encode_new_shape,
    input_names,
    native_outputs,
    output_names,
)
from mllog.emit._delivery import UNLOGGED_IDS, deliver_line, listening, notify
from mllog.emit._general import current, id_or_new, log_by_value, log_later
from mllog.emit._mapping import mapping, native
from mllog.emit._members import sampling_tail, tail_after_quality
from mllog.emit._sampling import Sampler
from mllog.errors import must_propagate
from mllog.event._findings import Findings
from mllog.event._stamps import MAX_SECONDS, since_epoch, stamps, to_nanoseconds
from mllog.sinks._handlers import EVENT_BYTES

P = ParamSpec("P")
R = TypeVar("R")


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
        self.sampler = Sampler(sample, sample_key)
        self._sampled = sample < 1.0
        self.compiled: CompiledModel | None = None  # nothing is rendered before the first event

    def __repr__(self) -> str:
        return f"<ModelLogger {self.name!r} {self.version!r}>"

    def validate_with(self, profile: ModelProfile) -> None:
        """Use another profile from the next event on."""
        self.profile = profile
        self.compiled = None

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
        if error is not None:
            error = given_error(error)
        if state.observers:
            notify(self.name, self.version, duration, failed=error is not None)
        sink = state.sink
        if sink is None and (LOGGER.handlers == SILENT or not listening()):
            return next(UNLOGGED_IDS) if prediction_id is None else id_or_new(prediction_id)
        try:
            compiled = self.compiled
            if compiled is None or compiled.generation != state.generation:
                compiled = current(self)
            now = time_ns()
            took: int | None
            if type(duration) is float and 0.0 <= duration < MAX_SECONDS:
                took = before = trunc(duration * 1e9)
            else:
                took = to_nanoseconds(duration)
                before = took or 0
            if timestamp is not None:
                before = now - since_epoch(timestamp)
            stamped = stamps(now, before)
            identity = stamped[0]
            if prediction_id is not None:
                noted = Findings()
                identity = given_id(prediction_id, noted) or identity
                if noted.redacted_fields or noted.quality:
                    return log_by_value(self, inputs, outputs, duration, prediction_id, timestamp, error, labels)
            max_bytes = EVENT_BYTES if sink is None else sink.max_bytes
            if error is None:  # the common call: code compiled for these names and types
                sampled = self._sampled
                tail, redacted = sampling_tail(self.sampler.rate) if sampled else None, 0
                request, bound = _context.request.get(), _context.labels.get()
                if labels or bound or request:
                    if isinstance(request, _context.Members) and not (labels or bound):
                        tail = (tail or b"}") + request.json
                    else:
                        tail, redacted = tail_after_quality(labels, tail)
                buffer = compiled.encode(inputs, outputs, stamped, identity, took, tail)
                if buffer is None:
                    given = native(mapping(inputs, compiled.names))
                    output_values = native_outputs(outputs, compiled.output_names)
                    if given is not inputs or output_values is not outputs:
                        inputs, outputs = given, output_values
                        buffer = compiled.encode(inputs, outputs, stamped, identity, took, tail)
                    if buffer is None:
                        buffer = encode_new_shape(compiled, inputs, outputs, stamped, identity, took, tail)
                if buffer is not None and len(buffer) <= max_bytes:
                    if sampled and not self.sampler.keeps(inputs):  # valid, or there would be no buffer
                        compiled.return_buffer(buffer)
                        return identity
                    if redacted:
                        state.counts.redacted += redacted
                    handlers = LOGGER.handlers
                    if sink is not None and len(handlers) == 2 and handlers[1] is sink:  # behind the NullHandler
                        sink.write(buffer)
                    else:
                        deliver_line(bytes(buffer), failed=False)
                    compiled.return_buffer(buffer)
                    return identity
            return log_by_value(self, inputs, outputs, duration, identity, timestamp, error, labels, stamped)
        except BaseException as failure:
            if must_propagate(failure):
                raise
            return log_by_value(self, inputs, outputs, duration, prediction_id, timestamp, error, labels)

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
            names, answers = input_names(self.profile), output_names(self.profile)
            batch = paired(inputs, outputs, prediction_ids, names, answers)
        except BaseException as failure:
            if must_propagate(failure):
                raise
            return self._unbatched(inputs, outputs, timestamp, labels, failure)
        seconds = nanoseconds(duration, Findings())
        each = None if seconds is None or not batch else seconds / 1e9 / len(batch)
        return [
            self.prediction(row, answer, duration=each, prediction_id=identity, timestamp=timestamp, labels=labels)
            for row, answer, identity in batch
        ]

    def _unbatched(self, inputs: Any, outputs: Any, timestamp: Any, labels: Any, failure: BaseException) -> list[str]:
        """Log what is no batch as one event that says so, so that it can be seen."""
        STATE.counts.errors += 1
        kind = type(failure).__name__  # its text may quote values
        STATE.counts.last_error = f"predictions() of {self.name!r}: the inputs are no batch of rows: {kind}"
        error = f"predictions(): the inputs are no batch of rows: {kind}"
        self.prediction({"value": inputs}, {"value": outputs}, timestamp=timestamp, labels=labels, error=error)
        return []

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
        """Log the outputs of this model as a shadow of the live one; call it on the candidate's logger.

        The event has the prediction id of the live call and its timestamp, so that both can be laid side by side.

        Args:
            call: the live call, as `observe` gave it, or its prediction id.
            outputs: of the candidate.
            inputs: of the candidate; default: those of the live call.
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

        def body_of(compiled: CompiledModel, findings: Findings) -> dict[str, Any]:
            return _feedback.shadow_body(compiled, call, inputs, outputs, findings)

        live_id: Any = call
        began = None
        if type(call) is Call:  # nothing else: an object may lie about its class
            live_id, began = call.prediction_id, call.began
        when = timestamp if timestamp is not None else began
        return log_later(
            self, body_of, live_id, role="shadow", timestamp=when, duration=duration, error=error, labels=labels
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
        """Log the ground truth of a prediction, once it is known.

        Args:
            prediction_id: what `prediction` returned.
            actual: the ground truth.
            predicted: the prediction; with it the event has the error, the predicted less the actual value,
                or 1 where two that are no numbers differ. Without it that is joined later, by the id.
            predicted_at: when the prediction was made (a datetime or seconds since the epoch); default: what the id
                tells, where mllog made it.
            slices: features by which quality is broken down, such as the carrier.
            labels: put on this event, over those of `mllog.bind`.

        Returns:
            The prediction's id.

        Example:
            >>> import mllog
            >>> with mllog.testing.capture() as events:
            ...     identity = mllog.model("late", "1.0").prediction({"delay": 12.5}, 30.0)
            ...     _ = mllog.model("late", "1.0").feedback(identity, 42.0, predicted=30.0, slices={"carrier": "UA"})
            >>> fields = events[1]["mllog"]
            >>> fields["feedback"]["error"], fields["feedback"]["delay"] >= 0, fields["input"]
            (-12.0, True, {'category': {'carrier': 'UA'}})
        """

        def body_of(compiled: CompiledModel, findings: Findings) -> dict[str, Any]:
            given = _feedback.Given(prediction_id, actual, predicted, predicted_at, slices)
            return _feedback.feedback_body(compiled, given, findings)

        return log_later(self, body_of, prediction_id, action="feedback", labels=labels)

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
            inputs: as `prediction` takes it.
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
            return lambda wrapped: observed(self, wrapped, inputs, outputs)
        return observed(self, function, inputs, outputs)
