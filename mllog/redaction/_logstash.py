"""Writes the Logstash filters from the rules: `20-redact.conf`, and `35-redacted.conf` that records what was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from mllog.redaction._escapes import (
    BEYOND,
    ENTITIES,
    FULL_WIDTH,
    HEX_ESCAPES,
    LEFT,
    NAMED_ENTITIES,
    PLACEHOLDERS,
    PLAIN,
    RAW,
    READ_AS,
    RIGHT,
    TOO_DEEP,
    UNICODE,
)
from mllog.redaction._logstash_parts import CHECKED, ESCAPES, HEAD, JSON_TEST, NAMES, PREDICTION, TRIAL
from mllog.redaction.rules import (
    CARD_NUMBER,
    DEFAULT,
    IS,
    MARKS,
    NUMBER,
    UNMARK,
    YES,
    Rule,
    RuleSet,
    name_rules,
    tail_rules,
    text_only_rule,
    unmark_rules,
    value_rules,
)

REDACT: Final = "20-redact.conf"
KINDS: Final = "35-redacted.conf"
EXAMPLES: Final = "rules.yml"

_PLAIN_ID: Final = "(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|id:[0-9a-f]{32}|[0-9A-Za-z_-]{1,6})"

_ENCODED: Final = "%(?:25)*(?:2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])"
"""A letter, a digit, or one of `-._~`, as a URL would write it."""

_HEX: Final = r"x(?:40|3[AaDd])(?<=[\\␛]...)"
_ENTITY: Final = "&(?:#(?:0|[xX]|4[389]|5[0-8]|6[14])|commat;|equals;|colon;)"
_BETWEEN: Final = f"[0-9A-Z)][{''.join(RAW.values())}]"


def _hexadecimal(code: int) -> str:
    digits = f"{code:02x}"
    return "".join(digit if digit.isdigit() else f"[{digit}{digit.upper()}]" for digit in digits)


def _pattern(text: str) -> str:
    """A pattern as a string of a configuration, in which escapes stay as they are."""
    if "'" not in text:
        return f"'{text}'"
    inner = re.sub(r'(\\.)|"', lambda found: found[1] or '\\"', text)
    return f'"{inner}"'


def _slashed(text: str) -> str:
    """A pattern between slashes."""
    return "/" + re.sub(r"(\\.)|/", lambda found: found[1] or r"\/", text) + "/"


def _words(words: Iterable[str]) -> str:
    """A test for words: letters in any case, `0` for any digit.

    Words with a common beginning share it. An engine that tries alternatives one by one, as Logstash's does, then looks
    at a handful of them at each character instead of hundreds.
    """
    flag = "(?i)" if any(c.isalpha() for word in words for c in word) else ""
    return "/" + flag + _common(tuple(dict.fromkeys(words))).replace("/", r"\/") + "/"


def _common(words: tuple[str, ...]) -> str:
    """Alternatives as one pattern, their common beginnings written once; a word that another begins is left out.

    Example:
        >>> _common(("api-key", "api_key", "apikey", "ssn0", "ssn="))
        '(?:api(?:[-_]key|key)|ssn[0-9=])'
    """
    if "" in words:
        return ""
    tails: dict[str, list[str]] = {}
    for first in dict.fromkeys(word[0] for word in words):
        rest = _common(tuple(word[1:] for word in words if word[0] == first))
        tails.setdefault(rest, []).append(first)
    parts = [_one_of(characters) + rest for rest, characters in tails.items()]
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


def _one_of(characters: list[str]) -> str:
    if characters == ["0"]:
        return "[0-9]"
    if len(characters) == 1:
        character = characters[0]
        plain = character.isalnum() or ord(character) > 127 or character in " !\"%&',-/:;<=>@_`~"
        return r"\t" if character == "\t" else character if plain else "\\" + character
    shown = {"0": "0-9", "\t": r"\t", "]": r"\]", "[": r"\[", "^": r"\^", "-": ""}
    dash = "-" if "-" in characters else ""
    return f"[{dash}{''.join(shown.get(character, character) for character in characters)}]"


def _gsub(name: str, steps: Iterable[tuple[str, str]], indent: int, more: str = "") -> str:
    """A mutate with its replacements."""
    blank = " " * indent
    lines = ",\n".join(f'{blank}    "message", {_pattern(old)}, {_pattern(new)}' for old, new in steps)
    extra = f"\n{blank}  {more}" if more else ""
    return (
        f'{blank}mutate {{\n{blank}  id => "redact_{name}"\n{blank}  gsub => [\n{lines}\n{blank}  ]{extra}\n{blank}}}\n'
    )


def _when(condition: str, body: str, indent: int) -> str:
    blank = " " * indent
    return f"{blank}if {condition} {{\n{body}{blank}}}\n"


def _printable(prefix: str, codes: Iterable[int]) -> Iterator[tuple[str, str]]:
    """Replacements of `prefix` and a code in hexadecimal by its character, or what stands for it."""
    for code in codes:
        digits = f"{code:02x}"
        shown = digits[0] + (digits[1] if digits[1].isdigit() else f"[{digits[1]}{digits[1].upper()}]")
        if prefix.endswith("*)?") or prefix.startswith("%"):
            shown = f"[{digits[0]}{digits[0].upper()}]" + shown[1:] if digits[0].isalpha() else shown
        character = chr(code)
        yield prefix + shown, PLACEHOLDERS[character] if character in '"\\' else character


def _unescape() -> Iterator[str]:
    own = [(character, f"\\\\u{ord(character):04x}") for character in (*PLACEHOLDERS.values(), UNICODE)]
    pairs = [(r"[\\][\\]", PLACEHOLDERS["\\"]), (r"\\\"", PLACEHOLDERS['"'])]
    letters = [(rf"\\{letter}", character) for letter, character in PLACEHOLDERS.items() if letter.isalpha()]
    first = _gsub(
        "unescape", [*own, *pairs, *letters, (r"\\/", "/")], 4, 'add_field => { "[@metadata][unescaped]" => "yes" }'
    )
    printable = _gsub("unescape_printable", _printable(r"\\u00", range(0x20, 0x7F)), 6)
    inner = _when(r"[message] =~ /\\u00[2-7]/", printable, 4) + _gsub("unescape_other", [(r"\\u", UNICODE)], 4)
    yield ESCAPES + _when(r"[message] =~ /[\\]/", first + inner, 2)
    yield TRIAL
    keep = '    mutate {\n      id => "redact_before"\n      copy => { "message" => "[@metadata][before]" }\n    }\n'
    deeper = _when(
        "[message] =~ /␛u00[2-7]/", _gsub("unescape_deeper", _printable("(?<!␛)␛+u00", range(0x20, 0x7F)), 6), 4
    )
    wide = [(rf"(?i)(?:␏|(?<!␛)␛+u)ff{digit}([0-9a-f])", rf"␛u00{digit + 2}\1") for digit in range(6)]
    deeper = _when("[message] =~ /(?:␏|u)[fF][fF][0-5]/", _gsub("unescape_wide", wide, 6), 4) + deeper
    codes = "|".join(READ_AS.values())
    steps = [(f"(?i:{LEFT}(?:␏|␛+u)(?:{each}){RIGHT})", shown) for shown, each in READ_AS.items()]
    between = _when(f"[message] =~ /(?i)[␏u](?:{codes})/", _gsub("unescape_separators", steps, 6), 4)
    between += _when("[message] =~ /␛u[0-9A-Fa-f]{4}/", _gsub("unescape_beyond", [(BEYOND, UNICODE)], 6), 4)
    hexes = [(rf"(?:[\\]|(?<!␛)␛+)x{_hexadecimal(ord(character))}", character) for character in HEX_ESCAPES]
    between += _when(f"[message] =~ /{_HEX}/", _gsub("unescape_hex", hexes, 6), 4)
    plain = [(rf"\u{ord(character) + 0xFEE0:04x}", character) for character in PLAIN]
    between += _when(f"[message] =~ /{FULL_WIDTH}/", _gsub("read_wide", plain, 6), 4)
    raw = [(f"{LEFT}[{characters}]{{1,3}}{RIGHT}", shown) for shown, characters in RAW.items()]
    between += _when(f"[message] =~ /{_BETWEEN}/", _gsub("read_separators", raw, 6), 4)
    entities = [(f"&#(?:0*{ord(c)}|[xX]0*{_hexadecimal(ord(c))});", c) for c in ENTITIES] + [*NAMED_ENTITIES.items()]
    between += _when(f"[message] =~ /{_ENTITY}/", _gsub("read_entities", entities, 6), 4)
    unreserved = [code for code in range(0x2D, 0x7F) if chr(code).isalnum() or chr(code) in "-._~"]
    url = _when("[message] =~ /%/", _gsub("unescape_url", _printable("%(?:25)*", unreserved), 6), 4)
    trial = " or ".join(
        (
            "[message] =~ /␛u[0-9A-Fa-f]{4}/",
            f"[message] =~ /(?i)␏(?:ff[0-5]|{codes})/",
            f"[message] =~ /{_HEX}/",
            f"[message] =~ /{_ENTITY}/",
            f"[message] =~ /{FULL_WIDTH}/",
            f"[message] =~ /{_BETWEEN}/",
            f"[message] =~ /%/ and [message] =~ /{_ENCODED}/",
        )
    )
    yield _when(trial, keep + deeper + between + url, 2)
    too_deep = _gsub("too_deep", [(f'"[^"]*{TOO_DEEP}[^"]*"', '"[REDACTED:too_deep]"')], 4)
    rest = (
        '      mutate {\n        id => "redact_too_deep_line"\n'
        '        replace => { "message" => "[REDACTED:too_deep]" }\n      }\n'
    )
    yield "  #    Four levels of text inside text are looked into; what holds more goes.\n"
    yield _when(f"[message] =~ /{TOO_DEEP}/", too_deep + _when(f"[message] =~ /{TOO_DEEP}/", rest, 4), 2)


def _keys(rules: RuleSet) -> Iterator[str]:
    names = name_rules(rules.keys)
    yield NAMES
    marks = _gsub("names_own", [(MARKS, "")], 4)
    marks += "".join(
        _when(f"[message] =~ {_words(rule.guard)}", _gsub(rule.name, [(rule.pattern, rule.replacement)], 6), 4)
        for rule in names
    )
    about = [(rule.pattern, rule.replacement) for rule in tail_rules()]
    values: list[tuple[str, str]] = []
    for rule in unmark_rules(rules.kept()):
        (values if rule.name in ("names_flags", "names_counts") else about).append((rule.pattern, rule.replacement))
    body = _gsub("names_about", about, 6)
    body += _when(f"[message] =~ /(?i){MARKS}(?:{IS}{YES}|{IS}{NUMBER})/", _gsub("names_harmless", values, 8), 6)
    for rule, more in value_rules():
        step = [(rule.pattern, rule.replacement)]
        alone = set(more) <= {'"', "=", ":", ">", "-", "%"}
        body += (
            _gsub(rule.name, step, 6) if alone else _when(f"[message] =~ {_words(more)}", _gsub(rule.name, step, 8), 6)
        )
    plain = text_only_rule()
    body += _when("![@metadata][is_json]", _gsub(plain.name, [(plain.pattern, plain.replacement)], 8), 6)
    body += _gsub(UNMARK.name, [(UNMARK.pattern, UNMARK.replacement)], 6)
    done = (
        '    mutate {\n      id => "redact_is_json_done"\n'
        '      remove_field => ["[@metadata][document]", "[@metadata][is_json]"]\n    }\n'
    )
    every = [word for rule in names for word in rule.guard]
    yield _when(
        f"[message] =~ {_words(every)}", JSON_TEST + marks + _when(f"[message] =~ /{MARKS}/", body, 4) + done, 2
    )


def _first(rules: tuple[Rule, ...]) -> Iterator[str]:
    yield "\n  # 3. Values of several words, before a name could take the first of them alone.\n"
    yield from _searches(rule for rule in rules if rule.first)


def _shapes(rules: tuple[Rule, ...]) -> Iterator[str]:
    yield "\n  # 5. What gives itself away by its shape.\n"
    yield from _searches(rule for rule in rules if not rule.first)


def _searches(rules: Iterable[Rule]) -> Iterator[str]:
    for rule in rules:
        if rule.where == "process":
            continue
        # The cheapest first: what was counted is no search; a test alone costs less than the words of all countries.
        tests = ["![@metadata][checksums]"] if rule.check else []
        tests += [f"[message] =~ {_words(rule.guard)}"] if rule.guard and rule.check != "mod97" else []
        tests += [f"[message] =~ {_slashed(rule.test)}"] if rule.test else []
        body = _gsub(rule.name, [(rule.pattern, rule.replacement)], 4 if tests else 2)
        if rule.name == "card":
            body = _card_numbers() + body
        yield _when(" and ".join(tests), body, 2) if tests else body


def _card_numbers() -> str:
    r"""Bare numbers become strings, where the line is JSON: in text the quotes would be wrong.

    From the start of the line (`\G`), strings and numbers are walked over one by one, so that nothing is quoted inside
    a string.
    """
    walk = rf'(?>(?>[^"0-9-]+|"[^"]*"|-?(?!{CARD_NUMBER})[0-9][0-9.eE+-]*|-(?![0-9]))*)'
    step = _gsub("card_number", [(rf"\G({walk})-?{CARD_NUMBER}", r'\1"[REDACTED:card]"')], 6)
    return _when(r"[message] =~ /(?<=[:\[,\s])-?[2-6][0-9]{12}/ and [message] =~ /\A[\s\uFEFF]*[\[{]/", step, 4)


def _escape() -> Iterator[str]:
    yield "\n  # 6. What was read on trial and found clean, and the escapes, come back as they were.\n"
    back = (
        '    if [message] !~ /\\[REDACTED:/ {\n      mutate {\n        id => "redact_put_back"\n'
        '        replace => { "message" => "%{[@metadata][before]}" }\n      }\n    }\n'
        '    mutate {\n      id => "redact_before_done"\n      remove_field => ["[@metadata][before]"]\n    }\n'
    )
    yield _when("[@metadata][before]", back, 2)
    steps = [(character, rf"\\{letter}") for letter, character in PLACEHOLDERS.items() if letter != "\\"]
    steps = [("❞", r'\\"' if old == "❞" else new) if old == "❞" else (old, new) for old, new in steps]
    steps += [(UNICODE, r"\\u"), ("␛()", r"\\\\\1")]
    yield _when("[@metadata][unescaped]", _gsub("escape", steps, 4, 'remove_field => ["[@metadata][unescaped]"]'), 2)
    yield "}\n"


def redact_config(rules: RuleSet = DEFAULT) -> str:
    """The text of `20-redact.conf`.

    Example:
        >>> redact_config().splitlines()[0]
        '# Stage 2: what is sensitive leaves the raw line, before it is JSON.'
    """
    searches = (*_first(rules.shapes), *_keys(rules), *_shapes(rules.shapes))
    return "".join((HEAD, PREDICTION.replace("PLAIN", _PLAIN_ID), CHECKED, *_unescape(), *searches, *_escape()))


def kinds_config(rules: RuleSet = DEFAULT) -> str:
    """The text of `35-redacted.conf`.

    Example:
        >>> kinds_config().count("REDACTED:email")
        1
    """
    head = (
        "# What stage 2 removed is recorded by kind, never by value. Events of mllog name their kinds already.\n#\n"
        "# Written by `mllog pipeline build` from mllog/redaction/rules; change the rules, not this file.\n\n"
        "filter {\n  if [@metadata][line] =~ /\\[REDACTED:/ {\n"
    )
    blocks = "".join(_kind(kind) for kind in dict.fromkeys((*rules.kinds(), "base64", "too_deep")))
    return head + blocks + "  }\n}\n"


def _kind(kind: str) -> str:
    body = (
        f'      mutate {{\n        id => "redacted_{kind}"\n        replace => {{ "[@metadata][kind]" => "{kind}" }}\n'
        '        merge => { "[mllog][redaction][kinds]" => "[@metadata][kind]" }\n'
        '        add_tag => ["_mllog_redacted"]\n      }\n'
    )
    return _when(f'[@metadata][line] =~ /\\[REDACTED:{kind}/ and "{kind}" not in [mllog][redaction][kinds]', body, 4)


def write_config(folder: Path, rules: RuleSet = DEFAULT) -> list[Path]:
    """Write both files, and where there is a folder of cases beside them the examples; gives what changed."""
    changed = []
    texts = {folder / REDACT: redact_config(rules), folder / KINDS: kinds_config(rules)}
    if (folder.resolve().parent / "cases").is_dir():
        from mllog.redaction._examples import examples_text  # noqa: PLC0415 - an extra

        texts[folder.resolve().parent / "cases" / EXAMPLES] = examples_text(rules)
    for path, text in texts.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
