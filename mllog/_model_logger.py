"""The logger of one model: predictions, by call, by `with` block or by decorator.

Nothing here raises into the service. What could not be made an event is counted in `stats()`.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import itertools
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from random import getrandbits, random
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast, overload

import orjson

from mllog import _context, _records
from mllog._batch import paired
from mllog._call import Arguments, Call
from mllog._event import Template, dumps, uuid7
from mllog._features import SHAPES, Findings, Splitter, mapping
from mllog._handlers import LINE, EventHandler
from mllog._settings import LOGGER, SILENT, STATE
from mllog._shape import Encoder, Shape, encoder, unknown

if TYPE_CHECKING:
    from mllog.profile import Profile

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
        profile: Profile | None = None,
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
        self._generation = -1  # nothing is rendered before the first event
        self._template: Template
        self._inputs: Splitter
        self._outputs: Splitter
        self._names: tuple[str, ...] = ()
        self._encode: Encoder = unknown
        self._encoders: dict[tuple[Shape, Shape, bool], Encoder] = {}

    def __repr__(self) -> str:
        return f"<ModelLogger {self.name!r} {self.version!r}>"

    def validate_with(self, profile: Profile) -> None:
        """Use another profile from the next event on."""
        self.profile = profile
        self._generation = -1

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
            if self._generation != state.generation:
                self._prepare()
            now = time.time_ns()
            if type(duration) is float and 0.0 <= duration < _LONGEST_SECONDS:
                took: int | None = int(duration * 1e9)
            else:
                took = _nanoseconds(duration)
            event_id = uuid7(now)
            body, context = None, b""
            if error is None and self.sample >= 1.0:  # the common call: code compiled for these names and types
                body = self._encode(inputs, outputs)
                if body is None:
                    body = self._encode_anew(inputs, outputs)
                request, bound = _context.request.get(), _context.labels.get()
                if body is not None and (labels or bound or request):
                    if type(request) is _context.Members and not (labels or bound):
                        context = request.json
                    else:
                        body, context = _in_context(body, labels)
            if body is None:
                encoded = self._encode_each(inputs, outputs, error, labels)
                if encoded is None:  # not in the sample
                    return prediction_id or event_id
                body, context = encoded
            began = now - (took or 0) if timestamp is None else _since_epoch(timestamp)
            failed = error is not None
            line = self._template.render(began, now, event_id, prediction_id, took, failed, body, context)
            if len(line) > (_LONGEST if sink is None else sink.longest):
                rest = dumps(_shortened(body, len(line)))
                line = self._template.render(began, now, event_id, prediction_id, took, failed, rest, b"")
            if sink is not None and len(LOGGER.handlers) == 2:  # the NullHandler and mllog's own
                sink.write(line)
            else:
                _deliver(line, failed=failed)
            return prediction_id or event_id  # noqa: TRY300 - the call is over here
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
            batch = paired(inputs, outputs, prediction_ids, self._input_names())
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

    def _input_names(self) -> tuple[str, ...]:
        """Names of the profile's inputs; none without one."""
        return () if self.profile is None else tuple(feature.name for feature in self.profile.inputs)

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

    def _prepare(self) -> None:
        """Render what stays the same, and compile the checks; again after `configure` and in a forked child."""
        generation = STATE.generation
        profile = self.profile
        self._template = Template(
            self.name,
            self.version,
            dataset=self.dataset,
            profile=profile.digest if profile is not None else None,
            service=STATE.service,
        )
        self._encode, self._encoders = unknown, {}
        self._outputs = Splitter(STATE.redactor)
        if profile is None:
            self._inputs = Splitter(STATE.redactor)
            self._names = ()
        else:
            from mllog.profile._validate import Validator  # noqa: PLC0415 - only where there is a profile

            self._inputs = Validator(profile, STATE.redactor)
            self._names = self._input_names()
        self._generation = generation  # the last step: another thread goes on as soon as it sees it

    def _encode_anew(self, inputs: Any, outputs: Any) -> bytes | None:
        """The same for other names and types than those of the last call; the code is compiled where they are new."""
        scalar = type(outputs) in _SCALARS
        if type(inputs) is not dict or not inputs or not (scalar or (type(outputs) is dict and outputs)):
            return None
        asked = self._inputs.shape_of(inputs)
        answered = self._outputs.shape_of({"value": outputs} if scalar else outputs) if asked is not None else None
        if asked is None or answered is None or "missing" in answered.quality or not asked.has_values:
            return None
        pair = (asked, answered, scalar)
        encode = self._encoders.get(pair)
        if encode is None:
            if len(self._encoders) >= SHAPES:
                self._encoders.clear()
            encode = self._encoders[pair] = encoder(asked, answered, scalar=scalar)
        body = encode(inputs, outputs)
        if body is not None:
            self._encode = encode
        return body

    def _encode_each(
        self, inputs: Any, outputs: Any, error: BaseException | str | None, labels: Mapping[str, Any] | None
    ) -> tuple[bytes, bytes] | None:
        """Values looked at one by one, as JSON, and further members of the event; None: not in the sample."""
        findings = Findings()
        body = self._body(inputs, outputs, findings)
        if self.sample < 1.0:
            kept = error is not None or bool(findings.violations)
            if not kept and not self._sampled(inputs):
                return None
            body["sampling"] = {"rate": 1.0 if kept else self.sample}
        context = _context_members(labels, findings)
        if error is not None:
            context += b',"error":' + dumps(_error(error, findings))
        findings.fill(body)
        STATE.counts.redacted += len(findings.redacted_kinds)
        return dumps(body), context

    def _body(self, inputs: Any, outputs: Any, findings: Findings) -> dict[str, Any]:
        """Inputs and outputs by type, each value looked at by itself."""
        body: dict[str, Any] = {}
        asked = self._inputs.split(mapping(inputs, self._names), findings)
        if type(inputs) is dict and not findings.violations and not findings.redacted_kinds:
            self._inputs.remember(inputs)
        if (overflow := asked.pop("overflow", None)) is not None:
            body["input_overflow"] = overflow
        if asked:
            body["input"] = asked
        if outputs is not None:
            before = len(findings.violations), len(findings.redacted_kinds)
            answers = mapping(outputs)
            answered = self._outputs.split(answers, findings)
            if type(answers) is dict and before == (len(findings.violations), len(findings.redacted_kinds)):
                self._outputs.remember(answers)
            if (overflow := answered.pop("overflow", None)) is not None:
                body["input_overflow"] = {**body.get("input_overflow", {}), "output": overflow}
            if answered:
                body["output"] = answered
        return body

    def _sampled(self, inputs: Any) -> bool:
        if self.sample_key is None:
            return random() < self.sample  # noqa: S311 - a sample, not a secret
        import zlib  # noqa: PLC0415 - only where sampling goes by key

        key = str(mapping(inputs, self._names).get(self.sample_key))
        return zlib.crc32(key.encode("utf-8", "replace")) < self.sample * _KEY_SPACE


