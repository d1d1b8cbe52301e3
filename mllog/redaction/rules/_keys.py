"""Values that are sensitive because of the name they stand under, whatever they look like.

A name is marked first: a control character behind it says that its value goes. Then each way in which a name and its
value are written is one pattern on the mark. So a way of writing exists once, not once for each sort of names, and a
name once, not once for each way of writing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from mllog.redaction.rules._names import (
    ABOUT,
    COUNT_FIRST,
    FLAGS,
    KeyGroup,
    name_patterns,
    own_pattern,
    tree,
    words_pattern,
)
from mllog.redaction.rules._rule import MARKER, PSEUDONYM, Rule

MARK: Final = "\x0e"
"""Stands behind a sensitive name while its value is looked for."""
GROUPED: Final = "\x0f"
"""The same, where blanks may divide the value."""
MARKS: Final = r"[\x0e\x0f]"

_TAIL: Final = r"(?:(?:[ ,'()\[\]]{1,4}(?:[A-Za-z]{1,16}|[0-9]{1,3})){1,4}['\])]{0,2}(?=␛*[\"❞]\s{0,4}:)|(?:[A-Za-z0-9_.-]{0,40}[A-Za-z0-9_])?(?:\]?\[[A-Za-z0-9_]{0,24}(?=\]))*)"
"""What else belongs to the name: `_old`, `Value`, `[0]`; between quotes before a colon, further words."""
_CLOSED: Final = r"(?:[\]) ']|%(?:25)*5[Dd]){0,2}"
"""`user[password]`, `(password)`, and blanks inside the quotes."""


def name_rules(groups: tuple[KeyGroup, ...]) -> tuple[Rule, ...]:
    """The rules that mark names; `value_rules` then find what stands behind the mark.

    A rule for each first letter: a pattern that begins with one letter is found many times faster than one of many.
    """
    rules = []
    for group in groups:
        if group.names:
            tail = "(?:_?hash|[0-9])?(?![A-Za-z0-9_.-])" if group.whole else ""
            pattern = f"(?<![A-Za-z0-9]){own_pattern(group)}{tail}"
            rules.append(_name_rule(group.name, GROUPED if group.grouped else MARK, group.names, pattern))
    for grouped, mark, ending in ((False, MARK, ""), (True, GROUPED, "_grouped")):
        for first, words, pattern in name_patterns(group for group in groups if group.grouped == grouped):
            letter = first if first.isascii() else f"{ord(first):04x}"
            rules.append(_name_rule(letter + ending, mark, words, pattern))
    return tuple(rules)


def _name_rule(name: str, mark: str, words: Iterable[str], pattern: str) -> Rule:
    return Rule(f"name_{name}", "", f"(?i)({pattern})", _guards(words), replacement=rf"\1{mark}")


def tail_rules() -> tuple[Rule, ...]:
    """The marks move to the ends of the names, and one is left of several."""
    return (
        Rule("names_tail", "", f"({MARKS})({_TAIL})", replacement=r"\2\1"),
        Rule("names_once", "", f"{MARKS}(?={MARKS})", replacement=""),
    )


def _guards(phrases: Iterable[str]) -> tuple[str, ...]:
    """Words of which at least one stands in every text with one of the names; `0` is any digit."""
    found: list[str] = []
    for phrase in phrases:
        words = phrase.split(" ")
        found += (
            [words[-2] + between + words[-1] for between in ("", "-", "_", " ", ".", "', '")] if words[1:] else words
        )
    plain = [word for word in found if word.isascii()]
    plain += [part for word in found if not word.isascii() for part in _searchable(word)]
    zeros = [re.sub("[0-9]", "0", word.casefold()) for word in plain]
    # What holds another word of the guard is found by that one.
    return tuple(dict.fromkeys(w for w in zeros if not any(o != w and o in w for o in zeros)))


def _searchable(word: str) -> list[str]:
    """What to look for of a word beyond ASCII: its longest run of ASCII, else its first letter in either form."""
    run = max(re.findall("[a-z]*", word), key=len)
    start = re.match("[a-z]*", word)[0]  # type: ignore[index]
    beyond = word[len(start)]
    code = f"{ord(beyond):04x}"
    return [run] if len(run) > 3 else [start + beyond, f"{start}\u240f{code}", f"u{code}"]


IS: Final = r"(?=[\])'\"❞␛ ]{0,4}\s{0,4}(?:=>|[:=])\s{0,4}"
YES: Final = r"[\"❞']?(?:true|false|yes|no|none|unknown|[ynft0-9](?:\.0)?)(?![0-9A-Za-z.-]))"
NUMBER: Final = r"-?[0-9]{1,7}(?:\.[0-9]{1,20})?(?:e-?[0-9]{1,2})?(?![0-9A-Za-z.-]))"
_MORE: Final = "[A-Za-z0-9_. '-]{0,48}"


def unmark_rules(kept: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Names that only sound sensitive lose their mark: `phone_model`, `has_phone: true`, `n_cookies: 3`.

    Args:
        kept: names of features that a team wants to keep.
    """
    steps = [
        ("marker", r"(\[REDACTED:[a-z_]{1,24})[\x0e\x0f]"),
        # In two steps, each of which begins with a class of few characters or what is rare.
        ("about", rf"([_ .'-]{tree(ABOUT)}[0-9_'\]) ]{{0,4}}){MARKS}"),
        ("about_camel", rf"((?-i:[a-z0-9](?=[A-Z])){tree(ABOUT)}[0-9_'\]) ]{{0,4}}){MARKS}"),
        ("flags", rf"({words_pattern(FLAGS)}{_MORE}|m(?<![A-Za-z0-9_.-]m)obile){MARKS}{IS}{YES}"),
        (
            "counts",
            rf"({words_pattern(COUNT_FIRST)}(?=[_.-]|(?-i:[A-Z]))[A-Za-z0-9_.-]{{0,48}}|emails|phones){MARKS}{IS}{NUMBER}",
        ),
    ]
    if names := "|".join(map(re.escape, sorted(kept))):
        steps.append(("kept", rf"((?<![A-Za-z0-9_])(?:{names})){MARKS}"))
    return tuple(Rule(f"names_{name}", "", f"(?i){pattern}", replacement=r"\1") for name, pattern in steps)


