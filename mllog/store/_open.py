"""A store by its place: a folder of this machine, or the address of a cluster."""

from __future__ import annotations

from pathlib import Path

from mllog.errors import MissingExtraError
from mllog.store._interface import Store


def is_cluster(place: Path | str) -> bool:
    """Whether a place is a cluster and no folder.

    Example:
        >>> is_cluster("https://es:9200"), is_cluster("cloud:mllog:abc"), is_cluster("/var/lib/mllog/store")
        (True, True, False)
    """
    return isinstance(place, str) and place.startswith(("https://", "http://", "cloud:"))


def open_store(place: Path | str, *, api_key_file: Path | None = None, ca: Path | None = None) -> Store:
    """Open the embedded store in a folder, or make it; or the store in the Elasticsearch cluster at a URL.

    Args:
        place: a folder, `https://host:port`, or `cloud:` and a cloud id.
        api_key_file: file with the API key of the cluster; default: `MLLOG_ELASTICSEARCH_API_KEY`, or the file that
            `MLLOG_ELASTICSEARCH_API_KEY_FILE` names.
        ca: certificates of the cluster's authority; default: `MLLOG_ELASTICSEARCH_CA`, or those of the system.

    Raises:
        StoreError: the folder cannot be used, belongs to another format, or is open in another process; the cluster
            cannot be reached, is too old, or does not let the key in.
        ConfigurationError: the address would send secrets in the clear, or a file cannot be read.
        MissingExtraError: what the store needs is not installed.

    Example:
        >>> import tempfile
        >>> from mllog.store import Document
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = open_store(folder)
        ...     result = store.index([Document("logs-mllog.late-test", "1", {"message": "hello"})])
        ...     store.commit()
        ...     found = result.created, store.count({"query_string": {"query": "hello"}})
        ...     store.close()
        >>> found
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
    return EmbeddedStore(Path(place))
