"""Check digits: what tells a card or an IBAN from another number of its shape."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_BETWEEN: Final = re.compile("%20|␛+t")
"""Separators that are written with letters or digits."""


def luhn(digits: str) -> bool:
    """Whether the check digit of a card number holds (ISO/IEC 7812-1, annex B).

    Example:
        >>> luhn("4242424242424242"), luhn("4242424242424241")
        (True, False)
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def mod97(iban: str) -> bool:
    """Whether the check digits of an IBAN hold (ISO 13616, by ISO/IEC 7064 MOD 97-10).

    Example:
        >>> mod97("DE89370400440532013000"), mod97("DE88370400440532013000")
        (True, False)
    """
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def _modulo_11(digits: str, most: int) -> int:
    """A check digit as Brazil's registers compute it: weights from 2 up to `most`, and again from 2."""
    total = sum(int(digit) * (2 + place % (most - 1)) for place, digit in enumerate(reversed(digits)))
    return 0 if total % 11 < 2 else 11 - total % 11


def cpf(digits: str) -> bool:
    """Whether the check digits of a Brazilian CPF hold.

    Example:
        >>> cpf("12345678909"), cpf("12345678908")
        (True, False)
    """
    return digits[9:] == f"{_modulo_11(digits[:9], 11)}{_modulo_11(digits[:10], 11)}"


def cnpj(digits: str) -> bool:
    """Whether the check digits of a Brazilian CNPJ hold.

    Example:
        >>> cnpj("11222333000181"), cnpj("11222333000182")
        (True, False)
    """
    return digits[12:] == f"{_modulo_11(digits[:12], 9)}{_modulo_11(digits[:13], 9)}"


def insee(digits: str) -> bool:
    """Whether the key of a French NIR holds: 97 less the number modulo 97.

    Example:
        >>> insee("184127645108946"), insee("184127645108947")
        (True, False)
    """
    return len(digits) == 15 and 97 - int(digits[:13]) % 97 == int(digits[13:])


def _digits(text: str) -> str:
    return "".join(character for character in _BETWEEN.sub("", text) if character in "0123456789")


def _letters_and_digits(text: str) -> str:
    return "".join(character for character in _BETWEEN.sub("", text) if character.isascii() and character.isalnum())


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "luhn": lambda text: luhn(_digits(text)),
    "cpf": lambda text: cpf(_digits(text)),
    "cnpj": lambda text: cnpj(_digits(text)),
    "insee": lambda text: insee(_digits(text)),
    "mod97": lambda text: mod97(_letters_and_digits(text)),
}
"""By the name that a rule gives."""
