"""Keyed hashes in place of values: the same person can be counted, and not be named.

A pseudonym is personal data still (GDPR, recital 26): whoever has the key can find a person's events again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mllog.errors import ConfigurationError

LEAST_KEY: Final = 32
"""Bytes of a key, at the least."""
_ID: Final = re.compile(r"[a-z0-9_-]{1,16}")


class Pseudonyms:
    """Keyed hashes (HMAC-SHA-256, RFC 2104) with a key of its own for each kind of value.

    The key file has a line for each key: an id, and 32 bytes or more in hexadecimal. The first is the one that is used;
    the others are those of former times, by which old events are found again. Only its owner may read the file.

    Args:
        keys: by id; the first is used.
        environment: events of two environments can not be joined, though their keys be the same.

    Raises:
        ConfigurationError: no key, an id that is none, or a key that is too short.

    Example:
        >>> hashes = Pseudonyms({"k1": bytes(32)}, environment="production")
        >>> hashes.of("user_id", "ann")[:13], hashes.of("user_id", "ann") == hashes.of("user_id", "bob")
        ('hmac:k1:9bbe9', False)
        >>> hashes
        Pseudonyms(keys=['k1'])
    """

    __slots__ = ("_environment", "_keys")

    def __init__(self, keys: Mapping[str, bytes], *, environment: str = "") -> None:
        if not keys:
            raise ConfigurationError("redaction keys: there is none; `mllog redaction key` makes one")
        for name, key in keys.items():
            if _ID.fullmatch(name) is None:
                raise ConfigurationError("redaction keys: an id has 1 to 16 of a-z, 0-9, _ and -")
            if len(key) < LEAST_KEY:
                raise ConfigurationError(f"redaction keys: {name!r} has {len(key)} bytes; {LEAST_KEY} are the least")
        self._keys = dict(keys)
        self._environment = environment

    def __repr__(self) -> str:
        return f"Pseudonyms(keys={list(self._keys)})"

    @classmethod
    def load(cls, path: str | Path, *, environment: str = "") -> Pseudonyms:
        """The keys of a file.

        Raises:
            ConfigurationError: it can not be read, others may read it, or a line is no key.
        """
        file = Path(path)
        try:
            if file.stat().st_mode & 0o077:
                raise ConfigurationError(f"{file}: others may read the keys; chmod 600 it")
            lines = file.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: the redaction keys cannot be read: {type(error).__name__}") from None
        keys = {}
        for number, line in enumerate(lines, 1):
            name, _, digits = line.partition(" ")
            if not line.strip() or line.startswith("#"):
                continue
            try:
                keys[name] = bytes.fromhex(digits)
            except ValueError:
                raise ConfigurationError(
                    f"{file}:{number}: a line is an id, a blank and a key in hexadecimal"
                ) from None
        return cls(keys, environment=environment)

    def of(self, kind: str, value: str) -> str:
        """The pseudonym of a value under the key that is used now.

        Args:
            kind: what the value is, such as the name of its feature: equal values of two kinds have two pseudonyms.
            value: the value as text.
        """
        name = next(iter(self._keys))
        return self._pseudonym(name, kind, value)

    def all_of(self, kind: str, value: str) -> list[str]:
        """The pseudonyms of a value under every key, so that older events are found too."""
        return [self._pseudonym(name, kind, value) for name in self._keys]

    def _pseudonym(self, name: str, kind: str, value: str) -> str:
        derived = hmac.digest(self._keys[name], f"{self._environment}\0{kind}".encode(), hashlib.sha256)
        return f"hmac:{name}:{hmac.digest(derived, value.encode(), hashlib.sha256).hex()[:32]}"


def write_key(path: str | Path, name: str) -> None:
    """Put a new key in front of a key file, which is made at mode 0600 if it is not there.

    Raises:
        ConfigurationError: the id is none, or the file can not be written.
    """
    if _ID.fullmatch(name) is None:
        raise ConfigurationError("an id of a key has 1 to 16 of a-z, 0-9, _ and -")
    file = Path(path)
    try:
        old = file.read_text(encoding="ascii") if file.exists() else ""
        if any(line.split(" ")[0] == name for line in old.splitlines()):
            raise ConfigurationError(f"{file}: a key of the id {name!r} is there already")
        file.touch(mode=0o600)
        file.write_text(f"{name} {secrets.token_hex(LEAST_KEY)}\n{old}", encoding="ascii")
    except OSError as error:
        raise ConfigurationError(f"{file}: the key cannot be written: {type(error).__name__}") from None
