"""Access requests: every event of a person, exactly, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mllog
from mllog.errors import ConfigurationError
from mllog.export import Subject, subject_events
from mllog.redaction._pseudonyms import Pseudonyms
from mllog.store import Document, EmbeddedStore, open_store
from mllog.testing import capture

KEYS = Pseudonyms({"new": b"n" * 32, "old": b"o" * 32}, environment="test")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """An empty store."""
    opened = open_store(tmp_path / "store")
    yield opened
    opened.close()


def keep(store: EmbeddedStore, events: list[dict[str, Any]]) -> None:
    """Store events."""
    store.index([Document("logs-mllog.shop-test", event["event"]["id"], event) for event in events])
    store.commit()


def found(store: EmbeddedStore, text: str, pseudonyms: Pseudonyms | None = None) -> list[str]:
    """Ids of a person's predictions, a line for each event."""
    hits = subject_events(store, Subject.of(text, pseudonyms))
    return sorted(hit["_source"]["mllog"]["prediction"]["id"] for hit in hits)


def test_a_feature_is_found_by_its_name(store: EmbeddedStore) -> None:
    """Under whatever type it is stored; a value that only begins alike is another person's."""
    log = mllog.model("shop", "1")
    with capture() as events:
        log.prediction({"customer": "17"}, prediction_id="word")
        log.prediction({"customer": 17}, prediction_id="number")
        log.prediction({"customer": "171"}, prediction_id="other")
        log.prediction({"seller": "17"}, prediction_id="elsewhere")
        log.prediction({"customer": True}, prediction_id="flag")
    keep(store, events)
    assert found(store, "customer=17") == ["number", "word"]
    assert found(store, "customer=true") == ["flag"]
    assert found(store, "customer=1*") == []


def test_a_field_is_found_by_its_path(store: EmbeddedStore) -> None:
    """Labels and the like; quotes and operators in a value are nothing but characters."""
    log = mllog.model("shop", "1")
    odd = 'a" OR *:* \\'
    with capture() as events:
        log.prediction({"x": 1}, prediction_id="odd", labels={"client": odd})
        log.prediction({"x": 2}, prediction_id="plain", labels={"client": "a"})
    keep(store, events)
    assert found(store, f"labels.client={odd}") == ["odd"]
    assert found(store, f"client={odd}") == ["odd"]


def test_feedback_and_shadows_belong_to_the_person(store: EmbeddedStore) -> None:
    """They name the prediction and not the person."""
    log, candidate = mllog.model("shop", "1"), mllog.model("shop", "2")
    with capture() as events:
        for name in ("ann", "bob"):
            log.prediction({"customer": name}, 1.0, prediction_id=name)
            candidate.shadow(name, 0.5)
            log.feedback(name, 2.0)
    keep(store, events)
    assert found(store, "customer=ann") == ["ann"] * 3


@pytest.mark.parametrize("key", ["new", "old"])
def test_every_key_of_a_keyed_hash_is_tried(store: EmbeddedStore, key: str) -> None:
    """Events of former times have the hash of a former key."""
    hashed = next(value for value in KEYS.all_pseudonyms("customer", "ann") if f":{key}:" in value)
    log = mllog.model("shop", "1")
    with capture() as events:
        log.prediction({"customer": hashed}, prediction_id="hashed")
        log.prediction({"customer": KEYS.pseudonym("customer", "bob")}, prediction_id="other")
    keep(store, events)
    assert found(store, "customer=ann", KEYS) == ["hashed"]
    assert found(store, "customer=ann") == []


@pytest.mark.parametrize("text", ["customer", "=ann", "customer=", ""])
def test_a_subject_is_a_field_and_a_value(text: str) -> None:
    """Else nothing is looked for."""
    with pytest.raises(ConfigurationError, match="field=value"):
        Subject.of(text)


def test_a_subject_with_an_equals_sign_in_its_value() -> None:
    """The first one divides."""
    assert Subject.of("token=a=b").values == ("a=b",)
