"""Write blocks of indices: lifted for as long as it takes, and put back, even by the run after one that was killed."""

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

    ILM sets `index.blocks.write` where it merges an old index, and nothing can be deleted there then.

    Args:
        client: of the cluster.
        where: its address.
        journal: file that says which blocks are lifted at present, for the run after one that was killed.
    """

    def __init__(self, client: Elasticsearch, where: str, journal: Path) -> None:
        self._client = client
        self._where = where
        self._journal = journal

    @contextlib.contextmanager
    def lifted(self, index: str) -> Iterator[None]:
        """Without the blocks of an index; they are as before afterwards, whatever happens.

        Raises:
            EraseError: it is a mounted snapshot, which nothing can be deleted from.
            StoreError: the cluster does not let it be changed.
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
            for name in blocks:  # one by one: beside another setting, none can be changed on an index that is read-only
                self._set(index, {name: None})
            yield
        finally:
            self._restore(index, blocks)

    def restore_left(self) -> list[str]:
        """Put back what a run that was killed had lifted; the names of those indices."""
        left = self._read().get(self._where, {})
        for index, blocks in left.items():
            with contextlib.suppress(NotFoundError):  # deleted meanwhile
                self._restore(index, blocks)
        return sorted(left)

    def _settings(self, index: str) -> dict[str, Any]:
        try:
            answer = self._client.indices.get_settings(index=index, name=[*_BLOCKS, _TYPE], flat_settings=True)
        except NotFoundError:
            raise
        except (ApiError, TransportError) as error:
            raise to_store_error(error, self._where) from None
        settings: dict[str, Any] = {}
        for found in answer.body.values():  # of the one index, or nothing where it has none of them
            settings |= found["settings"]
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
            found = orjson.loads(self._journal.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, orjson.JSONDecodeError) as error:
            raise EraseError(
                f"{self._journal}: which write blocks were lifted cannot be read; mend or delete it"
            ) from error
        return found if isinstance(found, dict) else {}

    def _note(self, index: str, blocks: Mapping[str, Any] | None) -> None:
        """Before they are lifted, and after they are back; durable when this returns."""
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
