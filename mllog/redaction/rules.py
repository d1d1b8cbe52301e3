"""What counts as sensitive: the patterns and key names that both sides redact by.

The service redacts values before they are written; Logstash redacts the raw line of services that log
without mllog. Both take their rules from here, so the patterns keep to what Python's `re` and Logstash's
engine (Joni) read alike: explicit character classes (the two differ on what a word, a digit and a boundary are
beyond ASCII), no flags, no named groups, atomic groups for runs. Each pattern is linear in the length of the text:
a run is entered only where it begins (look-behind), and what repeats is either bounded or can not give back.

Checksums (Luhn, mod 97) are not for regular expressions: the in-process side adds them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of sensitive text.

    Attributes:
        kind: the name that goes into `mllog.redaction.kinds`.
        pattern: the regular expression, for `re` and Joni alike.
        guard: at least one of these texts stands in every match; nothing to search without. Empty: digits only.
        replacement: what takes the place of a match.
        examples_match: texts in which the pattern finds its kind.
        examples_no_match: look-alikes in which it must find nothing.

    Example:
        >>> RULES[0].kind, RULES[0].replacement
        ('private_key', '[REDACTED:private_key]')
    """

    kind: str
    pattern: str
    guard: tuple[str, ...]
    replacement: str
    examples_match: tuple[str, ...]
    examples_no_match: tuple[str, ...]


def _rule(kind: str, pattern: str, guard: tuple[str, ...], match: tuple[str, ...], no_match: tuple[str, ...]) -> Rule:
    return Rule(kind, pattern, guard, f"[REDACTED:{kind}]", match, no_match)


_NOT_IN_ADDRESS: Final = r"\s@\"'`<>()\[\]{},;:=/|\\?&#!*␛❞␊␍␉␈␌"
"""What ends the local part of an address or a label of its domain; anything else may be in one (RFC 6531).
The last seven stand for JSON escapes while Logstash searches a raw line (20-redact.conf)."""

_DOMAIN: Final = rf"(?:(?>[^{_NOT_IN_ADDRESS}.%]+)\.)+[^{_NOT_IN_ADDRESS}.%0-9_-]{{2,}}"
_EMAIL: Final = (
    rf"(?<![^{_NOT_IN_ADDRESS}])(?>[^{_NOT_IN_ADDRESS}]+)@{_DOMAIN}|[\"❞][^\"❞\\@\r\n]{{1,64}}[\"❞]@{_DOMAIN}"
)
# In a URL `%40` is inside the run of the local part, so that form spells out what may stand before it.
_EMAIL_IN_URL: Final = r"(?<![A-Za-z0-9._+-])(?>[A-Za-z0-9._+-]+)%40(?:(?>[A-Za-z0-9-]+)\.)+[A-Za-z]{2,}"