_LONGEST: Final = EventHandler.longest
_SCALARS: Final = frozenset({float, int, str, bool})


def _shortened(body: bytes, size: int) -> dict[str, Any]:
    """What is left of an event that no sink takes: everything but the values."""
    said = orjson.loads(body)
    return {
        "quality": {"invalid": said["quality"]["invalid"]},
        **({"redaction": said["redaction"]} if "redaction" in said and len(said["redaction"]["fields"]) < 100 else {}),
        "input_overflow": {"cut": f"an event of {size} bytes was cut to its context"},
    }


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


def _since_epoch(when: dt.datetime | float) -> int:
    return round((when.timestamp() if isinstance(when, dt.datetime) else float(when)) * 1_000_000) * 1000


def _in_context(body: bytes, labels: Mapping[str, Any] | None) -> tuple[bytes, bytes]:
    """A body with what is redacted in labels and ids, and these as further members of the event."""
    findings = Findings()
    context = _context_members(labels, findings)
    if findings.redacted_fields:
        said: dict[str, Any] = {}
        findings.fill_redaction(said)
        STATE.counts.redacted += len(findings.redacted_kinds)
        body = body[:-1] + b"," + dumps(said)[1:]
    return body, context


def _context_members(labels: Mapping[str, Any] | None, findings: Findings) -> bytes:
    """Labels and request ids as members of the event, redacted like anything a caller supplies."""
    bound = _context.labels.get() if not labels else _context.merged(labels)
    request = _context.request.get()
    if not bound and not request:
        return b""
    members = dict(request)
    if bound:
        redactor = STATE.redactor
        if redactor is not None:
            clean = {}
            for name, value in bound.items():
                if redactor.sensitive(name):
                    clean[name] = "[REDACTED:key]"
                    findings.redacted(f"labels.{name}", ("key",))
                    continue
                clean[name], kinds = redactor.text(value)
                if kinds:
                    findings.redacted(f"labels.{name}", kinds)
            bound = clean
        members["labels"] = bound
    return b"," + dumps(members)[1:-1]


