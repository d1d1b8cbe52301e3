"""From the events of a model back to the frame that it was asked with."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from mllog.errors import QueryError
from mllog.export._columns import (
    ACTUAL,
    Column,
    Discovery,
    Event,
    Unrestored,
    of_meta,
    of_profile,
)
from mllog.export._frame import series
from mllog.profile import Profile
from mllog.store import EVERY, Store
from mllog.store._selection import flat, get_path, selection

_IDS: Final = 1000
_PREDICTIONS: Final = ({"term": {"event.action": "prediction"}}, {"term": {"mllog.model.role": "live"}})

Progress = Callable[[int], None]
"""Is told how many more events were read."""


@dataclass
class Export:
    """What to export, and what became of it.

    Attributes:
        store: where the events are.
        profile: of the model; None for flat columns named by their paths.
        model: name of the model; default: that of the profile.
        since: the first moment.
        until: the moment before which the events are; default: now.
        text: a query in Lucene's syntax.
        outputs: with the model's answers.
        meta: with time, ids and version.
        feedback: with what turned out, joined by the prediction's id.
        index: the data streams.
        lost: values that are not as they were sent, by column and reason; filled while the events are read.
    """

    store: Store
    profile: Profile | None = None
    model: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    text: str = ""
    outputs: bool = True
    meta: bool = False
    feedback: bool = False
    index: str = EVERY
    lost: Unrestored = field(default_factory=Unrestored)

    def __post_init__(self) -> None:
        self.until = self.until or dt.datetime.now(dt.UTC)
        if self.model is None and self.profile is not None:
            self.model = self.profile.name
        if self.model is None and not self.text.strip():
            raise QueryError("which events? name a profile, a model or a query")

    def query(self) -> dict[str, Any]:
        """The query for the predictions."""
        return selection(*_PREDICTIONS, model=self.model, since=self.since, until=self.until, text=self.text)

    def count(self) -> int:
        """How many events there are."""
        return self.store.count(self.query(), index=self.index)

    def columns(self) -> list[Column]:
        """The columns; where no profile says which there are, the events are read for it."""
        profile = self.profile
        if profile is None:
            found = self._discovered("")
        else:
            found = of_profile(profile, outputs=self.outputs)
            if self.outputs and not profile.outputs:
                found += self._discovered("mllog.output.")
        if self.meta:
            found += of_meta(column.name for column in found)
        if self.feedback:
            found.append(Column(ACTUAL, _of_actual(profile), "feedback", "actual"))
        return found

    def _discovered(self, below: str) -> list[Column]:
        discovery = Discovery(below=below)
        for hit in self.store.scan(self.query(), index=self.index):
            discovery.see(hit["_source"])
        return discovery.columns()

    def pages(self, columns: list[Column], rows: int, seen: Progress) -> Iterator[list[list[Any]]]:
        """The values of each column, page by page, in the order of time.

        Args:
            columns: which.
            rows: of a page.
            seen: is told of every page.
        """
        events = _in_order(self.store.scan(self.query(), index=self.index))
        while page := list(itertools.islice(events, rows)):
            yield self._values(columns, page)
            seen(len(page))

    def _values(self, columns: list[Column], events: list[Event]) -> list[list[Any]]:
        by_path = [flat(event) for event in events] if any(column.where == "path" for column in columns) else []
        actual = self._actual(events) if self.feedback else []
        sources: dict[str, list[Any]] = {"path": by_path, "feedback": actual}
        return [[column.read(event, self.lost) for event in sources.get(column.where, events)] for column in columns]

    def _actual(self, events: list[Event]) -> list[dict[str, Any]]:
        """What turned out of each prediction; the last word counts."""
        ids = [str(get_path(event, "mllog.prediction.id")) for event in events]
        known: dict[str, Any] = {}
        for start in range(0, len(ids), _IDS):
            among = {"terms": {"mllog.prediction.id": ids[start : start + _IDS]}}
            query = selection({"term": {"event.action": "feedback"}}, among, model=self.model)
            for hit in self.store.scan(query, index=self.index):
                known[str(get_path(hit["_source"], "mllog.prediction.id"))] = get_path(hit["_source"], ACTUAL)
        return [{"actual": known.get(name)} for name in ids]


def _in_order(hits: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
    """By time, and those of one moment by their ids, which were made one after the other."""
    for _, same in itertools.groupby(hits, key=lambda hit: hit["_source"].get("@timestamp")):
        for hit in sorted(same, key=lambda hit: str(hit["_id"])):
            yield hit["_source"]


def _of_actual(profile: Profile | None) -> str:
    """What turned out has the type of the answer, where there is one answer."""
    outputs = () if profile is None else profile.outputs
    return outputs[0].dtype if len(outputs) == 1 else "object"


def to_frame(
    store: Store,
    profile: Profile | None = None,
    *,
    model: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    text: str = "",
    outputs: bool = True,
    meta: bool = False,
    feedback: bool = False,
    index: str = EVERY,
) -> pd.DataFrame:
    """The events of a model as the frame that it was asked with: the profile's columns, order and types.

    Missing values are what the type has for them; of a category those that occur are the categories. What cannot be
    brought back (redacted values, summaries, values of the wrong type) is named and counted in
    `frame.attrs["unrestored"]`, by column and reason. Without a profile there is a column for each field, named by
    its path.

    Args:
        store: where the events are.
        profile: of the model.
        model: its name; default: that of the profile.
        since: the first moment.
        until: the moment before which the events are; default: now.
        text: a query in Lucene's syntax.
        outputs: with the model's answers.
        meta: with time, ids and version.
        feedback: with what turned out, joined by the prediction's id.
        index: the data streams.

    Raises:
        QueryError: nothing says which events, or the text cannot be read.
        StoreError: the store cannot be read.

    Example:
        >>> import tempfile, mllog
        >>> from mllog.store import Document, open_store
        >>> sent = pd.DataFrame({"delay": [2.0, None], "seats": [180, 76]})
        >>> profile = Profile.learn(sent, name="delay_risk", version="1.0")
        >>> with mllog.testing.capture() as events:
        ...     _ = mllog.model("delay_risk", profile=profile).predictions(sent, None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = open_store(folder)
        ...     _ = store.index(Document("logs-mllog.delay_risk-test", event["event"]["id"], event) for event in events)
        ...     store.commit()
        ...     back = to_frame(store, profile)
        ...     store.close()
        >>> pd.testing.assert_frame_equal(back, sent)
    """
    export = Export(store, profile, model, since, until, text, outputs, meta, feedback, index)
    columns = export.columns()
    values: list[list[Any]] = [[] for _ in columns]
    for page in export.pages(columns, _IDS, lambda _: None):
        for place, more in enumerate(page):
            values[place] += more
    frame = pd.DataFrame(
        {column.name: series(column, found, export.lost) for column, found in zip(columns, values, strict=True)}
    )
    if feedback:
        frame[ACTUAL] = frame[ACTUAL].infer_objects()
    frame.attrs["unrestored"] = export.lost.by_column()
    return frame
