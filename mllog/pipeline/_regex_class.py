"""Bracket expressions and the escapes for kinds of characters, from Ruby's dialect to that of `regex`."""

from __future__ import annotations

import re
from typing import Final

ASCII: Final = {
    "w": "0-9A-Za-z_",
    "d": "0-9",
    "s": r"\x20\t\n\x0B\f\r",
    "h": "0-9A-Fa-f",
}
"""`\\w`, `\\d`, `\\s`, `\\h` as Logstash's engine takes them without options: ASCII."""

UNICODE: Final = {
    "w": r"\p{L}\p{M}\p{N}\p{Pc}",
    "d": r"\p{Nd}",
    "s": r"\s\x85",
    "h": "0-9A-Fa-f",
}

_POSIX: Final = {
    "alpha": r"\p{Alphabetic}", "digit": r"\p{Nd}", "alnum": r"\p{Alphabetic}\p{Nd}", "upper": r"\p{Uppercase}",
    "lower": r"\p{Lowercase}", "space": r"\s\x85", "blank": r"\p{Zs}\t", "cntrl": r"\p{Cc}",
    "punct": r"\p{P}$+<=>^`|~", "xdigit": "0-9A-Fa-f", "word": r"\p{L}\p{M}\p{N}\p{Pc}",
    "graph": r"[\S--[\p{Cc}\p{Cn}\p{Cs}]]", "print": r"[\P{Cc}--[\p{Cn}\p{Cs}]]", "ascii": r"\x00-\x7F",
}  # fmt: skip
_POSIX_ASCII: Final = {
    "alpha": "A-Za-z", "digit": "0-9", "alnum": "0-9A-Za-z", "upper": "A-Z", "lower": "a-z",
    "space": ASCII["s"], "blank": r"\x20\t", "cntrl": r"\x00-\x1F\x7F", "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f", "word": ASCII["w"], "graph": "!-~", "print": r"\x20-~", "ascii": r"\x00-\x7F",
}  # fmt: skip

_CONTROL: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\x0b", "a": "\a", "e": "\x1b"}
_POSIX_NAME: Final = re.compile(r"\[:(\^?)([a-z]+):\]")


class PatternError(Exception):
    """A pattern is none in Ruby's dialect, or cannot be carried over faithfully."""


def literal(character: str) -> str:
    r"""One character that stands for itself, inside and outside of brackets.

    Example:
        >>> literal("a"), literal("|")
        ('a', '\\x7C')
    """
    if character.isalnum() or character == "_" or ord(character) > 0x7F:
        return character
    return f"\\x{ord(character):02X}"


