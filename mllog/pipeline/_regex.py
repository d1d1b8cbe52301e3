"""Ruby's regular expressions (Joni, as Logstash runs it) on the `regex` package.

The pattern is read once and written again in the other dialect, construct by construct; what has no
faithful counterpart is refused. conformance/regex.yml holds what the real engine gave.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import regex  # type: ignore[import-untyped]

from mllog.pipeline._regex_class import (
    ASCII,
    UNICODE,
    Brackets,
    PatternError,
    Reader,
    code_point,
    literal,
    property_set,
)

Width = int | None
"""Length of what a piece matches; None if it varies."""

_QUANTIFIER: Final = r"[*+?]|\{(?:\d+,\d*|,\d+|\d+)\}"
_WORD_ASCII: Final = f"[{ASCII['w']}]"
_BOUNDARY_ASCII: Final = f"(?:(?<={_WORD_ASCII})(?!{_WORD_ASCII})|(?<!{_WORD_ASCII})(?={_WORD_ASCII}))"
_NOT_BOUNDARY_ASCII: Final = f"(?:(?<={_WORD_ASCII})(?={_WORD_ASCII})|(?<!{_WORD_ASCII})(?!{_WORD_ASCII}))"
_LINE_START: Final = r"(?:\A|(?<=\n)(?!\Z))"
_LINE_END: Final = r"(?=\n|\Z)"

# Without regard to case `ss` is `ß` and `fi` is one letter, so that a look-behind with them has no fixed length. Ruby
# says so only when a text beyond ASCII comes along.
_FOLDED_TOGETHER: Final = re.compile("(?i)s[s\u017f]|\u017fs|st|ff|fi|fl|\u02bcn|[hwyt][\u0308\u030a\u0331]|i\u0307")
_NO_LITERAL: Final = re.compile(r"\[(?:\\.|[^\]])*\]|\\.")


@dataclass(frozen=True, slots=True)
class _Options:
    dot_all: bool = False
    extended: bool = False
    charset: str = "d"
    ignore_case: bool = False


@dataclass(slots=True)
class _Groups:
    """What must be known of all groups before the first piece is written."""

    numbered: int
    names: tuple[str, ...]
    seen: int = 0
    opened: list[str] = field(default_factory=list)


def _survey(pattern: str) -> _Groups:
    """Count the groups; named ones make plain parentheses plain."""
    numbered, names, position, in_class = 0, [], 0, 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 1
        elif character == "[":
            in_class += 1
        elif character == "]" and in_class:
            in_class -= 1
        elif character == "(" and not in_class:
            named = re.compile(r"\(\?(?:<([^>=!][^>]*)>|'([^']+)')").match(pattern, position)
            if named is not None:
                names.append(named[1] or named[2])
            elif not pattern.startswith("(?", position):
                numbered += 1
        position += 1
    if len(set(names)) < len(names):
        raise PatternError("two groups of one name are outside the embedded subset")
    return _Groups(len(names) if names else numbered, tuple(names))


class _Translator:
    def __init__(self, pattern: str) -> None:
        self._reader = Reader(pattern)
        self._groups = _survey(pattern)

    def translate(self) -> str:
        # In front the option goes to the whole pattern: only so does `regex` fold `ß` and `ss` into one.
        leading = self._isolated_options(_Options())
        flags, options = leading or ("", _Options())
        text, _ = self._alternatives(options)
        if not self._reader.done():
            raise PatternError("unmatched close parenthesis")
        return f"(?{flags}){text}" if flags == "i" else text

    def _alternatives(self, options: _Options) -> tuple[str, set[Width]]:
        """Everything up to a closing parenthesis or the end, and the widths of its alternatives."""
        parts: list[str] = []
        widths: set[Width] = set()
        current: list[str] = []
        width: Width = 0
        reader = self._reader
        while not reader.done() and reader.peek() != ")":
            if reader.accept("|"):
                parts.append("".join(current))
                widths.add(width)
                current, width = [], 0
                continue
            if options.extended and reader.match(r"\s+|#[^\n]*"):
                continue
            changed = self._isolated_options(options)
            if changed is not None:
                flags, options_inside = changed
                # An option in the middle holds to the end of the group, alternatives included.
                inside, inner = self._alternatives(options_inside)
                current.append(f"(?{flags}:{inside})")
                width = _sum(width, inner.pop() if len(inner) == 1 else None)
                break
            piece, size = self._piece(options)
            current.append(piece)
            width = _sum(width, size)
        parts.append("".join(current))
        widths.add(width)
        return "|".join(parts), widths

    def _isolated_options(self, options: _Options) -> tuple[str, _Options] | None:
        start = self._reader.at
        found = self._reader.match(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?\)")
        if found is None:
            return None
        if found[1] == "" and not found[2]:
            self._reader.at = start
            return None
        return _changed(options, found[1], found[2] or "")

    def _piece(self, options: _Options) -> tuple[str, Width]:
        text, width = self._atom(options)
        while True:
            if options.extended:
                self._reader.match(r"(?:\s+|#[^\n]*)+")
            found = self._reader.match(_QUANTIFIER)
            if found is None:
                return text, width
            if not text:
                raise PatternError("target of repeat operator is not specified")
            text, width = self._repeated(text, width, found[0])

    def _repeated(self, text: str, width: Width, quantifier: str) -> tuple[str, Width]:
        reader = self._reader
        if not quantifier.startswith("{"):
            suffix = "+" if reader.accept("+") else "?" if reader.accept("?") else ""
            return f"(?:{text}){quantifier}{suffix}" if _needs_group(text) else f"{text}{quantifier}{suffix}", None
        quantifier = quantifier.replace("{,", "{0,")
        low, _, high = quantifier[1:-1].partition(",")
        exact = "," not in quantifier
        if not exact and high and int(high) < int(low):
            raise PatternError("an interval whose end is before its start is outside the embedded subset")
        total = None if width is None or not exact else width * int(low)
        text = f"(?:{text}){quantifier}"
        if reader.accept("?"):
            # `{2}?` is no lazy interval but an optional one.
            return (f"(?:{text})?", None) if exact else (f"{text}?", None)
        # `{1,2}+` is not possessive: the plus repeats the interval, so this one gets a group of its own.
        return f"(?:{text})", total

    def _atom(self, options: _Options) -> tuple[str, Width]:
        reader = self._reader
        character = reader.take()
        if character == "(":
            return self._group(options)
        if character == "[":
            return Brackets(reader, options.charset).read(), 1
        if character == "\\":
            return self._escape(options)
        if character == ".":
            return (r"(?s:.)" if options.dot_all else r"[^\n]"), 1
        if character == "^":
            return _LINE_START, 0
        if character == "$":
            return _LINE_END, 0
        if character in "*+?":
            raise PatternError("target of repeat operator is not specified")
        return literal(character), 1

    def _group(self, options: _Options) -> tuple[str, Width]:
        reader = self._reader
        if not reader.accept("?"):
            if self._groups.names:
                return self._inside("(?:", options)
            self._groups.seen += 1
            return self._inside("(", options)
        if reader.accept("#"):
            reader.until(")")
            return "", 0
        for opening in (":", ">", "=", "!"):
            if reader.accept(opening):
                text, width = self._inside(f"(?{opening}", options)
                return text, 0 if opening in "=!" else width
        for opening in ("<=", "<!"):
            if reader.accept(opening):
                return self._look_behind(opening, options)
        if reader.accept("~"):
            return self._absent(options)
        if reader.accept("("):
            return self._conditional(options)
        named = reader.match(r"<([^>=!][^>]*)>|'([^']+)'")
        if named is not None:
            name = _checked_name(named[1] or named[2])
            self._groups.opened.append(name)
            return self._inside(f"(?P<{name}>", options)
        changed = reader.match(r"([a-zA-Z]*)(?:-([a-zA-Z]*))?:")
        if changed is None or not (changed[1] or changed[2]):
            raise PatternError("undefined group option")
        flags, inner = _changed(options, changed[1], changed[2] or "")
        return self._inside(f"(?{flags}:", inner)

    def _inside(self, opening: str, options: _Options) -> tuple[str, Width]:
        text, widths = self._alternatives(options)
        if not self._reader.accept(")"):
            raise PatternError("end pattern with unmatched parenthesis")
        return f"{opening}{text})", widths.pop() if len(widths) == 1 else None

    def _look_behind(self, opening: str, options: _Options) -> tuple[str, Width]:
        start = self._reader.at
        text, widths = self._alternatives(options)
        inside = _NO_LITERAL.sub(" ", self._reader.text[start : self._reader.at])
        if not self._reader.accept(")"):
            raise PatternError("end pattern with unmatched parenthesis")
        pair = _FOLDED_TOGETHER.search(inside)
        if pair is not None and (options.ignore_case or "(?i" in inside):
            raise PatternError(f"invalid pattern in look-behind: {pair[0]!r} and one character are the same to (?i)")
        if None in widths:
            raise PatternError("invalid pattern in look-behind: its length must be fixed")
        return f"(?{opening}{text})", 0

    def _absent(self, options: _Options) -> tuple[str, Width]:
        text, widths = self._alternatives(options)
        if not self._reader.accept(")"):
            raise PatternError("end pattern with unmatched parenthesis")
        width = widths.pop() if len(widths) == 1 else None
        if not width:
            raise PatternError("(?~…) of varying length is outside the embedded subset")
        # All that holds no match: up to the first one, and of that all but its last character.
        tail = f"(?:(?={text})(?s:.){{0,{width - 1}}})?"
        return f"(?:(?:(?!{text})(?s:.))*{tail})", None

    def _conditional(self, options: _Options) -> tuple[str, Width]:
        name = self._reader.until(")").strip("<>'")
        if name.isdigit() and self._groups.names:
            raise PatternError("numbered backref/call is not allowed beside named groups")
        if not (name.isdigit() or name in self._groups.names):
            raise PatternError(f"undefined name <{name}> reference")
        text, _ = self._inside("", options)
        return f"(?({name}){text}", None

    def _escape(self, options: _Options) -> tuple[str, Width]:
        reader = self._reader
        letter = reader.take()
        if letter in "123456789":
            return self._back_reference(letter)
        if letter == "0":
            octal = reader.match(r"[0-7]{0,2}")
            return literal(chr(int("0" + (octal[0] if octal else ""), 8))), 1
        if letter in "kg":
            return self._named_reference(letter)
        if letter in "pP":
            return property_set(reader, letter), 1
        ascii_only = options.charset == "a"
        shorthand = UNICODE if options.charset == "u" else ASCII
        if letter.lower() in shorthand:
            return f"[{'' if letter.islower() else '^'}{shorthand[letter.lower()]}]", 1
        simple = {
            "A": (r"\A", 0), "z": (r"\Z", 0), "Z": (r"(?=\n?\Z)", 0), "G": (r"\G", 0), "K": (r"\K", 0),
            "b": (_BOUNDARY_ASCII if ascii_only else r"\b", 0), "B": (_NOT_BOUNDARY_ASCII if ascii_only else r"\B", 0),
            "R": (r"(?>\r\n|[\n\x0B\f\r\x85\u2028\u2029])", None), "X": (r"\X", None),
        }.get(letter)  # fmt: skip
        if simple is not None:
            return simple
        return literal(code_point(reader, letter) or letter), 1

    def _back_reference(self, first: str) -> tuple[str, Width]:
        start = self._reader.at
        rest = self._reader.match(r"\d*")
        text = first + (rest[0] if rest else "")
        if int(text) <= self._groups.numbered:
            if self._groups.names:
                raise PatternError("numbered backref/call is not allowed beside named groups")
            return f"(?:\\{text})", None
        self._reader.at = start
        octal = re.match(r"[0-7]{1,3}", first + self._reader.peek(2))
        if octal is None or len(octal[0]) < 2:
            raise PatternError("invalid backref number/name")
        self._reader.take(len(octal[0]) - 1)
        return literal(chr(int(octal[0], 8))), 1

    def _named_reference(self, letter: str) -> tuple[str, Width]:
        found = self._reader.match(r"<([^>]+)>|'([^']+)'")
        if found is None:
            raise PatternError(f"\\{letter} needs a name in <>")
        name = found[1] or found[2]
        relative = re.fullmatch(r"([+-])(\d+)", name)
        if relative is not None:
            distance = int(relative[2])
            name = str(self._groups.seen + (distance if relative[1] == "+" else 1 - distance))
        if name.isdigit():
            if self._groups.names and name != "0":
                raise PatternError("numbered backref/call is not allowed beside named groups")
            if int(name) > self._groups.numbered:
                raise PatternError("invalid backref number/name")
            return (f"(?:\\{name})" if letter == "k" else "(?R)" if name == "0" else f"(?{name})"), None
        if name not in self._groups.names:
            raise PatternError(f"undefined name <{name}> reference")
        return (f"(?P={name})" if letter == "k" else f"(?&{name})"), None


def _sum(left: Width, right: Width) -> Width:
    return None if left is None or right is None else left + right


def _needs_group(text: str) -> bool:
    """Whether a quantifier behind the text would hold for its last piece only, or join the quantifier before it."""
    if len(text) == 1 or re.fullmatch(r"\\x[0-9A-F]{2}|\\[pP]\{[^}]*\}", text):
        return False
    return not (text[0] in "[(" and text[-1] in "])" and text.count("[") + text.count("(") == 1)


def _checked_name(name: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
        raise PatternError(f"group name <{name}> is outside the embedded subset: use letters, digits and _")
    return name


def _changed(options: _Options, on: str, off: str) -> tuple[str, _Options]:
    """The `regex` flags and the options after `(?on-off…)`."""
    if set(on) - set("imxadu") or set(off) - set("imx"):
        raise PatternError("undefined group option")
    charset = next((letter for letter in reversed(on) if letter in "adu"), options.charset)
    dot_all = "m" not in off and ("m" in on or options.dot_all)
    extended = "x" not in off and ("x" in on or options.extended)
    flags = ("i" if "i" in on else "") + ("-i" if "i" in off else "")
    ignore_case = "i" not in off and ("i" in on or options.ignore_case)
    return flags, _Options(dot_all, extended, charset, ignore_case)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> regex.Pattern[str]:
    r"""A pattern of Ruby's dialect as one of `regex`.

    Raises:
        PatternError: it is none, or cannot be carried over faithfully.

    Example:
        >>> compiled(r"\h+").sub("X", "xyz 09af")
        'xyz X'
    """
    if len(pattern) > _LONGEST:
        raise PatternError(f"the pattern is longer than {_LONGEST} characters")
    try:
        return regex.compile(_Translator(pattern).translate(), regex.VERSION1 | regex.FULLCASE)
    except regex.error as error:
        raise PatternError(str(error)) from None
    except RecursionError:
        raise PatternError("the pattern is nested too deeply") from None


_LONGEST: Final = 32_768
