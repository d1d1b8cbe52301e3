"""Trains the model on January to June and learns its profile from the same frame.

    python train.py FOLDER

writes `model.joblib` and `profile.json` into the folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from data import INPUTS, LATE_MINUTES, flights, training
from sklearn.tree import DecisionTreeClassifier

import mllog

NAME = "flights_delay"
VERSION = "1.0.0"
NUMBERS = ("month", "day", "dep_time", "sched_dep_time", "dep_delay", "sched_arr_time", "distance", "hour", "minute")
CODED = ("carrier", "origin", "dest")


class Model:
    """Whether a flight will be late: a decision tree, which takes missing values as they are."""

    def __init__(self, frame: pd.DataFrame) -> None:
        known = frame["arr_delay"].notna()
        self._codes = {name: {v: i for i, v in enumerate(sorted(frame[name].dropna().unique()))} for name in CODED}
        self._tree = DecisionTreeClassifier(max_depth=10, min_samples_leaf=50, random_state=0)
        self._tree.fit(self._matrix(frame[known]), frame.loc[known, "arr_delay"] > LATE_MINUTES)

    def _matrix(self, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
        numbers = [frame[name].to_numpy(np.float32, na_value=np.nan) for name in NUMBERS]
        coded = [frame[name].map(self._codes[name]).to_numpy(np.float32, na_value=np.nan) for name in CODED]
        return np.column_stack([*numbers, *coded])

    def probabilities(self, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Probability of being late for each row of a frame."""
        answer: np.ndarray[Any, Any] = self._tree.predict_proba(self._matrix(frame))[:, 1]
        return answer

    def probability(self, inputs: dict[str, Any]) -> float:
        """Probability of being late for one request."""
        row = [_number(inputs.get(name)) for name in NUMBERS]
        row += [self._codes[name].get(inputs.get(name), np.nan) for name in CODED]
        return float(self._tree.predict_proba(np.array([row], dtype=np.float32))[0, 1])


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def train(frame: pd.DataFrame) -> tuple[Model, mllog.Profile]:
    """The model and the profile of its training data, inputs and answers."""
    seen = training(frame)
    model = Model(seen)
    probability = model.probabilities(seen)
    outputs = pd.DataFrame({"probability": probability, "late": probability > 0.5})
    inputs = seen[list(INPUTS)].reset_index(drop=True)
    profile = mllog.Profile.learn(inputs, outputs, name=NAME, version=VERSION, slices=("origin", "carrier"))
    return model, profile


def main() -> None:
    """Train and write both files."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    model, profile = train(flights())
    joblib.dump(model, folder / "model.joblib")
    profile.save(folder / "profile.json")


if __name__ == "__main__":
    # Pickles name the module that a class comes from: the service must find `train.Model`, not `__main__.Model`.
    import train as itself

    itself.main()
