"""Numbers that name somebody or something: accounts, cards, telephones, addresses of the network."""

from __future__ import annotations

import re
from typing import Final

from mllog.redaction.rules._rule import Rule

IBAN_LENGTHS: Final = {
    15: "NO", 16: "BE", 18: "DK|FI|FO|GL|NL|SD", 19: "MK|SI", 20: "AT|BA|EE|KZ|LT|LU|MN|XK",
    21: "CH|CR|HR|LI|LV", 22: "BG|BH|DE|GB|GE|IE|ME|RS|VA", 23: "AE|GI|IL|IQ|OM|SO|TL",
    24: "AD|CZ|ES|MD|PK|RO|SA|SE|SK|TN|VG", 25: "LY|PT|ST", 26: "IS|TR", 27: "BI|DJ|FR|GR|IT|MC|MR|SM",
    28: "AL|AZ|BY|CY|DO|GT|HU|LB|NI|PL|SV", 29: "BR|EG|PS|QA|UA", 30: "JO|KW|MU|YE", 31: "MT|SC", 32: "LC", 33: "RU",
}  # fmt: skip
"""Length of an IBAN by country (SWIFT IBAN registry): the exact length keeps hexadecimal ids apart."""

_BLANK: Final = r"(?: |%20|\+|\u00a0|\u202f|-)?"


def _iban(letters: str, codes: dict[int, str], country: str = "") -> str:
    """Country and check digits, then for each length what follows, in groups of four with or without a blank between."""
    parts = []
    for length, countries in codes.items():
        groups, rest = divmod(length - 4, 4)
        tail = f"{_BLANK}[{letters}0-9]{{{rest}}}" if rest else ""
        parts.append(f"(?<=(?:{countries})[0-9]{{2}})(?:{_BLANK}[{letters}0-9]{{4}}){{{groups}}}{tail}")
    country = country or f"[{letters}]{{2}}"
    start = rf"{country}[0-9]{{2}}(?<![0-9A-Za-z]{country}[0-9]{{2}})"
    return rf"{start}(?:{'|'.join(parts)})(?![0-9A-Za-z])"


def _not_hexadecimal(codes: dict[int, str]) -> dict[int, str]:
    """The country codes, in lower case, that cannot begin a hexadecimal id."""
    kept = {n: "|".join(c.lower() for c in text.split("|") if re.search("[G-Z]", c)) for n, text in codes.items()}
    return {n: text for n, text in kept.items() if text}


_DIGITS_ONLY: Final = {20: "ba|ee", 22: "de", 23: "ae"}
"""The countries left, where all that follows are digits and the whole is no length of an id."""


def _codes(codes: dict[int, str]) -> tuple[str, ...]:
    return tuple(f"{code.lower()}00" for text in codes.values() for code in text.split("|"))


IBANS: Final = (
    Rule(
        "iban",
        "iban",
        _iban("A-Z", IBAN_LENGTHS),
        _codes(IBAN_LENGTHS),
        check="mod97",
        examples_match=("DE89370400440532013000", "to GB29 NWBK 6016 1331 9268 19 done", "NO9386011117947"),
        examples_no_match=("DE8937040044053201300", "01YQKTPHAHWAFBNPXBAF31Q4QA", "de89370400440532013000"),
    ),
    Rule(
        "iban_lower",
        "iban",
        _iban("a-z", _not_hexadecimal(IBAN_LENGTHS)),
        _codes(_not_hexadecimal(IBAN_LENGTHS)),
        check="mod97",
        examples_match=("gb29nwbk60161331926819", "gb29 nwbk 6016 1331 9268 19"),
        examples_no_match=("de13c856d3929f0147594a6f012332ff", "xgb29nwbk60161331926819"),
    ),
    Rule(
        "iban_lower_digits",
        "iban",
        _iban("", _DIGITS_ONLY, "(?:ba|ee|de|ae)"),
        _codes(_DIGITS_ONLY),
        test="(?:ba|ee|de|ae)[0-9]{2}[ +-]?[0-9]{4}",
        check="mod97",
        examples_match=("de89370400440532013000", "de89 3704 0044 0532 0130 00"),
        examples_no_match=("de13c856d3929f0147594a", "de8937040044053201300", "be68539007547034"),
    ),
)

