"""A store by its place: a folder of this machine, or the address of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mllog.errors import MissingExtraError, StoreError
from mllog.store._interface import Store

_WITHIN: Final = ("store", "data/store")
"""Where `mllog serve --data` and `mllog demo` keep their store."""

_OWN: Final = ("lock",)


def find_store(folder: Path) -> Path | None:
    """The embedded store in a folder: the folder itself, or the one inside it that `mllog serve` keeps there.

    Raises:
        StoreError: there are several.
    """
    stores = [place for place in (folder, *(folder / part for part in _WITHIN)) if (place / "index").is_dir()]
    if len(stores) > 1:
        raise StoreError(f"{folder}: there are several stores ({', '.join(map(str, stores))}); name one of them")
    return stores[0] if stores else None


def _folder_of(place: Path, *, create: bool) -> Path:
    """The folder of the embedded store at a place: an existing one, or an empty folder for a new one."""
    existing = find_store(place)
    if existing is not None:
        return existing
    if not create:
        raise StoreError(f"{place}: no store in this folder; name the folder of a store, or the one of its server")
    try:
        others = sorted(path.name for path in place.iterdir() if path.name not in _OWN) if place.exists() else []
    except OSError as error:
        raise StoreError(f"{place}: cannot use the folder: {error.strerror}") from error
    if others:
        raise StoreError(
            f"{place}: no store in this folder, and it is not empty ({others[0]}, …); name the folder of a store, "
            "or an empty one for a new store"
        )
    return place


def is_cluster(place: Path | str) -> bool:
    """Whether a place is a cluster and no folder.

    Example:
        >>> is_cluster("https://es:9200"), is_cluster("cloud:mllog:abc"), is_cluster("/var/lib/mllog/store")
        (True, True, False)
    """
    return isinstance(place, str) and place.startswith(("https://", "http://", "cloud:"))


def open_store(
    place: Path | str, *, api_key_file: Path | None = None, ca: Path | None = None, create: bool = True
) -> Store:
    """Open the embedded store in a folder, or create it; or the store in the Elasticsearch cluster at a URL.

    In the data folder of `mllog serve`, the store inside is opened. A new store is created in an empty folder only.

    Args:
        place: a folder, `https://host:port`, or `cloud:` and a cloud id.
        api_key_file: file with the API key of the cluster; default: `MLLOG_ELASTICSEARCH_API_KEY`, or the file that
            `MLLOG_ELASTICSEARCH_API_KEY_FILE` names.
        ca: certificates of the cluster's authority; default: `MLLOG_ELASTICSEARCH_CA`, or those of the system.
        create: whether an embedded store may be created.

    Raises:
        StoreError: the folder cannot be used, has no store and is not empty, belongs to another format, or is open in
            another process; the cluster cannot be reached, is too old, or does not let the key in.
        ConfigurationError: the address would send secrets in the clear, or a file cannot be read.
        MissingExtraError: what the store needs is not installed.

    Example:
        >>> import tempfile
        >>> from mllog.store import Document
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = open_store(folder)
        ...     result = store.index([Document("logs-mllog.late-test", "1", {"message": "hello"})])
        ...     store.commit()
        ...     counts = result.created, store.count({"query_string": {"query": "hello"}})
        ...     store.close()
        >>> counts
        (1, 1)
    """
    if isinstance(place, str) and is_cluster(place):
        try:
            from mllog.cluster._target import target_from  # noqa: PLC0415 - an extra
            from mllog.store._elasticsearch import ElasticsearchStore  # noqa: PLC0415 - the same
        except ModuleNotFoundError as error:
            raise MissingExtraError("a store in a cluster", "elasticsearch") from error
        return ElasticsearchStore(target_from(place, api_key_file=api_key_file, ca=ca))
    try:
        from mllog.store._tantivy import EmbeddedStore  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("the embedded store", "embedded") from error
    return EmbeddedStore(_folder_of(Path(place), create=create))
