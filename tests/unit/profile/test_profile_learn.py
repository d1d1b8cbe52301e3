"""A profile is learnt from the training frame, keeps nothing sensitive, and comes back from its file as it was."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import mllog
from mllog import MllogError, Profile
from mllog._resources import resource
from mllog.profile._format import json_schema
from mllog.redaction import rules_digest
from mllog.testing import capture

SCHEMA_FILE = Path(__file__).parents[3] / "docs/schemas/profile.json"
SCHEMA = json.loads(SCHEMA_FILE.read_text())


def frame(rows: int = 200) -> pd.DataFrame:
    """A frame with every type of column."""
    draw = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "delay": np.where(np.arange(rows) % 10 == 0, np.nan, draw.normal(5, 20, rows)),
            "seats": draw.integers(0, 5, rows),
            "carrier": draw.choice(["UA", "AA", "B6"], rows),
            "wet": draw.choice([True, False], rows),
            "note": [f"seen at gate {n} by the crew of flight {n}, " * 8 for n in range(rows)],
            "when": pd.date_range("2026-01-01", periods=rows, freq="h"),
        }
    )


def learn(table: pd.DataFrame, **more: Any) -> Profile:
    """The profile of a frame."""
    return Profile.learn(table, name="late", version="1", **more)


def features(profile: Profile) -> dict[str, mllog.profile.Feature]:  # type: ignore[name-defined]
    """The inputs by name."""
    return {feature.name: feature for feature in profile.inputs}


def test_types_and_figures_are_those_of_the_frame() -> None:
    """Types, bounds, moments, zero and missing shares are what pandas says of the columns."""
    table = frame()
    found = features(learn(table))
    assert {name: feature.type for name, feature in found.items()} == {
        "delay": "number",
        "seats": "number",
        "carrier": "category",
        "wet": "boolean",
        "note": "text",
        "when": "category",
    }
    delay, seats = found["delay"], found["seats"]
    assert (delay.min, delay.max) == (table["delay"].min(), table["delay"].max())
    assert delay.mean == pytest.approx(table["delay"].mean())
    assert delay.std == pytest.approx(table["delay"].std())
    assert (delay.missing, delay.missing_share) == (20, 0.1)
    assert (seats.integer, seats.zero) == (True, int((table["seats"] == 0).sum()))
    assert dict(found["carrier"].categories) == table["carrier"].value_counts().to_dict()
    assert found["wet"].true == int(table["wet"].sum())
    assert found["note"].length["max"] == table["note"].str.len().max()


def test_bins_count_every_row_once() -> None:
    """Half-open bins hold all values: counted again as `edge <= value < next`, they give the same counts."""
    table = frame()
    numbers = [feature for feature in learn(table).inputs if feature.type == "number"]
    assert len(numbers) > 1
    for feature in numbers:
        values = table[feature.name].dropna().to_numpy()
        again = [
            int(((a <= values) & (values < b)).sum()) for a, b in zip(feature.edges, feature.edges[1:], strict=False)
        ]
        assert again == list(feature.counts)
        assert sum(again) == feature.count


def test_outputs_are_learnt_as_well() -> None:
    """The model's own answers are features of the profile, apart from the inputs."""
    table = frame()
    profile = learn(table, outputs=pd.DataFrame({"late": table["delay"] > 15}))
    assert [feature.name for feature in profile.outputs] == ["late"]
    assert profile.outputs[0].type == "boolean"


def test_rare_categories_are_pooled_and_their_share_is_known() -> None:
    """A category seen fewer than ten times is not kept by name; the profile knows how often that would be flagged."""
    table = pd.DataFrame({"c": ["UA"] * 95 + ["rare"] * 5})
    profile = learn(table)
    (feature,) = profile.inputs
    assert feature.categories == (("UA", 95),)
    assert (feature.other, feature.distinct, feature.complete) == (5, 2, True)
    assert profile.invalid_share == 0.05
    assert profile.validate({"c": "rare"}) == {"unseen_category": ["c"]}