# Letters may touch a card where they are no hexadecimal id: `card4242…`. The fraction of a probability has sixteen
# digits too, and a UUID may be digits only.
_CARD_START: Final = (
    r"(?:(?<![0-9A-Za-z])|(?<=[G-Zg-z])|(?<=[G-Zg-z][A-Fa-f])|(?<=[G-Zg-z][A-Fa-f]{2})|(?<=[G-Zg-z][A-Fa-f]{3})"
    r"|(?<=%[0-9A-Fa-f]{2}))(?<![0-9]\.)"
)
_CARD_END: Final = r"(?![0-9A-Fa-f])(?!\.[0-9])(?!-[0-9A-Fa-f]{4}-)"
_BETWEEN: Final = r"(?:[ +-]|  |(?:%20){1,2}|\u00a0|\u202f|\u2010|\u2011|\u2013|\u00ad|\u200b|\u200c|\u200d|\u2060)?"
_FIRST_FOUR: Final = (
    "4[0-9]{3}|5[1-5][0-9]{2}|2(?:2(?:0[0-4]|2[1-9]|[3-9][0-9])|[3-6][0-9]{2}|7(?:[01][0-9]|20))"
    "|6(?:011|[25][0-9]{2}|4[4-9][0-9]|304|759|76[1-3])|35(?:2[89]|[3-8][0-9])|50(?:18|20|38)"
)
"""Visa, Mastercard, Mir, Discover, UnionPay, JCB and Maestro, by their first four digits."""


def _sixteen(between: str) -> str:
    return f"(?:{_FIRST_FOUR}){between}[0-9]{{4}}{between}[0-9]{{4}}{between}[0-9]{{4}}"


_CARD: Final = (
    _CARD_START
    + "(?:"
    + f"{_sixteen(_BETWEEN)}[0-9]{{0,3}}"  # up to nineteen digits
    + rf"|{_sixteen('[.]')}|{_sixteen('/')}"
    + f"|3[47][0-9]{{2}}{_BETWEEN}[0-9]{{6}}{_BETWEEN}[0-9]{{5}}"  # American Express
    + f"|3[47][0-9]{{2}}{_BETWEEN}[0-9]{{4}}{_BETWEEN}[0-9]{{4}}{_BETWEEN}[0-9]{{3}}"
    + f"|3(?:0[0-5]|[689][0-9])[0-9]{_BETWEEN}[0-9]{{6}}{_BETWEEN}[0-9]{{4}}"  # Diners Club
    + "|4[0-9]{12}"  # the short Visa
    + ")"
    + _CARD_END
)
CARD_NUMBER: Final = (
    rf"(?:(?:{_FIRST_FOUR})[0-9]{{12,15}}|3[47][0-9]{{13}}|3(?:0[0-5]|[689][0-9])[0-9]{{11}}|4[0-9]{{12}})(?![0-9.eE])"
)
"""A card as a bare number of a JSON text."""

_NATIONAL: Final = "(?<![0-9A-Za-z+./-])(?<![0-9][ ,:])"
_NATIONAL_END: Final = "(?![0-9A-Za-z/-])(?![.:][0-9])"
_PHONE_BLANK: Final = r"(?:[ ()./\u00a0\u202f\u2011-]|%(?:25)*2[089DdEe]){0,2}"
_ENCODED_START: Final = "(?:(?<![0-9A-Za-z+./-])|(?<=%[0-9A-Fa-f]{2}))"
_SEPARATORS: Final = (" ", "-", "+", ".", "/", "  ", "%00", "\u00a0", "\u202f", "\u2010", "\u2011", "\u2013", "\u00ad",
                      "\u200b", "\u200c", "\u200d", "\u2060")  # fmt: skip

