"""From the events of a model back to the training frame."""

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
    meta_columns,
    profile_columns,
)
from mllog.export._frame import series
from mllog.profile import Profile
from mllog.store import EVERY, Store
from mllog.store._models import check_model
from mllog.store._selection import flat, get_path, selection

_IDS: Final = 1000
_PREDICTIONS: Final = ({"term": {"event.action": "prediction"}}, {"term": {"mllog.model.role": "live"}})

Progress = Callable[[int], None]
"""Called with the number of events that were read since the last call."""


@dataclass
class Export:
    """What to export, and which values could not be restored.

    Attributes:
        store: where the events are.
        profile: of the model; None for one column per field, named by its path.
        model: name of the model; default: that of the profile.
        since: start of the range, inclusive.
        until: end of the range, exclusive; default: now.
        text: a query in Lucene syntax.
        outputs: include the model's outputs.
        meta: include time, ids, outcome and version.
        feedback: include the actual outcome, joined by prediction id.
        index: the data streams.
        lost: counts of values that are not as they were sent, by column and reason; filled while events are read.
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
        now = dt.datetime.now(dt.UTC)
        if self.until is None and self.since is not None and self.since >= now:
            raise QueryError(f"since ({self.since.isoformat()}) is in the future, so there are no events from it on")
        self.until = self.until or now
        if self.model is None and self.profile is not None:
            self.model = self.profile.name
        if self.model is None and not self.text.strip():
            raise QueryError("no events selected: give a profile, a model or a query")
        self.query()  # refuses what selects nothing, before anything is read

    def query(self) -> dict[str, Any]:
        """The query for the predictions."""
        return selection(*_PREDICTIONS, model=self.model, since=self.since, until=self.until, text=self.text)

    def count(self) -> int:
        """How many events the query matches."""
        return self.store.count(self.query(), index=self.index)

    def check(self) -> None:
        """Check that the store has predictions of the model at all, at any time.

        Raises:
            QueryError: it has none; the message names some models that it has.
            StoreError: the store cannot be read.
        """
        if self.model is not None:
            check_model(self.store, self.model, *_PREDICTIONS, index=self.index, what="predictions")

    def columns(self) -> list[Column]:
        """The columns; without a profile, the events are read to find them."""
        profile = self.profile
        if profile is None:
            columns = self._discovered("")
        else:
            columns = profile_columns(profile, outputs=self.outputs)
            if self.outputs and not profile.outputs:
                columns += self._discovered("mllog.output.")
        if self.meta:
            columns += meta_columns([column.name for column in columns])
        if self.feedback:
            columns.append(Column(ACTUAL, _actual_dtype(profile), "feedback", "actual"))
        return columns

    def _discovered(self, below: str) -> list[Column]:
        discovery = Discovery(below=below)
        for hit in self.store.scan(self.query(), index=self.index):
            discovery.add(hit["_source"])
        return discovery.columns()

    def pages(self, columns: list[Column], rows: int, seen: Progress) -> Iterator[list[list[Any]]]:
        """The values of each column, page by page, by time.

        Args:
            columns: what to read.
            rows: events per page.
            seen: called after each page.
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
        """The actual outcome of each prediction; the latest feedback counts."""
        ids = [str(get_path(event, "mllog.prediction.id")) for event in events]
        outcomes: dict[str, Any] = {}
        for start in range(0, len(ids), _IDS):
            among = {"terms": {"mllog.prediction.id": ids[start : start + _IDS]}}
            query = selection({"term": {"event.action": "feedback"}}, among, model=self.model)
            for hit in self.store.scan(query, index=self.index):
                outcomes[str(get_path(hit["_source"], "mllog.prediction.id"))] = get_path(hit["_source"], ACTUAL)
        return [{"actual": outcomes.get(name)} for name in ids]


def _in_order(hits: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
    """Sorted by time; events with the same timestamp by id, as ids increase with time."""
    for _, same in itertools.groupby(hits, key=lambda hit: hit["_source"].get("@timestamp")):
        for hit in sorted(same, key=lambda hit: str(hit["_id"])):
            yield hit["_source"]


def _actual_dtype(profile: Profile | None) -> str:
    """The actual outcome has the dtype of the output, if the model has exactly one."""
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
    """The events of a model as a training frame: the profile's columns, order and dtypes.

    Missing values are what the type has for them; of a category those that occur are the categories. What cannot be
    brought back (redacted values, summaries, values of the wrong type) is named and counted in
    `frame.attrs["unrestored"]`, by column and reason. Without a profile there is a column for each field, named by
    its path.

    Args:
        store: where the events are.
        profile: of the model.
        model: its name; default: that of the profile.
        since: start of the range, inclusive.
        until: end of the range, exclusive; default: now.
        text: a query in Lucene syntax.
        outputs: include the model's outputs.
        meta: include time, ids, outcome and version.
        feedback: include the actual outcome, joined by prediction id.
        index: the data streams.

    Raises:
        QueryError: no profile, model or query is given, or the query is not valid.
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
