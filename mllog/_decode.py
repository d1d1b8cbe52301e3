"""Reads TOML and JSON files into typed structures; every error is one line with the file and the place in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import orjson

from mllog.errors import ConfigurationError, MllogError

Duration = Annotated[
    str,
    msgspec.Meta(
        pattern="^[1-9][0-9]*[smhdw]$", description="a duration: a whole number and a unit, such as 90s or 7d"
    ),
]
"""Descriptions complete the sentence "expected …" in errors, and stand in the JSON schemas."""

Timeout = Annotated[float, msgspec.Meta(gt=0, le=300, description="seconds, at most 300")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Texts = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]

_PLACE: Final = re.compile(r"(.*?) - at `(?:key` in `)?(.*)`", re.DOTALL)
_ANY_KEY: Final = "[...]"
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_ENUM: Final = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_GOT: Final = re.compile(r", got `.*`")
_STEP: Final = re.compile(r"\.(?P<name>[^.\[]+)|\[\"(?P<key>[^\"]*)\"\]|\[(?P<index>\d+)\]")
_PLAIN: Final = re.compile(r"[\w-]+")


def load_toml[T](path: str | Path, kind: type[T]) -> T:
    """Read a TOML file.

    Raises:
        ConfigurationError: it cannot be read, is not TOML, or does not match the type.
    """
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot read the file: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    return convert(data, kind, str(path))


def load_json[T](path: Path, kind: type[T], error_type: type[MllogError] = ConfigurationError) -> T:
    """Read a JSON file.

    Raises:
        FileNotFoundError: it does not exist.
        MllogError: of the given type: it cannot be read, is not JSON, or does not match the type.
    """
    try:
        data = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise error_type(f"{path}: cannot read the file: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise error_type(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    return convert(data, kind, str(path), error_type)


def convert[T](data: Any, kind: type[T], where: str, error_type: type[MllogError] = ConfigurationError) -> T:
    """Check parsed data against a type.

    Args:
        data: what a parser of TOML or JSON returned.
        kind: a `msgspec.Struct`, mostly.
        where: begins the error: the file.
        error_type: what is raised.

    Raises:
        MllogError: of the given type: the data do not match; the line names the place.

    Example:
        >>> convert({"a": "x"}, dict[str, int], "limits.toml")
        Traceback (most recent call last):
        ...
        mllog.errors.ConfigurationError: limits.toml: $.a: expected `int`, got `str`
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise error_type(f"{where}: {_explained(str(error), data, kind)}") from None


def _explained(message: str, data: Any, kind: Any) -> str:
    """The place and the reason of a msgspec error, with what would have been right."""
    match = _PLACE.fullmatch(message)
    reason, place = (match[1], match[2]) if match else (message, "$")
    place = _with_keys(place, data, kind)
    types = _types_at(kind, place)
    unknown, enum = _UNKNOWN.fullmatch(reason), _ENUM.fullmatch(reason)
    if unknown is not None:
        known = sorted(field.encode_name for info in types for field in getattr(info, "fields", ()))
        reason = f"unknown key {unknown[1]!r}; known keys are {', '.join(known)}"
    elif enum is not None:
        values = [str(value) for info in types for value in getattr(info, "values", ())]
        reason = f"{enum[1]} is not one of {', '.join(values)}"
    elif reason.startswith("Expected") and (expected := _description(types)):
        got = _GOT.search(reason)
        reason = f"expected {expected}{got[0] if got else ''}"
    return f"{place}: {reason[:1].lower()}{reason[1:]}"


def _description(types: Iterable[Any]) -> str:
    """What a type says of its values: the description of its `Meta`, or the constant `EXPECTED` of its struct."""
    for info in types:
        if isinstance(info, msgspec.inspect.Metadata):
            return str((info.extra_json_schema or {}).get("description", ""))
        if expected := getattr(getattr(info, "cls", None), "EXPECTED", ""):
            return str(expected)
    return ""


def _with_keys(place: str, data: Any, kind: Any) -> str:
    """The place with the keys of mappings, which msgspec leaves out: the key is the one that fails alone."""
    original = place
    while _ANY_KEY in place:
        before, _, after = place.partition(_ANY_KEY)
        steps = _steps(before)
        mapping = _data_at(data, steps)
        for key, value in mapping.items() if isinstance(mapping, Mapping) else ():
            alone = _replaced(data, steps, {key: value})
            try:
                msgspec.convert(alone, kind)
            except msgspec.ValidationError as error:
                if original in str(error):
                    named = f".{key}" if _PLAIN.fullmatch(str(key)) else f'["{key}"]'
                    data, place = alone, f"{before}{named}{after}"
                    break
        else:
            return place
    return place


def _steps(place: str) -> list[str | int]:
    return [
        int(match["index"]) if match["index"] else match["name"] or match["key"] or ""
        for match in _STEP.finditer(place)
    ]


def _data_at(data: Any, steps: Iterable[str | int]) -> Any:
    for step in steps:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _replaced(data: Any, steps: list[str | int], value: Any) -> Any:
    """A copy with another value at a place."""
    if not steps:
        return value
    first, *rest = steps
    copy = dict(data) if isinstance(data, Mapping) else list(data)
    copy[first] = _replaced(data[first], rest, value)  # type: ignore[index]
    return copy


def _types_at(kind: Any, place: str) -> list[Any]:
    """What msgspec knows about the types that a place may have."""
    types = _alternatives([msgspec.inspect.type_info(kind)])
    for step in _steps(place):
        following: list[Any] = []
        for info in types:
            if isinstance(info, msgspec.inspect.StructType):
                following += [field.type for field in info.fields if field.encode_name == step]
            elif isinstance(info, msgspec.inspect.DictType):
                following.append(info.value_type)
            elif isinstance(info, (msgspec.inspect.VarTupleType, msgspec.inspect.ListType)):
                following.append(info.item_type)
        types = _alternatives(following)
    return types


def _alternatives(types: Iterable[Any]) -> list[Any]:
    """Types with the members of unions, and the type inside each annotation."""
    found: list[Any] = []
    for info in types:
        if isinstance(info, msgspec.inspect.UnionType):
            found += _alternatives(info.types)
        elif isinstance(info, msgspec.inspect.Metadata):
            found += [info, *_alternatives([info.type])]
        else:
            found.append(info)
    return found
