"""Exports as files: whole or not at all, a part at a time, readable without mllog."""

from __future__ import annotations

import datetime as dt
import importlib.util
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mllog
from mllog import Profile
from mllog.errors import ConfigurationError, MissingExtraError, StoreError
from mllog.export import Export, write
from mllog.export import _files as files
from mllog.store import Document, Store, open_store
from mllog.testing import capture

START = dt.datetime(2026, 5, 4, tzinfo=dt.UTC)
needs_pyarrow = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """A hundred rows with gaps; the last has an integer missing, which the training frame has not."""
    rows = range(100)
    return pd.DataFrame(
        {
            "delay": [None if n % 7 == 0 else n / 2 for n in rows],
            "seats": [n * 3 for n in rows],
            "carrier": [None if n % 5 == 0 else ("UA", "AA", 'say "hi", ok')[n % 3] for n in rows],
            "kind": pd.Categorical([("jet", "prop")[n // 50] for n in rows]),
            "wet": [n % 2 == 0 for n in rows],
            "due": pd.to_datetime([START.replace(tzinfo=None) + dt.timedelta(hours=n) for n in rows]),
        }
    )


@pytest.fixture(scope="module")
def profile(frame: pd.DataFrame) -> Profile:
    """Learnt from it."""
    return Profile.learn(frame, name="filed", version="1.0")


@pytest.fixture(scope="module")
def store(frame: pd.DataFrame, profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Its rows, as they were asked; a minute between two."""
    opened = open_store(tmp_path_factory.mktemp("files"))
    log = mllog.model("filed", profile=profile)
    with capture() as events:
        for n, row in enumerate(frame.to_dict("records")):
            log.prediction(
                {name: None if value != value else value for name, value in row.items()},  # noqa: PLR0124 - NaN
                timestamp=START + dt.timedelta(minutes=n),
            )
    opened.index(Document("logs-mllog.filed-test", event["event"]["id"], event) for event in events)
    opened.commit()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several parts for a hundred rows."""
    monkeypatch.setattr(files, "ROWS", 30)


def test_csv_has_every_row_and_a_gap_for_what_is_missing(
    store: Store, frame: pd.DataFrame, profile: Profile, tmp_path: Path
) -> None:
    """Read again, it is the frame but for the types that CSV does not know."""
    parts: list[int] = []
    out = tmp_path / "events.csv"
    assert write(Export(store, profile), out, seen=parts.append) == 100
    assert parts == [30, 30, 30, 10]
    back = pd.read_csv(out, parse_dates=["due"]).astype({"kind": "category", "due": frame["due"].dtype})
    pd.testing.assert_frame_equal(back, frame)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [out]


@needs_pyarrow
def test_parquet_gives_the_frame_back(store: Store, frame: pd.DataFrame, profile: Profile, tmp_path: Path) -> None:
    """Types included."""
    out = tmp_path / "events.parquet"
    assert write(Export(store, profile), out) == 100
    pd.testing.assert_frame_equal(pd.read_parquet(out), frame)


@needs_pyarrow
def test_parquet_of_columns_that_no_profile_knows(store: Store, tmp_path: Path) -> None:
    """And of no events at all."""
    out = tmp_path / "events.parquet"
    assert write(Export(store, model="filed", meta=True), out) == 100
    back = pd.read_parquet(out)
    assert back["mllog.input.number.seats"].sum() == 3 * 99 * 50
    assert str(back["@timestamp"].dtype) == "datetime64[us, UTC]"
    assert write(Export(store, model="none"), out) == 0


@needs_pyarrow
def test_integers_with_a_gap_are_integers_in_parquet(tmp_path: Path) -> None:
    """The column is one of integers, with a null in it."""
    import pyarrow.parquet as pq

    known = Profile.learn(pd.DataFrame({"n": [1, 2]}), name="gap", version="1")
    opened = open_store(tmp_path / "store")
    with capture() as events:
        for row in ({"n": 2**60}, {}):
            mllog.model("gap", profile=known).prediction(row)
    opened.index(Document("logs-mllog.gap-test", event["event"]["id"], event) for event in events)
    opened.commit()
    write(Export(opened, known), tmp_path / "x.parquet")
    opened.close()
    table = pq.read_table(tmp_path / "x.parquet")
    assert str(table.schema.field("n").type) == "int64"
    assert table["n"].to_pylist() == [2**60, None]


def test_parquet_without_its_extra_is_one_line(
    store: Store, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which names the extra, and leaves no file."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"mllog\[parquet\]"):
        write(Export(store, profile), tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(store: Store, profile: Profile, tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigurationError, match=r"\.parquet or \.csv"):
        write(Export(store, profile), tmp_path / "x.xlsx")


def test_a_folder_that_is_not_there_is_one_line(store: Store, profile: Profile, tmp_path: Path) -> None:
    """With its name and the reason."""
    with pytest.raises(ConfigurationError, match="No such file"):
        write(Export(store, profile), tmp_path / "none" / "x.csv")


def test_a_store_that_fails_leaves_the_old_file(
    store: Store, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an export is none."""
    out = tmp_path / "x.csv"
    out.write_text("old")
    real = store.scan

    def failing(query: Any = None, *, index: str = "") -> Iterator[dict[str, Any]]:
        for number, hit in enumerate(real(query, index=index)):
            if number == 50:
                raise StoreError("gone")
            yield hit

    monkeypatch.setattr(store, "scan", failing)
    with pytest.raises(StoreError, match="gone"):
        write(Export(store, profile), out)
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]