def test_high_cardinality_keeps_the_head_only() -> None:
    """With more categories than can be listed, unseen ones are not noteworthy."""
    table = pd.DataFrame({"tail": [f"N{n % 1500}" for n in range(20_000)]})
    profile = learn(table)
    (feature,) = profile.inputs
    assert (feature.complete, feature.distinct, len(feature.categories)) == (False, 1500, 100)
    assert profile.validate({"tail": "N999999"}) == {}
    assert profile.invalid_share == 0.0


def test_nothing_sensitive_is_kept() -> None:
    """Categories that a rule matches are pooled, identifiers and named columns keep rounded quantiles only."""
    table = pd.DataFrame(
        {
            "contact": ["ann.lee@example.com"] * 50 + ["none"] * 50,
            "card": [4242424242424242, 5555555555554444] * 50,
            "salary": [51234.56 + n for n in range(100)],
            "password": ["hunter2"] * 100,
        }
    )
    profile = learn(table, sensitive=["salary"])
    text = json.dumps(profile.to_json())
    for secret in ("ann.lee", "4242424242424242", "5555555555554444", "51234.56", "hunter2"):
        assert secret not in text
    found = features(profile)
    assert not found["contact"].clean
    assert found["contact"].categories == (("none", 50),)
    assert found["card"].sensitive
    assert found["salary"].sensitive
    assert found["salary"].min == 51200.0


def test_values_of_sensitive_features_leave_no_event() -> None:
    """What the profile names as sensitive is a marker in events, whatever its type, and is counted."""
    table = pd.DataFrame({"salary": [50_000.0 + n for n in range(100)], "x": [1.0] * 100})
    log = mllog.model("pay", profile=Profile.learn(table, name="pay", version="1", sensitive=["salary"]))
    with capture() as events:
        log.prediction({"salary": 50_123.0, "x": 1.0})
    assert "50123" not in json.dumps(events)
    assert events[0]["mllog"]["redaction"] == {"fields": ["salary"], "kinds": ["sensitive"], "count": 1}


def test_a_profile_survives_its_file(tmp_path: Path) -> None:
    """Saved and loaded, a profile is equal and has the same digest; the file follows the published schema."""
    profile = learn(frame(), slices=["carrier"])
    profile.save(tmp_path / "profile.json")
    again = Profile.load(tmp_path / "profile.json")
    assert again == profile
    assert again.digest == profile.digest
    jsonschema.validate(json.loads((tmp_path / "profile.json").read_text()), SCHEMA)


def test_the_digest_ignores_when_it_was_learnt() -> None:
    """The same frame gives the same digest, another one another."""
    assert learn(frame()).digest == learn(frame()).digest
    assert learn(frame()).digest != learn(frame(199)).digest


def test_the_published_schema_is_current() -> None:
    """It is generated from the classes that read the file: python docs/schemas/generate.py."""
    assert json_schema() == SCHEMA


def test_a_committed_profile_is_saved_as_the_same_bytes(tmp_path: Path) -> None:
    """Loading and saving change nothing, so that a profile in version control stays as it is."""
    for path in (
        resource("examples/flights/profile.json"),
        SCHEMA_FILE.parents[2] / "tests/fixtures/dashboards/profile.json",
    ):
        Profile.load(path).save(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_the_demo_profile_is_a_profile() -> None:
    """The profile that the examples carry loads and follows the schema."""
    path = resource("examples/flights/profile.json")
    assert Profile.load(path).name == "flights_delay"
    assert Profile.load(path).rules == rules_digest(), "the rules have changed: learn it anew"
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.pop("schema"), "not a profile"),
        (lambda data: data.update(version=2), "version 2"),
        (
            lambda data: data["inputs"][0].update(mean="high"),
            r"got `str` - at `\$.inputs\[0\].mean`",
        ),
        (lambda data: data["inputs"][0].update(type="colour"), r"at `\$.inputs\[0\].type`"),
        (lambda data: data["inputs"][0]["bins"]["edges"].pop(), "n bins have n"),
        (lambda data: data["inputs"].append(data["inputs"][0]), "is listed twice"),
        (lambda data: data.pop("rows"), "missing required field `rows`"),
        (lambda data: data.update(inputs={}), r"Expected `array`, got `object` - at `\$.inputs`"),
        (lambda data: data["inputs"][0].update(max=9e9), "digest"),
        (lambda data: data["inputs"][0].update(colour="red"), r"unknown field `colour` - at `\$.inputs\[0\]`"),
        (lambda data: data["model"].update(owner="me"), r"unknown field `owner` - at `\$.model`"),
        (lambda data: data.update(invalid_share=2), r"at `\$.invalid_share`"),
    ],
)
def test_a_damaged_profile_says_where(tmp_path: Path, change: Any, said: str) -> None:
    """Whatever is wrong with a profile file is one line that names the file and the place."""
    data = learn(frame()).to_json()
    change(data)
    path = tmp_path / "p.json"
    path.write_text(json.dumps(data))
    with pytest.raises(MllogError, match=said) as caught:
        Profile.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'"profile"'])
