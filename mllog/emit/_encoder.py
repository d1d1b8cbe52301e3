"""Events of features that come again and again with the same names and types: by code compiled for them.

A general loop over twenty features costs ten times what straight code costs. The code is made of the names (as
literals) and of numbers, never of values, and falls back on the general way whenever anything is out of the ordinary.
"""

from __future__ import annotations

import contextlib
import math
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
import orjson
from msgspec import Meta

from mllog.emit._shape import CARD, CATEGORY_LENGTH, IDENTIFIER, TYPES, Shape, Text
from mllog.emit._template import BUFFERS, ENCODER, Event, EventWithoutOutputs, Template, members
from mllog.redaction._checks import luhn
from mllog.redaction.rules import CARD_NUMBER

_GREATEST: Final = sys.float_info.max

Encoder = Callable[..., bytearray | None]
"""Makes a line of inputs and outputs of one pair of shapes, or None where they need the general way."""


def encoder(inputs_shape: Shape, outputs_shape: Shape | None, template: Template, *, scalar: bool) -> Encoder:
    """Compile the way from inputs and outputs to the event of both.

    msgspec checks types and bounds of all values in one go, and gives them as attributes; the code sorts them.

    Args:
        inputs_shape: shape of the inputs.
        outputs_shape: shape of the outputs, none of which may be missing; None where there are none.
        template: what stays the same in the events.
        scalar: whether the outputs come as one value, which is called `value`.

    Returns:
        A function of the inputs, the outputs, `stamps`, the prediction's id, the duration (ns or None) and what
        follows `mllog.quality` (a closing brace at least; None for no more than that). The line comes in a
        buffer; give it back with `return_buffer`.

    Raises:
        ValueError: a name that cannot be written as it is.

    Example:
        >>> from mllog.emit._template import Template
        >>> template = Template("late", "1.0", service={"environment": "test"})
        >>> call = encoder(Shape({"delay": float, "gate": type(None)}), Shape({"value": bool}), template, scalar=True)
        >>> line = call({"delay": 1.5, "gate": None}, True, ("0190", "12:00", "11:59"), "0190", 1000, None)
        >>> print(line.decode().partition('"prediction":')[2], end="")
        {"id":"0190"},"input":{"number":{"delay":1.5}},"output":{"boolean":{"value":true}},"quality":{"missing":["gate"],"invalid":0}}}
        >>> call({"delay": float("nan"), "gate": None}, True, ("0190", "12:00", "11:59"), "0190", 1000, None) is None
        True
    """
    quality = orjson.dumps(inputs_shape.quality)
    scope: dict[str, Any] = {
        "Event": EventWithoutOutputs if outputs_shape is None else Event,
        "Raw": msgspec.Raw,
        "convert": msgspec.convert,
        "Decimal": Decimal,
        "UNSET": msgspec.UNSET,
        "ValidationError": msgspec.ValidationError,
        "take": BUFFERS.pop,
        "encode_into": ENCODER.encode_into,
        "success": template.success,
        "rest": template.rest,
        "quality_json": quality,
        "quality": msgspec.Raw(quality + b"}"),
    }
    into = _Side("i", inputs_shape, scope, "inputs[{!r}]")
    checks, output_values, refused, converted = into.checks, [into.answer], "outputs is not None", "pass"
    if outputs_shape is not None:
        out = _Side("o", outputs_shape, scope, "outputs" if scalar else "outputs[{!r}]")
        checks += out.checks
        output_values.append(out.answer)
        refused = "False" if scalar else "type(outputs) is not dict"
        given = "{'value': outputs}" if scalar else "outputs"
        converted = f"o = convert({given}, o_values)"
    lines = [
        "event_id, created, began = stamps",
        f"if type(inputs) is not dict or {refused}: return None",
        "try:",
        "    i = convert(inputs, i_values)",
        f"    {converted}",
        *([f"    if not ({' and '.join(checks)}): return None"] if checks else []),
        "    try:",
        "        buffer = take()",
        "    except IndexError:",
        "        buffer = bytearray()",
        "    encode_into(Event(began, success, event_id, created, UNSET if took is None else took, rest,",
        f"        {{'id': identity}}, {', '.join(output_values)},",
        "        quality if tail is None else Raw(quality_json + tail)), buffer)",
        # Another type, out of bounds; a subclass of str, which JSON does not have; a lone surrogate.
        "except (ValidationError, TypeError, UnicodeEncodeError):",
        "    return None",
        "buffer.append(10)",
        "return buffer",
    ]
    source = "\n    ".join(("def encode(inputs, outputs, stamps, identity, took, tail):", *lines))
    exec(compile(source, "<shape>", "exec"), scope)  # noqa: S102 - made of numbers and literals of names, see above
    found: Encoder = scope["encode"]
    return found


