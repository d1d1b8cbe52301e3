"""The profile: what training showed of a model's inputs and outputs, as one JSON file.

It is learnt from the training frame, never typed in. Validation, the dashboards and the thresholds
of the watches are derived from it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from mllog._files import write_atomically
from mllog._timestamps import iso_utc
from mllog.emit._features import Splitter
from mllog.errors import MissingExtraError, ProfileError
from mllog.profile._feature import Feature, Reader
from mllog.profile._validate import Validator
from mllog.redaction import Redactor

if TYPE_CHECKING:
    import pandas as pd

SCHEMA: Final = "mllog.profile"
VERSION: Final = 1


@dataclass(frozen=True)
class Profile:
    """What training showed of a model's inputs and outputs.

    Attributes:
        name: name of the model.
        version: version of the model.
        inputs: the features that go in, in the frame's order.
        outputs: the features that come out.
        rows: rows of the training frame.
        created: when it was learnt, ISO 8601 in UTC.
        rules: digest of the redaction rules that looked at every value kept here.
        invalid_share: share of the training rows that the profile itself would call invalid
            (rare categories are pooled, bounds of sensitive features are quantiles).
        slices: names of the features to watch apart.

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
        outputs: pd.DataFrame | None = None,
        *,
        name: str,
        version: str,
        sensitive: tuple[str, ...] | list[str] = (),
        slices: tuple[str, ...] | list[str] = (),
    ) -> Profile:
        """Learn a profile from the frame that the model was trained on.

        Args:
            frame: one row per training example, one column per input.
            outputs: the model's own answers for these rows (or the target), one column per output.
            name: name of the model.
            version: version of the model.
            sensitive: columns whose values must not be kept.
            slices: columns whose values are to be watched apart.

        Raises:
            ProfileError: the frame is empty, has no usable names, or a named column is not in it.
            MissingExtraError: numpy or pandas is not installed.
        """
        try:
            from mllog.profile._learn import learn  # noqa: PLC0415 - pandas is an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError("Profile.learn", "profile") from error
        inputs, answers, invalid, rules = learn(frame, outputs, tuple(sensitive), tuple(slices))
        return cls(
            name=name,
            version=version,
            inputs=inputs,
            outputs=answers,
            rows=len(frame),
            created=iso_utc(dt.datetime.now(dt.UTC), "seconds"),
            rules=rules,
            invalid_share=invalid,
            slices=tuple(slices),
        )

    @property
    def digest(self) -> str:
        """`sha256:` and the digest of everything but the time of creation."""
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
        """The profile as it is written, for a reader of any language (`mllog/profile/schema.json`)."""
        content = self._content()
        return {**{key: content.pop(key) for key in ("schema", "version", "model")}, "digest": self.digest, **content}

    @classmethod
    def from_json(cls, data: Any, where: str = "profile") -> Profile:
        """Read a profile from parsed JSON; `where` begins the place in every error.

        Raises:
            ProfileError: it is not a profile, of another version, or was changed by hand.
        """
        read = Reader(data, where)
        if data.get("schema") != SCHEMA:
            raise ProfileError(f'{where}: not a profile of mllog (no "schema": "{SCHEMA}")')
        if data.get("version") != VERSION:
            raise ProfileError(f"{where}: version {data.get('version')!r} of the format; this mllog reads {VERSION}")
        model = read.part("model")
        profile = cls(
            name=model.text("name"),
            version=model.text("version"),
            inputs=_features(read, "inputs", where),
            outputs=_features(read, "outputs", where),
            rows=read.count("rows"),
            created=read.text("created"),
            rules=read.part("redaction").text("rules"),
            invalid_share=read.share("invalid_share"),
            slices=tuple(read.list("slices", str)),
        )
        if read.text("digest") != profile.digest:
            raise ProfileError(
                f"{where}.digest: does not fit the content; learn the profile again, it is not edited by hand"
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
        """Write the profile file, as a whole or not at all.

        Raises:
            ProfileError: the file cannot be written.
        """
        data = orjson.dumps(self.to_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        try:
            write_atomically(Path(path), data, mode=None)
        except OSError as error:
            raise ProfileError(f"{path}: cannot write the profile: {error.strerror}") from error

    def splitter(self, redactor: Redactor | None, *, keep_texts: bool = False) -> Splitter:
        """What sorts the inputs of a call by type and checks them; a `ModelLogger` asks for it.

        Args:
            redactor: replaces sensitive values; None where redaction is off.
            keep_texts: free texts are written and not summarised.
        """
        return Validator(self, redactor, keep_texts=keep_texts)

    def validate(self, inputs: Any) -> dict[str, list[str]]:
        """What about these inputs training did not show; empty where they are valid.

        Args:
            inputs: a mapping, dataclass, one-row frame or array, as `prediction` takes it.

        Returns:
            Feature names by kind: `missing`, `below_min`, `above_max`, `unseen_category`, `wrong_type`,
            `unexpected`, `non_finite`.
        """
        if not self._validator:
            self._validator.append(Validator(self, redactor=None))
        found: dict[str, list[str]] = self._validator[0].violations(inputs)
        return found


def _features(read: Reader, key: str, where: str) -> tuple[Feature, ...]:
    features = tuple(
        Feature.from_json(item, f"{where}.{key}[{place}]") for place, item in enumerate(read.list(key, Mapping))
    )
    names = [feature.name for feature in features]
    for name in names:
        if names.count(name) > 1:
            raise ProfileError(f"{where}.{key}: the feature {name!r} is there twice")
    return features