NUMBERS: Final = (
    Rule(
        "card",
        "card",
        _CARD,
        ("0" * 13, *(f"0000{between}0000" for between in _SEPARATORS)),
        # A probability has as many digits; of a card the first four are no fraction. Two groups of a UUID are none either.
        test=r"[2-6][0-9](?<![0-9]..)(?<![0-9][.]..)[0-9]{2}(?:[0-9]{9}|[^0-9A-Za-z\"]{1,3}[0-9]{4}(?!-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})|(?:%20){1,2}[0-9]{4})",
        check="luhn",
        examples_match=(
            "4242424242424242",
            "4242 4242-4242 4242",
            "4242.4242.4242.4242",
            "3782 822463 10005",
            "charged 4222222222222 today",
            "6200000000000000003",
            "card4242424242424242x",
            "card_4242424242424242",
            "q=4242%204242%204242%204242",
        ),
        examples_no_match=(
            "0.4242424242424242",
            "4242.4242424242424",
            "1780137683366722053",
            "97747321759171",
            "41111111-1111-4111-8111-111111111111",
            "4111111111111111.0",
        ),
    ),
    Rule(
        "ssn",
        "ssn",
        r"(?<![0-9.-])(?!000|666|9)[0-9]{3}[-\u2010\u2011\u2013](?!00)[0-9]{2}[-\u2010\u2011\u2013](?!0000)[0-9]{4}"
        r"(?![0-9])(?![-.][0-9])",
        tuple(f"{a}00{a}0000" for a in "-\u2010\u2011\u2013"),
        examples_match=("255-61-1198", "(536-22-1234)", "SSN255-61-1198."),
        examples_no_match=("000-12-3456", "123-45-67890", "12-345-6789-01", "2026-05-04"),
    ),
    Rule(
        "phone_international",
        "phone",
        rf"(?:(?<![0-9A-Za-z+])\+|%(?:25)*2[Bb])[1-9](?:{_PHONE_BLANK}[0-9]){{6,14}}(?![0-9])",
        ("+0", "%0b0"),
        examples_match=("+493023125939", "q=%2B49%20%2830%29%2023125939", "+1 (617) 555-0138", "+44 7700 900196", "to=%2B493023125939"),
        examples_no_match=("2026-05-04T11:22:33+02:00", "1e+123456789", "5551234567"),
    ),
    Rule(
        "phone_prefixed",
        "phone",
        r"(?<![0-9A-Za-z./-])(?<![0-9][ ,:])00[1-9][0-9]{0,2}(?:[ ()./-]{1,2}[0-9]{2,9}){2,5}(?![0-9])",
        test=r"00[1-9][0-9]{0,2}[ ()./-]",
        examples_match=("0049 30 23125939", "001-617-555-0138"),
        examples_no_match=("0.0012 34 56", "00:12:33", "0049 30"),
    ),
    Rule(
        "phone_us",
        "phone",
        r"(?<![0-9A-Za-z+.-])(?<![0-9A-Za-z]\()(?:1[ .-])?(?:\([2-9][0-9]{2}\)[ -]?|[2-9][0-9]{2}[.-])"
        r"[2-9][0-9]{2}[ .-][0-9]{4}(?![0-9A-Za-z-])",
        ("000-0000", "000.0000", "000 0000"),
        # The words stand in every decimal number of enough digits; this begins at a sign.
        test=r"[).-][ -]?[2-9][0-9]{2}[ .-][0-9]{4}(?![0-9A-Za-z-])",
        examples_match=("(202) 555-0157", "((202) 555-0157)", "(202-555-0157)", "212-555-0199", "212.555.0199", "1-212-555-0199"),
        examples_no_match=("978-3-16-148410-0", "192.168.10.1234", "12-345-6789-01"),
    ),
    Rule(
        "phone_national",
        "phone",
        rf"{_NATIONAL}0[1-9][0-9]{{1,3}}(?:[ /-][0-9]{{5,8}}(?:[ -][0-9]{{2,5}})?|[ -][0-9]{{3,4}}[ -][0-9]{{3,4}}){_NATIONAL_END}",
        test=r"0[1-9][0-9]{1,3}[ /-][0-9]{3}(?![0-9]?-[0-9A-Fa-f]{4}-)",
        examples_match=("07700 900160.", "at:07700 900160", "0171-3920069", "030 23125 049", "020 7946 0018"),
        examples_no_match=("2026-05-04", "0.123 45678", "09-11-2026", "1,012 345678"),
    ),
    Rule(
        "phone_area",
        "phone",
        r"(?<![0-9A-Za-z])\(0[1-9][0-9]{1,3}\) ?(?:[0-9]{3,4} )?[0-9]{4,8}(?![0-9])",
        ("(000) 0", "(000)0", "(0000) 0", "(0000)0", "(00000) 0", "(00000)0"),
        examples_match=("(030) 23125049", "(020) 7946 0018", "(0171)3920069"),
        examples_no_match=("(030) 12", "f(012)"),
    ),
    Rule(
        "phone_pairs",
        "phone",
        rf"{_NATIONAL}0[1-9](?:(?: [0-9]{{2}}){{4}}|(?:\.[0-9]{{2}}){{4}}|(?:-[0-9]{{2}}){{4}}){_NATIONAL_END}",
        ("00 00 00 00 00", "00.00.00.00.00", "00-00-00-00-00"),
        examples_match=("06 12 34 56 78", "06.12.34.56.78"),
        examples_no_match=("01 02 03", "16 12 34 56 78", "2026-05-04-11-22-33"),
    ),
    Rule(
        "phone_encoded",
        "phone",
        r"(?:%28[2-9][0-9]{2}%29(?:%20|-)?[2-9][0-9]{2}(?:%20|[.-])[0-9]{4}"
        r"|%280[1-9][0-9]{1,3}%29(?:%20)?(?:[0-9]{3,4}%20)?[0-9]{4,8}"
        rf"|{_ENCODED_START}0[1-9](?:(?:%20[0-9]{{2}}){{4}}|[0-9]{{1,3}}%20[0-9]{{3,8}}(?:(?:%20|-)[0-9]{{2,5}})?)"
        rf"|{_ENCODED_START}00[1-9][0-9]{{0,2}}(?:%20[0-9]{{2,9}}){{2,5}})(?![0-9])",
        ("%00",),
        examples_match=("t=%28202%29%20555-0157", "t=%28030%29%2023125049", "t=07700%20900160", "a%3D06%2012%2034%2056%2078"),
        examples_no_match=("q=2013%2007%2004", "n=5%20000", "%2812%29"),
    ),
)  # fmt: skip

