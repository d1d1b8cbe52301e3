"""What is logged: a prediction of twenty features, about 1 KB as an event; and its profile."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

OUTPUTS = {"score": 0.73, "label": "late"}
NAMES = tuple(f"number_{n:02}" for n in range(20))
"""Of the features of a row of numbers."""

_WORDS = ("gate", "closed", "early", "crew", "late", "weather", "north", "delay", "runway", "slot", "wing", "cabin")


def inputs(draw: random.Random) -> dict[str, Any]:
    """Twenty features: twelve numbers, six categories, two booleans; all inside what training shows."""
    numbers = {f"number_{n:02}": draw.random() * 1000 for n in range(8)} | {
        f"count_{n}": draw.randrange(10_000) for n in range(4)
    }
    categories = {f"category_{n}": draw.choice(("alpha", "beta", "gamma", "delta", "epsilon")) for n in range(6)}
    return {**numbers, **categories, "flag_0": draw.random() > 0.5, "flag_1": draw.random() > 0.5}


def row(draw: random.Random) -> list[float]:
    """Twenty numbers, as a model is given them."""
    return [draw.random() * 1000 for _ in NAMES]


def text(draw: random.Random, characters: int) -> str:
    """Free text, in which there is nothing to redact."""
    return " ".join(draw.choices(_WORDS, k=characters // 4))[:characters]


def event(values: dict[str, Any]) -> dict[str, Any]:
    """The event as mllog writes it, ready for a peer to encode: sorting and ids are not counted against the peers.

    What ECS calls `event` is `ecs_event` here: structlog and others call their message that.
    """
    split: dict[str, dict[str, Any]] = {"number": {}, "category": {}, "boolean": {}}
    for name, value in values.items():
        split["boolean" if isinstance(value, bool) else "category" if isinstance(value, str) else "number"][name] = (
            value
        )
    return {
        "ecs_event": {
            "kind": "event",
            "action": "prediction",
            "outcome": "success",
            "id": f"{random.getrandbits(128):032x}",
            "duration": 1000,
        },
        "service": {"name": "bench", "environment": "bench", "version": "1"},
        "mllog": {
            "model": {"name": "bench", "version": "1.0", "role": "live"},
            "input": split,
            "output": {"number": {"score": OUTPUTS["score"]}, "category": {"label": OUTPUTS["label"]}},
            "quality": {"invalid": 0},
        },
    }


def learn(folder: Path) -> None:
    """Write the profiles of the sample and of the rows of numbers, so that who logs needs no pandas."""
    import pandas as pd

    import mllog

    draw = random.Random(1)
    rows = [inputs(draw) for _ in range(2000)]
    # The ends of what `inputs` draws from, so that none of it is out of range by chance.
    kinds = {name: type(value) for name, value in rows[0].items()}
    most = {name: 1000.0 if kind is float else 9999 for name, kind in kinds.items() if kind in (int, float)}
    least = {name: type(value)(0) for name, value in most.items()}
    frame = pd.DataFrame([*rows, {**rows[0], **least}, {**rows[0], **most}])
    mllog.Profile.learn(frame, name="bench", version="1.0").save(folder / "bench.json")
    numbers = pd.DataFrame([row(draw) for _ in range(2000)], columns=list(NAMES))
    mllog.Profile.learn(numbers, name="rows", version="1.0").save(folder / "rows.json")
