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
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar, cast, overload

from mllog import _context
from mllog._batch import paired
from mllog._event import Template, dumps, uuid7
from mllog._features import Findings, Splitter, mapping
from mllog._handlers import LINE, EventHandler
from mllog._settings import LOGGER, STATE

if TYPE_CHECKING:
    from mllog.profile import Profile

P = ParamSpec("P")
R = TypeVar("R")

_NS: Final = 1_000_000_000
_KEY_SPACE: Final = 1 << 32
_FRAMES: Final = 32


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
        if STATE.sink is None and not _listening():
            return prediction_id or _unheard()
        try:
            return self._log(inputs, outputs, duration, prediction_id, timestamp, error, labels)
        except Exception as failure:  # noqa: BLE001 - logging must never disturb the service
            STATE.counts.errors += 1
            STATE.counts.last_error = f"prediction() of {self.name!r} could not be logged: {type(failure).__name__}"
            return prediction_id or _unheard()

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
        asked = _Arguments(function, inputs)

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
        self._generation = STATE.generation
        profile = self.profile
        self._template = Template(
            self.name,
            self.version,
            dataset=self.dataset,
            profile=profile.digest if profile is not None else None,
            service=STATE.service,
        )
        self._outputs = Splitter(STATE.redactor)
        if profile is None:
            self._inputs = Splitter(STATE.redactor)
            self._names = ()
        else:
            from mllog.profile._validate import Validator  # noqa: PLC0415 - only where there is a profile

            self._inputs = Validator(profile, STATE.redactor)
            self._names = self._input_names()

    def _log(
        self,
        inputs: Any,
        outputs: Any,
        duration: float | dt.timedelta | None,
        prediction_id: str | None,
        when: dt.datetime | float | None,
        error: BaseException | str | None,
        labels: Mapping[str, Any] | None,
    ) -> str:
        if self._generation != STATE.generation:
            self._prepare()
        now = time.time_ns()
        if type(duration) is float and 0.0 <= duration < _LONGEST_SECONDS:
            took: int | None = int(duration * 1e9)
        else:
            took = _nanoseconds(duration)
        began = now - (took or 0) if when is None else _since_epoch(when)
        event_id = uuid7(now)
        failed = error is not None
        if not failed and self.sample >= 1.0 and (body := self._quick_body(inputs, outputs)) is not None:
            context = b""
            if _in_context(labels):
                findings = Findings()
                context = _context_members(labels, findings)
                findings.fill_redaction(body)
                STATE.counts.redacted += len(findings.redacted_kinds)
        else:
            findings = Findings()
            body = self._body(inputs, outputs, findings)
            if self.sample < 1.0:
                if not failed and not findings.violations and not self._sampled(inputs):
                    return prediction_id or event_id
                body["sampling"] = {"rate": 1.0 if failed or findings.violations else self.sample}
            context = _context_members(labels, findings)
            if error is not None:
                context += b',"error":' + dumps(_error(error, findings))
            findings.fill(body)
            STATE.counts.redacted += len(findings.redacted_kinds)
        line = self._template.render(began, now, event_id, prediction_id, took, failed, dumps(body), context)
        sink = STATE.sink
        if len(line) > (_LONGEST if sink is None else sink.longest):
            rest = dumps(_shortened(body, len(line)))
            line = self._template.render(began, now, event_id, prediction_id, took, failed, rest, b"")
        if sink is not None and len(LOGGER.handlers) == 2:  # the NullHandler and mllog's own
            sink.write(line)
        else:
            _deliver(line, failed=failed)
        return prediction_id or event_id

    def _quick_body(self, inputs: Any, outputs: Any) -> dict[str, Any] | None:
        """The whole event's values where nothing about them needs a note: the common case."""
        answers = outputs if type(outputs) is dict else {"value": outputs} if type(outputs) in _SCALARS else None
        if type(inputs) is not dict or answers is None:
            return None
        asked = self._inputs.quick(inputs)
        if asked is None or not asked[0]:
            return None
        answered = self._outputs.quick(answers)
        if answered is None or not answered[0] or answered[1].missing:
            return None
        return {"input": asked[0], "output": answered[0], "quality": asked[1].quality}

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


