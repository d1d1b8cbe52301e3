"""Values that are sensitive because of the name they stand under, whatever they look like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

from mllog.redaction.rules._rule import MARKER, PSEUDONYM, Rule


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Names of one sort. Each is a pattern in lower case; both sides ignore case.

    Attributes:
        name: of the group; goes into the names of its rules.
        anywhere: sensitive whatever stands before them: `newPassword`, `db.password`, `X-API-KEY`.
        word: sensitive only as a word of their own: `pineapple`, `tokens` and `compass` are none.
        guard: words of which at least one stands in each of the names; `0` is any digit.
        names: exact names that a team has added.
    """

    name: str
    anywhere: tuple[str, ...]
    word: tuple[str, ...]
    guard: tuple[str, ...]
    names: tuple[str, ...] = ()


_S: Final = "[-_ .]?"
"""What may stand between the words of a name."""
_NUMBER: Final = rf"{_S}(?:number|num|no)"
_PRE: Final = ("private", "access", "encryption", "signing", "account", "storage", "shared", "master", "ssh")
_STREET: Final = ("street", "postal", "home", "billing", "shipping", "mailing", "delivery")
_ENDS: Final = ('"', "'", "❞", "␛", "=", ":", " ", "]", ")", ">", "%", "&", "\t")
"""What may follow a name; a guard of a short word takes it in, so that `tokens` and `spinning` do not pass it."""


def _forms(first: str, *seconds: str) -> tuple[str, ...]:
    """`card number` in the ways in which names are written."""
    return tuple(f"{first}{between}{second}" for between, second in product(("", "-", "_", " ", "."), seconds))


def _ended(*words: str) -> tuple[str, ...]:
    return tuple(f"{word}{end}" for word, end in product(words, (*_ENDS, "_hash", "hash", "0")))


