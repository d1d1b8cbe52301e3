"""Which names make a value sensitive, as words: the same table serves the lookup of a whole name and the text search."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Names of one sort, written as words: `api key` stands for `apiKey`, `API_KEY`, `x-api-key-2` and `apikey`.

    Attributes:
        name: of the group; goes into the names of its rules.
        phrases: in lower case; sensitive wherever they stand as words of a name.
        endings: sensitive also at the end of a longer word: `userpassword`, `csrfmiddlewaretoken`.
        beginnings: sensitive also at the beginning of a longer word: `passwordhash`.
        exact: sensitive only if they are the whole name.
        grouped: whether blanks may divide a value: `tel: 07700 900123`.
        names: whole words that a team has added, as it wrote them.
        whole: whether these are sensitive only as whole names: those of features.
    """

    name: str
    phrases: tuple[str, ...]
    endings: tuple[str, ...] = ()
    beginnings: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    grouped: bool = False
    names: tuple[str, ...] = ()
    whole: bool = False


def _each(firsts: str, *seconds: str) -> tuple[str, ...]:
    return tuple(f"{first} {second}" for first in firsts.split() for second in seconds)


_NUMBER: Final = ("number", "num", "no")

GROUPS: Final[tuple[KeyGroup, ...]] = (
    KeyGroup(
        "password",
        ("password", "passwords", "passwd", "passwds", "passwort", "pasword", "kennwort", "passphrase", "pass phrase",
         "passcode", "pass code", "pass word", "pwd", "pw", "pin", "pins", "otp", "totp", "cvv", "cvc", "cvn",
         *_each("pin otp mfa security verification recovery backup", "code", "codes"),
         *_each("security secret", "answer"), "seed phrase", "recovery phrase", "mnemonic", "senha", "contrasena",
         "contrase\u00f1a", "mot de passe", "mdp", "wachtwoord", "parola chiave", "heslo", "haslo", "has\u0142o",
         "l\u00f6senord", "losenord", "salasana", "adgangskode", "sifre", "\u015fifre",
         "\u043f\u0430\u0440\u043e\u043b\u044c", "\u5bc6\u7801", "\u30d1\u30b9\u30ef\u30fc\u30c9"),
        endings=("password", "passwords", "passwd", "passwort", "kennwort", "passphrase", "passcode", "pincode"),
        beginnings=("password", "passwd", "passwort", "kennwort", "passphrase"),
    ),
    KeyGroup(
        "secret",
        ("secret", "secrets", "api key", "api keys",
         *_each("private access encryption decryption signing account storage shared master ssh license licence", "key", "keys"),
         "connection string"),
        endings=("secret", "secrets", "apikey", "accesskey", "privatekey", "secretkey"),
        beginnings=("apikey", "secretkey"),
    ),
    KeyGroup(
        "token",
        ("token", "jwt", "session id", "csrf", "xsrf", "bearer"),
        endings=("token", "sessionid", "sessid"),
    ),
    KeyGroup(
        "header",
        ("authorization", "authorisation", "auth header", "cookie", "cookies", "credential", "credentials", "cred", "creds"),
        endings=("authorization", "cookie", "cookies", "credentials"),
    ),
    KeyGroup(
        "identity",
        ("ssn", "social security", "passport", "passports", "passeport", "pasaporte", "passaporte", "reisepass",
         *_each("driver drivers driving", "license", "licence"), *_each("license licence", *_NUMBER, "plate"),
         "number plate", "f\u00fchrerschein", "fuehrerschein", "permis de conduire", "national insurance",
         "identity card", *_each("id ausweis personalausweis", "card", "nummer"), "personalausweis",
         *_each("tax taxpayer national nationality", "id", "identification"), "tax payer id", "dob", "date of birth",
         *_each("birth", "date", "day"), "birthdate", "birthday", "geburtsdatum", "fecha de nacimiento",
         "date de naissance", "nino", "aadhaar", "aadhar", "cpf", "cnpj", "pesel", "bsn", "burgerservicenummer",
         "personnummer", "codice fiscale", "steuer id", "steuer identifikationsnummer", "steuer nummer", "insee"),
        exact=("sin", "nir", "dni", "nie", "pan"),
        grouped=True,
    ),
    KeyGroup(
        "contact",
        ("email", "emails", "e mail", "e mails", "phone", "phones", "telephone", "telefon", "telefono", "telefone",
         "cellphone", "mobilephone", "homephone", "workphone", "telefonnummer", "handynummer",
         *_each("mobile cell fax tel handy", *_NUMBER), "fax", "tel", "msisdn",
         *_each("street postal home billing shipping mailing delivery", "address")),
        endings=("email", "phonenumber", "emailaddress"),
        exact=("mobile", "address"),
        grouped=True,
    ),
    KeyGroup(
        "finance",
        ("iban", "ibans", *_each("card account acct cc routing", *_NUMBER), *_each("credit debit", "card"), "bank account",
         "sort code", "kontonummer", "kreditkarte", "kreditkartennummer", "carte bancaire"),
        endings=("cardnumber", "accountnumber"),
        grouped=True,
    ),
)  # fmt: skip
"""All names. A group is searched only in texts that hold one of its guards."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


COUNTS: Final = _set(
    "count counts cnt total length len size age days hours minutes seconds rate ratio share pct percent percentage "
    "score mean avg average min max sum std median calls attempts retries uses usage limit balance amount debt "
    "utilization utilisation frequency freq changes distance entropy"
)
"""Last words by which a name counts or measures: `token_count`."""

ABOUT: Final = COUNTS | _set(
    "model models type types kind brand policy version format status state provider carrier scheme method language "
    "lang country region domain category strength source channel vendor manufacturer issuer tier level expiry expires "
    "expired expiration ttl"
)
"""Last words by which a name says something about the sensitive thing, but does not hold it: `phone_model`."""

FLAGS: Final = _set(
    "has have had is are was own owns owned with without uses used opened clicked valid invalid verified confirmed "
    "consent enabled disabled provided missing exists available required changed matches flag accepted"
)
"""Words of a name that asks a question, which yes or no answers."""

PLURALS: Final = _set("emails phones")
"""Last words that count things."""

MEASURES: Final = COUNTS | _set(
    "flops bytes ns us ms time timestamp ts nanos micros millis epoch revenue price population distance value volume"
)
"""Last words of names whose large numbers are measures."""

COUNT_FIRST: Final = frozenset(("n", "num", "nb", "nr", "count"))
"""The same, where they come first: `num_cards` counts, `card_num` does not."""

_ALSO_MEASURES: Final = _set("sin nir dni nie pan")
_YES_NO: Final = frozenset(("true", "false", "yes", "no", "y", "n", "t", "f", "none", "0", "1", "unknown", ""))
_MOST_COUNTED: Final = 10**7
_DIGITS: Final = frozenset(range(10))
_NOT_GLUED: Final = frozenset(("voicemail", "subtoken", "detoken", "pretoken", "passwordless"))
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_ALIKE: Final = str.maketrans("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456", "aeopcyxi")
"""Cyrillic letters that look like Latin ones."""


def _plain(name: str) -> str:
    """A name beyond ASCII as its letters are meant: full width, and look-alikes in a Latin word."""
    name = unicodedata.normalize("NFKC", name)
    return re.sub(r"[^\W\d_]*[A-Za-z][^\W\d_]*", lambda word: word[0].translate(_ALIKE), name)


def words_of(name: str) -> list[str]:
    """The words of a name: split by case, digits, and whatever is no letter.

    Example:
        >>> words_of("X-API-Key2"), words_of("passwordOld[0]"), words_of("DBPassword")
        (['x', 'api', 'key'], ['password', 'old'], ['db', 'password'])
    """
    if name.isascii():
        return [word.lower() for word in _WORD.findall(name)]
    name = _plain(name)
    if name.isascii():
        return [word.lower() for word in _WORD.findall(name)]
    return re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


class Names:
    """Tells by its words whether a name is sensitive: a lookup a word, no pattern.

    Args:
        groups: of names.
    """

    __slots__ = ("_beginnings", "_begins", "_endings", "_ends", "_exact", "_firsts", "_longest", "_own", "_phrases")

    def __init__(self, groups: Iterable[KeyGroup]) -> None:
        groups = tuple(groups)
        phrases = [words for group in groups for phrase in group.phrases if (words := words_of(phrase))]
        self._phrases = frozenset(map("".join, phrases))
        self._longest = max(map(len, phrases), default=0)
        self._firsts = frozenset(words[0] for words in phrases if len(words) > 2)
        own = [_whole(group) for group in groups if group.names]
        self._own = re.compile(f"(?i)(?:{'|'.join(own)})") if own else None
        self._exact = frozenset(name for group in groups for name in group.exact)
        self._endings = tuple(dict.fromkeys(name for group in groups for name in group.endings))
        self._beginnings = tuple(dict.fromkeys(name for group in groups for name in group.beginnings))
        # Most words are done with one look at their first and last letters.
        self._ends = frozenset(name[-4:] for name in self._endings)
        self._begins = frozenset(name[:4] for name in self._beginnings)

    def sensitive(self, name: str) -> bool:
        """Whether a value under this name is sensitive.

        Example:
            >>> names = Names(GROUPS)
            >>> [names.sensitive(name) for name in ("passwordOld", "api_key_2", "pineapple", "phone_model", "tokens")]
            [True, True, False, False, False]
        """
        if self._own is not None and self._own.search(name) is not None:
            return True
        words = words_of(name)
        return bool(words) and self._holds(words) and words[-1] not in ABOUT

    def _holds(self, words: list[str]) -> bool:
        phrases = self._phrases
        if not phrases.isdisjoint(words):
            return True
        if len(words) > 1:
            for first, second in pairwise(words):
                if first + second in phrases:
                    return True
            if not self._firsts.isdisjoint(words):
                for span in range(3, min(self._longest, len(words)) + 1):
                    for start in range(len(words) - span + 1):
                        if "".join(words[start : start + span]) in phrases:
                            return True
        elif words[0] in self._exact:
            return True
        elif not words[0].isascii():
            return False
        for word in words:
            if (word[-4:] in self._ends or word[:4] in self._begins or "passw" in word) and self._glued(word):
                return True
        return len(words) == 2 and words[1] in ("number", "no", "id", "value") and words[0] in self._exact

    def _glued(self, word: str) -> bool:
        found = word.endswith(self._endings) or word.startswith(self._beginnings) or "password" in word
        return found and word not in _NOT_GLUED


def counts(name: str, value: Any) -> bool:
    """Whether a value only says whether there is something sensitive, or how much of it.

    Args:
        name: is sensitive.
        value: a plain value.

    Example:
        >>> counts("has_phone", True), counts("n_cookies", 3), counts("pin", 4821), counts("password", True)
        (True, True, False, False)
    """
    kind = type(value)
    words = words_of(name)
    if not words:
        return False
    asks = not FLAGS.isdisjoint(words) or words == ["mobile"]
    if kind is bool or kind is str:
        return asks and (kind is bool or value.lower() in _YES_NO)
    if kind is not int and kind is not float:
        return False
    if words[-1] in COUNTS or words[-1] in PLURALS or (words[0] in COUNT_FIRST and len(words) > 1):
        return bool(-_MOST_COUNTED < value < _MOST_COUNTED)
    if asks:
        return value in _DIGITS
    # Names that are measures as well: the sine of an hour, a band of a sensor. An identifier has many digits.
    measured = len(words) == 1 and words[0] in _ALSO_MEASURES
    return bool(measured and ((kind is float and not value.is_integer()) or abs(value) < _MOST_COUNTED))


def measures(name: str) -> bool:
    """Whether a name says that its number is a measure.

    Example:
        >>> measures("total_flops"), measures("ref")
        (True, False)
    """
    words = words_of(name)
    return bool(words) and words[-1] in MEASURES and words != ["value"]  # which outputs without a name are called


_MOBILE: Final = "mobile"
_S: Final = "(?:[-_ .]|', ')?"
"""What may stand between the words of a name, which may be a tuple."""
_CAMEL: Final = "(?-i:(?<=[a-z0-9])(?=[A-Z]))"
_AFTER: Final = "(?!(?-i:[a-z]|(?<=[A-Z])[A-Z](?![a-z])))"
"""A word ends where no letter of the same case follows."""


def _letter(letter: str) -> str:
    """A letter of a name; one beyond ASCII may be an escape, which stands in a text as its placeholder and code."""
    code = f"{ord(letter):04x}"
    return re.escape(letter) if letter.isascii() else rf"(?:\u{code}|(?:\u240f|\u241bu){code})"


def _before(first: str) -> str:
    """A word begins where no letter stands before it, or a small one before its capital.

    It is looked at behind the first letter: a pattern that begins with letters is found many times faster than one that
    begins with a look-behind.
    """
    if not first.isascii():
        return _letter(first)
    return f"{first}(?:(?<![A-Za-z]{first})|(?-i:(?<=[a-z]{first.upper()})))"


def _spelt(phrase: str) -> str:
    return _S.join(re.escape(word) for word in phrase.split(" "))


def tree(phrases: Iterable[str]) -> str:
    """Alternatives that share their beginnings.

    Example:
        >>> tree(["card no", "card number", "cc no"])
        "c(?:ard(?:[-_ .]|', ')?n(?:o|umber)|c(?:[-_ .]|', ')?no)"
    """
    tails: dict[str, list[str]] = {}
    for phrase in sorted(set(phrases)):
        tails.setdefault(phrase[:1], []).append(phrase[1:])
    parts = []
    for first, rest in tails.items():
        if first == "":
            continue
        shown = _S if first == " " else _letter(first)
        ends = "" in rest
        inner = tree(word for word in rest if word)
        parts.append(f"{shown}(?:{inner})?" if ends and inner else shown + inner)
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})" if parts else ""


def words_pattern(words: Iterable[str]) -> str:
    """Words of a name as one pattern that begins with letters."""
    by_first: dict[str, list[str]] = {}
    for word in sorted(words):
        by_first.setdefault(word[0], []).append(word[1:])
    parts = [
        f"{_before(first)}{'' if rests == [''] else tree(rests) if '' not in rests else f'(?:{tree(filter(None, rests))})?'}"
        for first, rests in by_first.items()
    ]
    return f"(?:{'|'.join(parts)})(?-i:(?![a-z]))"


def name_patterns(groups: Iterable[KeyGroup]) -> Iterator[tuple[str, list[str], str]]:
    """The names of groups, one pattern for each first letter: the letter, the names, and the pattern.

    What may follow in the name is not part of a pattern.
    """
    phrases: dict[str, set[str]] = {}
    endings: dict[str, set[str]] = {}
    beginnings: dict[str, set[str]] = {}
    for group in groups:
        for found, names in ((phrases, group.phrases), (endings, group.endings), (beginnings, group.beginnings)):
            for name in names:
                found.setdefault(name[0], set()).add(name)
        if "mobile" in group.exact:
            phrases.setdefault("m", set()).add(_MOBILE)
    for first in sorted({*phrases, *endings, *beginnings}):
        parts = []
        if words := sorted(phrases.get(first, set()) - {_MOBILE}):
            parts.append(f"{_before(first)}{tree(word[1:] for word in words)}{_AFTER}")
        if glued := sorted(endings.get(first, ())):
            parts.append(f"{tree(glued)}{_AFTER}")
        if begun := sorted(beginnings.get(first, ())):
            parts.append(tree(begun))
        if _MOBILE in phrases.get(first, ()):
            parts.append("m(?<![A-Za-z0-9_.-]m)obile(?![A-Za-z0-9_.-])")
        yield first, [*words, *glued, *begun, *([_MOBILE] if first == "m" else [])], "|".join(parts)


def _whole(group: KeyGroup) -> str:
    tail = r"(?:_?hash|[0-9])?[\]) ]*\Z" if group.whole else ""
    return f"(?<![A-Za-z0-9]){own_pattern(group)}{tail}"


def own_pattern(group: KeyGroup) -> str:
    """The names of a team as one pattern."""
    names = "|".join(re.escape(name).replace("/", r"\/") for name in sorted(group.names, key=len, reverse=True))
    return f"(?:{names})(?:(?=_?hash|[0-9])|(?![A-Za-z0-9]))"


@lru_cache(maxsize=8)
def names_of(groups: tuple[KeyGroup, ...]) -> Names:
    """The lookup for a set of groups, made once."""
    return Names(groups)