_PRIVATE_KEY: Final = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?>(?:(?!-----END)[^\"❞])*)(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
_URL_CREDENTIALS: Final = r"(?<=://)[^\s/?#@:\"'❞]{0,128}:[^\s/?#@\"'❞]{1,128}(?=@)"
_AUTHORIZATION: Final = (
    r"(?<![A-Za-z])(?:[Bb]asic|[Bb]earer|BASIC|BEARER)[ +]{1,2}"
    r"(?=[A-Za-z_.~+/-]{0,64}[0-9=])[A-Za-z0-9._~+/-]{16,}={0,2}"
)
_PROVIDER_KEY: Final = (
    r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,}|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|sk-[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{30,})"
    r"|(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{10,}"
)
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = rf"(?<![0-9A-Za-z.-])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z-])(?!\.[0-9])"
_IPV6: Final = (
    r"(?<![0-9A-Za-z:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"
    # compressed: one pair of colons, and a digit somewhere, or `dead::beef` would be one
    r"|(?=[A-Fa-f:]{0,40}[0-9])(?:[0-9A-Fa-f]{1,4}:){1,6}:(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?)"
    r"(?![0-9A-Za-z:])"
)

# No digit, letter or fraction may touch a card: the fraction of a probability has sixteen digits too.
_CARD_START: Final = r"(?<![0-9A-Za-z_.%-])"
_CARD_END: Final = r"(?![0-9A-Za-z_%-])(?!\.[0-9])"
_SEPARATOR: Final = r"(?:[ .+-]|  |\u00a0|\u202f)?"
_FOUR: Final = f"{_SEPARATOR}[0-9]{{4}}"
_CARD: Final = (
    _CARD_START
    + "(?:"
    # sixteen digits: Visa, Mastercard, Discover, JCB, UnionPay; then up to three more for the long forms
    + r"(?:4[0-9]{3}|5[1-5][0-9]{2}|2(?:2[2-9]|[3-6][0-9]|7[012])[0-9]|6(?:011|[25][0-9]{2}|4[4-9][0-9])|35[2-8][0-9])"
    + f"{_FOUR}{_FOUR}{_FOUR}[0-9]{{0,3}}"
    + f"|3[47][0-9]{{2}}{_SEPARATOR}[0-9]{{6}}{_SEPARATOR}[0-9]{{5}}"  # American Express
    + f"|3(?:0[0-5]|[68][0-9])[0-9]{_SEPARATOR}[0-9]{{6}}{_SEPARATOR}[0-9]{{4}}"  # Diners Club
    + "|4[0-9]{12}"  # the short Visa
    + ")"
    + _CARD_END
)

_SSN: Final = r"(?<![0-9A-Za-z.-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9A-Za-z-])"

_PHONE_INTERNATIONAL: Final = r"(?<![0-9A-Za-z+])\+[1-9](?:[ ().-]{0,2}[0-9]){6,14}(?![0-9])"
_PHONE_US: Final = (
    r"(?<![0-9A-Za-z+.(-])(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[.-])[2-9][0-9]{2}[.-][0-9]{4}(?![0-9A-Za-z-])"
)
_PHONE_NATIONAL: Final = r"(?<![0-9A-Za-z+.,:/-])0[1-9][0-9]{1,3}[ /-][0-9]{5,8}(?:[ -][0-9]{2,5})?(?![0-9A-Za-z.:/-])"

_IBAN_LENGTHS: Final = {
    15: "NO", 16: "BE", 18: "DK|FI|FO|GL|NL|SD", 19: "MK|SI", 20: "AT|BA|EE|KZ|LT|LU|MN|XK",
    21: "CH|CR|HR|LI|LV", 22: "BG|BH|DE|GB|GE|IE|ME|RS|VA", 23: "AE|GI|IL|IQ|OM|SO|TL",
    24: "AD|CZ|ES|MD|PK|RO|SA|SE|SK|TN|VG", 25: "LY|PT|ST", 26: "IS|TR", 27: "BI|DJ|FR|GR|IT|MC|MR|SM",
    28: "AL|AZ|BY|CY|DO|GT|HU|LB|NI|PL|SV", 29: "BR|EG|PS|QA|UA", 30: "JO|KW|MU|YE", 31: "MT|SC", 32: "LC", 33: "RU",
}  # fmt: skip
"""Length of an IBAN by country (SWIFT IBAN registry): the exact length keeps hexadecimal ids apart."""


def _iban(cased: str, codes: dict[int, str]) -> str:
    """The alternatives of all lengths, in groups of four with or without a blank between."""
    parts = []
    for length, countries in codes.items():
        groups, rest = divmod(length - 4, 4)
        tail = f" ?[{cased}0-9]{{{rest}}}" if rest else ""
        parts.append(f"(?:{countries})[0-9]{{2}}(?: ?[{cased}0-9]{{4}}){{{groups}}}{tail}")
    return "|".join(parts)


def _not_hexadecimal(codes: dict[int, str]) -> dict[int, str]:
    """The country codes, in lower case, that can not begin a hexadecimal id."""
    kept = {n: "|".join(c.lower() for c in text.split("|") if re.search("[G-Z]", c)) for n, text in codes.items()}
    return {n: text for n, text in kept.items() if text}


_IBAN_UPPER: Final = f"(?<![0-9A-Za-z])(?=[A-Z]{{2}}[0-9]{{2}})(?:{_iban('A-Z', _IBAN_LENGTHS)})(?![0-9A-Za-z])"
_IBAN_LOWER: Final = (
    f"(?<![0-9A-Za-z])(?=[a-z]{{2}}[0-9]{{2}})(?:{_iban('a-z', _not_hexadecimal(_IBAN_LENGTHS))})(?![0-9A-Za-z])"
)

_JWT: Final = r"(?<![A-Za-z0-9_-])eyJ(?>[A-Za-z0-9_-]{8,})\.(?>[A-Za-z0-9_-]{8,})(?:\.(?>[A-Za-z0-9_-]*)){0,3}"

RULES: Final[tuple[Rule, ...]] = (
    _rule(
        "private_key",
        _PRIVATE_KEY,
        ("PRIVATE KEY",),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIFake\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----MIIFake",
        ),
        ("-----BEGIN CERTIFICATE-----", "PRIVATE KEY"),
    ),
    _rule(
        "url_credentials",
        _URL_CREDENTIALS,
        ("://",),
        ("postgres://svc:Fake4now@db.example.org/x",),
        ("https://example.com:8443/x", "https://example.com/@oncall/posts?at=10"),
    ),
    _rule(
        "authorization",
        _AUTHORIZATION,
        ("asic", "earer", "ASIC", "EARER"),
        ("Basic ZmFrdXJ1cDpGaHZlYmg0NVhtYmZNYg==", "bearer fkdudC7CL4nhSxe3yYhRUxaAQSnSF1F0"),
        ("Basic regression model and bearer instruments portfolio",),
    ),
    _rule(
        "token",
        _PROVIDER_KEY,
        ("AKIA", "ASIA", "gh", "xox", "sk", "rk_", "AIza"),
        ("AKIAFAKEMNLTBAVSSTYK", "ghp_FAKEJ3x5g16kE0Z89k7SCXk0IYcDU1du4pVy", "sk-FAKErAoSGOavbadVBhvNXw6B3dU3"),
        ("task-scheduler-nightly-retrain-pipeline-0042", "AKIA", "ghp_", "xoxb"),
    ),
    _rule(
        "jwt",
        _JWT,
        ("eyJ",),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJl",),
        ("eyJ", "eyJhbGci", "keyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0"),
    ),
    _rule(
        "email",
        _EMAIL,
        ("@",),
        ("write to ann.lee77+x@mail.example.com.", "ANN@EXAMPLE.ORG", "zoë@büro.example", '"ann lee"@example.com'),
        ("precision@10", "@scope/pkg", "lodash@4.17.21", "field @timestamp missing", "mail @ 10:30", "champion@prod"),
    ),
    _rule("email", _EMAIL_IN_URL, ("%40",), ("u?mail=ann%40example.com&p=2",), ("50%40", "a%40b")),
    _rule(
        "iban",
        _IBAN_UPPER,
        (),
        ("DE89370400440532013000", "to GB29 NWBK 6016 1331 9268 19 done", "NO9386011117947"),
        ("DE8937040044053201300", "01YQKTPHAHWAFBNPXBAF31Q4QA", "de89370400440532013000"),
    ),
    _rule(
        "iban",
        _IBAN_LOWER,
        (),
        ("gb29nwbk60161331926819",),
        ("de13c856d3929f0147594a6f012332ff", "xgb29nwbk60161331926819"),
    ),
    _rule(
        "card",
        _CARD,
        (),
        (
            "4242424242424242",
            "4242 4242-4242 4242",
            "3782 822463 10005",
            "charged 4222222222222 today",
            "6200000000000000003",
        ),
        ("0.4242424242424242", "1780137683366722053", "97747321759171", "41111111-1111-4111-8111-111111111111"),
    ),
    _rule(
        "ssn",
        _SSN,
        ("-",),
        ("255-61-1198", "(536-22-1234)"),
        ("000-12-3456", "123-45-67890", "12-345-6789-01", "2026-05-04"),
    ),
    _rule(
        "phone",
        _PHONE_INTERNATIONAL,
        ("+",),
        ("+493023125939", "+1 (617) 555-0138", "+44 7700 900196"),
        ("2026-05-04T11:22:33+02:00", "1e+123456789", "5551234567"),
    ),
    _rule(
        "phone",
        _PHONE_US,
        ("-", "."),
        ("(202) 555-0157", "212-555-0199"),
        ("978-3-16-148410-0", "192.168.10.1234", "12-345-6789-01"),
    ),
    _rule(
        "phone",
        _PHONE_NATIONAL,
        (" ", "-", "/"),
        ("07700 900160", "0171-3920069", "030 23125 049"),
        ("2026-05-04", "0.123 45678"),
    ),
    _rule(
        "ip", _IPV4, (".",), ("192.0.2.139", "(10.1.2.3)"), ("1.2.3", "Chrome/126.0.6478.127", "1.2.3.4.5", "300.1.1.1")
    ),
    _rule(
        "ip",
        _IPV6,
        (":",),
        ("2001:db8:1b7b:6a13:2559:8e81:c4e5:198c", "2001:db8::485e:3b4b"),
        ("ab::cd::fade", "dead::beef", "10:22:33"),
    ),
)
"""The rules in the order in which they apply: the longer and surer kinds first. One kind may have several."""

