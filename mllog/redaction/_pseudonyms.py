"""Keyed hashes in place of values: a person's events can be counted without naming the person.

A pseudonym is still personal data (GDPR, recital 26): with the key, a person's events can be found again.
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

MIN_KEY_BYTES: Final = 32
"""The least number of bytes of a key."""
_ID: Final = re.compile(r"[a-z0-9_-]{1,16}")


class Pseudonyms:
    """Keyed hashes (HMAC-SHA-256, RFC 2104) with a key of its own for each kind of value.

    The key file has a line for each key: an id, and 32 bytes or more in hexadecimal. The first is the one that is used;
    the others are those of former times, by which old events are found again. Only its owner may read the file.

    Args:
        keys: by id; the first is used.
        environment: events of two environments cannot be joined, though their keys be the same.

    Raises:
        ConfigurationError: no key, an id that is none, or a key that is too short.

    Example:
        >>> hashes = Pseudonyms({"k1": bytes(32)}, environment="production")
        >>> ann, bob = hashes.pseudonym("user_id", "ann"), hashes.pseudonym("user_id", "bob")
        >>> ann[:13], ann == bob
        ('hmac:k1:9bbe9', False)
        >>> hashes
        Pseudonyms(keys=['k1'])
    """

    __slots__ = ("_environment", "_keys")

    def __init__(self, keys: Mapping[str, bytes], *, environment: str = "") -> None:
        if not keys:
            raise ConfigurationError("redaction keys: the file has no key; create one with `mllog redaction key`")
        for name, key in keys.items():
            if _ID.fullmatch(name) is None:
                raise ConfigurationError("redaction keys: a key id consists of 1 to 16 characters of a-z, 0-9, _ and -")
            if len(key) < MIN_KEY_BYTES:
                raise ConfigurationError(f"redaction keys: {name!r} has {len(key)} bytes, but needs {MIN_KEY_BYTES}")
        self._keys = dict(keys)
        self._environment = environment

    def __repr__(self) -> str:
        return f"Pseudonyms(keys={list(self._keys)})"

    @classmethod
    def load(cls, path: str | Path, *, environment: str = "") -> Pseudonyms:
        """The keys of a file.

        Raises:
            ConfigurationError: it cannot be read, others may read it, or a line is no key.
        """
        file = Path(path)
        try:
            if file.stat().st_mode & 0o077:
                raise ConfigurationError(f"{file}: other users can read the keys; run chmod 600 on it")
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
                raise ConfigurationError(f"{file}:{number}: expected an id, a blank and a key in hexadecimal") from None
        return cls(keys, environment=environment)

    def pseudonym(self, kind: str, value: str) -> str:
        """The pseudonym of a value under the key that is used now.

        Args:
            kind: what the value is, such as the name of its feature: equal values of two kinds have two pseudonyms.
            value: the value as text.
        """
        name = next(iter(self._keys))
        return self._computed(name, kind, value)

    def all_pseudonyms(self, kind: str, value: str) -> list[str]:
        """The pseudonyms of a value under every key, so that older events are found too."""
        return [self._computed(name, kind, value) for name in self._keys]

    def _computed(self, name: str, kind: str, value: str) -> str:
        derived = hmac.digest(self._keys[name], f"{self._environment}\0{kind}".encode(), hashlib.sha256)
        return f"hmac:{name}:{hmac.digest(derived, value.encode(), hashlib.sha256).hex()[:32]}"


def write_key(path: str | Path, name: str) -> None:
    """Put a new key in front of a key file, which is made at mode 0600 if it is not there.

    Raises:
        ConfigurationError: the id is none, or the file cannot be written.
    """
    if _ID.fullmatch(name) is None:
        raise ConfigurationError("a key id consists of 1 to 16 characters of a-z, 0-9, _ and -")
    file = Path(path)
    try:
        old = file.read_text(encoding="ascii") if file.exists() else ""
        if any(line.split(" ")[0] == name for line in old.splitlines()):
            raise ConfigurationError(f"{file}: a key with the id {name!r} already exists")
        file.touch(mode=0o600)
        file.write_text(f"{name} {secrets.token_hex(MIN_KEY_BYTES)}\n{old}", encoding="ascii")
    except OSError as error:
        raise ConfigurationError(f"{file}: the key cannot be written: {type(error).__name__}") from None