def test_a_file_that_is_no_profile_says_so(tmp_path: Path, content: bytes) -> None:
    """A file of any other content is one clear line."""
    path = tmp_path / "p.json"
    path.write_bytes(content)
    with pytest.raises(MllogError, match=r"p\.json"):
        Profile.load(path)


@pytest.mark.parametrize(
    ("table", "more", "said"),
    [
        (pd.DataFrame(), {}, "no rows"),
        (pd.DataFrame({"x": []}), {}, "no rows"),
        (pd.DataFrame({1: [1]}), {}, "name"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), {}, "twice"),
        (pd.DataFrame({"x": [1]}), {"sensitive": ["y"]}, "'y' is not a column"),
        (pd.DataFrame({"x": [1]}), {"outputs": pd.DataFrame({"y": [1, 2]})}, "2 rows of outputs"),
        ([1, 2], {}, "DataFrame"),
    ],
)
def test_a_frame_to_learn_nothing_from_is_refused(table: Any, more: dict[str, Any], said: str) -> None:
    """What cannot be learnt from is an error that names the column or the reason."""
    with pytest.raises(MllogError, match=said):
        learn(table, **more)


@pytest.fixture(scope="module")
def profile() -> Profile:
    """A profile of every type."""
    return learn(frame())


def valid() -> dict[str, Any]:
    """Inputs as training had them."""
    return {"delay": 1.0, "seats": 2, "carrier": "UA", "wet": True, "note": "anything", "when": "2026-01-01T00:00:00"}


@pytest.mark.parametrize(
    ("change", "violations"),
    [
        ({}, {}),
        ({"delay": None}, {}),
        ({"delay": float("nan")}, {}),
        ({"delay": 1e9}, {"above_max": ["delay"]}),
        ({"delay": -1e9}, {"below_min": ["delay"]}),
        ({"delay": float("inf")}, {"non_finite": ["delay"]}),
        ({"delay": "late"}, {"wrong_type": ["delay"]}),
        ({"delay": True}, {"wrong_type": ["delay"]}),
        ({"delay": np.float32(1.5)}, {}),
        ({"seats": None}, {"missing": ["seats"]}),
        ({"seats": float("nan")}, {"non_finite": ["seats"]}),
        ({"seats": 10**12}, {"above_max": ["seats"]}),
        ({"carrier": "ZZ"}, {"unseen_category": ["carrier"]}),
        ({"carrier": 7}, {"wrong_type": ["carrier"]}),
        ({"carrier": float("nan")}, {"missing": ["carrier"]}),
        ({"wet": float("nan")}, {"missing": ["wet"]}),
        ({"when": "2031-07-01"}, {}),
        ({"when": "1999-07-01T10:00:00Z"}, {}),
        ({"when": "soon"}, {"wrong_type": ["when"]}),
        ({"when": 17}, {"wrong_type": ["when"]}),
        ({"carrier": None}, {"missing": ["carrier"]}),
        ({"wet": 1}, {"wrong_type": ["wet"]}),
        ({"wet": np.bool_(True)}, {}),
        ({"note": 5}, {"wrong_type": ["note"]}),
        ({"extra": 5}, {"unexpected": ["extra"]}),
    ],
)
def test_validation_names_what_training_did_not_show(
    profile: Profile, change: dict[str, Any], violations: dict[str, list[str]]
) -> None:
    """Each kind of violation is found, and what training had is none."""
    assert profile.validate({**valid(), **change}) == violations


