"""Arguments that cannot work are refused where they are given, with a sentence; `""` is not given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import mllog
from mllog.errors import ConfigurationError, ProfileError

NAMES = ("service", "environment", "version", "sink", "spool", "endpoint", "redaction", "free_text", "when_full")
NUMBERS = ("max_bytes", "block_seconds", "spool_group")
FRAME = pd.DataFrame({"a": [1.0, 2.0] * 10})


@pytest.mark.parametrize("name", [*NAMES, *NUMBERS])
@pytest.mark.parametrize(
    "value", [-5, 1.5j, b"x", True, object(), " ", "a\0b", "a\ud800", "9" * 400, 10**400, "9" * 400 + "s"]
)
def test_configure_refuses_what_cannot_work(name: str, value: Any, tmp_path: Path) -> None:
    """Of whatever argument and kind, and names the argument; long digits are a fine name of a service."""
    if isinstance(value, str) and value.startswith("99") and name not in NUMBERS[:2]:
        return
    place = {} if name in {"sink", "spool"} else {"spool": tmp_path}
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        mllog.configure(**{**place, name: value})


@pytest.mark.parametrize("name", [*NAMES, *NUMBERS])
def test_an_empty_text_is_not_given(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an argument and as a variable."""
    monkeypatch.setenv("MLLOG_SPOOL", str(tmp_path / "spool"))
    mllog.configure(**{name: ""})  # type: ignore[arg-type]
    assert mllog.stats()["sink"] == str(tmp_path / "spool")
    if name != "spool":
        monkeypatch.setenv(f"MLLOG_{name.upper()}", "")
    mllog.configure()
    assert mllog.stats()["sink"] == str(tmp_path / "spool")


@pytest.mark.parametrize("value", [1.0, 2, None, "", " ", b"1", "a\ud800"])
def test_a_model_has_a_name_and_a_version(value: Any) -> None:
    """That a profile and an event can hold; also when they come from a profile."""
    with pytest.raises(ProfileError, match="the version of the model"):
        mllog.Profile.learn(FRAME, name="n", version=value)
    with pytest.raises(ProfileError, match="the name of the model"):
        mllog.Profile.learn(FRAME, name=value, version="1")
    with pytest.raises(ConfigurationError, match="version"):
        mllog.model("n", profile=mllog.Profile(name="n", version=value, inputs=()))


@pytest.mark.parametrize("columns", [5, "a", b"a", [5], ["b"], ["a\ud800"]])
@pytest.mark.parametrize("argument", ["sensitive", "slices"])
def test_columns_are_a_list_of_names(columns: Any, argument: str) -> None:
    """A text is no list of one-letter columns."""
    with pytest.raises(ProfileError, match=f"^{argument}: "):
        mllog.Profile.learn(FRAME, name="n", version="1", **{argument: columns})


def test_frames_that_pandas_or_json_cannot_take() -> None:
    """Another library's DataFrame is named with its module; a column's name must be writable."""
    with pytest.raises(ProfileError, match=r"not polars\.\S*DataFrame"):
        mllog.Profile.learn(pl.DataFrame({"a": [1]}), name="n", version="1")  # type: ignore[arg-type]
    odd = pd.DataFrame([[1], [2]], columns=pd.Index(["a\ud800"], dtype=object))
    with pytest.raises(ProfileError, match="feature name"):
        mllog.Profile.learn(odd, name="n", version="1")
