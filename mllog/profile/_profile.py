"""The profile: the training data of a model, described feature by feature in one JSON file.

It is learnt from the training frame and never edited by hand. Validation, the dashboards and the thresholds of the
watches are derived from it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from mllog._files import write_atomically
from mllog._names import text_fault
from mllog._timestamps import iso_utc
from mllog.emit._features import Splitter
from mllog.errors import MissingExtraError, ProfileError
from mllog.profile._feature import Feature
from mllog.profile._format import SCHEMA, VERSION, parse
from mllog.profile._validate import Validator
from mllog.redaction import Redactor

if TYPE_CHECKING:
    import pandas as pd

    from mllog.profile._learn import Outputs


@dataclass(frozen=True)
class Profile:
    """What the training data of a model contained: its inputs and outputs.

    Attributes:
        name: name of the model.
        version: version of the model.
        inputs: the input features, in the order of the frame.
        outputs: the output features.
        rows: rows of the training frame.
        created: when it was learnt, ISO 8601 in UTC.
        rules: digest of the redaction rules that scanned every value kept here.
        invalid_share: share of the training rows that the profile itself would call invalid
            (rare categories are pooled, bounds of sensitive features are quantiles).
        slices: names of the features to watch separately, by value.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"delay": [1.0, 2.0, None] * 10, "carrier": ["UA", "UA", "AA"] * 10})
        >>> profile = Profile.learn(frame, name="late", version="1.0")
        >>> profile.validate({"delay": 1.5, "carrier": "UA"})
        {}
        >>> profile.validate({"delay": 7.0, "carrier": "ZZ"})
        {'above_max': ['delay'], 'unseen_category': ['carrier']}
    """

    name: str
    version: str
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...] = ()
    rows: int = 0
    created: str = ""
    rules: str = ""
    invalid_share: float = 0.0
    slices: tuple[str, ...] = ()
    _validator: list[Any] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def learn(
        cls,
        frame: pd.DataFrame,
        outputs: Outputs | None = None,
        *,
        name: str,
        version: str,
        sensitive: tuple[str, ...] | list[str] = (),
        slices: tuple[str, ...] | list[str] = (),
    ) -> Profile:
        """Learn a profile from the frame that the model was trained on.

        Args:
            frame: one row per training example, one column per input.
            outputs: the model's predictions for these rows (or the target): a frame with one column per output, a
                Series, or an array; without a name, an output is called `value`, several `value_0`, `value_1` and so
                on.
            name: name of the model.
            version: version of the model.
            sensitive: columns whose values must not be kept.
            slices: columns to watch separately, by value.

        Raises:
            ProfileError: the name or version is no text, the frame is empty, a named column is not in it, or a column
                has no usable name or holds what is no single number, boolean, time or text; the message names
                the column.
            MissingExtraError: numpy or pandas is not installed.

        Example:
            >>> import pandas as pd
            >>> Profile.learn(pd.DataFrame({"tags": [["late"], []]}), name="late", version="1.0")
            Traceback (most recent call last):
            ...
            mllog.errors.ProfileError: column 'tags': row 0 holds a list, which is no single number, text, boolean or \
