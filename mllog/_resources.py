"""Finds the files that travel with the package: logstash/, elastic/, kibana/, examples/.

In a checkout they stand beside the package; in an installed wheel inside it, under `_data/`.
"""

from __future__ import annotations

from pathlib import Path

from mllog.errors import ConfigurationError

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Path of a folder or file that ships with mllog, such as `logstash/pipeline`.

    Raises:
        ConfigurationError: the installation is incomplete.

    Example:
        >>> resource("logstash").name
        'logstash'
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        path = root / name
        if path.exists():
            return path
    raise ConfigurationError(f"{name} is not part of this installation of mllog; install the package again")
