"""The prune filter: fields of the root by name or value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import regex  # type: ignore[import-untyped]

from mllog.pipeline._config import Plugin
from mllog.pipeline._event import Event
from mllog.pipeline._gsub import MATCH_SECONDS
from mllog.pipeline._regex import compiled
from mllog.pipeline._regex_class import PatternError
from mllog.pipeline._settings import ARRAY, BOOLEAN, HASH, Schema
from mllog.pipeline._sprintf import Template, template
from mllog.pipeline.filters._common import COMMON, Filter, matched

SCHEMA: Final = Schema(
    {
        **COMMON, "interpolate": BOOLEAN, "whitelist_names": ARRAY, "blacklist_names": ARRAY,
        "whitelist_values": HASH, "blacklist_values": HASH,
    }
)  # fmt: skip

_UNFILLED: Final = r"%\{[^}]+\}"
"""By default prune removes fields whose name is an unfilled placeholder."""

_MOST_NAMES: Final = 1000
_LONGEST_NAME: Final = 100
"""What is remembered is bounded: senders choose the names."""

_Test = Callable[[Event, str], bool]


def _test(patterns: list[str], *, interpolate: bool) -> _Test:
    """Whether one of the patterns is found in a text."""
    if not interpolate:
        fixed = [compiled(pattern) for pattern in patterns]
        return lambda _, text: _found(fixed, text)
    dynamic = [template(pattern) for pattern in patterns]
    return lambda event, text: _found([compiled(fill(event)) for fill in dynamic], text)


def _found(patterns: list[regex.Pattern[str]], text: str) -> bool:
    return any(pattern.search(text, timeout=MATCH_SECONDS) for pattern in patterns)


def _remembered(test: _Test) -> _Test:
    """A test without placeholders, which gives the same name the same answer; names are few, and come again."""
    known: dict[str, bool] = {}

    def ask(event: Event, name: str) -> bool:
        answer = known.get(name)
        if answer is None:
            answer = test(event, name)
            if len(known) < _MOST_NAMES and len(name) < _LONGEST_NAME:
                known[name] = answer
        return answer

    return ask


def _keep(value: Any, fits: Callable[[str], bool]) -> Any:
    """The value, the part of an array that fits, or None if nothing is left; prune looks at texts only."""
    if isinstance(value, list):
        return [item for item in value if type(item) is not str or fits(item)] or (None if value else value)
    return None if type(value) is str and not fits(value) else value


def _value_tests(patterns: Mapping[str, Any], *, interpolate: bool) -> list[tuple[Template, _Test]]:
    """For each field a template of its name, and the test of its values."""
    return [
        (template(name) if interpolate else lambda _, name=name: name, _test([str(pattern)], interpolate=interpolate))  # type: ignore[misc]
        for name, pattern in patterns.items()
    ]


def build(plugin: Plugin) -> Filter:
    """A function that removes fields from the root; `@metadata` is never touched.

    Raises:
        PatternError: a pattern is wrong.
        TemplateError: a placeholder is outside the embedded subset.
    """
    settings = plugin.settings
    interpolate = settings.get("interpolate", False)
    white = [str(name) for name in settings.get("whitelist_names", ())]
    allowed = _test(white, interpolate=interpolate) if white else None
    forbidden = _test([str(n) for n in settings.get("blacklist_names", [_UNFILLED])], interpolate=interpolate)
    white_values = _value_tests(settings.get("whitelist_values", {}), interpolate=interpolate)
    black_values = _value_tests(settings.get("blacklist_values", {}), interpolate=interpolate)
    done = matched(plugin)
    if not interpolate:
        allowed = None if allowed is None else _remembered(allowed)
        forbidden = _remembered(forbidden)

    def prune(event: Event) -> None:
        names = [name for name in event if name != "@metadata"]
        # All names are judged before the first goes: a pattern may be filled from a field that goes too.
        for name in [n for n in names if (allowed is not None and not allowed(event, n)) or forbidden(event, n)]:
            del event[name]
        gone: list[str] = []
        for tests, wanted in ((white_values, True), (black_values, False)):
            for key, test in tests:
                name = key(event)
                if name not in event or name == "@metadata":
                    continue
                left = _keep(event[name], lambda text, t=test, w=wanted: t(event, text) is w)  # type: ignore[misc]
                if left is None:
                    gone.append(name)
                else:
                    event[name] = left
        for name in gone:  # at the end: a pattern may be filled from a field that goes too
            event.pop(name, None)

    def run(event: Event) -> bool:
        try:
            prune(event)
        except (TimeoutError, PatternError):
            # A name that cannot be judged is one that may not pass.
            for name in [name for name in event if name not in {"@metadata", "@timestamp", "@version", "tags"}]:
                del event[name]
        if done is not None:
            done(event)
        return True

    return run
