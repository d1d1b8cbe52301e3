"""API keys of the roles, each in a file that only its owner can read; a key is never printed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mllog.cluster._elasticsearch import Cluster
from mllog.errors import ClusterError, ConfigurationError
from mllog.install._objects import MANAGED_BY, ROLE, files

KEYS: Final = ("writer", "reader", "monitor", "setup")
"""Roles that get a key; the file has the same name."""


def ensure_folder(folder: Path) -> None:
    """Make the folder of the keys, before anything is done that it would be too late for.

    Raises:
        ConfigurationError: it cannot be made, or others may write to it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError as error:
        raise ConfigurationError(f"--keys {folder}: {error.strerror}") from error
    if mode & 0o022:
        raise ConfigurationError(f"--keys {folder}: others may write there; chmod 700 it")


def ensure_maker(cluster: Cluster) -> None:
    """See that we are there as somebody who may make keys at all.

    Raises:
        ClusterError: we are there with a key ourselves.
    """
    if cluster.target.api_key is not None:
        raise ClusterError("--keys: an API key cannot make keys that have rights; use --user and --password-file")


def missing_keys(folder: Path) -> list[str]:
    """Roles whose key file is not there yet."""
    return [name for name in KEYS if not (folder / f"{name}.api_key").exists()]


def make_keys(cluster: Cluster, folder: Path) -> Iterator[str]:
    """Create the keys whose files are missing (`id:key`, as Logstash takes it, mode 0600); a line for each.

    Raises:
        ClusterError: the cluster refuses, or we are there with a key, which cannot make one with rights.
        ConfigurationError: a file cannot be written.
    """
    missing = missing_keys(folder)
    if not missing:
        return
    ensure_maker(cluster)
    roles = {item.name: item.body for item in files(ROLE)}
    for name in missing:
        role = f"{MANAGED_BY}_{name}"
        path = folder / f"{name}.api_key"
        try:  # the file first: a key that could not be written down would be lost
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from error
        try:
            rights = {part: roles[role][part] for part in ("cluster", "indices")}
            request = {
                "name": f"mllog-{name}",
                "role_descriptors": {role: rights},
                "metadata": {"managed_by": MANAGED_BY},
            }
            answer = cluster.request("POST", "_security/api_key", request)
            os.write(fd, f"{answer['id']}:{answer['api_key']}".encode())
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(fd)
        yield f"created the API key mllog-{name} in {path}"


def our_keys(cluster: Cluster) -> dict[str, str]:
    """Keys of mllog that are still good: name by id."""
    answer = cluster.request("GET", "_security/api_key", name="mllog-*", active_only="true")
    return {
        key["id"]: key["name"]
        for key in answer["api_keys"]
        if key.get("metadata", {}).get("managed_by") == MANAGED_BY and not key.get("invalidated")
    }
