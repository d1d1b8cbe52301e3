"""What makes the runner fast changes nothing of what comes out of it."""

from __future__ import annotations

import copy
import gzip
import json
import random
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllog.pipeline import Coverage, Event, event_from_line, load, load_text
from mllog.pipeline import _field as fields
from mllog.pipeline._case import FOLDING
from mllog.pipeline._config import Branch, Plugin, Statement, read_text
from mllog.pipeline._event import write, writer
from mllog.pipeline._gsub import replacer
from mllog.pipeline._regex import compiled
from mllog.pipeline._starts import _run, places_of, starts

ROOT = Path(__file__).parents[3]
KEY = {"MLLOG_LOGSTASH_ID_KEY": "of the tests"}
CORPUS = [
    json.loads(line)["line"]
    for line in gzip.decompress(
        (ROOT / "tests" / "fixtures" / "redaction" / "cases.jsonl.gz").read_bytes()
    ).splitlines()
]


def gsubs(statements: list[Statement]) -> list[tuple[str, str]]:
    """Pattern and replacement of every gsub, those in branches too."""
    found: list[tuple[str, str]] = []
    for item in statements:
        if isinstance(item, Branch):
            found += [each for _, body in item.arms for each in gsubs(list(body))]
        elif isinstance(item, Plugin) and "gsub" in item.settings:
            steps = item.settings["gsub"]
            found += [(steps[at], steps[at + 1]) for at in range(1, len(steps), 3)]
    return found


REDACT = (ROOT / "logstash" / "pipeline" / "20-redact.conf").read_text(encoding="utf-8")
GSUBS = [
    (old, new) for old, new in dict.fromkeys(gsubs(read_text(REDACT, "20-redact.conf")["filter"])) if places_of(old)
]


def filtered(pipeline: Any, line: str) -> list[Event]:
    """The events of a line that arrives at a fixed time."""
    event = event_from_line(line)
    event["@timestamp"] = "2026-01-02T03:04:05.000Z"
    return pipeline.filter(event)  # type: ignore[no-any-return]


def test_branches_that_are_passed_over_do_nothing() -> None:
    """Every line of the corpus comes out as it does where each condition is asked on its own, for the coverage."""
    together = load([ROOT / "logstash" / "pipeline"], environ=KEY)
    one_by_one = load([ROOT / "logstash" / "pipeline"], environ=KEY, coverage=Coverage())
    for line in CORPUS:
        assert filtered(together, line) == filtered(one_by_one, line), line


def test_a_text_that_a_branch_changed_is_looked_at_again() -> None:
    """A word that an earlier branch writes opens a later one, and one that it takes away does not."""
    config = """filter {
      if [m] =~ /one/ { mutate { gsub => ["m", "one", "two"] } }
      if [m] =~ /one/ { mutate { add_tag => ["one"] } }
      if [m] =~ /two/ { mutate { gsub => ["m", "two", "three"] } }
      if [m] =~ /three/ and [n] { mutate { add_tag => ["three"] } }
      if [m] =~ /four/ or [m] =~ /three/ { mutate { add_tag => ["or"] } }
    }"""
    pipeline = load_text(config)
    assert pipeline.filter({"m": "one", "n": 1})[0]["tags"] == ["three", "or"]
    assert "tags" not in pipeline.filter({"m": ["one"]})[0]
    assert "tags" not in pipeline.filter({"n": "one"})[0]


def test_one_letter_in_any_case_is_found_in_any_case() -> None:
    """A guard of a single letter keeps to its option."""
    pipeline = load_text('filter { if [m] =~ /(?i)k/ { mutate { add_tag => ["k"] } } }')
    found = {text: pipeline.filter({"m": text})[0].get("tags") for text in ("a K", "a k", "\u212a", "x")}
    assert found == {"a K": ["k"], "a k": ["k"], "\u212a": ["k"], "x": None}


def test_characters_that_fold_to_ascii_are_known() -> None:
    """The list holds every character that is an ASCII letter in another case, and each that lowers to several."""
    found = {
        character
        for character in map(chr, range(0x80, sys.maxunicode + 1))
        if len(character.lower()) > 1 or any(folded.isascii() for folded in character.casefold())
    }
    assert found == FOLDING, [unicodedata.name(character) for character in found ^ FOLDING]


@pytest.mark.parametrize(
    "pattern",
    [
        r"\Gab",
        r"a\Kb",
        "ab{2}{3}c",
        "(?<name>abc)",
        "(?~abc)",
        "[]abc]xy",
        "abc|",
        "(?:abc)?",
        "ab*?|c",
        "a",
        "12",
        "éa",
        "(?m)abc",
    ],
)
def test_patterns_of_which_nothing_is_known(pattern: str) -> None:
    """What could match elsewhere, or is not understood, is tried everywhere."""
    assert starts(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("(?i)(?<![a-z])(?:Foo|b[ao]r)-?x", {"foo-x", "foox", "bar-x", "barx", "bor-x", "borx"}),
        ("(?:ab){2}c", {"ababc"}),
        ("(?:ab){2,3}c", {"abab"}),
        ("a[^b]c|xy+z", None),
        ("ab[^b]c|xy+z", {"ab", "xy"}),
        (r"--\w*", {"--"}),
        (r"(?=zz)ab\.c$", {"ab.c"}),
        ("(ab)(?:c|d)?e", {"abe", "abce", "abde"}),
        ("abcdefghijk", {"abcdefgh"}),
        ("ab{0,2}c", {"ab", "ac"}),
    ],
)
def test_texts_that_a_pattern_begins_with(pattern: str, found: set[str] | None) -> None:
    """The starts of a pattern, as far as they are fixed."""
    assert starts(pattern) == (None if found is None else frozenset(found))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("(?<![a-z])(?>[a-z]+)@b", {"@b"}),
        ("(?i)(?<![a-z])(?>[a-z]+) ?(?:@|%40)", {" @", " %40", "@", "%40"}),
        ("(?<![a-z])(?>[a-z]+)@b|c", None),
        ("(?<![a-z])(?>[a-z]+)b", None),
        ("(?<![a-z])(?>[a-z]+)(?:@)?", None),
        ("(?<![a-f])(?>[a-z]+)@", None),
        ("(?<![a-z])[a-z]+@", None),
        ("(?<![a-z])(?>[a-z]+)É", None),
    ],
)
def test_texts_that_end_a_run_that_a_pattern_begins_with(pattern: str, found: set[str] | None) -> None:
    """What stands behind a run of characters that is taken as a whole, where the run can begin at one place only."""
    known = _run(pattern)
    assert (None if known is None else set(known[1])) == found