GROUPS: Final[tuple[KeyGroup, ...]] = (
    KeyGroup(
        "password",
        ("passwo?r?ds?", "passwort", "kennwort", "passphrase", "passcode",
         rf"(?:pin|otp|mfa|security|verification|recovery|backup){_S}codes?", rf"(?:security|secret){_S}answer"),
        ("pwd", "pin", "otp", "cvv2?", "cvc2?", "cvn"),
        (
            "passw", "kennwort", "passphrase", "passcode", *_ended("pwd", "pin", "otp", "cvv", "cvc", "cvn"),
            *(w for p in ("pin", "otp", "mfa", "security", "verification", "recovery", "backup") for w in _forms(p, "code")),
            *_forms("security", "answer"), *_forms("secret", "answer"),
        ),
    ),
    KeyGroup(
        "secret",
        (
            rf"secret(?:s|{_S}(?:key(?:{_S}base)?|token|value|id))?",
            rf"api{_S}key",
            *(rf"{word}{_S}key(?:{_S}id)?" for word in _PRE),
            rf"connection{_S}string",
        ),
        (),
        ("secret", *_forms("api", "key"), *(w for p in _PRE for w in _forms(p, "key")), *_forms("connection", "string")),
    ),
    KeyGroup(
        "token",
        (
            *(rf"{word}{_S}token" for word in ("access", "refresh", "auth", "id", "bearer", "csrf", "xsrf", "session",
                                               "security", "api", "reset")),
            "jsessionid",
            "phpsessid",
        ),
        ("token", "jwt", rf"session{_S}id"),
        (*_ended("token", "jwt"), *_forms("session", "id"), "jsessionid", "phpsessid"),
    ),
    KeyGroup(
        "header",
        ("authori[sz]ation", rf"auth{_S}header", "cookies?", "credentials?"),
        ("creds?",),
        ("authoriz", "authoris", "cookie", "credential", *_forms("auth", "header"), *_ended("cred", "creds")),
    ),
    KeyGroup(
        "identity",
        (
            rf"social{_S}security(?:{_NUMBER})?",
            rf"passport{_NUMBER}",
            rf"licen[cs]e{_NUMBER}",
            rf"drivers?{_S}licen[cs]e",
            rf"national{_S}insurance(?:{_NUMBER})?",
            rf"identity{_S}card{_NUMBER}",
            rf"date{_S}of{_S}birth",
            rf"birth{_S}(?:date|day)",
        ),
        (
            "ssn",
            "dob",
            "passport",
            *(rf"{word}{_S}id(?:entification)?(?:{_NUMBER})?" for word in ("tax", "national", f"tax{_S}payer")),
        ),
        (
            *_forms("social", "security"), *_forms("passport", "n"), *_forms("license", "n"), *_forms("licence", "n"),
            *_forms("driver", "licen"), *_forms("drivers", "licen"), *_forms("national", "insurance"), *_ended("passport"),
            *_forms("card", "n"), *_forms("of", "birth"), *_forms("birth", "da"), *_ended("ssn", "dob"),
            *_forms("tax", "id"), *_forms("national", "id"), *_forms("payer", "id"),
        ),
    ),
    KeyGroup(
        "contact",
        (rf"e[-_]?mail(?:{_S}addr(?:ess)?)?",),
        (
            rf"phone(?:{_NUMBER})?",
            *(rf"{word}{_S}phone(?:{_NUMBER})?" for word in ("tele", "cell", "home", "work", "mobile")),
            rf"mobile{_NUMBER}",
            rf"fax(?:{_NUMBER})?",
            "tel",
            "msisdn",
            *(rf"{word}{_S}address" for word in _STREET),
        ),
        (
            *_ended("mail", "phone", "fax", "tel"), *_forms("mail", "addr"), *_forms("phone", "n"), *_forms("mobile", "n"),
            *_forms("fax", "n"), "msisdn", '"address"',
            *(w for p in _STREET for w in _forms(p, "address")),
        ),
    ),
    KeyGroup(
        "finance",
        (
            *(rf"{word}{_NUMBER}" for word in ("card", "account", "acct", "cc")),
            rf"credit{_S}card",
            rf"debit{_S}card",
            rf"bank{_S}account",
            rf"routing{_NUMBER}",
            rf"sort{_S}code",
        ),
        ("iban",),
        (
            *_forms("card", "n"), *_forms("account", "n"), *_forms("acct", "n"), *_forms("cc", "num", "no"),
            *_forms("credit", "card"), *_forms("debit", "card"), *_ended("iban"),
            *_forms("bank", "account"), *_forms("routing", "n"), *_forms("sort", "code"),
        ),
    ),
)  # fmt: skip
"""All names. A group is searched only in texts that hold one of its guards."""

_SUFFIX: Final = rf"(?:{_S}(?:hash|digest|confirmation|confirm|repeat)|[0-9])?"
_CLOSED: Final = r"[\]) ]{0,2}"
"""`user[password]`, `(password)`, and blanks inside the quotes."""


def _own(word: str) -> str:
    """A word of its own: no letter before it, or a small one before its capital (`userToken`).

    What must stand before it is looked at behind its first letter: a pattern that begins with letters is found many
    times faster than one that begins with a look-behind.
    """
    first, rest = word[0], word[1:]
    return f"{first}(?:(?<![A-Za-z]{first})|(?-i:(?<=[a-z]{first.upper()}))){rest}"


def key_pattern(group: KeyGroup) -> str:
    """The names of a group as one pattern, without what closes them."""
    parts = [*group.anywhere, *map(_own, group.word), *(f"(?<![A-Za-z0-9]){name}" for name in group.names)]
    return f"(?:{'|'.join(parts)}){_SUFFIX}"


def _nested(levels: int) -> str:
    """An array or object of at most so many levels, closed; strings are walked over, so a bracket in one counts for none."""
    inner = r'(?>[^\[\]{}"]+|"[^"]*")'
    for _ in range(levels):
        inner = rf'(?>[^\[\]{{}}"]+|"[^"]*"|[\[{{]{inner}*[\]}}])'
    return rf"[\[{{]{inner}*[\]}}]"


_LITERAL: Final = r"[-0-9][0-9.eE+-]*|true|false|NaN|-?Infinity"
_JSON: Final = rf'(?:"[^"]*(?:"|(?![\s\S]))|{_LITERAL}|(?>{_nested(7)})|[\[{{][\s\S]*)'
"""A JSON value. What is nested deeper than eight levels, or never closed, goes with the rest of the text."""

