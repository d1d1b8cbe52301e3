"""Write blocks of indices: lifted for a deletion and then restored, by the next run if this one is killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch, NotFoundError

from mllog._files import write_atomically
from mllog.cluster._elasticsearch import to_store_error
from mllog.errors import EraseError, StoreError

_BLOCKS: Final = ("index.blocks.read_only", "index.blocks.read_only_allow_delete", "index.blocks.write")
_TYPE: Final = "index.store.type"


class Blocks:
    """The write blocks of a cluster's indices.

    ILM sets `index.blocks.write` when it merges an old index. Nothing can then be deleted from the index.

    Args:
        client: of the cluster.
        where: its address.
        journal: file that records which blocks are lifted at present, for the run after one that was killed.
    """

    def __init__(self, client: Elasticsearch, where: str, journal: Path) -> None:
        self._client = client
        self._where = where
        self._journal = journal

    @contextlib.contextmanager
    def lifted(self, index: str) -> Iterator[None]:
        """A context without the blocks of an index; they are restored at its end, also after an error.

        Raises:
            EraseError: the index is a mounted snapshot, from which nothing can be deleted.
            StoreError: the cluster refuses the change.
        """
        settings = self._settings(index)
        if settings.get(_TYPE) == "snapshot":
            raise EraseError(f"{index}: a mounted snapshot, from which nothing can be deleted; delete it as a whole")
        blocks = {name: settings[name] for name in _BLOCKS if settings.get(name) == "true"}
        if not blocks:
            yield
            return
        self._note(index, blocks)
        try:
            for name in blocks:  # one by one: a read-only index accepts no other change with it
                self._set(index, {name: None})
            yield
        finally:
            self._restore(index, blocks)

    def restore_left(self) -> list[str]:
        """Restore the blocks that a killed run had lifted; the names of these indices."""
        left = self._read().get(self._where, {})
        for index, blocks in left.items():
            with contextlib.suppress(NotFoundError):  # deleted in the meantime
                self._restore(index, blocks)
        return sorted(left)

    def _settings(self, index: str) -> dict[str, Any]:
        try:
            response = self._client.indices.get_settings(index=index, name=[*_BLOCKS, _TYPE], flat_settings=True)
        except NotFoundError:
            raise
        except (ApiError, TransportError) as error:
            raise to_store_error(error, self._where) from None
        settings: dict[str, Any] = {}
        for item in response.body.values():  # one index, or none if it has none of these settings
            settings |= item["settings"]
        return settings

    def _set(self, index: str, settings: Mapping[str, Any]) -> None:
        try:
            self._client.indices.put_settings(index=index, settings=dict(settings))
        except NotFoundError:
            raise
        except (ApiError, TransportError) as error:
            raise StoreError(f"{to_store_error(error, self._where)} (blocks of {index})") from None

    def _restore(self, index: str, blocks: Mapping[str, Any]) -> None:
        now = self._settings(index)
        for name in reversed([name for name in _BLOCKS if name in blocks and now.get(name) != blocks[name]]):
            self._set(index, {name: blocks[name]})
        self._note(index, None)

    def _read(self) -> dict[str, dict[str, dict[str, Any]]]:
        try:
            lifted = orjson.loads(self._journal.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, orjson.JSONDecodeError) as error:
            raise EraseError(
                f"{self._journal}: cannot read which write blocks were lifted; repair or delete the file"
            ) from error
        return lifted if isinstance(lifted, dict) else {}

    def _note(self, index: str, blocks: Mapping[str, Any] | None) -> None:
        """Record the blocks before they are lifted and after they are restored; durable when this returns."""
        known = self._read()
        mine = known.setdefault(self._where, {})
        if blocks is None:
            mine.pop(index, None)
        else:
            mine[index] = dict(blocks)
        known = {where: lifted for where, lifted in known.items() if lifted}
        try:
            if not known:
                self._journal.unlink(missing_ok=True)
                return
            self._journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._journal, orjson.dumps(known))
        except OSError as error:
            raise EraseError(f"{self._journal}: cannot be written: {error.strerror}; no block was lifted") from error
