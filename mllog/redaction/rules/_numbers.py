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

_BLANK: Final = r"(?:[ +._/\t␉-]|  |%20|␛+t)?"
_CURRENCY: Final = r"(?:(?![0-9A-Za-z])|(?=(?:EUR|USD|GBP|CHF)(?![0-9A-Za-z])))"


def _iban(letters: str, codes: dict[int, str], country: str = "") -> str:
    """Country and check digits, then for each length what follows, in groups of four with or without a blank between."""
    parts = []
    for length, countries in codes.items():
        groups, rest = divmod(length - 4, 4)
        tail = f"{_BLANK}[{letters}0-9]{{{rest}}}" if rest else ""
        parts.append(f"(?<=(?:{countries})[0-9]{{2}})(?:{_BLANK}[{letters}0-9]{{4}}){{{groups}}}{tail}")
    country = country or f"[{letters}]{{2}}"
    start = rf"{country}[0-9]{{2}}(?<![0-9A-Za-z]{country}[0-9]{{2}})"
    return rf"{start}(?:{'|'.join(parts)}){_CURRENCY}"


def _not_hexadecimal(codes: dict[int, str]) -> dict[int, str]:
    """The country codes, in lower case, that cannot begin a hexadecimal id."""
    kept = {n: "|".join(c.lower() for c in text.split("|") if re.search("[G-Z]", c)) for n, text in codes.items()}
    return {n: text for n, text in kept.items() if text}


def _any_case(codes: dict[int, str]) -> dict[int, str]:
    """The codes in any case, without `(?i)`: Logstash's engine refuses that in a look-behind of `fi`."""
    return {n: re.sub("[a-z]", lambda letter: f"[{letter[0].upper()}{letter[0]}]", text) for n, text in codes.items()}


_DIGITS_ONLY: Final = {20: "ba|ee", 22: "de", 23: "ae"}
"""The countries left, where all that follows are digits and the whole is no length of an id."""


def _codes(codes: dict[int, str]) -> tuple[str, ...]:
    return tuple(f"{code.lower()}00" for text in codes.values() for code in text.split("|"))


