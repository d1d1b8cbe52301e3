"""The redactor inside the service: it sees values, not text, and so can count checksums.

It fails closed: what cannot be searched in good time becomes a marker that says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mllog.redaction.rules import RULES, Rule, is_sensitive_key, rules_digest

LONGEST: Final = 1 << 16
"""Characters of a text that are searched; a longer one is replaced as a whole."""

TOO_LONG: Final = "[REDACTED:too_long]"
SENSITIVE: Final = "[REDACTED:key]"
"""What stands in place of a value whose name says that it is sensitive."""

# A look that most values are done with: a literal of the rules, four digits near each other, or what may begin an IPv6
# address. Searching a text for one character is many times cheaper than for two, hence the rarest of each literal.
_DIGITS: Final = re.compile(r"[0-9][^0-9]{0,4}[0-9][^0-9]{0,4}[0-9][^0-9]{0,4}[0-9]")
_HEXTETS: Final = re.compile(r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:")
_BY_FREQUENCY: Final = " etaoinshrdlucmfwygpbvkjxqz"


def _rarest(text: str) -> str:
    """The character that is met least in English text; capitals and signs are met less than any small letter."""
    return max(text, key=lambda character: _BY_FREQUENCY.find(character) % 100)


_LONG_NUMBER: Final = re.compile(r"(?:[0-9][^0-9]{0,6}){7}")
_LEAST_CARD: Final = 10**12


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
    return "".join(character for character in text if character in "0123456789")


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "card": lambda text: luhn(_digits(text)),
    "iban": lambda text: mod97("".join(text.split())),
}


class Redactor:
    """Replaces sensitive values by markers such as `[REDACTED:email]`.

    Example:
        >>> Redactor().text("call +49 30 23125939 or mail ann@example.com")
        ('call [REDACTED:phone] or mail [REDACTED:email]', ('email', 'phone'))
    """

    def __init__(self, rules: tuple[Rule, ...] = RULES) -> None:
        self.digest = rules_digest()
        self._rules = tuple((rule.kind, re.compile(rule.pattern), rule.guard, rule.replacement) for rule in rules)
        literals = {literal for rule in rules for literal in rule.guard if any(map(str.isalpha, literal))} | {
            "@",
            "%40",
        }
        self._literals = tuple((_rarest(text), text) for text in sorted({*literals, "://"}))
        self._card = next((pattern for kind, pattern, *_ in self._rules if kind == "card"), None)

    def text(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The text with what is sensitive replaced, and the kinds that were found."""
        if not self._is_suspect(text):
            return text, ()
        if len(text) > LONGEST:
            return TOO_LONG, ("too_long",)
        kinds: list[str] = []
        numeric = _LONG_NUMBER.search(text) is not None
        for kind, pattern, guard, replacement in self._rules:
            if not (any(literal in text for literal in guard) if guard else numeric):
                continue
            check = _CHECKS.get(kind)

            def replace(
                match: re.Match[str], check: Callable[[str], bool] | None = check, new: str = replacement
            ) -> str:
                return match[0] if check is not None and not check(match[0]) else new

            changed = pattern.sub(replace, text)
            if changed != text:
                text = changed
                kinds.append(kind)
        return text, tuple(dict.fromkeys(kinds))

    def _is_suspect(self, text: str) -> bool:
        """Whether any rule could find anything; false for most values, and cheap for those."""
        for rarest, literal in self._literals:
            if rarest in text and literal in text:
                return True
        if _DIGITS.search(text) is not None or "::" in text:
            return True
        return text.count(":") > 2 and _HEXTETS.search(text) is not None

    def integer(self, value: int) -> str | None:
        """The kind of a number that is an identifier in disguise, or None."""
        if -_LEAST_CARD < value < _LEAST_CARD or self._card is None:
            return None
        digits = str(value)
        return "card" if self._card.fullmatch(digits) and luhn(digits) else None

    @staticmethod
    def sensitive(name: str) -> bool:
        """Whether a value under this name is sensitive, whatever it looks like."""
        return is_sensitive_key(name)
