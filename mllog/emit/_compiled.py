"""From what a caller gives to an event: by code compiled for its shape, or value by value."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from mllog._state import STATE
from mllog.emit._features import SHAPES, Splitter
from mllog.emit._mapping import MOST_NAMES, mapping, native
from mllog.event._findings import Findings
from mllog.redaction import Redactor

if TYPE_CHECKING:
    from mllog.emit._encoder import Encoder
    from mllog.emit._shape import Shape
    from mllog.emit._template import Template

_SCALARS: Final = frozenset({float, int, str, bool})


class FeatureName(Protocol):
    """A feature, as far as the emitting side needs it."""

    @property
    def name(self) -> str:
        """Name of the feature."""


class ModelProfile(Protocol):
    """What training showed, as far as the emitting side needs it; `mllog.profile.Profile` is one."""

    @property
    def version(self) -> str:
        """Version of the model."""

    @property
    def digest(self) -> str:
        """Identifies the profile in the events that it validated."""

    @property
    def inputs(self) -> Sequence[FeatureName]:
        """The input features."""

    @property
    def outputs(self) -> Sequence[FeatureName]:
        """The output features."""

    def splitter(self, redactor: Redactor | None, *, keep_texts: bool = False) -> Splitter:
        """What sorts inputs by type and checks them."""


class Model(Protocol):
    """The model, as each of its events names it."""

    name: str
    version: str
    dataset: str | None
    profile: ModelProfile | None


def no_shape(*_: Any) -> None:
    """An `Encoder` before any shape is known: sends every call to the general way."""
    return


class CompiledModel:
    """What is rendered and compiled for the settings in force, as one: a thread never mixes the old with the new.

    Attributes:
        generation: of the settings; others make another one of these.
        template: what stays the same in an event.
        inputs: sorts and checks inputs.
        outputs: the same for outputs.
        names: of the profile's inputs.
        output_names: of the profile's outputs.
        encode: the code for the names and types of the last call.
        encoders: all that was compiled.
        other: templates of other roles and actions, where there are any.
        return_buffer: takes the buffer of a line back.
    """

    __slots__ = (
        "encode",
        "encoders",
        "generation",
        "inputs",
        "names",
        "other",
        "output_names",
        "outputs",
        "return_buffer",
        "template",
    )

    def __init__(
        self,
        generation: int,
        template: Template,
        inputs: Splitter,
        outputs: Splitter,
        names: tuple[tuple[str, ...], tuple[str, ...]],
    ) -> None:
        self.generation = generation
        self.template = template
        self.inputs = inputs
        self.outputs = outputs
        self.names, self.output_names = names
        self.encode: Encoder = no_shape
        self.encoders: dict[tuple[Shape, Shape | None, bool], Encoder] = {}
        self.other: dict[tuple[str, str], Template] = {}
        from mllog.emit._template import BUFFERS  # noqa: PLC0415 - msgspec is not there before it is needed

        self.return_buffer = BUFFERS.append


def input_names(profile: ModelProfile | None) -> tuple[str, ...]:
    """Names of a profile's inputs; none without one."""
    return () if profile is None else tuple(feature.name for feature in profile.inputs)


def output_names(profile: ModelProfile | None) -> tuple[str, ...]:
    """Names of a profile's outputs; none without one."""
    return () if profile is None else tuple(feature.name for feature in profile.outputs)


def compile_model(logger: Model) -> CompiledModel:
    """Render what stays the same, and compile the checks; again after `configure` and in a forked child."""
    generation = STATE.generation  # read first: whatever changes from here on makes another one
    profile = logger.profile
    if profile is None:
        inputs = Splitter(STATE.redactor, keep_texts=STATE.keep_texts)
    else:
        inputs = profile.splitter(STATE.redactor, keep_texts=STATE.keep_texts)
    outputs = Splitter(STATE.redactor, keep_texts=STATE.keep_texts)
    return CompiledModel(generation, template(logger), inputs, outputs, (input_names(profile), output_names(profile)))


def template(logger: Model, *, role: str = "live", action: str = "prediction") -> Template:
    """What stays the same in the events of a model."""
    from mllog.emit._template import Template  # noqa: PLC0415 - msgspec is not there before it is needed

    profile = logger.profile
    return Template(
        _searched(logger.name),
        _searched(logger.version),
        role=role,
        action=action,
        dataset=None if logger.dataset is None else _searched(logger.dataset),
        profile=profile.digest if profile is not None else None,
        redaction=STATE.redactor.digest if STATE.redactor is not None else None,
        service=STATE.service,
    )


