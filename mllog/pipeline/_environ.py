"""Variables that a configuration asks for and that the embedded runner makes itself where nobody has set them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mllog.errors import PipelineError

ID_KEY: Final = "MLLOG_LOGSTASH_ID_KEY"
"""The key of the digests that become ids of lines without one."""


def environ_with_key(environ: Mapping[str, str] = os.environ) -> tuple[dict[str, str], bool]:
    """The variables with a key for this run alone if there is none, and whether one was made.

    Example:
        >>> found, made = environ_with_key({})
        >>> len(found["MLLOG_LOGSTASH_ID_KEY"]), made
        (64, True)
    """
    if environ.get(ID_KEY):
        return dict(environ), False
    return {**environ, ID_KEY: secrets.token_hex(32)}, True


def environ_with_kept_key(folder: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables with a key that stays the same: that of `folder`, made at mode 0600 on the first run.

    Raises:
        PipelineError: the file cannot be read or written.
    """
    if environ.get(ID_KEY):
        return dict(environ)
    path = folder / "id_key"
    try:
        if not path.exists():
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_hex(32))
        return {**environ, ID_KEY: path.read_text(encoding="ascii").strip()}
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"the key of line ids cannot be kept: {type(error).__name__}", file=str(path)) from None