SENSITIVE_KEYS: Final[tuple[str, ...]] = (
    # Long names, whatever stands before them: newPassword, db.password, X-API-KEY.
    r".*(?:password|passwd|passphrase)(?:[-_ .]?hash)?",
    r".*(?:secret|api[-_ .]?key|secret[-_ .]?key|private[-_ .]?key|access[-_ .]?key(?:[-_ .]?id)?)",
    r".*(?:authorization|cookie|credentials?)",
    r".*(?:card|account)[-_ .]?(?:number|no)",
    r".*social[-_ .]?security[-_ .]?(?:number|no)",
    r".*(?:passport|driver'?s?[-_ .]?licen[cs]e)[-_ .]?(?:number|no)",
    r".*date[-_ .]?of[-_ .]?birth",
    r".*e[-_]?mail(?:[-_ .]?address)?",
    # Short names, as a word of their own: pineapple, tokens and compass are none.
    r"(?:.*[^a-z])?(?:token|pwd|pin|cvv2?|cvc2?|ssn|iban|dob|session[-_ .]?id)",
    r"(?:.*[^a-z])?(?:tele|cell|home|work)?phone(?:[-_ .]?(?:number|no))?",
    r".*(?:access|refresh|auth|id|bearer|csrf|session)[-_ .]?token",
)
"""Patterns of key names whose value is sensitive whatever it looks like; matched against the whole
name, without regard to case, blanks around it and closing brackets (`user[password]`) taken off."""

_KEY: Final = re.compile("|".join(f"(?:{pattern})" for pattern in SENSITIVE_KEYS), re.IGNORECASE | re.ASCII)


def is_sensitive_key(name: str) -> bool:
    """Whether a value under this name is sensitive, whatever it looks like.

    Example:
        >>> [is_sensitive_key(name) for name in ("newPassword", "user[password]", "token_count", "pineapple")]
        [True, True, False, False]
    """
    # Nobody names a key with hundreds of characters; a hostile one must not cost more than its first and last.
    return _KEY.fullmatch(name[-128:].strip().rstrip("])")) is not None


def _lines() -> Iterator[str]:
    for rule in RULES:
        yield json.dumps([rule.kind, rule.pattern, rule.replacement])
    yield from SENSITIVE_KEYS


def rules_digest() -> str:
    """Digest of what is redacted: a profile that was certified under other rules is scanned again.

    Example:
        >>> rules_digest()[:7], len(rules_digest())
        ('sha256:', 71)
    """
    return "sha256:" + hashlib.sha256("\n".join(_lines()).encode()).hexdigest()