def _nested(levels: int) -> str:
    """An array or object of at most so many levels, closed; strings are walked over, so a bracket in one counts for none."""
    inner = r'(?>[^\[\]{}"]+|"[^"]*")'
    for _ in range(levels):
        inner = rf'(?>[^\[\]{{}}"]+|"[^"]*"|[\[{{]{inner}*[\]}}])'
    return rf"[\[{{]{inner}*[\]}}]"


def _bracketed(levels: int, opening: str = r"\[({") -> str:
    """The same in a text, where quotes are of any sort; what is never closed goes on to the end of the text."""
    inner = r'[^\[\](){}"]'
    for _ in range(levels):
        inner = rf'(?>[^\[\](){{}}"]+|[\[({{]{inner}*[\])}}])'
    return rf'(?:[{opening}]{inner}*[\])}}]|[{opening}][^"]*)'


_LITERAL: Final = r"[-0-9][0-9.eE+-]*|true|false|NaN|-?Infinity"
_JSON: Final = rf'(?:"[^"]*(?:"|(?![\s\S]))|{_LITERAL}|(?>{_nested(7)})|[\[{{][\s\S]*)'
"""A JSON value. What is nested deeper than eight levels, or never closed, goes with the rest of the text."""

_STOP: Final = r"\s,;&\"'❞␛␊␍␉<>)}\]"
_END: Final = rf"(?![^{_STOP}])"
# Behind a comma the value goes on, unless there a new name begins.
_BARE: Final = rf"(?![A-Za-z_][A-Za-z0-9_.]{{0,40}}{MARKS}?\(\")(?:(?:[Bb]asic|[Bb]earer){MARKS}?(?:[ +]|%20){{1,2}})?(?:{MARKER})?[^{_STOP}]+(?:,(?![A-Za-z0-9_. -]{{0,40}}{MARKS}?[=:])[^{_STOP}]+)*"
# What seems a value may be a name itself: `token: Set-Cookie: sid=1`, `password: db_password = x`.
_CHAINED: Final = rf"(?:(?:(?<=[:=])[ ]{{1,2}}|[ ]{{1,2}}[:=][ ]{{0,2}})[^{_STOP}]+)*"
# A number may have blanks between its groups: `tel: 07700 900123`, `iban: GB29 NWBK 6016 …`, `DOB: 12 Aug 1974`.
_GROUPS: Final = (
    r"(?:\)?(?:[ /]| / |%20)(?=[A-Z]{0,4}[(]?[0-9])[0-9A-Z()./+-]{1,10}|(?<=[A-Z]{2}[0-9]{2}) [A-Z]{4}(?= [0-9])"
    r"|(?<=[0-9]) [A-Z][a-z]{2,8},?(?= [0-9]{4}))*"
)
_NOT_DONE: Final = rf"(?!{MARKER}{_END})"
_SCHEMES: Final = "basic|bearer|token|digest|negotiate|ntlm|api[ -]?key|hmac|mac|oauth|sso-key|aws4-hmac-sha256"
_COOKIE: Final = r"(?:[^\s;\"'❞␛␊␍<>)}\]]|❞[^❞\"]{0,512}❞)+"
# `Digest username="ann", response="…"`: what follows the first word by commas belongs to it.
_CREDENTIALS: Final = (
    rf"(?:(?:{_SCHEMES}|[A-Za-z][A-Za-z0-9-]{{2,24}}(?={MARKS}? [^\s\"'❞]{{0,128}}[0-9=])){MARKS}?(?:[ +:]|%20){{1,2}}(?:␛*❞)?){{0,2}}"
    rf"(?:=␛*❞[^❞\"]{{0,512}}❞|[^\s,;\"'❞␛␊␍<>)}}\]])+(?:,[ ]{{0,2}}[A-Za-z0-9_.-]{{1,64}}=(?:␛*❞[^❞\"]{{0,512}}❞|[^\s,;\"'❞␛␊␍<>)}}\]]+))*"
)
_HTML_QUOTE: Final = r"&(?:quot|apos|#34|#39|#x22|#x27);"
# A quote may be doubled, or escaped, in a text in single quotes.
_SINGLE: Final = r"'(?:[^'\"❞]|(?<=[␛\\])'|'')*'?"
_DOUBLE: Final = r"(?:(?:␛*❞){3}[^❞\"]*(?:❞(?:␛*❞){2})?|␛*❞[^❞\"]*❞?)"
# `b'…'`, `SecretStr('…')`, `Some("…")`
_WRAPPED: Final = rf"(?:[A-Za-z_][A-Za-z0-9_.]{{0,40}}{MARKS}?\((?=[A-Za-z0-9_.]{{0,40}}{MARKS}?\(?[bruBRU]{{0,2}}['❞␛])){{0,2}}[bfruBFRU]{{0,2}}(?:{_SINGLE}|{_DOUBLE})\){{0,2}}"
_PAIR_NAME: Final = "(?:name|key|field|header|param|parameter)"
_PAIR_VALUE: Final = "(?:values?|val|content)"
_NEWLINE: Final = r"(?:(?:␍|\r|␛+r)?(?:␊|\n|␛+n))"
_ATTRIBUTES: Final = r"(?:[^<>\"]|=\"[^\"<>]{0,64}\"){0,96}"


