"""Whether a store has events of a model at all, so that a mistyped name is no empty answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mllog.errors import QueryError
from mllog.store._interface import Store
from mllog.store._selection import selection

_MODELS: Final = 10


def check_model(store: Store, model: str, *clauses: Mapping[str, Any], index: str, what: str = "events") -> None:
    """Check that a store has events of a model, at any time.

    Args:
        store: where the events are.
        model: name of the model.
        clauses: which of its events count.
        index: the data streams.
        what: what these events are called.

    Raises:
        QueryError: it has none; the message names some models that it has.
        StoreError: the store cannot be read.
    """
    if store.count(selection(*clauses, model=model), index=index):
        return
    aggs = {"models": {"terms": {"field": "mllog.model.name", "size": _MODELS}}}
    body = {"query": selection(*clauses), "size": 0, "aggs": aggs}
    buckets = store.search(body, index=index)["aggregations"]["models"]["buckets"]
    known = ", ".join(repr(str(bucket["key"])) for bucket in buckets) or "none"
    raise QueryError(f"no {what} of the model {model!r} in the store; models in it: {known}")