time: give each element a column of its own, turn it into a text, or drop the column
        """
        for what, text, like in (("name", name, "'late'"), ("version", version, "'1.0'")):
            if fault := text_fault(text):
                raise ProfileError(f"the {what} of the model, {text!r}, {fault}: give {what}= as a text such as {like}")
        marked, watched = _columns("sensitive", sensitive), _columns("slices", slices)
        try:
            from mllog.profile._learn import learn  # noqa: PLC0415 - pandas is an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("Profile.learn", "profile") from error
        inputs, output_features, invalid, rules = learn(frame, outputs, marked, watched)
        return cls(
            name=name,
            version=version,
            inputs=inputs,
            outputs=output_features,
            rows=len(frame),
            created=iso_utc(dt.datetime.now(dt.UTC), "seconds"),
            rules=rules,
            invalid_share=invalid,
            slices=watched,
        )

    @property
    def digest(self) -> str:
        """`sha256:` and the digest of all members except the time of creation."""
        content = self._content()
        del content["created"]
        return "sha256:" + hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def _content(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "model": {"name": self.name, "version": self.version},
            "created": self.created,
            "rows": self.rows,
            "invalid_share": self.invalid_share,
            "redaction": {"rules": self.rules},
            "slices": list(self.slices),
            "inputs": [feature.to_json() for feature in self.inputs],
            "outputs": [feature.to_json() for feature in self.outputs],
        }

    def to_json(self) -> dict[str, Any]:
        """The content of the profile file, for a reader in any language (`docs/schemas/profile.json`)."""
        content = self._content()
        return {**{key: content.pop(key) for key in ("schema", "version", "model")}, "digest": self.digest, **content}

    @classmethod
    def from_json(cls, data: Any, source: str = "profile") -> Profile:
        """Read a profile from parsed JSON.

        Args:
            data: the JSON object.
            source: name of its file, which every error starts with.

        Raises:
            ProfileError: it is not a profile, of another version, or was changed by hand.
        """
        file = parse(data, source)
        profile = cls(
            name=file.model.name,
            version=file.model.version,
            inputs=tuple(column.feature() for column in file.inputs),
            outputs=tuple(column.feature() for column in file.outputs),
            rows=file.rows,
            created=file.created,
            rules=file.redaction.rules,
            invalid_share=file.invalid_share,
            slices=tuple(file.slices),
        )
        if file.digest != profile.digest:
            raise ProfileError(
                f"{source}: the digest does not match the content - at `$.digest`; a profile is not edited by hand: "
                "learn it again"
            )
        return profile

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Read a profile file.

        Raises:
            ProfileError: the file cannot be read or is not a profile.
        """
        try:
            data = orjson.loads(Path(path).read_bytes())
        except OSError as error:
            raise ProfileError(f"{path}: cannot read the profile: {error.strerror}") from error
        except orjson.JSONDecodeError as error:
            raise ProfileError(f"{path}:{error.lineno}:{error.colno}: not a profile: {error.msg}") from error
        return cls.from_json(data, str(path))

    def save(self, path: str | Path) -> None:
        """Write the profile file atomically.

        Raises:
            ProfileError: the file cannot be written.
        """
        data = orjson.dumps(self.to_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        try:
            write_atomically(Path(path), data, mode=None)
        except OSError as error:
            raise ProfileError(f"{path}: cannot write the profile: {error.strerror}") from error

    def splitter(self, redactor: Redactor | None, *, keep_texts: bool = False) -> Splitter:
        """The splitter that sorts the inputs of a call by type and validates them; used by `ModelLogger`.

        Args:
            redactor: replaces sensitive values; None if redaction is off.
            keep_texts: write free texts instead of a summary.
        """
        return Validator(self, redactor, keep_texts=keep_texts)

    def validate(self, inputs: Any) -> dict[str, list[str]]:
        """How these inputs differ from the training data; empty if they are valid.

        Args:
            inputs: a mapping, dataclass, one-row frame or array, as `prediction` takes it.

        Returns:
            Feature names by kind: `missing`, `below_min`, `above_max`, `unseen_category`, `wrong_type`,
            `unexpected`, `non_finite`.
        """
        if not self._validator:
            self._validator.append(Validator(self, redactor=None))
        violations: dict[str, list[str]] = self._validator[0].violations(inputs)
        return violations


def _columns(what: str, names: Any) -> tuple[str, ...]:
    """The names of columns that a caller gives.

    Raises:
        ProfileError: they are no collection of strings.
    """
    if isinstance(names, str | bytes) or not isinstance(names, Iterable):
        raise ProfileError(f"{what}: {names!r} is not a list of columns: write {what}=[...] with their names")
    columns = tuple(names)
    for name in columns:
        if not isinstance(name, str):
            raise ProfileError(f"{what}: {name!r} is not the name of a column, which is a string")
    return columns