_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_COLON: Final = "%(?:25)*3[Aa]"
_V6_START: Final = "(?<![0-9A-Za-z.])(?:(?<!:)|(?<=[A-Za-z]:))"
"""Not in the middle of a word or of an address; a name and one colon may stand before it."""
IPS: Final = (
    Rule(
        "ip",
        "ip",
        rf"(?<![0-9A-Za-z.])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z])(?!\.[0-9])",
        (".0.0.", ".0.00.", ".0.000.", ".00.0.", ".00.00.", ".00.000.", ".000.0.", ".000.00.", ".000.000."),
        examples_match=("192.0.2.139", "(10.1.2.3)", "203.0.113.5-203.0.113.9"),
        examples_no_match=("1.2.3", "Chrome/126.0.6478.127", "1.2.3.4.5", "300.1.1.1"),
    ),
    Rule(
        "ip_v6_full",
        "ip",
        rf"{_V6_START}(?:[0-9A-Fa-f]{{1,4}}:){{7}}[0-9A-Fa-f]{{1,4}}(?![0-9A-Za-z:])",
        test=":[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:",
        examples_match=("2001:db8:1b7b:6a13:2559:8e81:c4e5:198c",),
        examples_no_match=("00:11:22:33:44:55", "2026-05-04T10:22:33"),
    ),
    Rule(
        "ip_v6",
        "ip",
        # compressed: one pair of colons, and a digit somewhere, or `dead::beef` would be one
        rf"{_V6_START}(?:(?=[A-Fa-f:]{{0,40}}[0-9])(?:[0-9A-Fa-f]{{1,4}}:){{1,6}}:(?:[0-9A-Fa-f]{{1,4}}(?::[0-9A-Fa-f]{{1,4}}){{0,5}})?)"
        r"(?![0-9A-Za-z:])",
        ("::",),
        examples_match=("2001:db8::485e:3b4b", "fe80::1%eth0"),
        examples_no_match=("ab::cd::fade", "dead::beef", "10:22:33"),
    ),
    Rule(
        "ip_v6_encoded",
        "ip",
        rf"(?:(?<![0-9A-Za-z.])|(?<=%5[Bb]))(?:(?:[0-9A-Fa-f]{{1,4}}{_COLON}){{7}}[0-9A-Fa-f]{{1,4}}"
        rf"|(?:[0-9A-Fa-f]{{1,4}}{_COLON}){{1,6}}{_COLON}(?:[0-9A-Fa-f]{{1,4}}(?:{_COLON}[0-9A-Fa-f]{{1,4}}){{0,5}})?)(?![0-9A-Za-z])",
        ("%0a",),
        examples_match=("ip=2001%3Adb8%3A%3A485e", "2001%3Adb8%3A1b7b%3A6a13%3A2559%3A8e81%3Ac4e5%3A198c"),
        examples_no_match=("a=12%3A30%3A45", "x%3Ay"),
    ),
)
