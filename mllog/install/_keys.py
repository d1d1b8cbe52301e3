"""API keys of the roles, each in a file for its owner only; a key is never printed."""

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
    """Create the folder of the keys before anything else is changed.

    Raises:
        ConfigurationError: it cannot be created, or other users may write to it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError as error:
        raise ConfigurationError(f"--keys {folder}: {error.strerror}") from error
    if mode & 0o022:
        raise ConfigurationError(f"--keys {folder}: other users may write to it; run chmod 700 on it")


def ensure_maker(cluster: Cluster) -> None:
    """Check that the credential can create keys with privileges.

    Raises:
        ClusterError: the credential is itself a key.
    """
    if cluster.target.api_key is not None:
        raise ClusterError("--keys: an API key cannot create keys with privileges; use --user and --password-file")


def missing_keys(folder: Path) -> list[str]:
    """Roles whose key file does not exist yet."""
    return [name for name in KEYS if not (folder / f"{name}.api_key").exists()]


def make_keys(cluster: Cluster, folder: Path) -> Iterator[str]:
    """Create the keys whose files are missing (`id:key`, as Logstash takes it, mode 0600); a line for each.

    Raises:
        ClusterError: the cluster refuses, or the credential is a key, which cannot create keys with privileges.
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
        try:  # the file first: a key that cannot be written would be lost
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
            response = cluster.request("POST", "_security/api_key", request)
            os.write(fd, f"{response['id']}:{response['api_key']}".encode())
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(fd)
        yield f"created the API key mllog-{name} in {path}"


def our_keys(cluster: Cluster) -> dict[str, str]:
    """Valid keys of mllog: name by id."""
    response = cluster.request("GET", "_security/api_key", name="mllog-*", active_only="true")
    return {
        key["id"]: key["name"]
        for key in response["api_keys"]
        if key.get("metadata", {}).get("managed_by") == MANAGED_BY and not key.get("invalidated")
    }
