"""A person's events in Elasticsearch: deleted from each backing index, with its write blocks lifted."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from elastic_transport import TransportError
from elasticsearch import ApiError

from mllog.cluster._elasticsearch import to_store_error
from mllog.erase._blocks import Blocks
from mllog.erase._person import Person
from mllog.erase._place import Progress
from mllog.erase._store import Stored
from mllog.errors import EraseError, StoreError
from mllog.store import ElasticsearchStore


class Clustered(Stored):
    """The events of a cluster.

    Args:
        store: the store.
        index: the data streams.
        where: the cluster's address.
        journal: file that records which write blocks are lifted at present.
    """

    def __init__(self, store: ElasticsearchStore, index: str, where: str, journal: Path) -> None:
        super().__init__(store, index)
        self.name = where
        self._client = store.client
        self._where = where
        self._blocks = Blocks(store.client, where, journal)

    def erase(self, person: Person, done: Progress) -> None:
        """Delete by id in each backing index, as a data stream may reject it."""
        failed: list[str] = []
        with contextlib.ExitStack() as lifted:
            for index in self.indices:
                try:
                    lifted.enter_context(self._blocks.lifted(index))
                except EraseError as error:  # the events of the other indices can still be deleted
                    failed.append(str(error))
                    self._exclude(index)
            super().erase(person, done)
        if failed:
            raise EraseError("; ".join(failed))

    def restore_left(self) -> list[str]:
        """Restore the write blocks that a killed run had lifted; the names of these indices.

        Raises:
            MllogError: it could not be done.
        """
        return self._blocks.restore_left()

    def _delete(self, index: str, names: Sequence[str]) -> int:
        try:
            response = self._client.delete_by_query(
                index=index, query={"ids": {"values": list(names)}}, conflicts="proceed", refresh=True
            )
        except (ApiError, TransportError) as error:
            raise StoreError(f"{to_store_error(error, self._where)} ({index})") from None
        if response["failures"]:
            kinds = {str(failure.get("cause", {}).get("type", "unknown")) for failure in response["failures"]}
            raise StoreError(
                f"{self._where}: {index}: events were not deleted ({', '.join(sorted(kinds))}); run it again"
            )
        return int(response["deleted"])

    def closed(self, index: str) -> list[str]:
        """Indices that are closed and cannot be searched.

        Raises:
            StoreError: the cluster does not list its indices.
        """
        try:
            response = self._client.indices.resolve_index(name=index.split(","), expand_wildcards="all")
        except (ApiError, TransportError) as error:
            raise to_store_error(error, self._where) from None
        return sorted(item["name"] for item in response["indices"] if "closed" in item.get("attributes", ()))