PIECES = sorted({text for old, _ in GSUBS for text in sorted(starts(old) or ())[:3]})
TEXTS = [
    *PIECES, '"', "'", "=", ":", " ", "❞", "␛", "x" * 20, "A1b2" * 8, "Bearer ", "PASSWORD", "secret_key", '": "', "</",
    "[REDACTED:key]", "4242", "@", ".", "-----", "me", "[at]", " (AT) ", "%40", "&#64;", "dot", "example.com",
    "\u017f", "é", "\u0130", "\n", "{", "}", "[",
]  # fmt: skip


def test_most_rules_are_tried_where_they_begin() -> None:
    """The starts are known of the patterns that begin with words, which is most of the costly ones."""
    assert len(GSUBS) > 80


@given(st.lists(st.sampled_from(TEXTS), max_size=12).map("".join), st.randoms(use_true_random=False))
def test_trying_where_a_pattern_begins_is_trying_everywhere(text: str, draw: random.Random) -> None:
    """A replacement gives the same text with the places as without."""
    shown = "".join(draw.choice((str.upper, str.lower, str))(piece) for piece in text.split(" "))
    for old, new in draw.sample(GSUBS, 12):
        pattern = compiled(old)
        for given_text in (text, shown):
            assert replacer(pattern, new, lambda _: None, places_of(old))(given_text) == replacer(pattern, new)(
                given_text
            )


@pytest.mark.parametrize("line", CORPUS[::25])
def test_rules_find_the_same_in_lines_of_the_corpus(line: str) -> None:
    """Each rule whose starts are known replaces the same, with the places as without."""
    for old, new in GSUBS:
        assert replacer(compiled(old), new, lambda _: None, places_of(old))(line) == replacer(compiled(old), new)(line)


def test_a_time_limit_holds_over_all_places() -> None:
    """A text full of starts, each of which is tried for long, is given up."""
    slow = "begin(a|aa)+$"
    text = "begin" + "a" * 64 + "!"
    with pytest.raises(TimeoutError):
        replacer(compiled(slow), "", lambda _: 0.02, places_of(slow))(text)


class Counted:
    """A pattern that counts how often it is tried at one place."""

    def __init__(self, pattern: str) -> None:
        self._pattern = compiled(pattern)
        self.tries = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pattern, name)

    def match(self, *given: Any) -> Any:
        self.tries += 1
        return self._pattern.match(*given)


@pytest.mark.parametrize("pattern", ["ab[a-z]*!", r"(?<![a-z])(?>[a-z]+)@\s[.]"])
def test_a_text_full_of_places_is_searched_as_a_whole(pattern: str) -> None:
    """Many tries, each of which looks through the rest of the text, would take a time that grows with its square."""
    for text, most in (("ab@ " * 3, 3), ("ab@ " * 1000, 0)):
        counted = Counted(pattern)
        assert replacer(counted, "", lambda _: None, places_of(pattern))(text) == text  # type: ignore[arg-type]
        assert counted.tries == most


def test_prune_remembers_no_more_names_than_it_should() -> None:
    """Senders choose names, so what is remembered is bounded, and what is beyond it is judged all the same."""
    pipeline = load_text('filter { prune { whitelist_names => ["\\Akeep"] } }')
    for number in range(1200):
        (event,) = pipeline.filter({f"keep{number}": 1, f"go{number}": 2, "go" * 100: 3})
        assert set(event) == {f"keep{number}"}


PATHS = st.lists(st.sampled_from(["a", "b", "0", "-1", "@metadata", "tags"]), min_size=1, max_size=4).map(tuple)
VALUES = st.recursive(
    st.none() | st.text(max_size=2) | st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "@metadata"]), VALUES, max_size=3), PATHS, VALUES)
def test_short_ways_to_a_field_are_the_long_way(event: dict[str, Any], names: fields.Path, value: Any) -> None:
    """Readers, removers and writers of one path do what the general functions do, failures included."""
    assert fields.getter(names)(event) == fields.get(event, names)
    assert (fields.reader(names)(event) is not fields.MISSING) == fields.includes(event, names)
    one, other = copy.deepcopy(event), copy.deepcopy(event)
    assert fields.remover(names)(one) == fields.remove(other, names)
    assert one == other
    assert _failure(lambda: writer(names)(one, value)) == _failure(lambda: write(other, names, value))
    assert one == other


def _failure(put: Callable[[], None]) -> str | None:
    try:
        put()
    except fields.FieldError as error:
        return str(error)
    return None