def test_an_absent_feature_is_missing(profile: Profile) -> None:
    """A feature that is not there at all counts as missing."""
    inputs = valid()
    del inputs["seats"]
    del inputs["delay"]
    assert profile.validate(inputs) == {"missing": ["seats"]}


def test_events_carry_quality_and_keep_values(profile: Profile) -> None:
    """Violations fill mllog.quality; values of the wrong type are kept under their own type, extras in the overflow."""
    log = mllog.model("quality", "1", profile=profile)
    with capture() as events:
        log.prediction({**valid(), "delay": "late", "seats": 99, "extra": {"a": 1}, "carrier": "ZZ"})
        log.prediction(valid())
    quality = events[0]["mllog"]["quality"]
    assert quality == {
        "wrong_type": ["delay"],
        "above_max": ["seats"],
        "unseen_category": ["carrier"],
        "unexpected": ["extra"],
        "invalid": 1,
    }
    found = events[0]["mllog"]
    expected = {"delay": "late", "carrier": "ZZ", "note": "anything", "when": "2026-01-01T00:00:00"}
    assert found["input"]["category"] == expected
    assert found["input"]["number"] == {"seats": 99}
    assert found["input_overflow"] == {"extra": {"a": 1}}
    assert events[1]["mllog"]["quality"] == {"invalid": 0}


def test_new_values_are_scanned_known_ones_are_not(profile: Profile) -> None:
    """A category that training did not show goes past the rules, and so does free text, of which a summary stays."""
    log = mllog.model("scanned", "1", profile=profile)
    with capture() as events:
        log.prediction({**valid(), "carrier": "ann@example.com", "note": "a word " * 40 + "call +1 (202) 555-0157"})
    assert events[0]["mllog"]["input"]["category"]["carrier"] == "[REDACTED:email]"
    assert events[0]["mllog"]["input"]["text"]["note"] == "[text: 301 characters, 82 words]"
    assert events[0]["mllog"]["redaction"]["kinds"] == ["email", "phone"]
    assert events[0]["mllog"]["redaction"]["fields"] == ["carrier", "note"]


COLUMNS = st.one_of(
    st.lists(st.floats(allow_infinity=False, max_value=1e307, min_value=-1e307) | st.none(), min_size=30, max_size=60),
    st.lists(st.integers(-(2**40), 2**40), min_size=30, max_size=60),
    st.lists(st.booleans(), min_size=30, max_size=60),
)


@settings(max_examples=50, deadline=None)
@given(COLUMNS)
def test_training_rows_are_valid(values: list[Any]) -> None:
    """Every row that a profile was learnt from passes its own validation (rare categories aside)."""
    table = pd.DataFrame({"f": values})
    assume(not table["f"].isna().all())
    profile = learn(table)
    assume(not profile.inputs[0].sensitive)  # a number that could be a card's: its bounds are coarse on purpose
    for value in table["f"].tolist():
        assert profile.validate({"f": None if pd.isna(value) else value}) == {}
    assert profile.invalid_share == 0.0


@pytest.mark.parametrize(
    ("values", "inferred"),
    [
        (pd.Series(["a", None], dtype=object), ""),
        (pd.Series([1, None], dtype=object), "integer"),
        (pd.Series([True, None], dtype=object), "boolean"),
        (pd.Series([dt.date(2026, 5, 4), None], dtype=object), "date"),
        (pd.Series([None, None], dtype=object), ""),
        (pd.Series(pd.Categorical(["a", None])), ""),
        (pd.Series(pd.Categorical([3, 1])), "integer"),
        (pd.Series([1, 2]), ""),
        (pd.Series(["a", "b"]), ""),
    ],
)
def test_what_objects_and_categories_hold_is_noted(values: pd.Series, inferred: str) -> None:
    """Where their type does not say it and they are no texts; in the file only then, so old files stay as they are."""
    profile = Profile.learn(pd.DataFrame({"x": values}), name="m", version="1")
    assert profile.inputs[0].inferred_dtype == inferred
    written = profile.to_json()
    assert ("holds" in written["inputs"][0]) is bool(inferred)
    assert Profile.from_json(written).inputs[0].inferred_dtype == inferred
