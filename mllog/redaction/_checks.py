"""Check digits: what tells a card or an IBAN from another number of its shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


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


def _digits(text: str) -> str:
    return "".join(character for character in text.replace("%20", "") if character in "0123456789")


def _letters_and_digits(text: str) -> str:
    return "".join(character for character in text.replace("%20", "") if character.isascii() and character.isalnum())


CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "luhn": lambda text: luhn(_digits(text)),
    "mod97": lambda text: mod97(_letters_and_digits(text)),
}
"""By the name that a rule gives."""