def _error(error: BaseException | str, findings: Findings) -> dict[str, str]:
    """ECS `error.*` of an exception; its text and the code lines may quote the inputs, so both are redacted."""
    described = _records.described(error) if isinstance(error, BaseException) else {"message": str(error)}
    redactor = STATE.redactor
    if redactor is None:
        return described
    for name, text in described.items():
        described[name], kinds = redactor.text(text)
        if kinds:
            findings.redacted(f"error.{name}", kinds)
    return described


_MODELS: Final[dict[tuple[str, str], ModelLogger]] = {}


def model(
    name: str,
    version: str | None = None,
    *,
    profile: Profile | str | Any | None = None,
    dataset: str | None = None,
    sample: float = 1.0,
    sample_key: str | None = None,
) -> ModelLogger:
    """The logger of a model; the same one for the same name and version. May precede `configure`.

    Args:
        name: name of the model.
        version: its version; default: the profile's, else that of the package the call stands in.
        profile: what training showed: a Profile, or the path of its file. Inputs are validated against it.
        dataset: lets small models share a data stream.
        sample: share of the valid, successful predictions that are logged, 0 to 1; the others always are.
        sample_key: name of an input; the same value is then always in or always out.

    Raises:
        ConfigurationError: a name is blank or a share is outside 0 to 1.
        ProfileError: the profile's file is none.

    Example:
        >>> import mllog
        >>> mllog.model("late", "1.0") is mllog.model("late", "1.0")
        True
    """
    import os  # noqa: PLC0415 - once per model

    from mllog._errors import ConfigurationError  # noqa: PLC0415 - the same

    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"model: a name is a string that is not blank, not {name!r}")
    if not 0.0 <= sample <= 1.0:
        raise ConfigurationError(f"sample: {sample!r} is not a share between 0 and 1")
    if STATE.sink is None and (os.environ.get("MLLOG_SPOOL") or os.environ.get("MLLOG_SINK")):
        from mllog._settings import configure  # noqa: PLC0415 - the same

        configure()
    if isinstance(profile, (str, os.PathLike)):
        from mllog.profile import Profile  # noqa: PLC0415 - only where there is a profile

        profile = Profile.load(os.fspath(profile))
    if version is None:
        version = profile.version if profile is not None else _version_of(sys._getframe(1).f_globals)  # noqa: SLF001 - the documented way to the caller's module
    logger = _MODELS.get((name, version))
    if logger is None:
        logger = ModelLogger(name, version, profile=profile, dataset=dataset, sample=sample, sample_key=sample_key)
        return _MODELS.setdefault((name, version), logger)
    if profile is not None and profile is not logger.profile:
        logger.validate_with(profile)
    return logger


def _version_of(namespace: dict[str, Any]) -> str:
    """The version of the package that a module belongs to, then of the module, then of the service."""
    package = str(namespace.get("__package__") or namespace.get("__name__") or "").partition(".")[0]
    if package and package != "__main__":
        from importlib import metadata  # noqa: PLC0415 - slow to import, and rarely needed

        try:
            return metadata.version(package)
        except (metadata.PackageNotFoundError, ValueError):
            module = sys.modules.get(package)
            if isinstance(getattr(module, "__version__", None), str):
                return str(module.__version__)  # type: ignore[union-attr]
    return str(namespace.get("__version__") or STATE.service.get("version") or "unknown")