class _Side:
    """The source for the inputs or the outputs; what it names is put into `scope`.

    Attributes:
        checks: conditions that msgspec cannot check.
        answer: the values, sorted by type.
    """

    def __init__(self, prefix: str, shape: Shape, scope: dict[str, Any], given: str) -> None:
        scope[f"{prefix}_clean"], scope[f"{prefix}_text"] = shape.clean, shape.text
        scope[f"{prefix}_values"] = members(
            shape.types,
            [
                _allowed(kind, shape.bounds.get(name, (-math.inf, math.inf)), large=name in shape.large)
                for name, kind in shape.types.items()
            ],
        )
        _prepare(scope[f"{prefix}_values"])
        self.checks: list[str] = []
        groups: dict[str, dict[str, str]] = {}
        for place, (name, kind) in enumerate(shape.types.items()):
            value, local = f"{prefix}.f{place}", f"{prefix}{place}"
            if kind is Text:
                self.checks.append(f"({local} := {prefix}_text({value})) is not None")
                value = local
            elif kind is str and name in shape.known:
                scope[f"{local}_known"] = shape.known[name]
                known = f"{local} in {local}_known or {prefix}_clean({name!r}, {local})"
                # The type first: an object that only claims to be equal to a known string must not pass for it.
                self.checks.append(f"type({local} := {value}) is str and ({known})")
                value = local
            elif TYPES[kind] == "number" and name in shape.large:  # msgspec makes a float of what the rules look at
                self.checks.append(f"type({given.format(name)}) is not Decimal")
                scope["may_be_card"] = _may_be_card
                self.checks.append(f"not ({CARD} <= abs({value}) < {2**63} and may_be_card({value}))")
            if kind is not type(None):
                groups.setdefault(TYPES[kind], {})[name] = value
        present = [group for group in ("boolean", "text", "number", "category") if group in groups]
        scope[f"{prefix}_typed"] = members(present)
        for group in present:
            scope[f"{prefix}_all_{group}"] = members(groups[group])
        typed = (f"{prefix}_all_{group}({', '.join(groups[group].values())})" for group in present)
        self.answer = f"{prefix}_typed({', '.join(typed)})"


def _prepare(values: type[msgspec.Struct]) -> None:
    """Let msgspec look at the types of a class before another thread has it.

    It does so at the first `convert`, and two threads that do it at once break the interpreter.
    """
    with contextlib.suppress(msgspec.ValidationError):
        msgspec.convert({}, values)


def _may_be_card(value: float) -> bool:
    """Whether a large number is whole, and a card by its digits: the rules decide, and the name."""
    digits = str(abs(int(value)))
    return value % 1 == 0 and re.fullmatch(CARD_NUMBER, digits) is not None and luhn(digits)


def _allowed(kind: type, bounds: tuple[float, float], *, large: bool) -> Any:
    """What msgspec is to let pass for a feature; NaN and the infinities are beyond all bounds."""
    if kind is type(None):
        return None
    if kind is Text:
        return str
    if kind is str:
        return Annotated[str, Meta(max_length=CATEGORY_LENGTH)]
    if kind is bool:
        return bool
    low, high = bounds
    least, most = max(low, 1 - IDENTIFIER), min(high, IDENTIFIER - 1)
    whole = None if least > most else Annotated[int, Meta(ge=math.ceil(least), le=math.floor(most))]
    if large:
        least, most = max(low, -_GREATEST), min(high, _GREATEST)
    fraction = Annotated[float, Meta(ge=float(least), le=float(most))]
    return fraction if whole is None else fraction | whole