_IBANS: Final = (
    Rule(
        "iban",
        "iban",
        _iban("A-Z", IBAN_LENGTHS),
        _codes(IBAN_LENGTHS),
        test=rf"[A-Z][A-Z][0-9][0-9](?<![0-9A-Za-z]....){_BLANK}[0-9A-Z]{{4}}",
        check="mod97",
        examples_match=(
            "DE89370400440532013000",
            "to GB29 NWBK 6016 1331 9268 19 done",
            "NO9386011117947",
            "DE89.3704.0044.0532.0130.00",
            ":25:DE89370400440532013000EUR",
        ),
        examples_no_match=("DE8937040044053201300", "01YQKTPHAHWAFBNPXBAF31Q4QA", "de89370400440532013000"),
    ),
    Rule(
        "iban_lower",
        "iban",
        _iban("A-Za-z", _any_case(_not_hexadecimal(IBAN_LENGTHS))),
        _codes(_not_hexadecimal(IBAN_LENGTHS)),
        test=rf"[A-Za-z][A-Za-z][0-9][0-9](?<![0-9A-Za-z]....){_BLANK}[0-9A-Za-z]{{4}}",
        check="mod97",
        examples_match=("gb29nwbk60161331926819", "gb29 nwbk 6016 1331 9268 19", "Gb29nWbK60161331926819"),
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

IBANS: Final = (
    *_IBANS,
    Rule(
        "iban_spaced",
        "iban",
        r"[A-Z][A-Z] [0-9][0-9] (?<![0-9A-Za-z]......)[0-9A-Z]{4}(?: [0-9A-Z]{4}){2,6}(?: [0-9A-Z]{1,3})?(?![0-9A-Za-z])",
        test=r"[A-Z][A-Z] [0-9][0-9] (?<![0-9A-Za-z]......)[0-9A-Z]{4} [0-9A-Z]{4}",
        check="mod97",
        examples_match=("IBAN DE 89 3704 0044 0532 0130 00 ok",),
        examples_no_match=("UA 15 4545 1234", "AA 12 2013"),
    ),
)

# Letters may touch a card where they are no hexadecimal id: `card4242…`. The fraction of a probability has sixteen
# digits too, and a UUID may be digits only.
_CARD_START: Final = (
    r"(?:(?<![0-9A-Za-z])|(?<=[G-Zg-z])|(?<=[G-Zg-z][A-Fa-f])|(?<=[G-Zg-z][A-Fa-f]{2})|(?<=[G-Zg-z][A-Fa-f]{3})"
    r"|(?<=%[0-9A-Fa-f]{2})|(?<=%[Bb]))(?<![0-9]\.)"
)
_CARD_END: Final = r"(?![0-9])(?![A-Fa-f]{0,8}[0-9])(?:(?!\.[0-9])|(?=\.0(?:[\"'❞]|(?![\s\S]))))(?!-[0-9A-Fa-f]{4}-)"
_BETWEEN: Final = r"(?:[ +-]|  |(?:%20){1,2})?"
_FIRST_FOUR: Final = (
    "4[0-9]{3}|5[1-8][0-9]{2}|2(?:2(?:0[0-4]|2[1-9]|[3-9][0-9])|[3-6][0-9]{2}|7(?:[01][0-9]|20))"
    "|6(?:011|[25][0-9]{2}|4[4-9][0-9]|304|759|76[1-3])|35(?:2[89]|[3-8][0-9])|50(?:18|20|38)"
)
"""Visa, Mastercard, Mir, Discover, UnionPay, JCB and Maestro, by their first four digits."""
# Thirteen digits may be the number of an article as well, where a word says so.
_NO_ARTICLE: Final = r"(?<![Ee][Aa][Nn][ :=]4)(?<![Ee][Aa][Nn]: 4)(?<![Ee][Aa][Nn]\":\"4)(?<![Ee][Aa][Nn]\": \"4)(?<![Ee][Aa][Nn]\":4)(?<![Ee][Aa][Nn]\": 4)(?<!GTIN[ :=]4)"
_DINERS: Final = "3(?:0[0-5]|[689][0-9])[0-9]"


def _grouped(between: str, again: str) -> str:
    """The ways in which the digits of a card are grouped, with what stands between them."""
    b, a = between, again
    return (
        f"(?:{_FIRST_FOUR}){b}[0-9]{{4}}{a}[0-9]{{4}}{a}[0-9]{{4}}(?:{a}[0-9]{{1,3}}(?![0-9/]))?"
        f"|3[47][0-9]{{2}}(?:{b}[0-9]{{6}}{a}[0-9]{{5}}|{b}[0-9]{{4}}{a}[0-9]{{4}}{a}[0-9]{{3}})"  # American Express
        f"|{_DINERS}(?:{b}[0-9]{{6}}{a}[0-9]{{4}}|{b}[0-9]{{4}}{a}[0-9]{{4}}{a}[0-9]{{2}})"
        f"|4{_NO_ARTICLE}[0-9]{{3}}{b}[0-9]{{4}}{a}[0-9]{{4}}{a}[0-9]"  # the short Visa
    )


_CARD: Final = f"{_CARD_START}(?:{_grouped(_BETWEEN, _BETWEEN)}|(?:{_FIRST_FOUR})[0-9]{{4}}[ -][0-9]{{8}}){_CARD_END}"
# One separator throughout: of a decimal number the fraction has no points.
_CARD_SEPARATED: Final = "|".join(
    f"{_CARD_START}(?:{_grouped(separator, separator)}){_CARD_END}" for separator in (r"\.", "[_/|]", r"(?:[\t␉]|␛+t)")
)
CARD_NUMBER: Final = rf"(?:(?:{_FIRST_FOUR})[0-9]{{12,15}}|3[47][0-9]{{13}}|3(?:0[0-5]|[689][0-9])[0-9]{{11}}|4(?<![Ee][Aa][Nn]\":4)(?<![Ee][Aa][Nn]\": 4)[0-9]{{12}})(?![0-9.eE])"
"""A card as a bare number of a JSON text."""

_NATIONAL: Final = "(?<![0-9A-Za-z+./-])(?<![0-9][ ,:])"
_NATIONAL_END: Final = "(?![0-9A-Za-z/-])(?![.:][0-9])"
_PHONE_BLANK: Final = r"(?:[ ()./-]|%(?:25)*2[089DdEe]){0,3}"
_ENCODED_START: Final = "(?:(?<![0-9A-Za-z+./-])|(?<=%[0-9A-Fa-f]{2}))"
_SEPARATORS: Final = (" ", "-", "+", "  ", "%00")

_CALLED: Final = "tel|call|called|phone|telephone|telefon|mobile|cell|handy|dial|ring|reach|text|sms|fax|whatsapp|contact|hotline|callback"
_CALL_WORDS: Final = "me|us|him|her|them|back|now|at|on|is|no|nr|number|to|via|under|or|please|the|my|our"
_ANY_PHONE: Final = (
    r"(?![12][0-9]{3}-[01][0-9])(?=[+(]?(?:[0-9][ ()/-]{0,3}){7,15}(?![0-9]))(?![0-9]{1,9}(?![0-9 ()/-]))"
    r"(?:[+(]?[0-9]{1,5}\)?(?:[ /-]{1,3}\(?[0-9]{2,8}\)?){1,6}|0[0-9]{8,14}|[1-9][0-9]{9,10})(?![0-9A-Za-z])(?!\.[0-9])"
)

NUMBERS: Final = (
    Rule(
        "card",
        "card",
        _CARD,
        ("0" * 13, *(f"0000{between}0000" for between in _SEPARATORS), *(f"0000{between}000000" for between in " -+")),
        # A probability has as many digits; of a card the first four are no fraction. Two groups of a UUID are none either.
        test=r"[2-6][0-9](?<![0-9]..)(?<![0-9][.]..)[0-9]{2}(?:[0-9]{9}|[0-9]{4}[ -]|[^0-9A-Za-z\"]{1,3}[0-9]{4}(?!-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})|(?:%20){1,2}[0-9]{4})",
        check="luhn",
        examples_match=(
            "4242424242424242",
            "4242 4242-4242 4242",
            "4242 4242 4242 4242 12/29",
            "4242424242424242exp1229",
            "%B4242424242424242^VIK/ANN^2912",
            "3056 9309 0259 04",
            "4222 2222 2222 2",
            "40000566 55665556",
            "4242424242424242.0",
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
            "4111111111111111.5",
            "4242.4242.4242.4242",
        ),
    ),
    Rule(
        "card_separated",
        "card",
        _CARD_SEPARATED,
        (*tuple(f"0000{between}0" for between in "._/|\t␉"), "␛t0"),
        test=r"[2-6][0-9](?<![0-9]..)(?<![0-9][.]..)[0-9]{2}(?:[._/|\t␉]|␛+t)[0-9]{4,6}(?:[._/|\t␉]|␛+t)[0-9]",
        check="luhn",
        examples_match=("4242.4242.4242.4242", "4242_4242_4242_4242", "3782.822463.10005", "3056/930902/5904"),
        examples_no_match=("4242.4242424242424242", "0.4242.4242", "2013/2014/2015/2016"),
    ),
    Rule(
        "card_spread",
        "card",
        # Pairs, or groups one to a line: only a checksum tells them from other numbers.
        r"(?<![0-9A-Za-z.,])(?<![0-9][ \n\r-])[2-6][0-9](?:(?:[ -][0-9]{2}){7}|[0-9]{2}(?:\r?\n[0-9]{4}|␊[0-9]{4}){3})"
        r"(?![ \n-]?[0-9])(?![.,][0-9])",
        ("00 00 00", "00-00-00", "0000\n0000", "0000\r\n0000", "0000␊0000"),
        check="luhn",
        where="process",
        examples_match=("40 00 05 66 55 66 55 56", "4000\n0566\n5566\n5556"),
        examples_no_match=("40 00 05 66 55 66 55 56 10", "1 40 00 05 66 55 66 55 56"),
    ),
    Rule(
        "ssn",
        "ssn",
        r"[0-9]{3}-(?<![0-9.-]....)(?<!000-|666-)(?<!9..-)(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9])(?![-.][0-9])",
        ("-00-0000",),
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
        rf"{_NATIONAL}0[1-9][0-9]{{1,3}}(?:[ /-][0-9]{{5,8}}(?:[ -][0-9]{{2,5}})?|[ -][0-9]{{3,4}}[ -][0-9]{{3,4}}|[ -][0-9]{{3}} [0-9]{{2}} [0-9]{{2}}){_NATIONAL_END}",
        test=r"0[1-9][0-9]{1,3}[ /-][0-9]{3}(?![0-9]?-[0-9A-Fa-f]{4}-)",
        examples_match=("07700 900160.", "at:07700 900160", "0171-3920069", "030 23125 049", "020 7946 0018", "079 123 45 67", "070-123 45 67"),
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
        "phone_brackets",
        "phone",
        r"(?:8 ?)?\((?:[1-9][0-9]\) ?9?[0-9]{4}-[0-9]{4}|[3-9][0-9]{2}\) ?[0-9]{3}-[0-9]{2}-[0-9]{2})(?![0-9A-Za-z-])",
        ("00) 0", "00)0", "00)0000-", "00) 0000-", "00) 00000-"),
        test=r"\([1-9][0-9]{1,2}\) ?[0-9]{3,5}-[0-9]{2}",
        examples_match=("(11) 91234-5678", "8 (912) 345-67-89"),
        examples_no_match=("(11) 12", "(912) 345-6789", "f(12)1234-567"),
    ),
    Rule(
        "phone_said",
        "phone",
        # A number in any grouping, where a word before it says so.
        rf"(?i)((?<![A-Za-z])(?:{_CALLED})(?:[ :.#]{{1,3}}(?:{_CALL_WORDS})){{0,3}}[ :.#]{{1,3}}){_ANY_PHONE}",
        tuple(word for word in _CALLED.split("|")),
        test=r"[0-9][ )/.-]{0,3}[0-9]{2,}[ )/.-]{0,3}[0-9]{2}",
        replacement=r"\1[REDACTED:phone]",
        examples_match=("please call 212 555 0199", "call me on 1 212 555 0199", "ring 01713920069", "dial 212/555-0199", "text 98765 43210", "mobile 612 34 56 78"),
        examples_no_match=("call 2026-11-25", "call 1234567 took", "recall 212 555 0199", "call 0.1234567890", "batch 212 555 0199"),
    ),
    Rule(
        "phone_pairs",
        "phone",
        rf"{_NATIONAL}0[1-9](?!(?:[ .-](?:0[0-9]|1[0-2])){{4}})(?:(?: [0-9]{{2}}){{4}}|(?:\.[0-9]{{2}}){{4}}|(?:-[0-9]{{2}}){{4}}){_NATIONAL_END}",
        ("00 00 00 00 00", "00.00.00.00.00", "00-00-00-00-00"),
        examples_match=("06 12 34 56 78", "06.12.34.56.78"),
        examples_no_match=("01 02 03", "01 02 03 04 05", "16 12 34 56 78", "2026-05-04-11-22-33"),
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
