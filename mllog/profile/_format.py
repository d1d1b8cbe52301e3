"""The profile file, version 1: its members, their types, and what each means.

Files are read strictly: an unknown member, a missing one or one of the wrong type is refused with file and JSON path.
docs/schemas/profile.json is generated from these classes (`python docs/schemas/generate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from mllog.errors import ProfileError
from mllog.profile._feature import Feature

SCHEMA: Final = "mllog.profile"
VERSION: Final = 1

Count = Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(min_length=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]


class Model(Struct, forbid_unknown_fields=True):
    """The model that the profile belongs to."""

    name: Name
    version: str


class Redaction(Struct, forbid_unknown_fields=True):
    """What looked for sensitive values."""

    rules: Annotated[str, Meta(description="Digest of the rules that scanned every value kept here.")]


class Bins(Struct, forbid_unknown_fields=True):
    """Half-open bins `[edge, next)`."""

    edges: Annotated[list[float], Meta(description="n + 1 ascending edges of n bins.")]
    counts: Annotated[list[Count], Meta(description="Rows in each bin.")]


class Category(Struct, forbid_unknown_fields=True):
    """A value of a category, and its rows."""

    value: str
    count: Count


class _Column(Struct, forbid_unknown_fields=True, tag_field="type"):
    """What a feature of any type has."""

    name: Name
    dtype: Annotated[str, Meta(description="Type of the column in the training frame.")]
    count: Annotated[Count, Meta(description="Rows with a value.")]
    missing: Annotated[Count, Meta(description="Rows without a value.")]
    sensitive: Annotated[bool, Meta(description="Its values are not kept, here or in events.")]
    clean: Annotated[bool, Meta(description="The redaction rules found nothing in any of its values.")]
    inferred_dtype: Annotated[
        str,
        Meta(
            description="Type of the values in a column of objects or categories that is not text, "
            "by pandas.api.types.infer_dtype, or the dtype of the categories where that says more."
        ),
    ] = field(default="", name="holds")
    infinite: Annotated[Count, Meta(description="Rows that are an infinity; not there if there are none.")] = 0

    def common(self) -> dict[str, Any]:
        """The arguments of a Feature that do not depend on the type."""
        return {name: getattr(self, name) for name in _Column.__struct_fields__}


class Time(Struct, forbid_unknown_fields=True):
    """The range of dates, datetimes, times or periods, in seconds: since 1970 in UTC, of a time since midnight."""

    min: float | None
    max: float | None
    bins: Bins


class NumberColumn(_Column, tag="number", kw_only=True):
    """A feature of numbers."""

    integer: Annotated[bool, Meta(description="All values are whole numbers.")]
    min: Annotated[
        int | float | None, Meta(description="Least value; of a sensitive feature the 1 % quantile, rounded.")
    ]
    max: Annotated[
        int | float | None, Meta(description="Greatest value; of a sensitive feature the 99 % quantile, rounded.")
    ]
    mean: float | None
    std: Annotated[float | None, Meta(description="Standard deviation of the sample (n - 1).")]
    zero: Annotated[Count, Meta(description="Rows with the value zero.")]
    quantiles: Annotated[dict[str, float], Meta(description="Value by probability, linear interpolation.")]
    bins: Bins

    def feature(self) -> Feature:
        """The feature."""
        own: dict[str, Any] = {
            name: getattr(self, name) for name in ("integer", "min", "max", "mean", "std", "zero", "quantiles")
        }
        edges, counts = tuple(self.bins.edges), tuple(self.bins.counts)
        return Feature(type="number", edges=edges, counts=counts, **own, **self.common())


class CategoryColumn(_Column, tag="category", kw_only=True):
    """A feature of categories."""

    distinct: Annotated[Count, Meta(description="How many different values there were.")]
    other: Annotated[Count, Meta(description="Rows whose category is not listed.")]
    complete: Annotated[
        bool, Meta(description="The list covers nearly all rows, so that an unlisted category is noteworthy.")
    ]
    categories: Annotated[
        list[Category],
        Meta(description="The most frequent first; those seen fewer than ten times are pooled in `other`."),
    ]
    time: Annotated[
        Time | None, Meta(description="Of dates, datetimes, times and periods, whose values are not listed.")
    ] = None

    def feature(self) -> Feature:
        """The feature."""
        listed = tuple((category.value, category.count) for category in self.categories)
        own: dict[str, Any] = {"distinct": self.distinct, "other": self.other, "complete": self.complete}
        if self.time is not None:
            bins = self.time.bins
            own |= {"temporal": True, "min": self.time.min, "max": self.time.max}
            own |= {"edges": tuple(bins.edges), "counts": tuple(bins.counts)}
        return Feature(type="category", categories=listed, **own, **self.common())


class BooleanColumn(_Column, tag="boolean", kw_only=True):
    """A feature that is true or false."""

    true: Count
    false: Count

    def feature(self) -> Feature:
        """The feature."""
        return Feature(type="boolean", true=self.true, false=self.false, **self.common())


class TextColumn(_Column, tag="text", kw_only=True):
    """A feature of free text."""

    length: Annotated[dict[str, float], Meta(description="Least, greatest and mean length, in characters.")]

    def feature(self) -> Feature:
        """The feature."""
        return Feature(type="text", length=self.length, **self.common())


Column = NumberColumn | CategoryColumn | BooleanColumn | TextColumn


class ProfileFile(Struct, forbid_unknown_fields=True):
    """What the training data of a model contained. Written by mllog.Profile.save; learnt, never typed in."""

    schema: Literal["mllog.profile"]
    version: Literal[1]
    model: Model
    digest: Annotated[Digest, Meta(description="Over everything but `digest` and `created`, keys sorted.")]
    created: Annotated[str, Meta(description="When it was learnt, ISO 8601 in UTC.")]
    rows: Annotated[Count, Meta(description="Rows of the training frame.")]
    invalid_share: Annotated[
        Share,
        Meta(
            description="Share of the training rows that the profile itself would call invalid: "
            "rare categories are pooled, bounds of sensitive features are quantiles."
        ),
    ]
    redaction: Redaction
    slices: Annotated[list[str], Meta(description="Features to watch separately, by value.")]
    inputs: list[Column]
    outputs: list[Column]


def parse(data: Any, source: str) -> ProfileFile:
    """The file as checked members.

    Args:
        data: parsed JSON.
        source: name of the file, which every error starts with.

    Raises:
        ProfileError: it is not a profile of this version; the message has the JSON path.

    Example:
        >>> parse({"schema": "mllog.profile", "version": 1, "model": {"name": 3}}, "late.json")
        Traceback (most recent call last):
        ...
        mllog.errors.ProfileError: late.json: Expected `str`, got `int` - at `$.model.name`
    """
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        raise ProfileError(f'{source}: not a profile of mllog (no "schema": "{SCHEMA}" - at `$.schema`)')
    if data.get("version") != VERSION:
        raise ProfileError(
            f"{source}: version {data.get('version')!r} of the format, this mllog reads {VERSION} - at `$.version`"
        )
    try:
        file = msgspec.convert(data, ProfileFile)
    except msgspec.ValidationError as error:
        raise ProfileError(f"{source}: {error}") from error
    for key, columns in (("inputs", file.inputs), ("outputs", file.outputs)):
        names: set[str] = set()
        for place, column in enumerate(columns):
            where = f"at `$.{key}[{place}]`"
            if column.name in names:
                raise ProfileError(f"{source}: the feature {column.name!r} is listed twice - {where}")
            names.add(column.name)
            bins, member = _bins_of(column)
            if bins is not None and bins.edges and len(bins.edges) != len(bins.counts) + 1:
                raise ProfileError(f"{source}: n bins have n + 1 edges - at `$.{key}[{place}].{member}`")
    return file


def _bins_of(column: Column) -> tuple[Bins | None, str]:
    """The bins of a column, and where they are in it."""
    if isinstance(column, NumberColumn):
        return column.bins, "bins"
    if isinstance(column, CategoryColumn) and column.time is not None:
        return column.time.bins, "time.bins"
    return None, ""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a profile file, for a reader in any language."""
    schema = msgspec.json.schema(ProfileFile)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Profile of a model's inputs and outputs, version {VERSION}",
        **schema,
    }
