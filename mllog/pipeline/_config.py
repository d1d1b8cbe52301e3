"""A parsed configuration: plugins with their settings, branches and conditions, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from lark import Token, Tree

from mllog.errors import PipelineError
from mllog.pipeline._grammar import parse

Stage = Literal["input", "filter", "output"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a configuration."""

    file: str
    line: int
    column: int

    def error(self, reason: str) -> PipelineError:
        """An error that points here."""
        return PipelineError(reason, file=self.file, line=self.line, column=self.column)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin as it stands in the configuration.

    Attributes:
        name: such as `mutate`.
        settings: the checked settings, variables replaced; a codec is a `Plugin` of its own.
        place: where its name stands.
        places: where each setting stands.
    """

    name: str
    settings: Mapping[str, Any]
    place: Place
    places: Mapping[str, Place] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The file it stands in."""
        return self.place.file

    @property
    def line(self) -> int:
        """The line its name stands in."""
        return self.place.line

    def setting_place(self, name: str) -> Place:
        """Where a setting stands; the plugin's own place if it was not given."""
        return self.places.get(name, self.place)

    def id(self) -> str | None:
        """The plugin's `id`, if it has one."""
        value = self.settings.get("id")
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Branch:
    """`if … else if … else`: the last arm of an `else` has no condition."""

    arms: tuple[tuple[Tree[Token] | None, tuple[Statement, ...]], ...]
    place: Place


Statement = Plugin | Branch
Sections = dict[Stage, list[Statement]]
_STAGES: Final[dict[str, Stage]] = {"input": "input", "filter": "filter", "output": "output"}


def unquoted(text: str) -> str:
    """The content of a string or a pattern; `config.support_escapes` is off, so nothing is unescaped."""
    return text[1:-1]


def place_of(node: Tree[Token] | Token, file: str) -> Place:
    """The place of a token or of the first token of a tree."""
    if isinstance(node, Token):
        return Place(file, node.line or 0, node.column or 0)
    return Place(file, getattr(node.meta, "line", 0), getattr(node.meta, "column", 0))


def number(token: Token, file: str) -> int | float:
    """The value of a number; leading zeros do not make it octal.

    Raises:
        PipelineError: it ends in a dot.
    """
    if token.endswith("."):
        raise place_of(token, file).error(f"invalid number {str(token)!r}: digits must follow the dot")
    return float(token) if "." in token else int(token)


class _Reader:
    """Turns the tree of one file into statements."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file

    def sections(self, tree: Tree[Token]) -> Iterator[tuple[Stage, Statement]]:
        for section in tree.children:
            assert isinstance(section, Tree)
            stage = _STAGES[str(section.children[0])]
            for node in section.children[1:]:
                yield stage, self._statement(node, stage)

    def _statement(self, node: Tree[Token] | Token, stage: Stage) -> Statement:
        assert isinstance(node, Tree)
        if node.data == "plugin":
            return self._plugin(node)
        arms = []
        for part in node.children:
            assert isinstance(part, Tree)
            rest = [child for child in part.children if not (isinstance(child, Token) and child.type in {"IF", "ELSE"})]
            condition = None if part.data == "else_part" else rest.pop(0)
            assert condition is None or isinstance(condition, Tree)
            arms.append((condition, tuple(self._statement(child, stage) for child in rest)))
        place = place_of(node, self._file)
        if stage == "input":
            raise place.error("a condition in the input section is outside the embedded subset")
        return Branch(tuple(arms), place)

    def _plugin(self, node: Tree[Token]) -> Plugin:
        name, *settings = node.children
        assert isinstance(name, Token)
        values: dict[str, Any] = {}
        places: dict[str, Place] = {}
        end: int | None = None
        for setting in settings:
            assert isinstance(setting, Tree)
            key, _, value = setting.children
            assert isinstance(key, Token)
            if end is not None and not self._text[end : end + 1].isspace():
                raise place_of(key, self._file).error("syntax error, expected white space between two settings")
            end = setting.meta.end_pos
            text = unquoted(key) if key.type == "STRING" else str(key)
            places.setdefault(text, place_of(key, self._file))
            given = self._value(value)
            values[text] = _merged(values[text], given) if text in values else given
        return Plugin(str(name), values, place_of(name, self._file), places)

    def _value(self, node: Tree[Token] | Token) -> Any:
        if isinstance(node, Token):
            if node.type == "NUMBER":
                return number(node, self._file)
            return unquoted(node) if node.type == "STRING" else str(node)
        if node.data == "array":
            return [self._value(child) for child in node.children]
        if node.data == "hash":
            return self._hash(node)
        return self._plugin(node)

    def _hash(self, node: Tree[Token]) -> dict[str, Any]:
        brace, *pairs = node.children
        values: dict[str, Any] = {}
        for pair in pairs:
            assert isinstance(pair, Tree)
            key, _, value = pair.children
            assert isinstance(key, Token)
            text = unquoted(key) if key.type == "STRING" else str(key)
            if text in values:
                raise place_of(brace, self._file).error(f"duplicate key {text!r} in a hash")
            values[text] = self._value(value)
        return values


def _merged(old: Any, new: Any) -> Any:
    """A setting given twice: values are collected in a list, of a hash those of each key."""
    if isinstance(old, dict) and isinstance(new, dict):
        merged = dict(old)
        for key, value in new.items():
            merged[key] = collected(merged[key], value) if key in merged else value
        return merged
    return collected(old, new)


def collected(old: Any, new: Any) -> list[Any]:
    """The values of a key or a setting that is given twice.

    Example:
        >>> collected("a", ["b", "c"])
        ['a', 'b', 'c']
    """
    return [*(old if isinstance(old, list) else [old]), *(new if isinstance(new, list) else [new])]


def read_text(text: str, file: str) -> Sections:
    """The statements of one file by stage.

    Raises:
        PipelineError: the text is no Logstash configuration.

    Example:
        >>> [plugin.name for plugin in read_text("filter { drop { } }", "a.conf")["filter"]]
        ['drop']
    """
    sections: Sections = {"input": [], "filter": [], "output": []}
    for stage, statement in _Reader(text, file).sections(parse(text, file)):
        sections[stage].append(statement)
    return sections


def config_files(paths: list[Path]) -> list[Path]:
    """The files among `paths`, and of a folder its `*.conf` in name order.

    Raises:
        PipelineError: a path does not exist, or a folder holds no configuration.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.conf")) if path.is_dir() else [path]
        if not found:
            raise PipelineError("the folder holds no *.conf files", file=str(path))
        files += found
    return files