def _shortened(body: dict[str, Any], size: int) -> dict[str, Any]:
    """What is left of an event that no sink takes: everything but the values."""
    return {
        "quality": {"invalid": body["quality"]["invalid"]},
        **({"redaction": body["redaction"]} if "redaction" in body and len(body["redaction"]["fields"]) < 100 else {}),
        "input_overflow": {"cut": f"an event of {size} bytes was cut to its context"},
    }


def _listening() -> bool:
    """Whether any handler but a NullHandler would take an event."""
    handlers = LOGGER.handlers
    if len(handlers) == 1 and type(handlers[0]) is logging.NullHandler:
        return False
    return STATE.sink is not None or any(type(handler) is not logging.NullHandler for handler in handlers)


_COUNT: Final = itertools.count()
_UNHEARD: Final = f"{getrandbits(64):016x}"


def _unheard() -> str:
    """An id for a call that nobody listens to; cheap, and none comes twice in a process."""
    return f"{_UNHEARD}{next(_COUNT):016x}"


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


def _in_context(labels: Mapping[str, Any] | None) -> bool:
    return bool(labels or _context.request.get() or _context.labels.get())


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
    if isinstance(error, BaseException):
        import traceback  # noqa: PLC0415 - only where something failed

        kind, message = type(error).__qualname__, str(error)
        frames = traceback.format_exception(type(error), error, error.__traceback__, limit=-_FRAMES)
        described = {"type": kind, "message": message, "stack_trace": "".join(frames)}
    else:
        described = {"message": str(error)}
    redactor = STATE.redactor
    if redactor is None:
        return described
    for name, text in described.items():
        described[name], kinds = redactor.text(text)
        if kinds:
            findings.redacted(f"error.{name}", kinds)
    return described


class Call:
    """A call that is being observed: set `outputs` before the block ends.

    Attributes:
        prediction_id: known from the start, so that it can go into the answer.
        inputs: what the model is asked.
        outputs: what it answered.
    """

    __slots__ = ("_began", "_clock", "_labels", "_logger", "inputs", "outputs", "prediction_id")

    def __init__(
        self,
        logger: ModelLogger,
        inputs: Any,
        prediction_id: str | None = None,
        labels: Mapping[str, Any] | None = None,
        began: dt.datetime | float | None = None,
    ) -> None:
        self._logger = logger
        self._began = began
        self._labels = labels
        self.inputs = inputs
        self.outputs: Any = None
        self.prediction_id = prediction_id or uuid7(time.time_ns())

    def answer(self, value: Any, select: Callable[[Any], Any] | None) -> None:
        """Take what a decorated function returned."""
        self.outputs = value if select is None else _quietly(lambda: select(value))

    def __enter__(self) -> Self:
        if self._began is None:
            self._began = time.time_ns() / _NS
        self._clock = time.perf_counter_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        took = (time.perf_counter_ns() - self._clock) / _NS
        self._logger.prediction(
            _quietly(self.inputs) if inspect.isfunction(self.inputs) else self.inputs,
            self.outputs,
            duration=took,
            prediction_id=self.prediction_id,
            timestamp=self._began,
            error=error if error is not None or kind is None else kind.__qualname__,
            labels=self._labels,
        )


def _quietly(function: Callable[[], Any]) -> Any:
    """What a caller's own selection gives; its failure is counted and must not end the call."""
    try:
        return function()
    except Exception as failure:  # noqa: BLE001 - a caller's lambda may raise anything
        STATE.counts.errors += 1
        STATE.counts.last_error = f"selecting what to log failed: {type(failure).__name__}"
        return None


class _Arguments:
    """Finds the inputs among the arguments of a decorated function."""

    def __init__(self, function: Callable[..., Any], inputs: Callable[..., Any] | str | None) -> None:
        self._select = inputs if callable(inputs) else None
        self._name = inputs if isinstance(inputs, str) else None
        self._signature = inspect.signature(function)
        names = list(self._signature.parameters)
        self._skip = names[0] if names and names[0] in ("self", "cls") else None

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._select is not None:
            return self._select(*args, **kwargs)
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        asked = dict(bound.arguments)
        if self._skip is not None:
            asked.pop(self._skip, None)
        if self._name is not None:
            return asked[self._name]
        for name, parameter in self._signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD and name in asked:
                asked.update(asked.pop(name))
        if len(asked) == 1:
            (only,) = asked.values()
            if not isinstance(only, (str, bytes, int, float, bool, type(None))):
                return only
        return asked


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