def _searched(text: str) -> str:
    """A name or a version without what is sensitive; a digest tells apart what the search made alike."""
    if STATE.redactor is None:
        return text
    clean, kinds = STATE.redactor.text(text)
    return f"{clean} {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}" if kinds else clean


def native_outputs(outputs: Any, names: tuple[str, ...] = ()) -> Any:
    """Outputs as None, a number, a string or a dictionary of those, where they can be.

    Args:
        outputs: of the call.
        names: of the profile's outputs, for an array.

    Example:
        >>> import numpy as np
        >>> native_outputs(np.float64(0.5)), native_outputs(np.array([[0.1, 0.9]]), ("no", "yes"))
        (0.5, {'no': 0.1, 'yes': 0.9})
    """
    scalar = native(outputs)
    if scalar is None or type(scalar) in _SCALARS:
        return scalar
    return native(mapping(scalar, names, numbered=True))


def encode_new_shape(compiled: CompiledModel, inputs: Any, outputs: Any, *rest: Any) -> bytearray | None:
    """A line of names and types that are not those of the last call; the code is compiled where they are new.

    Args:
        compiled: of the model.
        inputs: of the call.
        outputs: of the call.
        rest: as for an `Encoder`.
    """
    scalar = type(outputs) in _SCALARS
    if type(inputs) is not dict or not (scalar or outputs is None or (type(outputs) is dict and outputs)):
        return None
    inputs_shape = compiled.inputs.shape_of(inputs)
    if inputs_shape is None or not inputs_shape.has_values:
        return None
    outputs_shape = None
    if outputs is not None:
        outputs_shape = compiled.outputs.shape_of({"value": outputs} if scalar else outputs)
        if outputs_shape is None or "missing" in outputs_shape.quality:
            return None
    pair = (inputs_shape, outputs_shape, scalar)
    encode = compiled.encoders.get(pair)
    if encode is None:
        if len(compiled.encoders) >= SHAPES:
            compiled.encoders.clear()
        from mllog.emit._encoder import encoder  # noqa: PLC0415 - the same: it needs msgspec

        try:
            encode = encoder(inputs_shape, outputs_shape, compiled.template, scalar=scalar)
        except Exception:  # noqa: BLE001 - bounds or names that msgspec has no way to write: the general way has
            encode = no_shape
        compiled.encoders[pair] = encode
    line = encode(inputs, outputs, *rest)
    if line is not None:
        compiled.encode = encode
    return line


def first_features(values: dict[Any, Any], body: dict[str, Any]) -> dict[Any, Any]:
    """The first features, and a word about the rest, where there are too many."""
    if len(values) <= MOST_NAMES:
        return values
    body.setdefault("input_overflow", {})["cut"] = f"of {len(values)} features the first {MOST_NAMES} are here"
    return dict(itertools.islice(values.items(), MOST_NAMES))


def sort_by_value(compiled: CompiledModel, inputs: Any, outputs: Any, findings: Findings) -> dict[str, Any]:
    """Inputs and outputs by type, each value checked on its own."""
    body: dict[str, Any] = {}
    input_values = first_features(mapping(inputs, compiled.names), body)
    typed_inputs = compiled.inputs.split(input_values, findings)
    if not findings.violations and not findings.redacted_kinds:
        compiled.inputs.remember(input_values)
    if (overflow := typed_inputs.pop("overflow", None)) is not None:
        body["input_overflow"] = {**overflow, **body.get("input_overflow", {})}
    if typed_inputs:
        body["input"] = typed_inputs
    if outputs is not None:
        before = len(findings.violations), len(findings.redacted_kinds)
        output_values = first_features(mapping(outputs, compiled.output_names, numbered=True), body)
        typed_outputs = compiled.outputs.split(output_values, findings)
        if before == (len(findings.violations), len(findings.redacted_kinds)):
            compiled.outputs.remember(output_values)
        if (overflow := typed_outputs.pop("overflow", None)) is not None:
            body["input_overflow"] = {**body.get("input_overflow", {}), "output": overflow}
        if typed_outputs:
            body["output"] = typed_outputs
    return body
