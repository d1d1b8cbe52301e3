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

_HEAD: Final = """\
# Stage 2: what is sensitive leaves the raw line, before it is JSON.
#
# Written by `mllog pipeline build` from mllog/redaction/rules; change the rules, not this file.
#
# The line is searched as text. Whatever happens to it later (a parse that fails, a document that is refused, a dead
# letter), nothing that was found here is in it. There is no `ruby`, so the embedded runner takes this file as it is.
#
# Logstash has no time limit for a match. So the line is capped first, every pattern is linear in its length, and what
# costs stands behind words that must be there: `[0-9]` for any digit, without regard to case.

filter {
  # The line codec keeps a second copy of the line.
  mutate {
    id => "redact_only_copy"
    remove_field => ["[event][original]"]
  }

  # 1. A line over 64 KiB is never searched: its keyed digest stays, by which it can be found at its source. Nor is a
  #    line of base64 alone, which is a record that was cut in two.
  if [message] =~ /(?m)\\A.{65537}/ {
    fingerprint {
      id => "redact_oversize_digest"
      source => ["message"]
      target => "[@metadata][digest]"
      method => "SHA256"
      key => "${MLLOG_LOGSTASH_ID_KEY}"
    }
    mutate {
      id => "redact_oversize_stub"
      replace => { "message" => "a line of more than 65536 characters was removed, hmac-sha256:%{[@metadata][digest]}" }
      add_tag => ["_mllog_oversize"]
      remove_field => ["[@metadata][digest]"]
    }
  } else if [message] =~ /\\A\\s{0,8}[A-Za-z0-9+\\/_-]{48,}={0,2}\\s{0,8}\\z/ {
    mutate {
      id => "redact_base64_line"
      replace => { "message" => "[REDACTED:base64]" }
    }
  }
"""

_PREDICTION: Final = """\

  # The id of a prediction joins it to its truth. One that holds something sensitive would be masked as all such are,
  # and strangers' predictions would be one: so its keyed digest is kept, and takes its place (40-normalise.conf). The
  # ids of mllog are UUIDs, and short ids hold nothing.
  if [message] =~ /"prediction"\\s*:\\s*\\{/ and [message] !~ /"prediction"\\s*:\\s*\\{\\s*"id"\\s*:\\s*"PLAIN"/ {
    json {
      id => "redact_prediction"
      source => "message"
      target => "[@metadata][document]"
      skip_on_invalid_json => true
    }
    if [@metadata][document][mllog][prediction][id] {
      fingerprint {
        id => "redact_prediction_id"
        source => ["[@metadata][document][mllog][prediction][id]"]
        target => "[@metadata][prediction_id]"
        method => "SHA256"
        key => "${MLLOG_LOGSTASH_ID_KEY}"
      }
    }
    mutate {
      id => "redact_prediction_done"
      remove_field => ["[@metadata][document]"]
    }
  }
"""

_PLAIN_ID: Final = "(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|id:[0-9a-f]{32}|[0-9A-Za-z_-]{1,6})"

_CHECKED: Final = """\

  # mllog names the rules that it searched an event by. It counts checksums, which no pattern can: what only looks like
  # a card or an IBAN stays as it is there.
  if ![@metadata][sender] or [@metadata][sender] == "mllog" {
    if [message] =~ /"mllog":\\{"model":\\{[^{}]{0,1024}"redaction":"[0-9a-f]{12}"/ {
      mutate {
        id => "redact_checksums_counted"
        replace => { "[@metadata][checksums]" => "counted" }
      }
    }
  }
"""

_ESCAPES: Final = """\

  # 2. Each JSON escape becomes one character, so that a pattern sees what a value means and cuts no escape in two:
  #      \\\\ ␛    \\" ❞    \\n ␊    \\r ␍    \\t ␉    \\b ␈    \\f ␌    \\u ␏ (where it does not name printable ASCII)
  #    Pairs of backslashes go first; what is left then begins an escape. Where a line has these characters itself they
  #    become \\uXXXX, which is the same JSON. (No string of a configuration can end in a backslash, hence the brackets
  #    here, and the empty group where the pair comes back.)
"""

_TRIAL: Final = """\
  #    A text inside a text has its escapes escaped, a URL may write letters as %61, and digits may be of full width or
  #    stand between other blanks and hyphens: these are read on trial. Where then nothing is found, the line comes back
  #    as it was.
"""
_NAMES: Final = """\

  # 4. Values behind a sensitive key name, whatever they look like. The name is marked first; then each way in which a
  #    name and its value are written is one pattern on the mark. Names that only sound sensitive (`has_phone: true`)
  #    lose their mark again. A bare number, true, false, an object or an array becomes a string, so the line stays
  #    JSON. What is nested deeper than eight levels, or never closed, goes with the rest of the line.
"""
_ENCODED: Final = "%(?:25)*(?:2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])"
"""A letter, a digit, or one of `-._~`, as a URL would write it."""

_HEX: Final = r"x(?:40|3[AaDd])(?<=[\\␛]...)"
_ENTITY: Final = "&(?:#(?:0|[xX]|4[389]|5[0-8]|6[14])|commat;|equals;|colon;)"
_BETWEEN: Final = f"[0-9A-Z)][{''.join(RAW.values())}]"


def _hexadecimal(code: int) -> str:
    digits = f"{code:02x}"
    return "".join(digit if digit.isdigit() else f"[{digit}{digit.upper()}]" for digit in digits)


_JSON_TEST: Final = """\
    # In text a value may stand in plain quotes. In JSON that quote would end the string, so JSON is told apart first.
    json {
      id => "redact_is_json"
      source => "message"
      target => "[@metadata][document]"
      skip_on_invalid_json => true
      add_field => { "[@metadata][is_json]" => "yes" }
    }
"""


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
    yield _ESCAPES + _when(r"[message] =~ /[\\]/", first + inner, 2)
    yield _TRIAL
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
    yield _NAMES
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
        f"[message] =~ {_words(every)}", _JSON_TEST + marks + _when(f"[message] =~ /{MARKS}/", body, 4) + done, 2
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
    return "".join((_HEAD, _PREDICTION.replace("PLAIN", _PLAIN_ID), _CHECKED, *_unescape(), *searches, *_escape()))


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