class Reader:
    """A cursor over a pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def done(self) -> bool:
        """Whether everything was read."""
        return self.at >= len(self.text)

    def peek(self, size: int = 1) -> str:
        """The next characters, without taking them."""
        return self.text[self.at : self.at + size]

    def take(self, size: int = 1) -> str:
        """The next characters."""
        taken = self.peek(size)
        if len(taken) < size:
            raise PatternError("end pattern at escape or group")
        self.at += size
        return taken

    def accept(self, text: str) -> bool:
        """Take a text if it is next."""
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def match(self, pattern: str) -> re.Match[str] | None:
        """Take what a pattern matches here, if it does."""
        found = re.compile(pattern).match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def until(self, closing: str) -> str:
        """What stands before the closing text, which is taken too."""
        end = self.text.find(closing, self.at)
        if end < 0:
            raise PatternError(f"no closing {closing!r}")
        text, self.at = self.text[self.at : end], end + len(closing)
        return text


def property_set(reader: Reader, letter: str) -> str:
    r"""`\p{…}` behind its letter."""
    if letter == "P":
        raise PatternError(r"\P{…} fails in Logstash 9.5.2 when it matches: write \p{^…}")
    if not reader.accept("{"):
        raise PatternError(r"invalid character property name: \p needs braces")
    name = reader.until("}")
    negated = name.startswith("^")
    name = name.lstrip("^")
    if re.fullmatch(r"[A-Za-z_ -]+", name) is None:
        raise PatternError(f"invalid character property name {name!r}")
    return f"\\{'P' if negated else 'p'}{{{_POSIX_PROPERTIES.get(name.lower(), name)}}}"


_POSIX_PROPERTIES: Final = {"alpha": "Alphabetic", "upper": "Uppercase", "lower": "Lowercase", "space": "White_Space"}


def code_point(reader: Reader, letter: str) -> str | None:
    """The character of an escape that names one: None if the letter begins no such escape."""
    if letter in _CONTROL:
        return _CONTROL[letter]
    if letter == "x":
        found = reader.match(r"[0-9A-Fa-f]{1,2}")
        if found is None:
            raise PatternError("invalid hex escape")
        if int(found[0], 16) > 0x7F:
            raise PatternError(rf"\x{found[0]} is a byte, no character: write \u00{found[0]}")
        return chr(int(found[0], 16))
    if letter == "u":
        found = reader.match(r"\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{4})")
        if found is None:
            raise PatternError("invalid Unicode escape")
        value = int(found[1] or found[2], 16)
        if value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
            raise PatternError("invalid Unicode range")
        return chr(value)
    if letter == "c":
        return chr(ord(reader.take()) & 0x1F)
    if letter in "CM":
        raise PatternError(rf"\{letter}- is outside the embedded subset: write \cX or \xHH")
    return None


class Brackets:
    """Reads one bracket expression; nested ones and `&&` are carried over as `regex` sets (its version 1)."""

    def __init__(self, reader: Reader, charset: str) -> None:
        self._reader = reader
        self._shorthand = UNICODE if charset == "u" else ASCII
        self._posix = _POSIX_ASCII if charset == "a" else _POSIX

    def read(self) -> str:
        """The set behind an opening bracket that was taken."""
        reader = self._reader
        negated = "^" if reader.accept("^") else ""
        items: list[str] = []
        groups: list[str] = []
        if reader.peek() == "]" and "]" in reader.text[reader.at + 1 :]:
            reader.take()
            items.append(self._range("]"))
        while not reader.accept("]"):
            if reader.done():
                raise PatternError("premature end of char-class")
            if reader.accept("&&"):
                groups.append("".join(items))
                items = []
                continue
            items.append(self._item())
        groups.append("".join(items))
        if not all(groups):
            raise PatternError("empty char-class")
        inner = groups[0] if len(groups) == 1 else "&&".join(f"[{group}]" for group in groups)
        return f"[{negated}{inner}]"

    def _item(self) -> str:
        reader = self._reader
        posix = reader.match(_POSIX_NAME.pattern)
        if posix is not None:
            if posix[2] not in _POSIX:
                raise PatternError(f"invalid POSIX bracket type {posix[2]!r}")
            return f"[{posix[1]}{self._posix[posix[2]]}]"
        if reader.accept("["):
            return self.read()
        if reader.accept("\\"):
            letter = reader.take()
            kind = self._kind(letter)
            if kind is not None:
                if reader.peek() == "-" and reader.peek(2)[1:] not in {"]", ""}:
                    raise PatternError("unmatched range specifier in char-class")
                return kind
            return self._range(self._escaped(letter))
        return self._range(reader.take())

    def _kind(self, letter: str) -> str | None:
        if letter.lower() in self._shorthand:
            text = self._shorthand[letter.lower()]
            return f"[{text}]" if letter.islower() else f"[^{text}]"
        return property_set(self._reader, letter) if letter in "pP" else None

    def _escaped(self, letter: str) -> str:
        if letter == "b":
            return "\b"
        octal = self._octal(letter)
        return octal or code_point(self._reader, letter) or letter

    def _octal(self, letter: str) -> str | None:
        if letter not in "01234567":
            return None
        rest = self._reader.match(r"[0-7]{0,2}")
        return chr(int(letter + (rest[0] if rest else ""), 8))

    def _range(self, first: str) -> str:
        reader = self._reader
        if reader.peek() != "-" or reader.peek(2)[1:] in {"]", "["}:
            return literal(first)
        reader.take()
        last = reader.take()
        if last == "\\":
            letter = reader.take()
            if letter in "wWdDsShHpP":
                raise PatternError("char-class value at end of range")
            last = self._escaped(letter)
        if last < first:
            raise PatternError("empty range in char class")
        return f"{literal(first)}-{literal(last)}"