_STOP: Final = r"\s,;&\"'❞␛␊␍␉<>)}\]"
_END: Final = rf"(?![^{_STOP}])"
_BARE: Final = rf"(?:{MARKER})?[^{_STOP}]+"
# What seems a value may be a name itself: `token: Set-Cookie: sid=1`, `password: db_password = x`.
_CHAINED: Final = rf"(?:(?:(?<=[:=])[ ]{{1,2}}|[ ]{{1,2}}[:=][ ]{{0,2}})[^{_STOP}]+)*"
# A number may have blanks between its groups: `tel: 07700 900123`, `iban: GB29 NWBK 6016 …`.
_GROUPED: Final = "(?: (?=[A-Z]{0,4}[(]?[0-9])[0-9A-Z()./+-]{1,10}|(?<=[A-Z]{2}[0-9]{2}) [A-Z]{4}(?= [0-9]))*"
_NOT_DONE: Final = rf"(?!{MARKER}{_END})"
_SCHEMES: Final = "basic|bearer|token|digest|negotiate|ntlm|api-?key|hmac|mac|oauth|sso-key|aws4-hmac-sha256"
_COOKIE: Final = r"(?:[^\s;\"'❞␛␊␍<>)}\]]|❞[^❞\"]{0,512}❞)+"
# `Digest username="ann", response="…"`: what follows the first word by commas belongs to it.
_CREDENTIALS: Final = (
    rf"(?:(?:{_SCHEMES}|[A-Za-z][A-Za-z0-9-]{{2,24}}(?= [^\s\"'❞]{{0,128}}[0-9=]))(?:[ +:]|%20){{1,2}})?"
    rf"(?:[^\s,;\"'❞␛␊␍<>)}}\]]|=❞[^❞\"]{{0,512}}❞)+(?:,[ ]{{0,2}}[A-Za-z0-9_.-]{{1,64}}=(?:❞[^❞\"]{{0,512}}❞|[^\s,;\"'❞␛␊␍<>)}}\]]+))*"
)
_HTML_QUOTE: Final = r"&(?:quot|apos|#34|#39|#x22|#x27);"