def _contexts() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Name, pattern, replacement and guard of each way in which a name and its value are written."""
    key = MARKS + _CLOSED
    yield "json", rf'({key}"\s*:\s*)(?!"(?:{MARKER}|{PSEUDONYM})"|null){_JSON}', r'\1"[REDACTED:key]"', ('"',)
    # Inside a JSON string, the quotes escaped once or more.
    value = rf'(?:\2(?>(?:(?!(?<!␛)\2)[^"])*)(?:\2)?|{_LITERAL}|[\[{{][^"]*|[^{_STOP}]+)'
    yield (
        "escaped",
        rf"({key}(␛*❞)\s*:\s*)(?!\2(?:{MARKER}|{PSEUDONYM})\2|null){value}",
        r"\1\2[REDACTED:key]\2",
        ("❞",),
    )
    between = rf'(?:,\s*"[^"]{{0,32}}"\s*:\s*(?:"[^"]{{0,64}}"|null|{_LITERAL})\s*){{0,2}}'
    yield (
        "pair",
        rf'("(?i:{_PAIR_NAME})"\s*:\s*"[^"]{{0,64}}{key}"\s*{between},\s*"(?i:{_PAIR_VALUE})"\s*:\s*){_JSON}',
        r'\1"[REDACTED:key]"',
        ('"',),
    )
    yield (
        "pair_before",
        rf'("(?i:{_PAIR_VALUE})"\s*:\s*)(?:"[^"]*"|{_LITERAL})(?=\s*,\s*"(?i:{_PAIR_NAME})"\s*:\s*"[^"]{{0,64}}{key}")',
        r'\1"[REDACTED:key]"',
        ('"',),
    )
    yield (
        "pair_escaped",
        rf"((␛*❞)(?i:{_PAIR_NAME})\2\s*:\s*\2[^\"❞]{{0,64}}{key}\2\s*,\s*\2(?i:{_PAIR_VALUE})\2\s*:\s*){value}",
        r"\1\2[REDACTED:key]\2",
        ("❞",),
    )
    # A header as a pair; where the second is a plain word, both may be names.
    yield (
        "pair_listed",
        rf"([\[(]\s{{0,4}}b?([\"']|␛*❞)[^\"'❞]{{0,64}}{key}\2\s{{0,4}},\s{{0,4}})b?\2(?![a-z_. ]{{0,40}}{MARKS}?\2|{MARKER})(?:(?!\2)[^\"])*\2(?=\s{{0,4}}[\])])",
        r"\1\2[REDACTED:key]\2",
        ("[", "("),
    )
    # Several words: a scheme, its credentials and their parameters; or all cookies of the line.
    for name, found in (("authori[sz]ation", _CREDENTIALS), ("cookies?", rf"{_COOKIE}(?:;[ ]{{0,2}}{_COOKIE})*")):
        pattern = rf"({name}{key}\s{{0,2}}[=:]\s{{0,2}})(?!{MARKER}{_END}){found}"
        yield f"line_{name[:6]}", f"(?i){pattern}", r"\1[REDACTED:key]", (name[:6],)
    yield (
        "phrase",
        rf"(?i)(phrase{key}\s{{0,2}}[=:]\s{{0,2}}){_NOT_DONE}[A-Za-z0-9][^\"'❞␛␊␍\r\n,;<>(){{}}]*",
        r"\1[REDACTED:key]",
        ("phrase",),
    )
    yield (
        "quoted",
        rf"({key}'\)?\s{{0,4}}(?::|=>?)\s{{0,4}})(?!None|'{MARKER}')(?:{_WRAPPED}|{_bracketed(4)}|[^{_STOP}]+)",
        r"\1'[REDACTED:key]'",
        ("'",),
    )
    sign = rf"[ \t␉]{{0,8}}(?:=>|->|:=|[=:]{{1,2}})(?:[ |>+-]{{0,4}}{_NEWLINE}[ \t]{{1,12}}(?:- )?|[ \t␉]{{0,8}})(?:!{{1,2}}[a-z]{{1,12}} )?"
    quoted = rf"{_WRAPPED}|`[^`\"❞]*`?|{_HTML_QUOTE}[^&\"❞]*"
    items = rf"(?:{_NEWLINE}[ \t]{{1,12}}- [^{_STOP}]+)*"
    for name, mark, bare in (
        ("text", MARK, rf"{_bracketed(4)}[^{_STOP}]*|{_BARE}{_CHAINED}{items}"),
        ("text_grouped", GROUPED, rf"{_bracketed(4, r'\[{')}[^{_STOP}]*|{_BARE}{_CHAINED}{_GROUPS}{items}"),
    ):
        shown = rf"\x{ord(mark):02x}"
        yield name, rf"({shown}{_CLOSED}{sign}){_NOT_DONE}(?:{quoted}|{bare})", r"\1[REDACTED:key]", ("=", ":", ">")
    yield (
        "html",
        rf"({key}{_HTML_QUOTE}\s{{0,4}}[:=]\s{{0,4}})(?:{_HTML_QUOTE}[^&\"❞]*|[^\s&\"❞<]+)",
        r"\1[REDACTED:key]",
        ("&quot;", "&apos;", "&#"),
    )
    # `<password type="text">…`, `<entry key="password">…`, `<key>password</key><string>…`, and CDATA.
    yield (
        "element",
        rf"(<(?!/)(?:[^<>\"\x0e\x0f]|=\"){{0,64}}{MARKS}\"?{_ATTRIBUTES}(?<!/)>\s{{0,4}}(?:<!\[CDATA\[|<[^<>\"!]{{1,64}}>\s{{0,4}}){{0,2}})(?!{MARKER})[^<\"\s][^<\"]*",
        r"\1[REDACTED:key]",
        ("<",),
    )
    yield (
        "element_name",
        rf"(>\s{{0,4}}[A-Za-z0-9_.-]{{0,64}}{MARKS}</[^<>\"]{{1,32}}>\s{{0,4}}<[^<>\"!]{{1,64}}>)(?!{MARKER})[^<\"\s][^<\"]*",
        r"\1[REDACTED:key]",
        ("</",),
    )
    yield (
        "attribute",
        rf"({MARKS}(?:[\"']|␛*❞)[^<>\"'❞]{{1,40}}(?i:value)=([\"']|␛*❞))(?!{MARKER})(?:(?!\2)[^\"])*",
        r"\1[REDACTED:key]",
        ("value=",),
    )
    yield (
        "part",
        rf"({MARKS}(?:[\"']|␛*❞)(?:{_NEWLINE}[A-Za-z-]{{1,32}}: [^\"❞␊\n]{{0,80}}){{0,2}}{_NEWLINE}{{2}})(?!{MARKER})[^\"❞␛␊␍\r\n]+",
        r"\1[REDACTED:key]",
        ("name=",),
    )
    yield (
        "option",
        rf"((?:--|(?<![^\s\"'❞])-)[A-Za-z][A-Za-z0-9-]{{0,48}}{MARKS}[ \t]{{1,4}})(?!-|{MARKER}{_END})(?:{_WRAPPED}|[^\s\"'❞␛␊]+)",
        r"\1[REDACTED:key]",
        ("-",),
    )
    yield (
        "encoded",
        rf"({MARKS}(?:%(?:25)*(?:2[27]|5[Dd]))?(?:\+|%(?:25)*20)?%(?:25)*3[AaDdEe](?:\+|%(?:25)*2[027])*)(?!{MARKER})(?:(?!%(?:25)*(?:2[267]|3[Cc]))[^\s&\"'❞<>])+",
        r"\1[REDACTED:key]",
        ("%",),
    )
    # Only with a digit in it: "the token is invalid" says nothing.
    yield (
        "said",
        rf"({MARKS}\s(?:is|was)(?: now)?:?\s)(?=[^\s\"'❞]{{0,64}}[0-9])[^{_STOP}]{{6,}}",
        r"\1[REDACTED:key]",
        (" is", " was"),
    )


def value_rules() -> tuple[tuple[Rule, tuple[str, ...]], ...]:
    """The rules for what stands behind a mark, each with the guard of its way of writing."""
    return tuple(
        (Rule(f"key_{name}", "key", pattern, replacement=replacement), guard)
        for name, pattern, replacement, guard in _contexts()
    )


def text_only_rule() -> Rule:
    """`password="…"` in plain quotes: only in what is no JSON, where that quote would end a string."""
    wrapped = rf"(?:[A-Za-z_][A-Za-z0-9_.]{{0,40}}{MARKS}?\()?"
    before = rf"{MARKS}{_CLOSED}['\"]?\s{{0,4}}(?:=>|:=|[=:])\s{{0,4}}"
    option = rf"--[A-Za-z0-9-]{{1,48}}{MARKS}\s{{1,4}}"
    said = rf"{MARKS}\s{{0,2}}[=:]\s{{0,2}}\[REDACTED:key\](?=\"[^\",}}\]\s:])"  # Digest username="…", response="…"
    quoted = r"(?:\"{3}[^\"]*(?:\"{3})?|(?:\"[^\"]*\"?(?:,[ ]{0,2}[A-Za-z0-9_.-]{1,64}=(?=\"))?)+)"
    pattern = rf"({before}{wrapped}|{option}|{said})(?!\"(?:{MARKER}|{PSEUDONYM})\"){quoted}|({MARKS}\"\s{{0,4}}[=:]\s{{0,4}})(?!null|{MARKER})[^{_STOP}\[{{][^{_STOP}]*"
    return Rule("key_plain", "key", pattern, replacement=r'\1\2"[REDACTED:key]"')


UNMARK: Final = Rule("names_done", "", MARKS, replacement="")