def _contexts(group: KeyGroup) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Name, pattern, replacement and further guard of each way in which a name and its value are written."""
    bare_key = key_pattern(group)
    key = bare_key + _CLOSED
    yield "json", rf'({key}"\s*:\s*)(?!"(?:{MARKER}|{PSEUDONYM})"|null){_JSON}', r'\1"[REDACTED:key]"', ('"',)
    # Inside a JSON string, the quotes escaped once or more.
    yield (
        "escaped",
        rf'({key}(␛*❞)\s*:\s*)(?!\2(?:{MARKER}|{PSEUDONYM})\2|null)(?:\2(?>(?:(?!(?<!␛)\2)[^"])*)(?:\2)?|{_LITERAL}|[\[{{][^"]*)',
        r"\1\2[REDACTED:key]\2",
        ("❞",),
    )
    yield (
        "pair",
        rf'("(?:name|key|field|header|param|parameter)"\s*:\s*"[^"]{{0,64}}{key}"\s*,\s*"(?:value|val|content)"\s*:\s*){_JSON}',
        r'\1"[REDACTED:key]"',
        ('"name"', '"key"', '"field"', '"header"', '"param"', '"parameter"'),
    )
    if group.name == "header":
        # Several words: a scheme, its credentials and their parameters; or all cookies of the line.
        for name, value in (("authori[sz]ation", _CREDENTIALS), ("cookie", rf"{_COOKIE}(?:;[ ]{{0,2}}{_COOKIE})*")):
            yield (
                f"line_{name[:6]}",
                rf"({name}{_CLOSED}\s{{0,2}}[=:]\s{{0,2}})(?!{MARKER}{_END}){value}",
                r"\1[REDACTED:key]",
                (":", "="),
            )
    yield (
        "quoted",
        rf"({key}'\s{{0,4}}(?::|=>?)\s{{0,4}})(?!None|'{MARKER}')(?:'[^'\"❞]*'?|␛*❞[^❞\"]*❞|[^{_STOP}]+)",
        r"\1'[REDACTED:key]'",
        ("'",),
    )
    bare = _BARE + _CHAINED + (f"(?-i:{_GROUPED})" if group.name in {"identity", "contact", "finance"} else "")
    yield (
        "text",
        rf"({key}[ \t␉]{{0,8}}(?:=>|->|:=|[=:])[ \t␉]{{0,8}}){_NOT_DONE}(?:␛*❞[^❞\"]*❞?|'[^'\"]*'?|{_HTML_QUOTE}[^&\"❞]*|{bare})",
        r"\1[REDACTED:key]",
        ("=", ":", ">"),
    )
    yield (
        "html",
        rf"({key}{_HTML_QUOTE}\s{{0,4}}[:=]\s{{0,4}})(?:{_HTML_QUOTE}[^&\"❞]*|[^\s&\"❞<]+)",
        r"\1[REDACTED:key]",
        ("&quot;", "&apos;", "&#"),
    )
    yield (
        "element",
        rf"(<(?:[A-Za-z0-9_-]{{1,32}}:)?[A-Za-z0-9_.-]{{0,32}}{bare_key}(?:\s[^<>\"]{{0,128}})?>\s{{0,4}})(?!{MARKER})[^<\"\s][^<\"]*",
        r"\1[REDACTED:key]",
        ("<",),
    )
    yield (
        "option",
        rf"(--[A-Za-z0-9-]{{0,32}}{bare_key}[ \t]{{1,4}})(?!-|{MARKER}{_END})[^\s\"'❞␛␊]+",
        r"\1[REDACTED:key]",
        ("--",),
    )
    yield (
        "encoded",
        rf"({bare_key}(?:%(?:25)*(?:2[27]|5[Dd]))?(?:\+|%(?:25)*20)?%(?:25)*3[AaDdEe](?:\+|%(?:25)*2[027])*)(?!{MARKER})(?:(?!%(?:25)*(?:2[267]|3[Cc]))[^\s&\"'❞<>])+",
        r"\1[REDACTED:key]",
        ("%0d", "%0a", "%0e", "%00"),
    )
    if group.name == "contact":
        # Machines have an `address` as well; a street has a number, and a word with it.
        yield (
            "street",
            r'("address"\s*:\s*)"(?=[^"]{0,128}[0-9])(?=[^"]{0,128}[A-Za-z]{3,32}[ ,])[^"]*"',
            r'\1"[REDACTED:key]"',
            ('"address"',),
        )
    if group.name in {"password", "secret", "token"}:
        # Only with a digit in it: "the token is invalid" says nothing.
        yield (
            "said",
            rf"((?<![A-Za-z]){bare_key}\s(?:is|was)(?: now)?:?\s)(?=[^\s\"'❞]{{0,64}}[0-9])[^{_STOP}]+",
            r"\1[REDACTED:key]",
            (" is", " was"),
        )


def key_rules(group: KeyGroup) -> tuple[tuple[Rule, tuple[str, ...]], ...]:
    """The rules of one group, each with the guard that its way of writing adds."""
    return tuple(
        (Rule(f"key_{group.name}_{name}", "key", f"(?i){pattern}", group.guard, replacement=replacement), guard)
        for name, pattern, replacement, guard in _contexts(group)
    )


def text_only_rule(group: KeyGroup) -> Rule:
    """`password="…"` in plain quotes: only in what is no JSON, where that quote would end a string."""
    key = key_pattern(group) + _CLOSED
    return Rule(
        f"key_{group.name}_plain",
        "key",
        rf"(?i)({key}'?\s{{0,4}}(?:=>|:=|[=:])\s{{0,4}})(?!\"{MARKER}\")\"[^\"]*\"?",
        group.guard,
        replacement=r'\1"[REDACTED:key]"',
    )


@lru_cache(maxsize=8)
def name_test(groups: tuple[KeyGroup, ...]) -> re.Pattern[str]:
    """What a whole name is matched against."""
    parts = [rf"[\s\S]*{key_pattern(group)}" for group in groups]
    return re.compile(f"(?i)(?:{'|'.join(parts)}|address)")
